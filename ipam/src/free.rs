//! Free addresses.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use trunkline_types::{AddressRange, Name};

use crate::{Address, Catalog, Change, Edit, Key, Object, Revision, Subnet, ranges};

/// The free addresses of every subnet. It follows from the [`Catalog`] and is never stored.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FreeSpace {
    subnets: BTreeMap<Name, FreeSet>,
}

impl FreeSpace {
    /// The free space that `catalog` leaves.
    #[must_use]
    pub fn of(catalog: &Catalog) -> Self {
        let mut space = Self::default();
        for subnet in catalog.subnets() {
            space.put_subnet(subnet);
        }
        for address in catalog.addresses() {
            space.put_address(address);
        }
        space
    }

    /// The free addresses of one subnet.
    #[must_use]
    pub fn of_subnet(&self, subnet: &Name) -> Option<&FreeSet> {
        self.subnets.get(subnet)
    }

    /// Keeps up with a change of the catalog.
    pub fn apply(&mut self, change: &Change) {
        for edit in change.edits() {
            match edit {
                Edit::Put(Object::Subnet(subnet)) => self.put_subnet(subnet),
                Edit::Put(Object::Address(address)) => self.put_address(address),
                Edit::Delete(Key::Subnet(name)) => {
                    self.subnets.remove(name);
                }
                // Address records are deleted only when their subnet is on its way out.
                Edit::Put(_) | Edit::Delete(_) => {}
            }
        }
    }

    fn put_subnet(&mut self, subnet: &Subnet) {
        if subnet.deleting {
            self.subnets.remove(&subnet.name);
            return;
        }
        let free = FreeSet::new(&subnet.ranges, subnet.gateway);
        self.subnets.insert(subnet.name.clone(), free);
    }

    fn put_address(&mut self, address: &Address) {
        if let Some(free) = self.subnets.get_mut(&address.subnet) {
            if address.is_released() {
                free.release(address.ip, address.revision);
            } else {
                free.take(address.ip);
            }
        }
    }
}

/// The free addresses of one subnet, the longest-free first.
///
/// Addresses that were never handed out are kept as intervals, so that a whole /8 costs as much as
/// a /24; those that came back are kept in the order in which they did. Every operation takes
/// O(log n) of the intervals and returned addresses, whatever the subnet's size or fill.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FreeSet {
    /// Never handed out: each interval's first and last address. They neither overlap nor touch
    /// the gateway.
    fresh: BTreeMap<IpAddr, IpAddr>,
    /// Handed out and returned, by the revision of the return. One change may return two
    /// addresses, hence the address in the key.
    returned: BTreeSet<(Revision, IpAddr)>,
    /// The same the other way round, to find an address in `returned`.
    returned_at: BTreeMap<IpAddr, Revision>,
}

impl FreeSet {
    /// The addresses of `ranges`, which do not overlap, without the gateway.
    #[must_use]
    pub fn new(ranges: &[AddressRange], gateway: IpAddr) -> Self {
        let fresh = ranges.iter().map(|range| (range.first(), range.last()));
        let mut free = Self {
            fresh: fresh.collect(),
            ..Self::default()
        };
        free.take(gateway);
        free
    }

    /// The address that has been free longest: one that never was handed out, else the one
    /// returned first.
    #[must_use]
    pub fn longest_free(&self) -> Option<IpAddr> {
        let fresh = self.fresh.keys().next().copied();
        fresh.or_else(|| self.returned.first().map(|(_, ip)| *ip))
    }

    /// The free addresses within `ranges`, which are in order, the longest-free first.
    pub(crate) fn longest_free_of<'a>(
        &'a self,
        ranges: &[AddressRange],
    ) -> impl Iterator<Item = IpAddr> + use<'a> {
        let fresh: Vec<_> = self
            .fresh
            .iter()
            .filter_map(|(first, last)| AddressRange::new(*first, *last).ok())
            .collect();
        let taken = ranges::without(ranges, &fresh);
        let fresh = ranges::without(ranges, &taken);
        let within = ranges.to_vec();
        let returned = self.returned.iter().map(|(_, ip)| *ip);
        fresh
            .into_iter()
            .flat_map(ranges::each)
            .chain(returned.filter(move |ip| ranges::contain(&within, *ip)))
    }

    /// Removes `ip`, if it is free.
    pub fn take(&mut self, ip: IpAddr) {
        if let Some(revision) = self.returned_at.remove(&ip) {
            self.returned.remove(&(revision, ip));
            return;
        }
        let Some((&first, &last)) = self.fresh.range(..=ip).next_back() else {
            return;
        };
        if ip > last {
            return;
        }
        self.fresh.remove(&first);
        if let Some(before) = predecessor(ip).filter(|before| *before >= first) {
            self.fresh.insert(first, before);
        }
        if let Some(after) = successor(ip).filter(|after| *after <= last) {
            self.fresh.insert(after, last);
        }
    }

    /// Adds `ip` as one that was returned at `revision`.
    pub fn release(&mut self, ip: IpAddr, revision: Revision) {
        self.take(ip);
        self.returned.insert((revision, ip));
        self.returned_at.insert(ip, revision);
    }
}

/// The address after `ip`; none after the family's last.
pub(crate) fn successor(ip: IpAddr) -> Option<IpAddr> {
    match ip {
        IpAddr::V4(ip) => u32::from(ip).checked_add(1).map(|n| IpAddr::V4(n.into())),
        IpAddr::V6(ip) => u128::from(ip).checked_add(1).map(|n| IpAddr::V6(n.into())),
    }
}

/// The address before `ip`; none before the family's first.
pub(crate) fn predecessor(ip: IpAddr) -> Option<IpAddr> {
    match ip {
        IpAddr::V4(ip) => u32::from(ip).checked_sub(1).map(|n| IpAddr::V4(n.into())),
        IpAddr::V6(ip) => u128::from(ip).checked_sub(1).map(|n| IpAddr::V6(n.into())),
    }
}

#[cfg(test)]
mod tests;
