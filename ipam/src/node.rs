//! Nodes: the machines that pods run on.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use trunkline_types::Name;

use crate::{Catalog, Change, Edit, Listing, Object, Planned, Revision};

/// A machine that pods run on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Node {
    /// The node's name; unique.
    pub name: Name,
    /// The rack it stands in, whose subnets its pods use.
    pub rack: Name,
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
