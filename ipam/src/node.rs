//! Nodes: the machines that pods run on.

mod edit;

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use trunkline_types::{Labels, Name};

use crate::{
    Catalog, Change, Edit, EndpointAddress, Epoch, Listing, Object, Planned, Revision, Timestamp,
};

pub use edit::{NodeEdit, UpdateNodeError, update_node};

/// A machine that pods run on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Node {
    /// The node's name; unique.
    pub name: Name,
    /// The rack it stands in, whose subnets its pods use.
    pub rack: Name,
    /// What subnets' and groups' selectors choose it by.
    #[serde(default, skip_serializing_if = "Labels::is_empty")]
    pub labels: Labels,
    /// The kernel's boot id when it last registered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub boot_id: Option<String>,
    /// The version of its agent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agent_version: Option<String>,
    /// When it was last heard, give or take [`Node::HEARD_GRAIN`]: not every sign of life is worth
    /// a write.
    #[serde(default)]
    pub last_heard: Timestamp,
    /// Goes up whenever its leases are taken from it; requests with an older one are refused.
    #[serde(default)]
    pub fence: u64,
    /// The last epoch in which it reported what it holds.
    #[serde(default)]
    pub reported: Epoch,
    /// Its own addresses, at most one of each family, from the pool `nodes` of a subnet of its
    /// rack.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub addresses: Vec<EndpointAddress>,
    /// The change that made it what it is.
    pub revision: Revision,
}

/// The node as it describes itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NodeSpec {
    /// The node's name.
    pub name: Name,
    /// The rack it stands in.
    pub rack: Name,
    /// What selectors choose it by.
    pub labels: Labels,
    /// The kernel's boot id.
    pub boot_id: Option<String>,
    /// The version of its agent.
    pub agent_version: Option<String>,
}

impl Node {
    /// By how many seconds [`Node::last_heard`] may lag behind.
    pub const HEARD_GRAIN: u64 = 600;
}

/// Why a node cannot be registered.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RegisterNodeError {
    /// It says that it stands in another rack, while pods on it have addresses of the old one.
    #[error(
        "node `{node}` cannot move from rack `{rack}` to rack `{wanted}` while {} endpoint(s) on \
         it have addresses, {endpoints}: move its pods elsewhere first, or correct its rack",
        endpoints.total()
    )]
    InUse {
        /// The node.
        node: Name,
        /// The rack it is registered in.
        rack: Name,
        /// The rack it asks for.
        wanted: Name,
        /// The attachments on the node.
        endpoints: Listing,
    },
}

/// Plans a node's registration. Registering again with the same rack changes nothing.
///
/// # Errors
///
/// [`RegisterNodeError`] if the rack changes while endpoints on the node have addresses.
pub fn register_node(
    catalog: &Catalog,
    spec: &NodeSpec,
    now: Timestamp,
) -> Result<Planned<Node>, RegisterNodeError> {
    if let Some(existing) = catalog.node(&spec.name) {
        if existing.rack == spec.rack {
            return Ok(Planned {
                object: existing.clone(),
                change: Change::none(catalog.revision()),
            });
        }
        let endpoints = Listing::of(catalog.attachments_on(&spec.name));
        if !endpoints.is_empty() {
            return Err(RegisterNodeError::InUse {
                node: spec.name.clone(),
                rack: existing.rack.clone(),
                wanted: spec.rack.clone(),
                endpoints,
            });
        }
    }
    let revision = catalog.revision().next();
    let node = Arc::new(Node {
        name: spec.name.clone(),
        rack: spec.rack.clone(),
        labels: spec.labels.clone(),
        boot_id: spec.boot_id.clone(),
        agent_version: spec.agent_version.clone(),
        last_heard: now,
        fence: 1,
        reported: catalog
            .cluster()
            .map_or_else(Epoch::default, |cluster| cluster.epoch),
        addresses: Vec::new(),
        revision,
    });
    let change = Change::new(revision, vec![Edit::Put(Object::Node(node.clone()))]);
    Ok(Planned {
        object: node,
        change,
    })
}

#[cfg(test)]
mod tests;
