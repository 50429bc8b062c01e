//! Networks.

use serde::{Deserialize, Serialize};
use trunkline_types::{Mtu, Name, VlanId};

/// The network that is wanted.
///
/// ```json
/// {"name": "blue", "vlan": 100, "mtu": 9000}
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NetworkSpec {
    /// The network's name; no other network has it.
    pub name: Name,
    /// Its VLAN; no other network has it.
    pub vlan: VlanId,
    /// The largest IP packet, in bytes; 1500 if left out.
    #[serde(default)]
    pub mtu: Mtu,
}

/// A layer-2 domain.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Network {
    /// The network's name.
    pub name: Name,
    /// Its VLAN.
    pub vlan: VlanId,
    /// The largest IP packet, in bytes.
    pub mtu: Mtu,
    /// The number of the change that made it what it is.
    pub revision: u64,
}
