//! Networks: layer-2 domains.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use trunkline_types::{LabelValue, Labels, Mtu, Name, VlanId};

use crate::{Catalog, Change, Edit, Key, Listing, Object, Planned, Revision};

/// A layer-2 domain: one VLAN of the data centre under a name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Network {
    /// The network's name; unique.
    pub name: Name,
    /// Its VLAN; no other network of the same [fabric](Self::fabric) has it.
    pub vlan: VlanId,
    /// The largest IP packet, in bytes.
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

/// Why a network cannot be created.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CreateNetworkError {
    /// There is a network of that name.
    #[error(
        "network `{name}` exists already, with VLAN `{vlan}`: choose another name, or remove that \
         one first with `netctl network rm {name}`"
    )]
    NameInUse {
        /// The name.
        name: Name,
        /// The VLAN of the network that has it.
        vlan: VlanId,
    },
    /// Another network has the VLAN.
    #[error(
        "VLAN `{vlan}` is in use by network `{network}`: choose another VLAN, or add subnets to \
         `{network}`"
    )]
    VlanInUse {
        /// The VLAN.
        vlan: VlanId,
        /// The network that has it.
        network: Name,
    },
}

/// Why a network cannot be deleted.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DeleteNetworkError {
    /// There is no such network.
    #[error("network `{network}` does not exist: see `netctl network ls`")]
    NotFound {
        /// The name that was asked for.
        network: Name,
    },
    /// It has subnets.
    #[error(
        "network `{network}` has {} subnet(s), {subnets}: remove them first with \
         `netctl subnet rm`",
        subnets.total()
    )]
    HasSubnets {
        /// The network.
        network: Name,
        /// Its subnets.
        subnets: Listing,
    },
}

/// Plans a new network.
///
/// # Errors
///
/// [`CreateNetworkError`] if its name or VLAN is taken.
pub fn create_network(
    catalog: &Catalog,
    spec: &NetworkSpec,
) -> Result<Planned<Network>, CreateNetworkError> {
    if let Some(existing) = catalog.network(&spec.name) {
        return Err(CreateNetworkError::NameInUse {
            name: spec.name.clone(),
            vlan: existing.vlan,
        });
    }
    if let Some(network) = catalog.network_with_vlan(spec.labels.get(Network::FABRIC), spec.vlan) {
        return Err(CreateNetworkError::VlanInUse {
            vlan: spec.vlan,
            network: network.clone(),
        });
    }
    let revision = catalog.revision().next();
    let network = Arc::new(Network {
        name: spec.name.clone(),
        vlan: spec.vlan,
        mtu: spec.mtu,
        labels: spec.labels.clone(),
        revision,
    });
    let change = Change::new(revision, vec![Edit::Put(Object::Network(network.clone()))]);
    Ok(Planned {
        object: network,
        change,
    })
}

/// Plans a network's end.
///
/// Endpoints need no check of their own: each has an address of a subnet, and a subnet with
/// addresses in use is not deleted.
///
/// # Errors
///
/// [`DeleteNetworkError`] if it is not there or has subnets.
pub fn delete_network(catalog: &Catalog, name: &Name) -> Result<Change, DeleteNetworkError> {
    if catalog.network(name).is_none() {
        return Err(DeleteNetworkError::NotFound {
            network: name.clone(),
        });
    }
    let subnets = Listing::of(catalog.subnets_of(name));
    if !subnets.is_empty() {
        return Err(DeleteNetworkError::HasSubnets {
            network: name.clone(),
            subnets,
        });
    }
    let revision = catalog.revision().next();
    Ok(Change::new(
        revision,
        vec![Edit::Delete(Key::Network(name.clone()))],
    ))
}

#[cfg(test)]
mod tests;
