//! What planning asks of the catalog.

use std::net::IpAddr;
use std::sync::Arc;

use trunkline_types::{AddressRange, Cidr, LabelValue, MacAddr, Name, VlanId};

use super::Catalog;
use crate::{Address, AddressState, Endpoint, Epoch, Group, Node, Placement, Pool, Subnet, mac};

impl Catalog {
    /// The endpoints on a node, by attachment.
    pub fn endpoints_on<'a>(
        &'a self,
        node: &Name,
    ) -> impl Iterator<Item = &'a Arc<Endpoint>> + use<'a> {
        self.index.holdings().endpoints_on(node)
    }

    /// The addresses leased to a node, in order.
    pub fn leased_to(&self, node: &Name) -> impl Iterator<Item = &Arc<Address>> {
        let held = self.index.holdings().held_by(node);
        let records = held.filter_map(|ip| self.addresses.get(&ip));
        records.filter(|address| matches!(address.state, AddressState::Leased { .. }))
    }

    /// How many of a subnet's addresses are leased to nodes.
    #[must_use]
    pub fn leased(&self, subnet: &Name) -> u64 {
        let leased = self.index.holdings().leased_of(subnet);
        leased.map_or(0, |ips| u64::try_from(ips.len()).unwrap_or(u64::MAX))
    }

    /// The subnets that have leased addresses, and these.
    pub(crate) fn lenders(
        &self,
    ) -> impl Iterator<Item = (&Arc<Subnet>, impl Iterator<Item = &Arc<Address>>)> {
        self.index.holdings().lenders().filter_map(|(name, ips)| {
            let leases = ips.iter().filter_map(|ip| self.addresses.get(ip));
            Some((self.subnets.get(name)?, leases))
        })
    }

    /// The subnets of `network` that `node` may use: those of its rack, then those whose selector
    /// matches it, then those for all; each by name. Those that are being deleted are left out.
    pub(crate) fn usable<'a>(
        &'a self,
        network: &Name,
        node: &'a Node,
    ) -> impl Iterator<Item = &'a Arc<Subnet>> {
        let here = Placement::Rack(node.rack.clone());
        let mut chosen: Vec<_> = self.index.subnets_at(network, &here).collect();
        let by_rack = chosen.len();
        let mut anywhere = None;
        for (placement, names) in self.index.rackless(network) {
            match placement {
                Placement::Anywhere => anywhere = Some(names),
                _ if placement.admits(node) => chosen.extend(names),
                _ => {}
            }
        }
        // Several selectors may match; among them the name decides.
        chosen[by_rack..].sort_unstable();
        chosen
            .into_iter()
            .chain(anywhere.into_iter().flatten())
            .filter_map(|name| self.subnets.get(name))
            .filter(|subnet| !subnet.deleting)
    }

    /// The subnets that have a pool of that name.
    pub(crate) fn subnets_with_pool(&self, pool: &Name) -> impl Iterator<Item = &Arc<Subnet>> {
        let names = self.index.subnets_with_pool(pool);
        names.filter_map(|name| self.subnets.get(name))
    }

    /// The address that goes with `mac` on `network`, if anybody has it there.
    pub(crate) fn mac_holder(&self, network: &Name, mac: MacAddr) -> Option<IpAddr> {
        self.index.holdings().odd_mac(network, mac).or_else(|| {
            let ip = IpAddr::V4(mac::ip_of(mac)?);
            let address = self.addresses.get(&ip)?;
            let follows = match &address.state {
                AddressState::Bound { attachment } => self
                    .endpoints
                    .get(attachment)
                    .is_some_and(|endpoint| endpoint.mac == mac),
                AddressState::Leased { .. } | AddressState::Node { .. } => true,
                AddressState::Released { .. } => false,
            };
            (follows && address.network == *network).then_some(ip)
        })
    }

    /// The address that keeps `mac` from being derived on `network`: only somebody to whom it was
    /// given as it is can have it.
    pub(crate) fn odd_mac_holder(&self, network: &Name, mac: MacAddr) -> Option<IpAddr> {
        self.index.holdings().odd_mac(network, mac)
    }

    /// The cluster's epoch; the first one before the cluster is founded.
    #[must_use]
    pub fn epoch(&self) -> Epoch {
        self.cluster
            .as_ref()
            .map_or_else(Epoch::default, |c| c.epoch)
    }

    /// The nodes that have not reported in the cluster's epoch, by name.
    pub fn unreported(&self) -> impl Iterator<Item = &Arc<Node>> {
        self.index
            .unreported()
            .filter_map(|name| self.nodes.get(name))
    }

    pub(crate) fn network_with_vlan(
        &self,
        fabric: Option<&LabelValue>,
        vlan: VlanId,
    ) -> Option<&Name> {
        self.index.network_with_vlan(fabric, vlan)
    }

    /// The names of a network's subnets, those of one rack after the other.
    pub(crate) fn subnets_of(&self, network: &Name) -> impl Iterator<Item = &Name> {
        self.index.subnets_of(network)
    }

    /// The placements for which a network has subnets.
    pub(crate) fn placements_of(&self, network: &Name) -> impl Iterator<Item = &Placement> {
        self.index.placements_of(network)
    }

    /// A subnet, other than `own`, that has addresses in common with `cidr`, if there is one.
    pub(crate) fn subnet_overlapping(&self, cidr: Cidr, own: &Name) -> Option<&Arc<Subnet>> {
        self.index
            .neighbours(cidr)
            .filter_map(|name| self.subnets.get(name))
            .find(|subnet| subnet.name != *own && subnet.cidr.overlaps(cidr))
    }

    /// The subnet that `ip` is of, if there is one.
    #[must_use]
    pub fn subnet_of(&self, ip: IpAddr) -> Option<&Arc<Subnet>> {
        let subnet = self.subnets.get(self.index.subnet_from(ip)?)?;
        subnet.cidr.contains(ip).then_some(subnet)
    }

    /// The reserved addresses of a subnet, and the names of their reservations.
    pub(crate) fn reserved_in(&self, cidr: Cidr) -> impl Iterator<Item = (IpAddr, &Name)> {
        self.index.reserved_in(cidr)
    }

    /// How many addresses of a subnet cannot be given to whoever comes: those that are in use, and
    /// of those that would be handed out otherwise the ones that are reserved.
    #[must_use]
    pub fn taken(&self, subnet: &Subnet) -> u64 {
        let idle = self.reserved_in(subnet.cidr).filter(|(ip, _)| {
            let record = self.addresses.get(ip);
            subnet.hands_out(*ip) && record.is_none_or(|address| address.is_released())
        });
        let idle = u64::try_from(idle.count()).unwrap_or(u64::MAX);
        self.in_use(&subnet.name).saturating_add(idle)
    }

    /// The reservation that pins this MAC address on that network.
    pub(crate) fn pinned_by(&self, network: &Name, mac: MacAddr) -> Option<&Name> {
        self.index.pinned_by(network, mac)
    }

    /// The groups that bind `pool` where no other subnet has a pool of that name for them.
    pub(crate) fn groups_relying_on(&self, pool: &Pool) -> impl Iterator<Item = &Arc<Group>> {
        self.groups.values().filter(move |group| {
            group.pool.as_ref() == Some(&pool.name)
                && !self.has_pool(group.network.as_ref(), &pool.name, Some(&pool.subnet))
        })
    }

    /// Whether a subnet of `network`, or of any, that is not being deleted and is not `without`
    /// has a pool of that name.
    pub(crate) fn has_pool(
        &self,
        network: Option<&Name>,
        pool: &Name,
        without: Option<&Name>,
    ) -> bool {
        self.index
            .subnets_with_pool(pool)
            .filter(|subnet| Some(*subnet) != without)
            .filter_map(|subnet| self.subnets.get(subnet))
            .any(|subnet| {
                !subnet.deleting && network.is_none_or(|network| subnet.network == *network)
            })
    }

    /// The node that somebody has `address` on; none if nobody has it.
    pub(crate) fn holder_node<'a>(&'a self, address: &'a Address) -> Option<&'a Name> {
        match &address.state {
            AddressState::Bound { attachment } => self.endpoint(attachment).map(|e| &e.node),
            _ => address.held_by(),
        }
    }

    /// The records of a subnet's addresses.
    pub(crate) fn addresses_in(&self, cidr: Cidr) -> impl Iterator<Item = &Arc<Address>> {
        self.addresses.range(cidr.network()..=cidr.last())
    }

    /// The records of a subnet's addresses that somebody has.
    pub(crate) fn live_in(&self, cidr: Cidr) -> impl Iterator<Item = &Arc<Address>> {
        self.addresses_in(cidr)
            .filter(|address| !address.is_released())
    }

    /// The records of a range's addresses that somebody has.
    pub(crate) fn live_between(&self, range: AddressRange) -> impl Iterator<Item = &Arc<Address>> {
        self.addresses
            .range(range.first()..=range.last())
            .filter(|address| !address.is_released())
    }

    /// The records of all addresses on a node: its endpoints', its leases, and its own.
    pub(crate) fn addresses_on(&self, node: &Name) -> impl Iterator<Item = &Arc<Address>> {
        let endpoints = self.endpoints_on(node);
        let bound = endpoints.flat_map(|endpoint| &endpoint.addresses);
        let held = self.index.holdings().held_by(node);
        (bound.map(|address| address.ip).chain(held)).filter_map(|ip| self.addresses.get(&ip))
    }
}
