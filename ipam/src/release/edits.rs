//! The records that the end of a holding leaves.

use std::sync::Arc;

use trunkline_types::{Name, Pod};

use crate::{
    Address, AddressState, Catalog, Edit, Endpoint, EndpointAddress, Holding, Key, Object,
    Revision, Timestamp,
};

/// What is the same for every record of one change.
#[derive(Clone, Copy)]
pub(crate) struct Ending<'a> {
    pub(crate) catalog: &'a Catalog,
    /// Kept in the history.
    pub(crate) reason: &'a str,
    pub(crate) now: Timestamp,
    pub(crate) revision: Revision,
}

impl Ending<'_> {
    /// The end of an endpoint: it goes, and its addresses are free and in the history.
    pub(crate) fn endpoint(&self, endpoint: &Endpoint) -> Vec<Edit> {
        let mut edits = vec![Edit::Delete(Key::Endpoint(endpoint.attachment.clone()))];
        for own in &endpoint.addresses {
            let Some(address) = self.catalog.address(own.ip) else {
                continue;
            };
            let owner = endpoint.pod.as_ref();
            edits.push(self.released(address, owner, endpoint.reservation.as_ref()));
            edits.push(Edit::Put(Object::Holding(Arc::new(Holding {
                ip: own.ip,
                attachment: Some(endpoint.attachment.clone()),
                pod: endpoint.pod.clone(),
                node: endpoint.node.clone(),
                network: endpoint.network.clone(),
                mac: Some(endpoint.mac),
                from: endpoint.created,
                to: self.now,
                reason: self.reason.to_owned(),
                revision: self.revision,
            }))));
        }
        edits
    }

    /// The end of a lease. No pod had the address, so there is no history of it.
    pub(crate) fn lease(&self, address: &Address) -> Edit {
        self.released(address, None, None)
    }

    /// The end of a node's own address.
    pub(crate) fn node_address(&self, node: &Name, own: &EndpointAddress) -> Vec<Edit> {
        let Some(address) = self.catalog.address(own.ip) else {
            return Vec::new();
        };
        let holding = Holding {
            ip: own.ip,
            attachment: None,
            pod: None,
            node: node.clone(),
            network: address.network.clone(),
            mac: None,
            from: address.since,
            to: self.now,
            reason: self.reason.to_owned(),
            revision: self.revision,
        };
        let holding = Edit::Put(Object::Holding(Arc::new(holding)));
        vec![self.released(address, None, None), holding]
    }

    /// A conflict outlives the holding: the foreign machine is still there.
    fn released(&self, address: &Address, owner: Option<&Pod>, by: Option<&Name>) -> Edit {
        Edit::Put(Object::Address(Arc::new(Address {
            state: AddressState::Released {
                owner: owner.cloned().map(Box::new),
                reservation: by.cloned(),
            },
            since: self.now,
            revision: self.revision,
            ..address.clone()
        })))
    }
}
