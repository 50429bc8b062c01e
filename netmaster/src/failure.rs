//! Refusals and failures as problem documents.

use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use trunkline_ipam::{
    AllocateError, CreateNetworkError, CreateSubnetError, DeleteNetworkError, DeleteSubnetError,
    Kind, PreconditionError, Reason, Refusal, RegisterNodeError, ReleaseError,
};
use trunkline_netmaster_api::{ErrorCode, Problem};

use crate::allocator::{Unavailable, WriteError};

/// The answer to a request that was not done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Failure(Problem);

impl Failure {
    pub(crate) fn new(code: ErrorCode, detail: impl Into<String>) -> Self {
        Self(Problem::new(code, detail))
    }
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.0.status);
        let status = status.unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let body = serde_json::to_vec(&self.0).unwrap_or_default();
        let kind = [(header::CONTENT_TYPE, Problem::MEDIA_TYPE)];
        (status, kind, body).into_response()
    }
}

impl From<WriteError<Self>> for Failure {
    fn from(error: WriteError<Self>) -> Self {
        match error {
            WriteError::Refused(failure) => failure,
            WriteError::Unavailable(unavailable) => {
                let code = match unavailable {
                    Unavailable::Store | Unavailable::Full | Unavailable::NotLeading => {
                        ErrorCode::StoreUnavailable
                    }
                    Unavailable::Stopped => ErrorCode::ShuttingDown,
                };
                Self::new(code, unavailable.to_string())
            }
            WriteError::TooLarge { operations, bytes } => Self::new(
                ErrorCode::Internal,
                format!(
                    "the request would change {operations} keys and {bytes} bytes at once, which \
                     is more than a transaction holds: do it in smaller steps"
                ),
            ),
        }
    }
}

/// The code of a refusal that says itself why.
fn code(reason: Reason) -> ErrorCode {
    match reason {
        Reason::NameInUse => ErrorCode::NameInUse,
        Reason::VlanInUse => ErrorCode::VlanInUse,
        Reason::NotFound(Kind::Network) => ErrorCode::NetworkNotFound,
        Reason::NotFound(_) => ErrorCode::SubnetNotFound,
        Reason::InUse(Kind::Network) => ErrorCode::NetworkInUse,
        Reason::InUse(_) => ErrorCode::SubnetInUse,
        Reason::Gateway => ErrorCode::InvalidGateway,
        Reason::Range => ErrorCode::InvalidRange,
        Reason::Overlap => ErrorCode::SubnetOverlap,
        _ => ErrorCode::InvalidCidr,
    }
}

/// Gives each refusal of an operation the code of its reason.
macro_rules! reasons {
    ($($error:ident)*) => {$(
        impl From<$error> for Failure {
            fn from(error: $error) -> Self {
                Self::new(code(error.reason()), error.to_string())
            }
        }
    )*};
}

reasons! {
    CreateNetworkError DeleteNetworkError CreateSubnetError DeleteSubnetError PreconditionError
}

impl From<RegisterNodeError> for Failure {
    fn from(error: RegisterNodeError) -> Self {
        Self::new(ErrorCode::NodeInUse, error.to_string())
    }
}

impl From<ReleaseError> for Failure {
    fn from(error: ReleaseError) -> Self {
        Self::new(ErrorCode::Internal, error.to_string())
    }
}

impl From<AllocateError> for Failure {
    fn from(error: AllocateError) -> Self {
        let code = match error.reason() {
            Reason::NotFound(Kind::Network) => ErrorCode::NetworkNotFound,
            Reason::NotFound(Kind::Node) => ErrorCode::NodeNotFound,
            Reason::AttachmentInUse => ErrorCode::AttachmentInUse,
            Reason::NoSubnetForRack => ErrorCode::NoSubnetForRack,
            Reason::Full => ErrorCode::SubnetFull,
            _ => ErrorCode::Internal,
        };
        Self::new(code, error.to_string())
    }
}
