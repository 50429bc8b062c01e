//! One copy of every name.

use std::collections::HashSet;
use std::sync::Arc;

use foldhash::fast::RandomState;
use trunkline_types::{Attachment, InterfaceName, Name};

use crate::{Address, AddressState, Endpoint, Object};

/// Makes the many objects share the text of the names in them. A million addresses that were read
/// from a store name a few thousand nodes and subnets a million times.
#[derive(Debug, Default)]
pub(super) struct Interner {
    names: HashSet<Name, RandomState>,
    interfaces: HashSet<InterfaceName, RandomState>,
}

impl Interner {
    /// `object` with its names replaced by equal ones that were seen before. Objects of which there
    /// are few are left as they are, and so is one that others share already.
    pub(super) fn intern(&mut self, mut object: Object) -> Object {
        match &mut object {
            Object::Address(address) => {
                if let Some(address) = Arc::get_mut(address) {
                    self.address(address);
                }
            }
            Object::Endpoint(endpoint) => {
                if let Some(endpoint) = Arc::get_mut(endpoint) {
                    self.endpoint(endpoint);
                }
            }
            _ => {}
        }
        object
    }

    fn address(&mut self, address: &mut Address) {
        self.name(&mut address.subnet);
        self.name(&mut address.network);
        match &mut address.state {
            AddressState::Bound { attachment } => self.attachment(attachment),
            AddressState::Leased { node, .. } | AddressState::Node { node } => self.name(node),
            AddressState::Released { .. } => {}
        }
    }

    fn endpoint(&mut self, endpoint: &mut Endpoint) {
        self.attachment(&mut endpoint.attachment);
        self.name(&mut endpoint.node);
        self.name(&mut endpoint.network);
        for name in endpoint.profile.iter_mut().chain(&mut endpoint.reservation) {
            self.name(name);
        }
        for address in &mut endpoint.addresses {
            self.name(&mut address.subnet);
        }
        // Serde reserves room for four.
        endpoint.addresses.shrink_to_fit();
    }

    fn attachment(&mut self, attachment: &mut Attachment) {
        shared(&mut self.interfaces, &mut attachment.ifname);
    }

    fn name(&mut self, name: &mut Name) {
        shared(&mut self.names, name);
    }
}

fn shared<T: Clone + Eq + std::hash::Hash>(seen: &mut HashSet<T, RandomState>, value: &mut T) {
    match seen.get(value) {
        Some(known) => *value = known.clone(),
        None => {
            seen.insert(value.clone());
        }
    }
}
