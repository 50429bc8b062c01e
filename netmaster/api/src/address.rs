//! Addresses.

use std::net::IpAddr;

use serde::{Deserialize, Serialize};
use trunkline_types::{Attachment, MacAddr, Name, Pod};
use utoipa::ToSchema;

use crate::endpoint::PodSchema;
use crate::{field, schema};

/// What is known of one IP address.
///
/// ```json
/// {"ip": "10.1.0.10", "subnet": "blue-r1", "network": "blue", "state": "bound",
///  "attachment": "4f5e1c/eth0", "pod": {"namespace": "shop", "name": "web-0"}, "node": "node1",
///  "since": 1700000000, "revision": 17}
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Address {
    /// The address.
    #[schema(value_type = schema::Ip)]
    pub ip: IpAddr,
    /// The subnet it is of.
    #[schema(value_type = schema::Name)]
    pub subnet: Name,
    /// The network of that subnet.
    #[schema(value_type = schema::Name)]
    pub network: Name,
    /// What it can be used for, as of the answer: the end of a cool-down is no change.
    pub state: AddressState,
    /// The attachment that has it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<schema::Attachment>)]
    pub attachment: Option<Attachment>,
    /// The pod that has it, or while it cools down, that had it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<PodSchema>)]
    pub pod: Option<Pod>,
    /// The node that has it, or on which the attachment is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<schema::Name>)]
    pub node: Option<Name>,
    /// When it came to be held or released, in seconds since 1970-01-01 00:00:00 UTC; absent if it
    /// never was handed out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since: Option<u64>,
    /// The reservation it is kept by.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<schema::Name>)]
    pub reservation: Option<Name>,
    /// Who else uses it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub conflict: Option<Conflict>,
    /// The number of the change that brought it to this state; 0 if it never was handed out.
    pub revision: u64,
}

/// What an address can be used for.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum AddressState {
    /// A foreign machine answers for it; whoever has it keeps it, nobody else gets it.
    Conflict,
    /// An endpoint has it.
    Bound,
    /// A node keeps it in reserve.
    Leased,
    /// A node has it for itself.
    Node,
    /// Only a reservation's holder gets it.
    Reserved,
    /// Nobody gets it: it is a gateway, excluded, or outside the ranges of its subnet.
    Excluded,
    /// It was released lately, and goes only to its last owner for a while.
    Cooling,
    /// Anybody may get it.
    Free,
    /// A state of a newer netmaster.
    #[serde(other)]
    Unknown,
}

impl AddressState {
    /// Those that there are, for all that this version knows.
    pub const ALL: [Self; 8] = [
        Self::Conflict,
        Self::Bound,
        Self::Leased,
        Self::Node,
        Self::Reserved,
        Self::Excluded,
        Self::Cooling,
        Self::Free,
    ];

    /// As it is written.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Conflict => "conflict",
            Self::Bound => "bound",
            Self::Leased => "leased",
            Self::Node => "node",
            Self::Reserved => "reserved",
            Self::Excluded => "excluded",
            Self::Cooling => "cooling",
            Self::Free => "free",
            Self::Unknown => "unknown",
        }
    }
}

/// A foreign machine that answers for an address.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Conflict {
    /// Its MAC address.
    #[schema(value_type = schema::Mac)]
    pub mac: MacAddr,
    /// When it was last seen, in seconds since 1970-01-01 00:00:00 UTC.
    pub seen: u64,
    /// The node that saw it.
    #[schema(value_type = schema::Name)]
    pub node: Name,
}

/// That a foreign machine answers for an address.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ConflictReport {
    /// Its MAC address.
    #[schema(value_type = schema::Mac)]
    pub mac: MacAddr,
    /// The node that saw it.
    #[schema(value_type = schema::Name)]
    pub node: Name,
}

/// That an address is to be taken from whoever has it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AddressRelease {
    /// Why; kept in the address's history. 1–256 bytes.
    #[serde(deserialize_with = "field::some_line")]
    #[schema(min_length = 1, max_length = 256)]
    pub reason: String,
    /// Take it even from a holder that may still use it.
    #[serde(default)]
    pub force: bool,
}
