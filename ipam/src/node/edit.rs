//! What an operator changes about a node.

use trunkline_types::{Labels, Name};

use crate::precondition::{at_revision, replaced};
use crate::{
    Catalog, Key, Kind, Listing, Node, Planned, PreconditionError, Reason, Refusal, Revision,
};

/// The node as an operator wants it; the rest it says of itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NodeEdit {
    /// The node's name.
    pub name: Name,
    /// The rack it stands in, until its agent says another one than before.
    pub rack: Name,
    /// What selectors choose it by.
    pub labels: Labels,
}

/// Why a node cannot be changed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UpdateNodeError {
    /// It is not there, or not at that revision.
    #[error(transparent)]
    Precondition(#[from] PreconditionError),
    /// It has addresses of subnets that it could not use any more.
    #[error(
        "node `{node}` cannot be given that rack and those labels while it has {} address(es) of \
         subnets that would not be for it, {addresses}: move its pods elsewhere first, see \
         `netctl address ls --node {node}`",
        addresses.total()
    )]
    InUse {
        /// The node.
        node: Name,
        /// The addresses, and their subnets.
        addresses: Listing,
    },
}

impl Refusal for UpdateNodeError {
    fn reason(&self) -> Reason {
        match self {
            Self::Precondition(error) => error.reason(),
            Self::InUse { .. } => Reason::InUse(Kind::Node),
        }
    }
}

/// Plans a node's change of rack or labels.
///
/// # Errors
///
/// [`UpdateNodeError`] if it is not there or not at that revision, or if subnets that its addresses
/// are of would not be for it any more.
pub fn update_node(
    catalog: &Catalog,
    edit: &NodeEdit,
    expected: Revision,
) -> Result<Planned<Node>, UpdateNodeError> {
    let key = || Key::Node(edit.name.clone());
    let current = at_revision(catalog.node(&edit.name), key, Some(expected))?;
    let by_agent = current.rack_by_agent();
    let planned = replaced(catalog, current, |revision| Node {
        rack: edit.rack.clone(),
        agent_rack: (edit.rack != *by_agent).then(|| by_agent.clone()),
        labels: edit.labels.clone(),
        revision,
        ..Node::clone(current)
    });
    // A subnet that was not for it before does not become wrong by this change.
    let lost = catalog.addresses_on(&edit.name).filter(|address| {
        catalog.subnet(&address.subnet).is_some_and(|subnet| {
            subnet.placement.admits(current) && !subnet.placement.admits(&planned.object)
        })
    });
    let addresses = Listing::of(lost.map(|a| format!("{} of {}", a.ip, a.subnet)));
    if !addresses.is_empty() {
        return Err(UpdateNodeError::InUse {
            node: edit.name.clone(),
            addresses,
        });
    }
    Ok(planned)
}

#[cfg(test)]
mod tests;
