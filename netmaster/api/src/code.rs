//! What can go wrong, as stable codes.

use serde::{Deserialize, Serialize};

/// Why a request was not done. Codes are stable: callers may branch on them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum ErrorCode {
    /// The body is not JSON.
    MalformedJson,
    /// A field of the body is missing, not known, or has a value that it cannot have.
    InvalidField,
    /// A name in the URL is none.
    InvalidPath,
    /// The body is not declared as `application/json`.
    UnsupportedMediaType,
    /// The body is larger than 1 MiB.
    BodyTooLarge,
    /// There is nothing at this URL.
    RouteNotFound,
    /// There is something at this URL, but not for this method.
    MethodNotAllowed,
    /// The network does not exist.
    NetworkNotFound,
    /// The subnet does not exist.
    SubnetNotFound,
    /// The node never registered.
    NodeNotFound,
    /// The endpoint does not exist.
    EndpointNotFound,
    /// There is an object of that kind and name.
    NameInUse,
    /// Another network has the VLAN.
    VlanInUse,
    /// The network has subnets.
    NetworkInUse,
    /// The subnet has addresses in use.
    SubnetInUse,
    /// The node has endpoints, so it cannot change its rack.
    NodeInUse,
    /// The attachment has an address of another network or on another node.
    AttachmentInUse,
    /// Another subnet has some of the addresses.
    SubnetOverlap,
    /// The CIDR is IPv6, has addresses that no host may have, or nothing to hand out.
    InvalidCidr,
    /// The gateway is not a host address of the subnet.
    InvalidGateway,
    /// A range is not within the subnet, or overlaps another one.
    InvalidRange,
    /// The network has no subnet that nodes of this rack may use.
    NoSubnetForRack,
    /// Every address that the node may use is in use.
    SubnetFull,
    /// Nobody waits for an answer to this request to a node.
    RequestNotFound,
    /// The request or its sender knows another cluster, or more of it than this netmaster does.
    WrongCluster,
    /// The caller's role does not allow it.
    Forbidden,
    /// The node has as many requests as it may have. It may be asked again.
    NodeBusy,
    /// What was asked for could not be written. It may be asked for again.
    StoreUnavailable,
    /// netmaster is about to end. It may be asked again, when it is back.
    ShuttingDown,
    /// An error in netmaster itself.
    Internal,
    /// A code of a newer netmaster.
    #[serde(other)]
    Unknown,
}

impl ErrorCode {
    /// The HTTP status that goes with the code.
    ///
    /// 400: the request cannot be read; 422: it can, and makes no sense; 404: what it names is not
    /// there; 409: it contradicts what is there; 503: it may be repeated as it is.
    #[must_use]
    pub fn status(self) -> u16 {
        match self {
            Self::MalformedJson => 400,
            Self::RouteNotFound
            | Self::NetworkNotFound
            | Self::SubnetNotFound
            | Self::NodeNotFound
            | Self::EndpointNotFound
            | Self::RequestNotFound => 404,
            Self::Forbidden => 403,
            Self::MethodNotAllowed => 405,
            Self::NameInUse
            | Self::VlanInUse
            | Self::NetworkInUse
            | Self::SubnetInUse
            | Self::NodeInUse
            | Self::AttachmentInUse
            | Self::SubnetOverlap
            | Self::NoSubnetForRack
            | Self::SubnetFull
            | Self::WrongCluster => 409,
            Self::BodyTooLarge => 413,
            Self::UnsupportedMediaType => 415,
            Self::InvalidField
            | Self::InvalidPath
            | Self::InvalidCidr
            | Self::InvalidGateway
            | Self::InvalidRange => 422,
            Self::NodeBusy | Self::StoreUnavailable | Self::ShuttingDown => 503,
            Self::Internal | Self::Unknown => 500,
        }
    }

    /// The code in a few words.
    #[must_use]
    pub fn title(self) -> &'static str {
        match self {
            Self::MalformedJson => "malformed JSON",
            Self::InvalidField => "invalid field",
            Self::InvalidPath => "invalid name in the URL",
            Self::UnsupportedMediaType => "unsupported media type",
            Self::BodyTooLarge => "body too large",
            Self::RouteNotFound => "no such route",
            Self::MethodNotAllowed => "method not allowed",
            Self::NetworkNotFound => "network not found",
            Self::SubnetNotFound => "subnet not found",
            Self::NodeNotFound => "node not found",
            Self::EndpointNotFound => "endpoint not found",
            Self::NameInUse => "name in use",
            Self::VlanInUse => "VLAN in use",
            Self::NetworkInUse => "network in use",
            Self::SubnetInUse => "subnet in use",
            Self::NodeInUse => "node in use",
            Self::AttachmentInUse => "attachment in use",
            Self::SubnetOverlap => "subnets overlap",
            Self::InvalidCidr => "invalid CIDR",
            Self::InvalidGateway => "invalid gateway",
            Self::InvalidRange => "invalid range",
            Self::NoSubnetForRack => "no subnet for this rack",
            Self::SubnetFull => "no free address",
            Self::RequestNotFound => "request not found",
            Self::WrongCluster => "wrong cluster",
            Self::Forbidden => "forbidden",
            Self::NodeBusy => "node busy",
            Self::StoreUnavailable => "store unavailable",
            Self::ShuttingDown => "shutting down",
            Self::Internal => "internal error",
            Self::Unknown => "unknown error",
        }
    }
}
