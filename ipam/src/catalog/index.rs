//! The catalog's second ways in: each is kept up with every put and delete, so that no rule has to
//! walk all objects.

mod holdings;

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::sync::Arc;

use trunkline_types::{Cidr, LabelValue, MacAddr, Name, Selector, VlanId};

use crate::{
    Address, Digest, Endpoint, Group, Holder, Network, Placement, Pool, Reservation, Subnet, Token,
};

pub(super) use holdings::Holdings;

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Index {
    /// Fabric → VLAN → network.
    vlans: BTreeMap<(Option<LabelValue>, VlanId), Name>,
    /// Network → placement → subnets.
    places: BTreeMap<Name, BTreeMap<Placement, BTreeSet<Name>>>,
    /// Subnets by their first address. No two overlap, so this is also the order of their last
    /// ones.
    starts: BTreeMap<IpAddr, Name>,
    /// Pool → the subnets that have one of that name.
    pools: BTreeMap<Name, BTreeSet<Name>>,
    /// Profile → how many endpoints have it. Profiles of none are left out.
    profiles: BTreeMap<Name, u64>,
    /// Network and pinned MAC address → the reservation that pins it.
    pins: BTreeMap<(Name, MacAddr), Name>,
    /// Namespace → the groups that are for it, or for some pods of it.
    namespaces: BTreeMap<Name, BTreeSet<Name>>,
    /// The groups that are for all namespaces.
    wide: BTreeSet<Name>,
    /// Reserved address → reservation.
    reserved: BTreeMap<IpAddr, Name>,
    /// Holder → its reservations.
    holders: BTreeMap<Holder, BTreeSet<Name>>,
    /// Subnet → how many of its addresses are in use. Subnets without any are left out.
    bound: BTreeMap<Name, u64>,
    /// Node → how many addresses are in conflict because it saw somebody. Nodes of none are left out.
    sightings: BTreeMap<Name, u64>,
    /// Digest of a secret → its token.
    secrets: BTreeMap<Digest, Name>,
    /// Who has what.
    holdings: Holdings,
    /// The nodes that have not reported in the cluster's epoch.
    unreported: BTreeSet<Name>,
}

impl Index {
    pub(super) fn add_network(&mut self, network: &Network) {
        let vlan = (network.fabric().cloned(), network.vlan);
        self.vlans.insert(vlan, network.name.clone());
    }

    pub(super) fn remove_network(&mut self, network: &Network) {
        let vlan = (network.fabric().cloned(), network.vlan);
        remove_own(&mut self.vlans, &vlan, &network.name);
    }

    pub(super) fn add_subnet(&mut self, subnet: &Subnet) {
        self.places
            .entry(subnet.network.clone())
            .or_default()
            .entry(subnet.placement.clone())
            .or_default()
            .insert(subnet.name.clone());
        self.starts
            .insert(subnet.cidr.network(), subnet.name.clone());
    }

    pub(super) fn remove_subnet(&mut self, subnet: &Subnet) {
        if let Some(places) = self.places.get_mut(&subnet.network) {
            if let Some(names) = places.get_mut(&subnet.placement) {
                names.remove(&subnet.name);
                if names.is_empty() {
                    places.remove(&subnet.placement);
                }
            }
            if places.is_empty() {
                self.places.remove(&subnet.network);
            }
        }
        remove_own(&mut self.starts, &subnet.cidr.network(), &subnet.name);
    }

    pub(super) fn add_address(&mut self, address: &Address) {
        if let Some(conflict) = &address.conflict {
            *self.sightings.entry(conflict.node.clone()).or_default() += 1;
        }
        if !address.is_released() {
            *self.bound.entry(address.subnet.clone()).or_default() += 1;
        }
        self.holdings.add_address(address);
    }

    pub(super) fn remove_address(&mut self, address: &Address) {
        self.holdings.remove_address(address);
        if let Some(conflict) = &address.conflict
            && let Some(count) = self.sightings.get_mut(&conflict.node)
        {
            *count -= 1;
            if *count == 0 {
                self.sightings.remove(&conflict.node);
            }
        }
        if address.is_released() {
            return;
        }
        if let Some(count) = self.bound.get_mut(&address.subnet) {
            *count -= 1;
            if *count == 0 {
                self.bound.remove(&address.subnet);
            }
        }
    }

    pub(super) fn sightings(&self, node: &Name) -> u64 {
        self.sightings.get(node).copied().unwrap_or_default()
    }

    pub(super) fn add_endpoint(&mut self, endpoint: &Arc<Endpoint>) {
        self.holdings.add_endpoint(endpoint);
        self.count_profile(endpoint);
    }

    /// Adds all endpoints of `node`, which had none.
    pub(super) fn add_endpoints(&mut self, node: &Name, endpoints: Vec<Arc<Endpoint>>) {
        for endpoint in &endpoints {
            self.count_profile(endpoint);
        }
        self.holdings.add_endpoints(node, endpoints);
    }

    fn count_profile(&mut self, endpoint: &Endpoint) {
        if let Some(profile) = &endpoint.profile {
            *self.profiles.entry(profile.clone()).or_default() += 1;
        }
    }

    pub(super) fn remove_endpoint(&mut self, endpoint: &Endpoint) {
        self.holdings.remove_endpoint(endpoint);
        if let Some(profile) = &endpoint.profile
            && let Some(count) = self.profiles.get_mut(profile)
        {
            *count -= 1;
            if *count == 0 {
                self.profiles.remove(profile);
            }
        }
    }

    pub(super) fn add_token(&mut self, token: &Token) {
        self.secrets.insert(token.digest, token.name.clone());
    }

    pub(super) fn remove_token(&mut self, token: &Token) {
        self.secrets.remove(&token.digest);
    }

    pub(super) fn token_with(&self, digest: &Digest) -> Option<&Name> {
        self.secrets.get(digest)
    }

    pub(super) fn add_pool(&mut self, pool: &Pool) {
        self.pools
            .entry(pool.name.clone())
            .or_default()
            .insert(pool.subnet.clone());
    }

    pub(super) fn remove_pool(&mut self, pool: &Pool) {
        if let Some(subnets) = self.pools.get_mut(&pool.name) {
            subnets.remove(&pool.subnet);
            if subnets.is_empty() {
                self.pools.remove(&pool.name);
            }
        }
    }

    pub(super) fn subnets_with_pool(&self, pool: &Name) -> impl Iterator<Item = &Name> {
        self.pools.get(pool).into_iter().flatten()
    }

    pub(super) fn profile_users(&self, profile: &Name) -> u64 {
        self.profiles.get(profile).copied().unwrap_or_default()
    }

    pub(super) fn pinned_by(&self, network: &Name, mac: MacAddr) -> Option<&Name> {
        self.pins.get(&(network.clone(), mac))
    }

    pub(super) fn add_group(&mut self, group: &Group) {
        match group.scope.namespaces() {
            None => {
                self.wide.insert(group.name.clone());
            }
            Some(namespaces) => {
                for namespace in namespaces {
                    self.namespaces
                        .entry(namespace.clone())
                        .or_default()
                        .insert(group.name.clone());
                }
            }
        }
    }

    pub(super) fn remove_group(&mut self, group: &Group) {
        self.wide.remove(&group.name);
        for namespace in group.scope.namespaces().into_iter().flatten() {
            if let Some(groups) = self.namespaces.get_mut(namespace) {
                groups.remove(&group.name);
                if groups.is_empty() {
                    self.namespaces.remove(namespace);
                }
            }
        }
    }

    pub(super) fn add_reservation(&mut self, reservation: &Reservation) {
        for address in &reservation.addresses {
            self.reserved.insert(address.ip, reservation.name.clone());
            if let Some(mac) = address.mac {
                let pin = (reservation.network.clone(), mac);
                self.pins.insert(pin, reservation.name.clone());
            }
        }
        self.holders
            .entry(reservation.holder.clone())
            .or_default()
            .insert(reservation.name.clone());
    }

    pub(super) fn remove_reservation(&mut self, reservation: &Reservation) {
        for address in &reservation.addresses {
            remove_own(&mut self.reserved, &address.ip, &reservation.name);
            if let Some(mac) = address.mac {
                let pin = (reservation.network.clone(), mac);
                remove_own(&mut self.pins, &pin, &reservation.name);
            }
        }
        if let Some(names) = self.holders.get_mut(&reservation.holder) {
            names.remove(&reservation.name);
            if names.is_empty() {
                self.holders.remove(&reservation.holder);
            }
        }
    }

    pub(super) fn wide_groups(&self) -> impl Iterator<Item = &Name> {
        self.wide.iter()
    }

    pub(super) fn groups_of(&self, namespace: &Name) -> impl Iterator<Item = &Name> {
        self.namespaces.get(namespace).into_iter().flatten()
    }

    pub(super) fn reservation_of(&self, ip: IpAddr) -> Option<&Name> {
        self.reserved.get(&ip)
    }

    pub(super) fn reservations_for(&self, holder: &Holder) -> impl Iterator<Item = &Name> {
        self.holders.get(holder).into_iter().flatten()
    }

    pub(super) fn network_with_vlan(
        &self,
        fabric: Option<&LabelValue>,
        vlan: VlanId,
    ) -> Option<&Name> {
        self.vlans.get(&(fabric.cloned(), vlan))
    }

    pub(super) fn subnets_of(&self, network: &Name) -> impl Iterator<Item = &Name> {
        self.places
            .get(network)
            .into_iter()
            .flat_map(BTreeMap::values)
            .flatten()
    }

    pub(super) fn subnets_at(
        &self,
        network: &Name,
        placement: &Placement,
    ) -> impl Iterator<Item = &Name> {
        self.places
            .get(network)
            .and_then(|places| places.get(placement))
            .into_iter()
            .flatten()
    }

    pub(super) fn placements_of(&self, network: &Name) -> impl Iterator<Item = &Placement> {
        self.places
            .get(network)
            .into_iter()
            .flat_map(BTreeMap::keys)
    }

    /// The network's subnets that belong to no rack, by placement. The racks come before them in
    /// the map and are not walked: there may be thousands.
    pub(super) fn rackless(
        &self,
        network: &Name,
    ) -> impl Iterator<Item = (&Placement, &BTreeSet<Name>)> {
        let first = Placement::Nodes(Selector::default());
        let places = self.places.get(network).into_iter();
        places.flat_map(move |places| places.range(first.clone()..))
    }

    /// The only subnets that can have addresses in common with `cidr`: the last one that starts
    /// before it and those that start in it.
    pub(super) fn neighbours(&self, cidr: Cidr) -> impl Iterator<Item = &Name> {
        let before = self.starts.range(..cidr.network()).next_back();
        let inside = self.starts.range(cidr.network()..=cidr.last());
        before.into_iter().chain(inside).map(|(_, name)| name)
    }

    /// The only subnet that can have `ip`.
    pub(super) fn subnet_from(&self, ip: IpAddr) -> Option<&Name> {
        let (_, name) = self.starts.range(..=ip).next_back()?;
        Some(name)
    }

    pub(super) fn reserved_in(&self, cidr: Cidr) -> impl Iterator<Item = (IpAddr, &Name)> {
        let reserved = self.reserved.range(cidr.network()..=cidr.last());
        reserved.map(|(ip, name)| (*ip, name))
    }

    pub(super) fn bound(&self, subnet: &Name) -> u64 {
        self.bound.get(subnet).copied().unwrap_or_default()
    }

    pub(super) fn holdings(&self) -> &Holdings {
        &self.holdings
    }

    /// Keeps in mind whether a node has yet to report.
    pub(super) fn set_unreported(&mut self, node: &Name, unreported: bool) {
        if unreported {
            self.unreported.insert(node.clone());
        } else {
            self.unreported.remove(node);
        }
    }

    pub(super) fn unreported(&self) -> impl Iterator<Item = &Name> {
        self.unreported.iter()
    }
}

/// Removes the entry that leads to `own`. One that leads elsewhere stays: the edits of a batch come
/// in the order of their keys, so what takes an object's place may be there before the object goes.
fn remove_own<K: Ord>(map: &mut BTreeMap<K, Name>, key: &K, own: &Name) {
    if map.get(key) == Some(own) {
        map.remove(key);
    }
}
