//! All objects, and the few ways in which they are looked up.

mod check;
mod endpoint_set;
mod index;
mod intern;
mod ip_map;
mod load;
mod lookup;
mod page;

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;

use trunkline_types::{Attachment, Name};

use crate::{
    Address, Change, Cluster, Digest, Edit, Endpoint, Group, Holder, Key, Lockout, Network, Node,
    Object, Pool, Profile, Reservation, Revision, Subnet, Token,
};

pub use check::Inconsistency;
use endpoint_set::EndpointSet;
use index::Index;
use ip_map::IpMap;
pub use load::Loading;

/// Every object there is, as of one revision.
///
/// The objects are shared, so that two catalogs that differ by a few changes cost little more than
/// one.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Catalog {
    revision: Revision,
    cluster: Option<Arc<Cluster>>,
    networks: BTreeMap<Name, Arc<Network>>,
    subnets: BTreeMap<Name, Arc<Subnet>>,
    /// By subnet, then name.
    pools: BTreeMap<Name, BTreeMap<Name, Arc<Pool>>>,
    groups: BTreeMap<Name, Arc<Group>>,
    profiles: BTreeMap<Name, Arc<Profile>>,
    reservations: BTreeMap<Name, Arc<Reservation>>,
    nodes: BTreeMap<Name, Arc<Node>>,
    addresses: IpMap<Arc<Address>>,
    endpoints: EndpointSet,
    tokens: BTreeMap<Name, Arc<Token>>,
    /// By node, whether that is there or not.
    lockouts: BTreeMap<Name, Arc<Lockout>>,
    index: Index,
}

impl Catalog {
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
            Object::Cluster(cluster) => {
                for node in self.nodes.values() {
                    let unreported = node.reported != cluster.epoch;
                    self.index.set_unreported(&node.name, unreported);
                }
                self.cluster = Some(cluster);
            }
            Object::Network(network) => {
                self.index.add_network(&network);
                self.networks.insert(network.name.clone(), network);
            }
            Object::Subnet(subnet) => {
                self.index.add_subnet(&subnet);
                self.subnets.insert(subnet.name.clone(), subnet);
            }
            Object::Pool(pool) => {
                self.index.add_pool(&pool);
                self.pools
                    .entry(pool.subnet.clone())
                    .or_default()
                    .insert(pool.name.clone(), pool);
            }
            Object::Group(group) => {
                self.index.add_group(&group);
                self.groups.insert(group.name.clone(), group);
            }
            Object::Profile(profile) => {
                self.profiles.insert(profile.name.clone(), profile);
            }
            Object::Reservation(reservation) => {
                self.index.add_reservation(&reservation);
                self.reservations
                    .insert(reservation.name.clone(), reservation);
            }
            Object::Node(node) => {
                let unreported = node.reported != self.epoch();
                self.index.set_unreported(&node.name, unreported);
                self.nodes.insert(node.name.clone(), node);
            }
            Object::Address(address) => {
                self.index.add_address(&address);
                self.addresses.insert(address.ip, address);
            }
            Object::Endpoint(endpoint) => {
                self.index.add_endpoint(&endpoint);
                self.endpoints.insert(endpoint);
            }
            Object::Token(token) => {
                self.index.add_token(&token);
                self.tokens.insert(token.name.clone(), token);
            }
            Object::Lockout(lockout) => {
                self.lockouts.insert(lockout.node.clone(), lockout);
            }
            // The past is stored, not kept in memory.
            Object::Holding(_) | Object::Event(_) | Object::Audit(_) => {}
        }
    }

    fn delete(&mut self, key: &Key) {
        match key {
            Key::Cluster => self.cluster = None,
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
            Key::Pool(subnet, name) => {
                if let Some(pools) = self.pools.get_mut(subnet) {
                    if let Some(pool) = pools.remove(name) {
                        self.index.remove_pool(&pool);
                    }
                    if pools.is_empty() {
                        self.pools.remove(subnet);
                    }
                }
            }
            Key::Group(name) => {
                if let Some(group) = self.groups.remove(name) {
                    self.index.remove_group(&group);
                }
            }
            Key::Profile(name) => {
                self.profiles.remove(name);
            }
            Key::Reservation(name) => {
                if let Some(reservation) = self.reservations.remove(name) {
                    self.index.remove_reservation(&reservation);
                }
            }
            Key::Node(name) => {
                self.index.set_unreported(name, false);
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
            Key::Token(name) => {
                if let Some(token) = self.tokens.remove(name) {
                    self.index.remove_token(&token);
                }
            }
            Key::Lockout(node) => {
                self.lockouts.remove(node);
            }
            Key::Holding(..) | Key::Event(_) | Key::Audit(_) => {}
        }
    }

    /// The revision of the last change.
    #[must_use]
    pub fn revision(&self) -> Revision {
        self.revision
    }

    /// The object with that key, if it is one that is kept in memory.
    #[must_use]
    pub fn object(&self, key: &Key) -> Option<Object> {
        match key {
            Key::Cluster => self.cluster.clone().map(Object::Cluster),
            Key::Network(name) => self.network(name).cloned().map(Object::Network),
            Key::Subnet(name) => self.subnet(name).cloned().map(Object::Subnet),
            Key::Pool(subnet, name) => self.pool(subnet, name).cloned().map(Object::Pool),
            Key::Group(name) => self.group(name).cloned().map(Object::Group),
            Key::Profile(name) => self.profile(name).cloned().map(Object::Profile),
            Key::Reservation(name) => self.reservation(name).cloned().map(Object::Reservation),
            Key::Node(name) => self.node(name).cloned().map(Object::Node),
            Key::Address(ip) => self.address(*ip).cloned().map(Object::Address),
            Key::Endpoint(attachment) => self.endpoint(attachment).cloned().map(Object::Endpoint),
            Key::Token(name) => self.token(name).cloned().map(Object::Token),
            Key::Lockout(node) => self.lockout(node).cloned().map(Object::Lockout),
            Key::Holding(..) | Key::Event(_) | Key::Audit(_) => None,
        }
    }

    /// Which cluster it is; none before netmaster's first start.
    #[must_use]
    pub fn cluster(&self) -> Option<&Arc<Cluster>> {
        self.cluster.as_ref()
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

    /// The pool of that subnet and name.
    #[must_use]
    pub fn pool(&self, subnet: &Name, name: &Name) -> Option<&Arc<Pool>> {
        self.pools.get(subnet)?.get(name)
    }

    /// All pools, by subnet and name.
    pub fn pools(&self) -> impl Iterator<Item = &Arc<Pool>> {
        self.pools.values().flat_map(BTreeMap::values)
    }

    /// The pools of one subnet, by name.
    pub fn pools_of(&self, subnet: &Name) -> impl Iterator<Item = &Arc<Pool>> {
        self.pools
            .get(subnet)
            .into_iter()
            .flat_map(BTreeMap::values)
    }

    /// The group of that name.
    #[must_use]
    pub fn group(&self, name: &Name) -> Option<&Arc<Group>> {
        self.groups.get(name)
    }

    /// All groups, by name.
    pub fn groups(&self) -> impl Iterator<Item = &Arc<Group>> {
        self.groups.values()
    }

    /// The groups that may be for pods of `namespace`, or of none, in no order.
    pub(crate) fn groups_near(
        &self,
        namespace: Option<&Name>,
    ) -> impl Iterator<Item = &Arc<Group>> {
        let own = namespace
            .into_iter()
            .flat_map(|name| self.index.groups_of(name));
        own.chain(self.index.wide_groups())
            .filter_map(|name| self.groups.get(name))
    }

    /// The profile of that name.
    #[must_use]
    pub fn profile(&self, name: &Name) -> Option<&Arc<Profile>> {
        self.profiles.get(name)
    }

    /// All profiles, by name.
    pub fn profiles(&self) -> impl Iterator<Item = &Arc<Profile>> {
        self.profiles.values()
    }

    /// The reservation of that name.
    #[must_use]
    pub fn reservation(&self, name: &Name) -> Option<&Arc<Reservation>> {
        self.reservations.get(name)
    }

    /// All reservations, by name.
    pub fn reservations(&self) -> impl Iterator<Item = &Arc<Reservation>> {
        self.reservations.values()
    }

    /// The reservation that has this address.
    #[must_use]
    pub fn reservation_of(&self, ip: IpAddr) -> Option<&Arc<Reservation>> {
        self.reservations.get(self.index.reservation_of(ip)?)
    }

    /// The reservations for that holder, by name.
    pub fn reservations_for(&self, holder: &Holder) -> impl Iterator<Item = &Arc<Reservation>> {
        self.index
            .reservations_for(holder)
            .filter_map(|name| self.reservations.get(name))
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

    /// The token of that name.
    #[must_use]
    pub fn token(&self, name: &Name) -> Option<&Arc<Token>> {
        self.tokens.get(name)
    }

    /// The token whose secret has this digest.
    #[must_use]
    pub fn token_with(&self, digest: &Digest) -> Option<&Arc<Token>> {
        self.tokens.get(self.index.token_with(digest)?)
    }

    /// All tokens, by name.
    pub fn tokens(&self) -> impl Iterator<Item = &Arc<Token>> {
        self.tokens.values()
    }

    /// Which certificates of the node with this name are void; none if none is.
    #[must_use]
    pub fn lockout(&self, node: &Name) -> Option<&Arc<Lockout>> {
        self.lockouts.get(node)
    }

    /// All lockouts, by node.
    pub fn lockouts(&self) -> impl Iterator<Item = &Arc<Lockout>> {
        self.lockouts.values()
    }

    /// How many endpoints have this profile.
    #[must_use]
    pub fn profile_users(&self, profile: &Name) -> u64 {
        self.index.profile_users(profile)
    }

    /// How many addresses are in conflict because this node saw somebody.
    #[must_use]
    pub fn sightings(&self, node: &Name) -> u64 {
        self.index.sightings(node)
    }

    /// How many of a subnet's addresses are in use.
    #[must_use]
    pub fn in_use(&self, subnet: &Name) -> u64 {
        self.index.bound(subnet)
    }
}
