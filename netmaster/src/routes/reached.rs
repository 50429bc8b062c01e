//! What a caller may do something to.
//!
//! A change needs a [`Reached`], which nothing but [`Caller::reach`] makes: so no handler forgets to
//! look who asks, for a token of some networks as for an agent.

use trunkline_ipam::{Catalog, Key, Object};

use super::access::Caller;
use crate::failure::Failure;

/// That a caller may do something to what has this key, whether it is there or not.
#[derive(Debug)]
pub(super) struct Reached(Key);

impl Reached {
    pub(super) fn key(&self) -> &Key {
        &self.0
    }
}

impl Caller {
    /// Refuses a caller to whom what `key` names is not to be known: who is not for its network, and
    /// an agent whose node's it is not. To be asked before anything is planned, so that no other
    /// refusal tells of it.
    pub(super) fn reach(&self, catalog: &Catalog, key: &Key) -> Result<Reached, Failure> {
        match (catalog.object(key), key) {
            (Some(current), _) => {
                self.reaches_object(catalog, &current)?;
                match &current {
                    Object::Endpoint(endpoint) => self.acts_for(&endpoint.node)?,
                    Object::Node(node) => self.acts_for(&node.name)?,
                    _ => {}
                }
            }
            // It is there without a record, as long as it is in a subnet.
            (None, Key::Address(ip)) => {
                if let Some(subnet) = catalog.subnet_of(*ip) {
                    self.reaches(key, Some(&subnet.network))?;
                }
            }
            (None, _) => {}
        }
        Ok(Reached(key.clone()))
    }
}
