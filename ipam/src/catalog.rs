//! All objects, and the few ways in which they are looked up.

mod check;
mod index;

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;

use trunkline_types::{Attachment, Cidr, Name, VlanId};

use crate::{Address, Change, Edit, Endpoint, Key, Network, Node, Object, Revision, Subnet};

pub use check::Inconsistency;
use index::Index;

/// Every object there is, as of one revision.
///
/// The objects are shared, so that two catalogs that differ by a few changes cost little more than
/// one.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Catalog {
    revision: Revision,
    networks: BTreeMap<Name, Arc<Network>>,
    subnets: BTreeMap<Name, Arc<Subnet>>,
    nodes: BTreeMap<Name, Arc<Node>>,
    addresses: BTreeMap<IpAddr, Arc<Address>>,
    endpoints: BTreeMap<Attachment, Arc<Endpoint>>,
    index: Index,
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
        let mut catalog = Self {
            revision,
            ..Self::default()
        };
        for object in objects {
            catalog.put(object);
        }
        catalog.check()?;
        Ok(catalog)
    }

    /// Makes `change`, which was planned on this catalog as it is.
    pub fn apply(&mut self, change: &Change) {
        for edit in change.edits() {
            match edit {
                Edit::Put(object) => self.put(object.clone()),
                Edit::Delete(key) => self.delete(key),
            }
        }
        self.revision = change.revision();
    }

    fn put(&mut self, object: Object) {
        self.delete(&object.key());
        match object {
            Object::Network(network) => {
                self.index.add_network(&network);
                self.networks.insert(network.name.clone(), network);
            }
            Object::Subnet(subnet) => {
                self.index.add_subnet(&subnet);
                self.subnets.insert(subnet.name.clone(), subnet);
            }
            Object::Node(node) => {
                self.nodes.insert(node.name.clone(), node);
            }
            Object::Address(address) => {
                self.index.add_address(&address);
                self.addresses.insert(address.ip, address);
            }
            Object::Endpoint(endpoint) => {
                self.index.add_endpoint(&endpoint);
                self.endpoints.insert(endpoint.attachment.clone(), endpoint);
            }
        }
    }

    fn delete(&mut self, key: &Key) {
        match key {
            Key::Network(name) => {
                if let Some(network) = self.networks.remove(name) {
                    self.index.remove_network(&network);
                }
            }
            Key::Subnet(name) => {
                if let Some(subnet) = self.subnets.remove(name) {
                    self.index.remove_subnet(&subnet);
                }
            }
            Key::Node(name) => {
                self.nodes.remove(name);
            }
            Key::Address(ip) => {
                if let Some(address) = self.addresses.remove(ip) {
                    self.index.remove_address(&address);
                }
            }
            Key::Endpoint(attachment) => {
                if let Some(endpoint) = self.endpoints.remove(attachment) {
                    self.index.remove_endpoint(&endpoint);
                }
            }
        }
    }

    /// The revision of the last change.
    #[must_use]
    pub fn revision(&self) -> Revision {
        self.revision
    }

    /// The object with this key.
    #[must_use]
    pub fn object(&self, key: &Key) -> Option<Object> {
        match key {
            Key::Network(name) => self.network(name).cloned().map(Object::Network),
            Key::Subnet(name) => self.subnet(name).cloned().map(Object::Subnet),
            Key::Node(name) => self.node(name).cloned().map(Object::Node),
            Key::Address(ip) => self.address(*ip).cloned().map(Object::Address),
            Key::Endpoint(attachment) => self.endpoint(attachment).cloned().map(Object::Endpoint),
        }
    }

    /// The network of that name.
    #[must_use]
    pub fn network(&self, name: &Name) -> Option<&Arc<Network>> {
        self.networks.get(name)
    }

    /// All networks, by name.
    pub fn networks(&self) -> impl Iterator<Item = &Arc<Network>> {
        self.networks.values()
    }

    /// The subnet of that name.
    #[must_use]
    pub fn subnet(&self, name: &Name) -> Option<&Arc<Subnet>> {
        self.subnets.get(name)
    }

    /// All subnets, by name.
    pub fn subnets(&self) -> impl Iterator<Item = &Arc<Subnet>> {
        self.subnets.values()
    }

    /// The node of that name.
    #[must_use]
    pub fn node(&self, name: &Name) -> Option<&Arc<Node>> {
        self.nodes.get(name)
    }

    /// All nodes, by name.
    pub fn nodes(&self) -> impl Iterator<Item = &Arc<Node>> {
        self.nodes.values()
    }

    /// The record of an address, if it ever was handed out.
    #[must_use]
    pub fn address(&self, ip: IpAddr) -> Option<&Arc<Address>> {
        self.addresses.get(&ip)
    }

    /// All addresses that are or were handed out, in order.
    pub fn addresses(&self) -> impl Iterator<Item = &Arc<Address>> {
        self.addresses.values()
    }

    /// The endpoint of that attachment.
    #[must_use]
    pub fn endpoint(&self, attachment: &Attachment) -> Option<&Arc<Endpoint>> {
        self.endpoints.get(attachment)
    }

    /// All endpoints, by attachment.
    pub fn endpoints(&self) -> impl Iterator<Item = &Arc<Endpoint>> {
        self.endpoints.values()
    }

    /// How many of a subnet's addresses are in use.
    #[must_use]
    pub fn in_use(&self, subnet: &Name) -> u64 {
        self.index.bound(subnet)
    }

    pub(crate) fn network_with_vlan(&self, vlan: VlanId) -> Option<&Name> {
        self.index.network_with_vlan(vlan)
    }

    /// The names of a network's subnets, those of one rack after the other.
    pub(crate) fn subnets_of(&self, network: &Name) -> impl Iterator<Item = &Name> {
        self.index.subnets_of(network)
    }

    /// The names of a network's subnets that are bound to `rack`; with `None`, of those that are
    /// bound to no rack.
    pub(crate) fn subnets_at(
        &self,
        network: &Name,
        rack: Option<&Name>,
    ) -> impl Iterator<Item = &Name> {
        self.index.subnets_at(network, rack)
    }

    /// The racks for which a network has subnets.
    pub(crate) fn racks_of(&self, network: &Name) -> impl Iterator<Item = &Name> {
        self.index.racks_of(network)
    }

    /// The subnet that has addresses in common with `cidr`, if there is one.
    pub(crate) fn subnet_overlapping(&self, cidr: Cidr) -> Option<&Arc<Subnet>> {
        self.index
            .neighbours(cidr)
            .filter_map(|name| self.subnets.get(name))
            .find(|subnet| subnet.cidr.overlaps(cidr))
    }

    /// The records of a subnet's addresses.
    pub(crate) fn addresses_in(&self, cidr: Cidr) -> impl Iterator<Item = &Arc<Address>> {
        self.addresses
            .range(cidr.network()..=cidr.last())
            .map(|(_, address)| address)
    }

    /// The attachments on a node.
    pub(crate) fn attachments_on(&self, node: &Name) -> impl Iterator<Item = &Attachment> {
        self.index
            .addresses_on(node)
            .filter_map(|ip| match &self.addresses.get(&ip)?.state {
                crate::AddressState::Bound { attachment } => Some(attachment),
                crate::AddressState::Released { .. } => None,
            })
    }
}
