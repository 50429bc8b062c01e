//! What allocation asks of the catalog.

use std::net::IpAddr;
use std::sync::Arc;

use trunkline_types::{MacAddr, Name};

use super::Catalog;
use crate::{Address, AddressState, Endpoint, Epoch, Node, Placement, Subnet, mac};

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
}
