//! Refusals and failures as problem documents.

use std::sync::Arc;

use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use tracing::warn;
use trunkline_ipam::{Kind, Reason, Refusal};
use trunkline_netmaster_api::{ErrorCode, Problem, RefusedObject};
use trunkline_types::chain;

use crate::allocator::{Unavailable, WriteError};
use crate::store::StoreError;

/// The answer to a request that was not done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Failure(Box<Said>);

#[derive(Clone, Debug, PartialEq, Eq)]
struct Said {
    problem: Problem,
    /// See [`Refusal::discreetly`].
    discreetly: Option<&'static str>,
}

/// What an answer says that refuses something.
#[derive(Clone, Debug)]
pub(crate) struct Refused(Arc<Problem>);

impl Refused {
    /// What `response` says, if it refuses something.
    pub(crate) fn of(response: &Response) -> Option<Self> {
        response.extensions().get().cloned()
    }

    pub(crate) fn problem(&self) -> &Problem {
        &self.0
    }
}

impl From<Problem> for Said {
    fn from(problem: Problem) -> Self {
        Self {
            problem,
            discreetly: None,
        }
    }
}

impl Failure {
    pub(crate) fn new(code: ErrorCode, detail: impl Into<String>) -> Self {
        Self::of(Problem::new(code, detail))
    }

    fn of(problem: Problem) -> Self {
        Self(Box::new(problem.into()))
    }

    /// A field of the body that is not valid. The text follows the field's name.
    pub(crate) fn field(field: &str, why: &str) -> Self {
        let problem = Problem::new(ErrorCode::InvalidField, format!("field `{field}`: {why}"));
        Self::of(problem.of_field(field))
    }

    /// A parameter of the URL that is not valid. The text follows the parameter's name.
    pub(crate) fn parameter(parameter: &str, why: &str) -> Self {
        let detail = format!("parameter `{parameter}`: {why}");
        let problem = Problem::new(ErrorCode::InvalidQuery, detail);
        Self::of(problem.of_field(parameter))
    }

    /// A header that is not valid. The text follows the header's name.
    pub(crate) fn header(header: &str, why: &str) -> Self {
        let detail = format!("header `{header}`: {why}");
        let problem = Problem::new(ErrorCode::InvalidField, detail);
        Self::of(problem.of_field(header))
    }

    /// What is not there.
    pub(crate) fn not_found(kind: Kind, name: &str) -> Self {
        let detail = format!("{kind} `{name}` does not exist: see `netctl {kind} ls`");
        Self::new(code(Reason::NotFound(kind)), detail)
    }

    /// Records that cannot be read from the store.
    pub(crate) fn unreadable(error: &StoreError) -> Self {
        warn!(error = chain(error), "records cannot be read");
        Unavailable::Store.into()
    }

    /// The same, about a field that the text names.
    pub(crate) fn of_field(self, field: &str) -> Self {
        self.with(|problem| problem.of_field(field))
    }

    /// The same, in other words.
    pub(crate) fn saying(mut self, detail: String) -> Self {
        self.0.problem.detail = detail;
        self
    }

    fn with(self, change: impl FnOnce(Problem) -> Problem) -> Self {
        let Said {
            problem,
            discreetly,
        } = *self.0;
        Self(Box::new(Said {
            problem: change(problem),
            discreetly,
        }))
    }

    /// The same, about objects of a request about many.
    pub(crate) fn of_objects(self, objects: Vec<RefusedObject>) -> Self {
        self.with(|problem| problem.of_objects(objects))
    }

    pub(crate) fn problem(&self) -> &Problem {
        &self.0.problem
    }

    /// What is said in its place to somebody who is for one network only, see
    /// [`Refusal::discreetly`].
    pub(crate) fn discreetly(&self) -> Option<&'static str> {
        self.0.discreetly
    }
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        let problem = self.0.problem;
        let status = StatusCode::from_u16(problem.status);
        let status = status.unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let body = serde_json::to_vec(&problem).unwrap_or_default();
        let kind = [(header::CONTENT_TYPE, Problem::MEDIA_TYPE)];
        let mut response = (status, kind, body).into_response();
        // For who counts, logs and records answers: the document itself is bytes by now.
        response.extensions_mut().insert(Refused(Arc::new(problem)));
        response
    }
}

impl From<Unavailable> for Failure {
    fn from(unavailable: Unavailable) -> Self {
        let code = match unavailable {
            Unavailable::Store => ErrorCode::StoreUnavailable,
            Unavailable::Full => ErrorCode::StoreFull,
            Unavailable::NotLeading => ErrorCode::NoLeader,
            Unavailable::Stopped => ErrorCode::ShuttingDown,
        };
        Self::new(code, unavailable.to_string())
    }
}

impl From<WriteError<Self>> for Failure {
    fn from(error: WriteError<Self>) -> Self {
        match error {
            WriteError::Refused(failure) => failure,
            WriteError::Unavailable(unavailable) => unavailable.into(),
            WriteError::TooLarge {
                operations,
                bytes,
                most,
            } => Self::new(
                ErrorCode::ChangeTooLarge,
                format!(
                    "the request would change {operations} keys and {bytes} bytes at once, and a \
                     transaction of this store holds {} keys and {} bytes: do it in smaller \
                     steps, as `netctl apply --in-parts` does",
                    most.operations, most.bytes
                ),
            ),
        }
    }
}

impl<E: Refusal + 'static> From<E> for Failure {
    fn from(refusal: E) -> Self {
        let reason = refusal.reason();
        let problem = Problem::new(code(reason), chain(&refusal));
        let problem = match refusal.field() {
            Some(field) => problem.of_field(field),
            None => problem,
        };
        let problem = match reason {
            Reason::StaleRevision { current } => problem.at(current.number()),
            _ => problem,
        };
        Self(Box::new(Said {
            problem,
            discreetly: refusal.discreetly(),
        }))
    }
}

/// The code of a refusal. The one place that says which.
pub(crate) fn code(reason: Reason) -> ErrorCode {
    match reason {
        Reason::NotFound(kind) => not_found(kind),
        Reason::NameInUse => ErrorCode::NameInUse,
        Reason::VlanInUse => ErrorCode::VlanInUse,
        Reason::InUse(kind) => in_use(kind),
        Reason::Deleting(_) => ErrorCode::BeingDeleted,
        Reason::StaleRevision { .. } => ErrorCode::StaleRevision,
        Reason::Cidr => ErrorCode::InvalidCidr,
        Reason::Overlap => ErrorCode::AddressOverlap,
        Reason::Gateway => ErrorCode::InvalidGateway,
        Reason::Range => ErrorCode::InvalidRange,
        Reason::Invalid => ErrorCode::InvalidValue,
        Reason::Ambiguous => ErrorCode::Ambiguous,
        Reason::AttachmentInUse => ErrorCode::AttachmentInUse,
        Reason::NoSubnetForRack => ErrorCode::NoSubnetForRack,
        Reason::WrongRack => ErrorCode::WrongRack,
        Reason::Full => ErrorCode::SubnetFull,
        Reason::AddressInUse => ErrorCode::AddressInUse,
        Reason::MacInUse => ErrorCode::MacInUse,
        Reason::NoNetwork => ErrorCode::NoNetwork,
        Reason::AwaitingReports => ErrorCode::AwaitingReports,
        Reason::NodeSilent => ErrorCode::NodeSilent,
        Reason::Fenced => ErrorCode::Fenced,
        Reason::WrongCluster => ErrorCode::WrongCluster,
        Reason::Unauthenticated => ErrorCode::Unauthenticated,
        Reason::Forbidden => ErrorCode::Forbidden,
        // `Reason` may come to know more; the test below fails then.
        _ => ErrorCode::Internal,
    }
}

fn not_found(kind: Kind) -> ErrorCode {
    match kind {
        Kind::Network => ErrorCode::NetworkNotFound,
        Kind::Subnet => ErrorCode::SubnetNotFound,
        Kind::Pool => ErrorCode::PoolNotFound,
        Kind::Group => ErrorCode::GroupNotFound,
        Kind::Profile => ErrorCode::ProfileNotFound,
        Kind::Reservation => ErrorCode::ReservationNotFound,
        Kind::Node => ErrorCode::NodeNotFound,
        Kind::Address => ErrorCode::AddressNotFound,
        Kind::Endpoint => ErrorCode::EndpointNotFound,
        Kind::Token => ErrorCode::TokenNotFound,
        Kind::Holding | Kind::Event | Kind::Audit => ErrorCode::RecordNotFound,
        // The cluster is founded by the first leader, a moment after it starts.
        _ => ErrorCode::NotReady,
    }
}

fn in_use(kind: Kind) -> ErrorCode {
    match kind {
        Kind::Network => ErrorCode::NetworkInUse,
        Kind::Subnet => ErrorCode::SubnetInUse,
        Kind::Pool => ErrorCode::PoolInUse,
        Kind::Group => ErrorCode::GroupInUse,
        Kind::Profile => ErrorCode::ProfileInUse,
        Kind::Reservation => ErrorCode::ReservationInUse,
        Kind::Node => ErrorCode::NodeInUse,
        Kind::Endpoint => ErrorCode::EndpointInUse,
        _ => ErrorCode::AddressInUse,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use trunkline_ipam::Revision;

    #[test]
    fn no_reason_of_the_planning_is_an_error_of_netmaster() {
        let source = include_str!("../../ipam/src/refusal.rs");
        let body = source.split("pub enum Reason {").nth(1).unwrap();
        let body = body.split("\n}").next().unwrap();
        let names = body.lines().filter_map(|line| {
            let name = line.strip_prefix("    ")?;
            let name = name.trim_end_matches(['{', ' ', ',']);
            name.starts_with(char::is_uppercase)
                .then(|| name.split('(').next().unwrap_or_default().to_owned())
        });
        let mapped = include_str!("failure.rs");
        for name in names {
            assert!(mapped.contains(&format!("Reason::{name}")), "{name}");
        }
    }

    #[test]
    fn a_stale_revision_names_the_current_one() {
        #[derive(Debug, thiserror::Error)]
        #[error("it is at 7 by now")]
        struct Stale;
        impl Refusal for Stale {
            fn reason(&self) -> Reason {
                let current = Revision::new(7);
                Reason::StaleRevision { current }
            }
        }
        let failure = Failure::from(Stale);
        let problem = failure.problem();
        assert_eq!((problem.status, problem.current), (409, Some(7)));
    }
}
