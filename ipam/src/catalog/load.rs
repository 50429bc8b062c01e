//! A catalog of objects that come all at once, as when netmaster starts.
//!
//! A million addresses and endpoints are not put one by one: their maps are built from sorted
//! lists, which takes one comparison of keys where looking for each key's place takes twenty.

use std::collections::HashMap;
use std::sync::Arc;

use trunkline_types::Name;

use super::intern::Interner;
use super::{Catalog, Inconsistency};
use crate::{Address, Endpoint, Object, Revision};

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
        let mut catalog = Self {
            revision,
            ..Self::default()
        };
        let mut interner = Interner::default();
        let (mut addresses, mut endpoints) = (Vec::new(), Vec::new());
        for object in objects {
            match interner.intern(object) {
                Object::Address(address) => addresses.push(address),
                Object::Endpoint(endpoint) => endpoints.push(endpoint),
                other => catalog.put(other),
            }
        }
        drop(interner);
        catalog.put_addresses(addresses);
        catalog.put_endpoints(endpoints);
        catalog.check()?;
        Ok(catalog)
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
