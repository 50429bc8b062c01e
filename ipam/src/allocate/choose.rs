//! Choosing any free address.

use std::net::IpAddr;
use std::sync::Arc;

use trunkline_types::{MacAddr, Name, Pod};

use super::{NoSpace, check_gate};
use crate::{FreeSet, Ledger, Listing, Node, Placement, Policy, Subnet, Timestamp, derived_mac};

/// What any free address is looked for with.
#[derive(Clone, Copy)]
pub(crate) struct Search<'a> {
    pub(crate) ledger: &'a Ledger,
    pub(crate) node: &'a Node,
    pub(crate) network: &'a Name,
    /// The pool it must be of; without one it is of none.
    pub(crate) pool: Option<&'a Name>,
    /// Whose the cool-down of an address need not be waited for.
    pub(crate) owner: Option<&'a Pod>,
    /// Whether the MAC address will follow from the address, and so must not be taken.
    pub(crate) derives_mac: bool,
    pub(crate) policy: &'a Policy,
    pub(crate) now: Timestamp,
}

/// The families for which a network has a subnet that a node may use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Families {
    v4: bool,
    v6: bool,
}

impl Families {
    pub(crate) fn is_none(self) -> bool {
        !self.v4 && !self.v6
    }

    pub(crate) fn has(self, is_v4: bool) -> bool {
        if is_v4 { self.v4 } else { self.v6 }
    }
}

/// The MAC address of an interface with these addresses, IPv4 first.
pub(crate) fn derived(mut ips: impl Iterator<Item = IpAddr>) -> MacAddr {
    // An interface has an address; the fallback is one that nobody may have.
    ips.next().map_or(MacAddr::BROADCAST, derived_mac)
}

impl<'a> Search<'a> {
    pub(crate) fn families(&self) -> Families {
        let mut families = Families {
            v4: false,
            v6: false,
        };
        for subnet in self.usable() {
            match subnet.cidr.network() {
                IpAddr::V4(_) => families.v4 = true,
                IpAddr::V6(_) => families.v6 = true,
            }
            if families.v4 && families.v6 {
                break;
            }
        }
        families
    }

    fn usable(&self) -> impl Iterator<Item = &'a Arc<Subnet>> {
        let catalog = self.ledger.catalog();
        catalog.usable(self.network, self.node)
    }

    /// The subnets of one family that have the pool, and the set to choose from in each.
    pub(crate) fn sets(&self, is_v4: bool) -> impl Iterator<Item = (&'a Arc<Subnet>, &'a FreeSet)> {
        let Self { ledger, pool, .. } = *self;
        self.usable().filter_map(move |subnet| {
            let space = ledger.free().of_subnet(&subnet.name)?;
            (space.is_v4() == is_v4).then_some(())?;
            Some((subnet, space.set(pool)?))
        })
    }

    /// An address of the family and its subnet: the longest-free one of the first subnet that has
    /// any. If there is none but one that the owner itself released lately, it is that.
    pub(crate) fn pick(&self, is_v4: bool) -> Result<(IpAddr, &'a Arc<Subnet>), NoSpace> {
        let mut closed = None;
        let mut open = Vec::new();
        for (subnet, set) in self.sets(is_v4) {
            if set.is_empty() {
                continue;
            }
            if let Err(error) = check_gate(self.ledger.catalog(), subnet, self.policy, self.now) {
                closed.get_or_insert(error);
                continue;
            }
            let mut ready = set.ready(self.policy, self.now);
            if let Some(ip) = ready.find(|ip| self.mac_is_free(*ip)) {
                return Ok((ip, subnet));
            }
            open.push((subnet, set));
        }
        let own = open.iter().find_map(|(subnet, set)| {
            let ip = set.last_of(self.owner?).find(|ip| self.was_owner(*ip))?;
            Some((ip, *subnet))
        });
        own.ok_or_else(|| closed.unwrap_or_else(|| self.full(is_v4)))
    }

    pub(crate) fn mac_is_free(&self, ip: IpAddr) -> bool {
        let catalog = self.ledger.catalog();
        let taken = || {
            catalog
                .odd_mac_holder(self.network, derived_mac(ip))
                .is_some()
        };
        !self.derives_mac || !taken()
    }

    /// Whether the owner is who had `ip` last, and not somebody whose name has the same hash.
    fn was_owner(&self, ip: IpAddr) -> bool {
        let address = self.ledger.catalog().address(ip);
        let last = address.and_then(|address| address.last_owner());
        last.is_some() && last == self.owner && self.mac_is_free(ip)
    }

    /// Why no address of the family is found.
    fn full(&self, is_v4: bool) -> NoSpace {
        let sets = || self.sets(is_v4);
        if let (Some(pool), None) = (self.pool, sets().next()) {
            return NoSpace::NoPool {
                network: self.network.clone(),
                pool: pool.clone(),
                rack: self.node.rack.clone(),
            };
        }
        let total = |of: &dyn Fn(&FreeSet) -> u64| {
            sets().fold(0_u64, |sum, (_, set)| sum.saturating_add(of(set)))
        };
        let capacity = total(&FreeSet::capacity);
        NoSpace::Full {
            network: self.network.clone(),
            rack: self.node.rack.clone(),
            subnets: Listing::of(sets().map(|(subnet, _)| match self.pool {
                Some(pool) => format!("{}/{pool}", subnet.name),
                None => subnet.name.to_string(),
            })),
            taken: capacity.saturating_sub(total(&FreeSet::free)),
            capacity,
            cooling: total(&|set| set.cooling(self.policy, self.now)),
        }
    }

    /// Why there is no subnet of any family for the node.
    pub(crate) fn nowhere(&self) -> NoSpace {
        let catalog = self.ledger.catalog();
        let places = Listing::of(catalog.placements_of(self.network).map(place));
        if places.is_empty() {
            return NoSpace::NoSubnet {
                network: self.network.clone(),
            };
        }
        NoSpace::NoSubnetForRack {
            network: self.network.clone(),
            places,
            node: self.node.name.clone(),
            rack: self.node.rack.clone(),
        }
    }
}

/// A placement in words.
pub(crate) fn place(placement: &Placement) -> String {
    match placement {
        Placement::Rack(rack) => format!("rack {rack}"),
        Placement::Nodes(selector) => format!("nodes {selector}"),
        Placement::Anywhere => "all nodes".to_owned(),
    }
}
