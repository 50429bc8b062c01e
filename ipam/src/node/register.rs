//! Planning a node's registration.

use std::sync::Arc;

use trunkline_types::Name;

use super::{Node, NodeSpec, RemovalCause};
use crate::{
    Change, Edit, Epoch, Kind, Ledger, Listing, Object, Planned, Policy, Reason, Refusal, Timestamp,
};

/// Why a node cannot be registered.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RegisterNodeError {
    /// It says that it stands in another rack, while it holds addresses of the old one.
    #[error(
        "node `{node}` cannot move from rack `{rack}` to rack `{wanted}` while {} address(es) are \
         bound or leased on it, {addresses}: move its pods elsewhere first, or correct its rack",
        addresses.total()
    )]
    InUse {
        /// The node.
        node: Name,
        /// The rack it is registered in.
        rack: Name,
        /// The rack it asks for.
        wanted: Name,
        /// What it holds.
        addresses: Listing,
    },
    /// What it holds is being taken from it.
    #[error(
        "node `{node}` is being removed ({}): wait until that is done, then register again",
        why.reason()
    )]
    Removing {
        /// The node.
        node: Name,
        /// On what evidence.
        why: RemovalCause,
    },
}

impl Refusal for RegisterNodeError {
    fn reason(&self) -> Reason {
        match self {
            Self::InUse { .. } => Reason::InUse(Kind::Node),
            Self::Removing { .. } => Reason::Fenced,
        }
    }
}

/// Plans a node's registration.
///
/// # Errors
///
/// [`RegisterNodeError`] if the rack changes while addresses are bound or leased on the node, or
/// if it is being removed.
pub fn register_node(
    ledger: &Ledger,
    spec: &NodeSpec,
    _policy: &Policy,
    now: Timestamp,
) -> Result<Planned<Node>, RegisterNodeError> {
    let catalog = ledger.catalog();
    if let Some(existing) = catalog.node(&spec.name) {
        if existing.rack == spec.rack {
            return Ok(Planned {
                object: existing.clone(),
                change: Change::none(catalog.revision()),
            });
        }
        let addresses = Listing::of(catalog.attachments_on(&spec.name));
        if !addresses.is_empty() {
            return Err(RegisterNodeError::InUse {
                node: spec.name.clone(),
                rack: existing.rack.clone(),
                wanted: spec.rack.clone(),
                addresses,
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
        fence: revision.number(),
        reported: Epoch::default(),
        addresses: Vec::new(),
        removing: None,
        revision,
    });
    let change = Change::new(revision, vec![Edit::Put(Object::Node(node.clone()))]);
    Ok(Planned {
        object: node,
        change,
    })
}
