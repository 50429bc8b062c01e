//! Bridges, ports and interfaces as the switch database shows them.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

/// What a bridge does with packets while no flow tells it otherwise.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FailMode {
    /// Nothing: packets without a flow are dropped.
    Secure,
    /// It acts as a learning switch.
    Standalone,
}

impl fmt::Display for FailMode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Secure => "secure",
            Self::Standalone => "standalone",
        })
    }
}

/// A bridge with its ports, those sorted by name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bridge {
    /// The bridge's name, also that of its internal port.
    pub name: String,
    /// What it does without flows; `None` leaves that to OVS, which takes standalone.
    pub fail_mode: Option<FailMode>,
    /// Which datapath it runs on; empty is OVS's default, the kernel.
    pub datapath_type: String,
    /// What the bridge's makers and users noted on it.
    pub external_ids: BTreeMap<String, String>,
    /// Its ports, the internal one included.
    pub ports: Vec<Port>,
}

impl Bridge {
    /// The port of that name.
    #[must_use]
    pub fn port(&self, name: &str) -> Option<&Port> {
        self.ports.iter().find(|port| port.name == name)
    }
}

/// A port of a bridge.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Port {
    /// The port's name, one of a kind in the whole database.
    pub name: String,
    /// The VLAN of an access port; `None` is a trunk. A bare number, for a port that is not ours
    /// may carry one that is no [`VlanId`](trunkline_types::VlanId), such as 0.
    pub tag: Option<u16>,
    /// What its makers noted on it.
    pub external_ids: BTreeMap<String, String>,
    /// Its interfaces, sorted by name: one, unless it is a bond.
    pub interfaces: Vec<Interface>,
}

/// A network device that OVS sends through or receives from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Interface {
    /// The device's name.
    pub name: String,
    /// OVS's name for the kind of device (the column `type`): empty is a device of the system,
    /// `internal` one that OVS makes.
    pub kind: String,
    /// The OpenFlow port number; `None` until ovs-vswitchd has opened the device, or if it could
    /// not.
    pub ofport: Option<u32>,
    /// Why ovs-vswitchd could not open the device.
    pub error: Option<String>,
    /// What its makers noted on it.
    pub external_ids: BTreeMap<String, String>,
}
