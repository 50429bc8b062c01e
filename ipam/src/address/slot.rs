//! Which leased addresses go together.

use std::net::IpAddr;

use serde::{Deserialize, Serialize};
use trunkline_types::MacAddr;

/// The slot that a leased address is one half or all of. A pod gets all of it, or nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LeasedSlot {
    /// The address of the other family; none if the slot has one address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub partner: Option<IpAddr>,
    /// The MAC address that goes with the slot. The node may show it before a pod is bound.
    pub mac: MacAddr,
}
