//! A catalog of objects that come all at once, as when netmaster starts.
//!
//! A million addresses and endpoints are not put one by one: their maps are built from sorted
//! lists, which takes one comparison of keys where looking for each key's place takes twenty.

use std::collections::HashMap;
use std::sync::Arc;

use trunkline_types::Name;

use super::intern::Interner;
use super::ip_map::IpMap;
use super::{Catalog, Inconsistency};
use crate::{Address, AddressState, Endpoint, Object, Revision};

/// A catalog in the making.
#[derive(Debug, Default)]
pub struct Loading {
    /// Without the two kinds of which there are many.
    catalog: Catalog,
    addresses: Vec<Arc<Address>>,
    endpoints: Vec<Arc<Endpoint>>,
    /// Names are shared as they come, so that there are never many copies at a time.
    interner: Interner,
}

impl Loading {
    /// Takes an object in. They may come in any order, each once.
    pub fn add(&mut self, object: Object) {
        match self.interner.intern(object) {
            Object::Address(address) => self.addresses.push(address),
            Object::Endpoint(endpoint) => self.endpoints.push(endpoint),
            other => self.catalog.put(other),
        }
    }

    /// The catalog of all that was taken in, as it was at `revision`.
    ///
    /// # Errors
    ///
    /// [`Inconsistency`] if the objects contradict each other.
    pub fn finish(self, revision: Revision) -> Result<Catalog, Inconsistency> {
        let Self {
            mut catalog,
            addresses,
            endpoints,
            interner,
        } = self;
        drop(interner);
        catalog.revision = revision;
        catalog.put_addresses(addresses);
        catalog.put_endpoints(endpoints);
        catalog.check()?;
        Ok(catalog)
    }
}

impl Catalog {
    /// The catalog of `objects`, as they were at `revision`, in any order.
    ///
    /// # Errors
    ///
    /// [`Inconsistency`] if they contradict each other.
    pub fn load(
        revision: Revision,
        objects: impl IntoIterator<Item = Object>,
    ) -> Result<Self, Inconsistency> {
        let mut loading = Loading::default();
        for object in objects {
            loading.add(object);
        }
        loading.finish(revision)
    }

    fn put_addresses(&mut self, addresses: Vec<Arc<Address>>) {
        self.addresses = addresses
            .into_iter()
            .map(|address| (address.ip, address))
            .collect();
        for address in self.addresses.values() {
            self.index.add_address(address);
        }
    }

    fn put_endpoints(&mut self, endpoints: Vec<Arc<Endpoint>>) {
        self.endpoints = endpoints.into_iter().collect();
        for endpoint in self.endpoints.values() {
            share_attachment(&mut self.addresses, endpoint);
        }
        let mut on_nodes: HashMap<&Name, Vec<Arc<Endpoint>>> = HashMap::new();
        for endpoint in self.endpoints.values() {
            on_nodes
                .entry(&endpoint.node)
                .or_default()
                .push(endpoint.clone());
        }
        for (node, endpoints) in on_nodes {
            self.index.add_endpoints(node, endpoints);
        }
    }
}

/// The container's name is in the records of its addresses as well; one copy is enough.
fn share_attachment(addresses: &mut IpMap<Arc<Address>>, endpoint: &Endpoint) {
    for address in &endpoint.addresses {
        let record = addresses.get_mut(&address.ip).and_then(Arc::get_mut);
        if let Some(AddressState::Bound { attachment }) = record.map(|record| &mut record.state)
            && *attachment == endpoint.attachment
        {
            attachment.clone_from(&endpoint.attachment);
        }
    }
}
