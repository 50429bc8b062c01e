//! Taking addresses back.

use std::sync::Arc;

use trunkline_types::Attachment;

use crate::{Address, AddressState, Catalog, Change, Edit, Key, Object, Timestamp};

/// Plans the end of an endpoint and the release of its addresses.
///
/// An attachment that is not known has nothing to release: that is a success that changes nothing,
/// so that a repeated DEL succeeds.
#[must_use]
pub fn release(catalog: &Catalog, attachment: &Attachment, now: Timestamp) -> Change {
    let Some(endpoint) = catalog.endpoint(attachment) else {
        return Change::none(catalog.revision());
    };
    let revision = catalog.revision().next();
    let mut edits = vec![Edit::Delete(Key::Endpoint(attachment.clone()))];
    for address in &endpoint.addresses {
        edits.push(Edit::Put(Object::Address(Arc::new(Address {
            ip: address.ip,
            subnet: address.subnet.clone(),
            network: endpoint.network.clone(),
            state: AddressState::Released {
                owner: endpoint.pod.clone(),
            },
            since: now,
            conflict: None,
            revision,
        }))));
    }
    Change::new(revision, edits)
}
