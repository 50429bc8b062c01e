//! Networks: layer-2 domains.

mod error;
mod plan;

use serde::{Deserialize, Serialize};
use trunkline_types::{LabelValue, Labels, Mtu, Name, VlanId};

use crate::Revision;

pub use error::{CreateNetworkError, DeleteNetworkError, UpdateNetworkError, VlanInUse};
pub use plan::{create_network, delete_network, update_network};

/// A layer-2 domain: one VLAN of the data centre under a name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Network {
    /// The network's name; unique.
    pub name: Name,
    /// Its VLAN; no other network of the same [fabric](Self::fabric) has it.
    pub vlan: VlanId,
    /// The largest IP packet, in bytes, of the pods that come: those that run keep theirs.
    pub mtu: Mtu,
    /// What selectors choose it by.
    #[serde(default, skip_serializing_if = "Labels::is_empty")]
    pub labels: Labels,
    /// The change that made it what it is.
    pub revision: Revision,
}

/// The network that is wanted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NetworkSpec {
    /// The network's name.
    pub name: Name,
    /// Its VLAN.
    pub vlan: VlanId,
    /// The largest IP packet, in bytes.
    pub mtu: Mtu,
    /// What selectors choose it by.
    pub labels: Labels,
}

impl Network {
    /// The key of the label that names the fabric, the set of switches within which a VLAN id
    /// means one layer-2 domain.
    pub const FABRIC: &str = "fabric";

    /// The fabric the network is of; networks without the label share one without a name.
    #[must_use]
    pub fn fabric(&self) -> Option<&LabelValue> {
        self.labels.get(Self::FABRIC)
    }
}

#[cfg(test)]
mod tests;
