//! Who has which addresses and MAC addresses.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

use trunkline_types::{MacAddr, Name};

use crate::catalog::endpoint_set::EndpointSet;
use crate::{Address, AddressState, Endpoint, derived_mac, mac_of};

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(in crate::catalog) struct Holdings {
    /// Node → the endpoints on it.
    on_node: BTreeMap<Name, EndpointSet>,
    /// Node → the addresses that it leases or has for itself.
    held: BTreeMap<Name, BTreeSet<IpAddr>>,
    /// Subnet → its leased addresses.
    leased_of: BTreeMap<Name, BTreeSet<IpAddr>>,
    /// Network, MAC address, and who has it: those MAC addresses that do not follow from an IPv4
    /// address of their own. The others are unique because the address is, and need no entry.
    macs: BTreeSet<(Name, MacAddr, MacUse)>,
}

/// Who has a MAC address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum MacUse {
    /// The endpoint with this address.
    Endpoint(IpAddr),
    /// Whoever will have this address, which a node has leased or for itself.
    Ahead(IpAddr),
}

impl Holdings {
    pub(super) fn add_address(&mut self, address: &Address) {
        if let Some(node) = address.held_by() {
            insert(&mut self.held, node, address.ip);
        }
        if let AddressState::Leased { .. } = &address.state {
            insert(&mut self.leased_of, &address.subnet, address.ip);
        }
        self.macs.extend(ahead(address));
    }

    pub(super) fn remove_address(&mut self, address: &Address) {
        if let Some(node) = address.held_by() {
            remove(&mut self.held, node, address.ip);
        }
        if let AddressState::Leased { .. } = &address.state {
            remove(&mut self.leased_of, &address.subnet, address.ip);
        }
        if let Some(ahead) = ahead(address) {
            self.macs.remove(&ahead);
        }
    }

    pub(super) fn add_endpoint(&mut self, endpoint: &Arc<Endpoint>) {
        let on_node = self.on_node.entry(endpoint.node.clone()).or_default();
        on_node.insert(endpoint.clone());
        self.macs.extend(own(endpoint));
    }

    /// Adds all endpoints of `node`, which had none.
    pub(super) fn add_endpoints(&mut self, node: &Name, endpoints: Vec<Arc<Endpoint>>) {
        self.macs
            .extend(endpoints.iter().filter_map(|endpoint| own(endpoint)));
        self.on_node
            .insert(node.clone(), endpoints.into_iter().collect());
    }

    pub(super) fn remove_endpoint(&mut self, endpoint: &Endpoint) {
        if let Some(on_node) = self.on_node.get_mut(&endpoint.node) {
            on_node.remove(&endpoint.attachment);
            if on_node.is_empty() {
                self.on_node.remove(&endpoint.node);
            }
        }
        if let Some(own) = own(endpoint) {
            self.macs.remove(&own);
        }
    }

    pub(in crate::catalog) fn endpoints_on<'a>(
        &'a self,
        node: &Name,
    ) -> impl Iterator<Item = &'a Arc<Endpoint>> + use<'a> {
        let on_node = self.on_node.get(node).into_iter();
        on_node.flat_map(EndpointSet::values)
    }

    pub(in crate::catalog) fn held_by(&self, node: &Name) -> impl Iterator<Item = IpAddr> {
        self.held.get(node).into_iter().flatten().copied()
    }

    pub(in crate::catalog) fn leased_of(&self, subnet: &Name) -> Option<&BTreeSet<IpAddr>> {
        self.leased_of.get(subnet)
    }

    /// The subnets that have leased addresses.
    pub(in crate::catalog) fn lenders(&self) -> impl Iterator<Item = (&Name, &BTreeSet<IpAddr>)> {
        self.leased_of.iter()
    }

    /// The address that goes with `mac` on `network`, if that does not follow from the MAC address.
    pub(in crate::catalog) fn odd_mac(&self, network: &Name, mac: MacAddr) -> Option<IpAddr> {
        let lowest = MacUse::Endpoint(IpAddr::V4(Ipv4Addr::UNSPECIFIED));
        let from = (network.clone(), mac, lowest);
        let (_, _, found) = self
            .macs
            .range(from..)
            .next()
            .filter(|(of, used, _)| of == network && *used == mac)?;
        match found {
            MacUse::Endpoint(ip) | MacUse::Ahead(ip) => Some(*ip),
        }
    }
}

/// The entry of an endpoint whose MAC address does not follow from its IPv4 address.
fn own(endpoint: &Endpoint) -> Option<(Name, MacAddr, MacUse)> {
    let first = endpoint.addresses.first()?.ip;
    let follows = endpoint.addresses.iter().any(|address| match address.ip {
        IpAddr::V4(ip) => endpoint.mac == mac_of(ip),
        IpAddr::V6(_) => false,
    });
    (!follows).then(|| {
        (
            endpoint.network.clone(),
            endpoint.mac,
            MacUse::Endpoint(first),
        )
    })
}

/// The entry of an IPv6 address that a node has: whether an IPv4 address goes with it, and so
/// decides, is not in the books, so its own is kept free as well.
fn ahead(address: &Address) -> Option<(Name, MacAddr, MacUse)> {
    let holds = matches!(
        address.state,
        AddressState::Leased { .. } | AddressState::Node { .. }
    );
    (holds && address.ip.is_ipv6()).then(|| {
        let mac = derived_mac(address.ip);
        (address.network.clone(), mac, MacUse::Ahead(address.ip))
    })
}

fn insert(map: &mut BTreeMap<Name, BTreeSet<IpAddr>>, key: &Name, ip: IpAddr) {
    map.entry(key.clone()).or_default().insert(ip);
}

fn remove(map: &mut BTreeMap<Name, BTreeSet<IpAddr>>, key: &Name, ip: IpAddr) {
    if let Some(ips) = map.get_mut(key) {
        ips.remove(&ip);
        if ips.is_empty() {
            map.remove(key);
        }
    }
}
