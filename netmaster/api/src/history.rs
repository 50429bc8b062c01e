//! Who held an address.

use std::net::IpAddr;

use serde::{Deserialize, Serialize};
use trunkline_types::{Attachment, MacAddr, Name, Pod};
use utoipa::ToSchema;

use crate::endpoint::PodSchema;
use crate::schema;

/// Who held an address, from the first time that is still known.
///
/// ```json
/// {"ip": "10.1.0.10", "items": [{"pod": {"namespace": "shop", "name": "web-0"},
///  "attachment": "4f5e1c/eth0", "node": "node1", "network": "blue", "from": 1700000000,
///  "to": 1700003600, "reason": "released"}], "revision": 17}
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct AddressHistory {
    /// The address.
    #[schema(value_type = schema::Ip)]
    pub ip: IpAddr,
    /// The times it was held, oldest first. One that has not ended is the last one.
    pub items: Vec<Holding>,
    /// Where to go on, as the parameter `continue`; absent if this is all.
    #[serde(default, rename = "continue", skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
    /// As of which change.
    pub revision: u64,
}

/// One time that somebody held an address.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Holding {
    /// The endpoint's attachment; absent if a node held it for itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<schema::Attachment>)]
    pub attachment: Option<Attachment>,
    /// The pod, if the runtime named one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<PodSchema>)]
    pub pod: Option<Pod>,
    /// The node it was on.
    #[schema(value_type = schema::Name)]
    pub node: Name,
    /// The network it was on.
    #[schema(value_type = schema::Name)]
    pub network: Name,
    /// The interface's MAC address, if it was an endpoint's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<schema::Mac>)]
    pub mac: Option<MacAddr>,
    /// When it was handed out, in seconds since 1970-01-01 00:00:00 UTC.
    pub from: u64,
    /// When it was taken back; absent if it is held now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<u64>,
    /// Why it was taken back; absent if it is held now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}
