//! Why nothing is done for a node.

use trunkline_types::Name;

use super::{Node, RemovalCause};
use crate::{Catalog, Kind, Reason, Refusal};

/// A node that may not ask for anything as it is.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NodeUnfit {
    /// It never registered, or was removed.
    #[error(
        "node `{node}` is not registered: netplugin registers its node when it starts, see \
         `netctl node ls`"
    )]
    NotFound {
        /// The node's name.
        node: Name,
    },
    /// Its leases were taken from it since it registered.
    #[error(
        "node `{node}` speaks with fence {given}, and its leases were taken from it with fence \
         {current}: let its netplugin drop its reserve and register again"
    )]
    Fenced {
        /// The node.
        node: Name,
        /// The fence that it gave.
        given: u64,
        /// The fence it has.
        current: u64,
    },
    /// What it holds is being taken from it.
    #[error(
        "node `{node}` is being removed ({}): wait until that is done, then let its netplugin \
         register again",
        why.reason()
    )]
    Removing {
        /// The node.
        node: Name,
        /// On what evidence.
        why: RemovalCause,
    },
}

impl Refusal for NodeUnfit {
    fn reason(&self) -> Reason {
        match self {
            Self::NotFound { .. } => Reason::NotFound(Kind::Node),
            Self::Fenced { .. } | Self::Removing { .. } => Reason::Fenced,
        }
    }
}

/// The node of that name, if it speaks with no older fence than it has.
pub(crate) fn fit<'a>(
    catalog: &'a Catalog,
    name: &Name,
    fence: Option<u64>,
) -> Result<&'a std::sync::Arc<Node>, NodeUnfit> {
    let Some(node) = catalog.node(name) else {
        return Err(NodeUnfit::NotFound { node: name.clone() });
    };
    if let Some(removal) = node.removing {
        return Err(NodeUnfit::Removing {
            node: name.clone(),
            why: removal.why,
        });
    }
    match fence {
        Some(given) if given < node.fence => Err(NodeUnfit::Fenced {
            node: name.clone(),
            given,
            current: node.fence,
        }),
        _ => Ok(node),
    }
}
