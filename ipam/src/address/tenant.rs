//! Who has an address, for messages.

use trunkline_types::Name;

use super::{Address, AddressState};
use crate::{Catalog, Endpoint, Node, Policy, Timestamp};

/// Whoever has an address.
pub(crate) struct Tenant<'a> {
    /// In words: ``pod `shop/web-0` ``.
    pub(crate) who: String,
    /// The name of the node it is on.
    pub(crate) node: &'a Name,
    record: Option<&'a Node>,
}

impl<'a> Tenant<'a> {
    /// Who has `address`; none if nobody has it.
    pub(crate) fn of(catalog: &'a Catalog, address: &'a Address) -> Option<Self> {
        let (who, node) = match &address.state {
            AddressState::Bound { attachment } => {
                let endpoint = catalog.endpoint(attachment)?;
                (name(endpoint), &endpoint.node)
            }
            AddressState::Leased { node, .. } => ("the reserve".to_owned(), node),
            AddressState::Node { node } => ("the node itself".to_owned(), node),
            AddressState::Released { .. } => return None,
        };
        Some(Self {
            who,
            node,
            record: catalog.node(node).map(AsRef::as_ref),
        })
    }

    /// When its node was last heard, as far as the books say; none of a node that is not known.
    pub(crate) fn last_heard(&self) -> Option<Timestamp> {
        self.record.map(|node| node.last_heard)
    }

    /// Whether its node has certainly not been heard lately. A node that is not known is silent.
    pub(crate) fn is_silent(&self, policy: &Policy, now: Timestamp) -> bool {
        self.record.is_none_or(|node| node.is_silent(policy, now))
    }
}

/// What an endpoint is called in messages: its pod, or without one its attachment.
fn name(endpoint: &Endpoint) -> String {
    match &endpoint.pod {
        Some(pod) => format!("pod `{pod}`"),
        None => format!("attachment `{}`", endpoint.attachment),
    }
}
