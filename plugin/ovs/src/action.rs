//! Changes to a switch, as data.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use trunkline_types::VlanId;

use crate::row::FailMode;

/// One change to a switch.
///
/// The actions of one [`apply`](crate::Switch::apply) happen in their order, all or none. A
/// removal refers to what was there before the first of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// Makes a bridge with its internal port. Refused if a bridge or port of that name exists.
    AddBridge {
        /// The new bridge's name.
        name: String,
        /// What it is to do with packets while no flow tells it otherwise.
        fail_mode: FailMode,
        /// What to note on it.
        external_ids: BTreeMap<String, String>,
    },
    /// Changes what a bridge does without flows. Refused if there is no such bridge.
    SetFailMode {
        /// The bridge.
        bridge: String,
        /// What it is to do.
        fail_mode: FailMode,
    },
    /// Removes a bridge with its ports; nothing to do if it is not there.
    RemoveBridge {
        /// The bridge.
        name: String,
    },
    /// Plugs a device of the system into a bridge. Refused if there is no such bridge, or if a
    /// port of that name exists, in whatever bridge.
    AddPort(NewPort),
    /// Unplugs a port; nothing to do if it is not in that bridge, for two removals may race.
    RemovePort {
        /// The bridge.
        bridge: String,
        /// The port.
        name: String,
    },
    /// Changes what is noted on a bridge. Refused if there is no such bridge.
    SetBridgeIds {
        /// The bridge.
        bridge: String,
        /// Keys to set, whatever their value was.
        set: BTreeMap<String, String>,
        /// Keys to remove, if they are there.
        remove: BTreeSet<String>,
    },
}

/// A port to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewPort {
    /// The bridge to plug it into.
    pub bridge: String,
    /// The name of the device, and of the port.
    pub name: String,
    /// The VLAN of an access port; `None` makes a trunk of all VLANs.
    pub tag: Option<VlanId>,
    /// The OpenFlow port number it should get. OVS gives it another one if that is taken.
    pub ofport_request: Option<u32>,
    /// What to note on it: on the port's row and on the interface's.
    pub external_ids: BTreeMap<String, String>,
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::AddBridge { name, .. } => write!(f, "add bridge `{name}`"),
            Self::SetFailMode { bridge, fail_mode } => {
                write!(f, "set fail mode of bridge `{bridge}` to `{fail_mode}`")
            }
            Self::RemoveBridge { name } => write!(f, "remove bridge `{name}`"),
            Self::AddPort(NewPort { bridge, name, .. }) => {
                write!(f, "add port `{name}` to bridge `{bridge}`")
            }
            Self::RemovePort { bridge, name } => {
                write!(f, "remove port `{name}` from bridge `{bridge}`")
            }
            Self::SetBridgeIds { bridge, .. } => {
                write!(f, "change external ids of bridge `{bridge}`")
            }
        }
    }
}
