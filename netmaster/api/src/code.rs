//! What can go wrong, as stable codes.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// One table of code, status and title.
macro_rules! codes {
    ($($(#[$doc:meta])+ $code:ident = $status:literal $title:literal,)+) => {
        /// Why a request was not done. Codes are stable: callers may branch on them.
        #[derive(
            Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
            ToSchema,
        )]
        #[serde(rename_all = "snake_case")]
        #[non_exhaustive]
        pub enum ErrorCode {
            $($(#[$doc])+ $code,)+
            /// A code of a newer netmaster.
            #[serde(other)]
            Unknown,
        }

        impl ErrorCode {
            /// Every code but `Unknown`.
            pub const ALL: &[Self] = &[$(Self::$code),+];

            /// The HTTP status that goes with the code.
            ///
            /// 400: the request cannot be read; 401: nobody knows from whom it is; 403: they may
            /// not; 422: it can be read, and makes no sense; 404: what it
            /// names is not there; 409: it contradicts what is there; 503: it may be repeated as
            /// it is.
            #[must_use]
            pub fn status(self) -> u16 {
                match self {
                    $(Self::$code => $status,)+
                    Self::Unknown => 500,
                }
            }

            /// The code in a few words.
            #[must_use]
            pub fn title(self) -> &'static str {
                match self {
                    $(Self::$code => $title,)+
                    Self::Unknown => "unknown error",
                }
            }
        }
    };
}

codes! {
    /// The body is not a JSON object.
    MalformedJson = 400 "malformed JSON",
    /// The port speaks TLS, and the caller does not.
    TlsRequired = 400 "TLS required",
    /// Nothing says who the caller is, or what does is not valid here.
    Unauthenticated = 401 "not authenticated",
    /// The caller may not ask this.
    Forbidden = 403 "not allowed",
    /// There is nothing at this URL.
    RouteNotFound = 404 "no such route",
    /// The network does not exist.
    NetworkNotFound = 404 "network not found",
    /// The subnet does not exist.
    SubnetNotFound = 404 "subnet not found",
    /// The pool does not exist.
    PoolNotFound = 404 "pool not found",
    /// The group does not exist.
    GroupNotFound = 404 "group not found",
    /// The profile does not exist.
    ProfileNotFound = 404 "profile not found",
    /// The reservation does not exist.
    ReservationNotFound = 404 "reservation not found",
    /// The node never registered.
    NodeNotFound = 404 "node not found",
    /// The address is in no subnet, or has no record where one is needed.
    AddressNotFound = 404 "address not found",
    /// The endpoint does not exist.
    EndpointNotFound = 404 "endpoint not found",
    /// The token does not exist.
    TokenNotFound = 404 "token not found",
    /// The event or holding does not exist, or no longer.
    RecordNotFound = 404 "record not found",
    /// Nobody waits for an answer to this request to a node.
    RequestNotFound = 404 "request not found",
    /// There is something at this URL, but not for this method.
    MethodNotAllowed = 405 "method not allowed",
    /// The body did not come in time. It may be sent again.
    RequestTimeout = 408 "request too slow",
    /// There is an object of that kind and name.
    NameInUse = 409 "name in use",
    /// Another network of the fabric has the VLAN.
    VlanInUse = 409 "VLAN in use",
    /// Something refers to the network.
    NetworkInUse = 409 "network in use",
    /// The subnet has addresses in use.
    SubnetInUse = 409 "subnet in use",
    /// Something refers to the pool, or has addresses of it.
    PoolInUse = 409 "pool in use",
    /// Something refers to the group.
    GroupInUse = 409 "group in use",
    /// Something refers to the profile.
    ProfileInUse = 409 "profile in use",
    /// Somebody has addresses of the reservation.
    ReservationInUse = 409 "reservation in use",
    /// The node has endpoints, so it cannot change its rack or go.
    NodeInUse = 409 "node in use",
    /// The address is held by another, or withheld.
    AddressInUse = 409 "address in use",
    /// Another interface of the network has the MAC address, or another one is pinned.
    MacInUse = 409 "MAC address in use",
    /// Something refers to the endpoint.
    EndpointInUse = 409 "endpoint in use",
    /// The attachment has an address of another network or on another node.
    AttachmentInUse = 409 "attachment in use",
    /// The object was changed since the revision that the request names; `current` has the new
    /// one.
    StaleRevision = 409 "stale revision",
    /// The object is being deleted.
    BeingDeleted = 409 "being deleted",
    /// Others have some of the addresses.
    AddressOverlap = 409 "addresses overlap",
    /// It means the same as another object of equal rank, and nothing says which counts.
    Ambiguous = 409 "ambiguous",
    /// The network has no subnet that nodes of this rack may use.
    NoSubnetForRack = 409 "no subnet for this rack",
    /// The fixed address belongs to another rack.
    WrongRack = 409 "address of another rack",
    /// Every address that the node may use is in use.
    SubnetFull = 409 "no free address",
    /// Nothing says which network the pod is to be on.
    NoNetwork = 409 "no network",
    /// The node's reserve was taken from it; it must register again.
    Fenced = 409 "node fenced",
    /// The caller knows another cluster, or a newer state of this one.
    WrongCluster = 409 "wrong cluster",
    /// This netmaster has no certificate authority to issue certificates with.
    NoAuthority = 409 "no certificate authority",
    /// What happened since the revision is no longer known: list again, and watch from there.
    RevisionCompacted = 410 "revision too old",
    /// The body is larger than 1 MiB.
    BodyTooLarge = 413 "body too large",
    /// The request would change more at once than a transaction holds.
    ChangeTooLarge = 413 "change too large",
    /// The body is not declared as `application/json` in UTF-8, or it is compressed.
    UnsupportedMediaType = 415 "unsupported media type",
    /// A field of the body is missing, not known, or has a value that it cannot have; `field` says
    /// which, if it is one.
    InvalidField = 422 "invalid field",
    /// A parameter of the URL is not known here, or has a value that it cannot have; `field` says
    /// which.
    InvalidQuery = 422 "invalid parameter",
    /// A name in the URL is none.
    InvalidPath = 422 "invalid name in the URL",
    /// The CIDR has addresses that no host may have, or nothing to hand out.
    InvalidCidr = 422 "invalid CIDR",
    /// The gateway is not a host address of the subnet.
    InvalidGateway = 422 "invalid gateway",
    /// A range is not within the subnet, or overlaps another one.
    InvalidRange = 422 "invalid range",
    /// A value that makes no sense where it is.
    InvalidValue = 422 "invalid value",
    /// The caller asks more often than it may. It may ask again, when `retry-after` says.
    TooManyRequests = 429 "too many requests",
    /// An error in netmaster itself.
    Internal = 500 "internal error",
    /// What was asked for could not be written, or it is not known whether it was. It may be asked
    /// for again.
    StoreUnavailable = 503 "store unavailable",
    /// No replica leads at the moment, or it cannot be reached. It may be asked again.
    NoLeader = 503 "no leader",
    /// netmaster is about to end. It may be asked again, when it is back.
    ShuttingDown = 503 "shutting down",
    /// The subnet hands out nothing until nodes have reported, after a restore. It may be asked
    /// again.
    AwaitingReports = 503 "awaiting reports",
    /// The holder of a fixed address is on a node that has not been heard. It may be asked again.
    NodeSilent = 503 "node silent",
    /// The node has as many requests as it may have. It may be asked again.
    NodeBusy = 503 "node busy",
    /// There are as many watches as there may be. It may be asked again, or another replica.
    TooManyWatches = 503 "too many watches",
    /// This replica does not serve yet, or has not seen yet what the sender has. It may be asked
    /// again, or another replica.
    NotReady = 503 "not ready",
    /// Whether the pod is on that node cannot be told, because Kubernetes does not answer. It may
    /// be asked again.
    OrchestratorUnavailable = 503 "orchestrator unavailable",
    /// The store has no space left, and an operator must make some.
    StoreFull = 507 "store full",
}

impl ErrorCode {
    /// The code's one written form.
    #[must_use]
    pub fn name(self) -> String {
        // That is its serde name, which for an enum without data is text.
        let name = serde_json::to_value(self).unwrap_or_default();
        name.as_str().unwrap_or("unknown").to_owned()
    }

    /// Whether the same request may succeed later, without anybody doing anything about it.
    #[must_use]
    pub fn is_retryable(self) -> bool {
        matches!(self.status(), 408 | 429 | 503)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_is_read_as_it_is_written() {
        for code in ErrorCode::ALL {
            let text = format!("\"{}\"", code.name());
            assert_eq!(serde_json::from_str::<ErrorCode>(&text).unwrap(), *code);
        }
    }
}
