//! Free addresses.

mod set;

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use trunkline_types::{AddressRange, Name};

use crate::{Catalog, Change, Edit, Key, Object, Subnet, ranges};

pub use set::FreeSet;

/// The free addresses of every subnet. It follows from the [`Catalog`] and is never stored.
///
/// It holds no clock: that an address was released lately, and so is kept for its last owner, is
/// found when it is asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FreeSpace {
    subnets: BTreeMap<Name, SubnetSpace>,
}

/// The free addresses of one subnet: those that anybody may get, and apart from them those of each
/// pool. What is in use, reserved or in conflict is in none of the sets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SubnetSpace {
    is_v4: bool,
    /// Which set an address belongs to when it is free: the first address of each interval, its
    /// last one, and its pool.
    layout: BTreeMap<IpAddr, (IpAddr, Option<Name>)>,
    general: FreeSet,
    pools: BTreeMap<Name, FreeSet>,
}

/// What a change may have made of free space, as known before it.
#[derive(Debug, Default)]
pub(crate) struct Touched {
    subnets: BTreeSet<Name>,
    addresses: BTreeSet<IpAddr>,
}

impl FreeSpace {
    /// The free space that `catalog` leaves.
    #[must_use]
    pub fn of(catalog: &Catalog) -> Self {
        let open = catalog.subnets().filter(|subnet| !subnet.deleting);
        let spaces = open.map(|subnet| {
            let space = SubnetSpace::of(catalog, subnet);
            (subnet.name.clone(), space)
        });
        Self {
            subnets: spaces.collect(),
        }
    }

    /// The free addresses of one subnet; none while it is being deleted.
    #[must_use]
    pub fn of_subnet(&self, subnet: &Name) -> Option<&SubnetSpace> {
        self.subnets.get(subnet)
    }

    /// Keeps up with a change that touched `touched` and is in `catalog` now.
    pub(crate) fn refresh(&mut self, catalog: &Catalog, touched: &Touched) {
        for name in &touched.subnets {
            match catalog.subnet(name).filter(|subnet| !subnet.deleting) {
                Some(subnet) => {
                    let space = SubnetSpace::of(catalog, subnet);
                    self.subnets.insert(name.clone(), space);
                }
                None => {
                    self.subnets.remove(name);
                }
            }
        }
        for ip in &touched.addresses {
            if let Some(subnet) = catalog.subnet_of(*ip)
                && let Some(space) = self.subnets.get_mut(&subnet.name)
                && !touched.subnets.contains(&subnet.name)
            {
                space.refresh(catalog, *ip);
            }
        }
    }
}

impl Touched {
    /// What `change` touches, which is yet to be made on `catalog`.
    pub(crate) fn by(catalog: &Catalog, change: &Change) -> Self {
        let mut touched = Self::default();
        for edit in change.edits() {
            let key = match edit {
                Edit::Put(Object::Reservation(reservation)) => {
                    let ips = reservation.addresses.iter().map(|address| address.ip);
                    touched.addresses.extend(ips);
                    Key::Reservation(reservation.name.clone())
                }
                Edit::Put(object) => object.key(),
                Edit::Delete(key) => key.clone(),
            };
            match key {
                Key::Subnet(name) | Key::Pool(name, _) => {
                    touched.subnets.insert(name);
                }
                Key::Address(ip) => {
                    touched.addresses.insert(ip);
                }
                Key::Reservation(name) => {
                    let before = catalog.reservation(&name).into_iter();
                    let ips = before.flat_map(|reservation| &reservation.addresses);
                    touched.addresses.extend(ips.map(|address| address.ip));
                }
                _ => {}
            }
        }
        touched
    }
}

impl SubnetSpace {
    fn of(catalog: &Catalog, subnet: &Subnet) -> Self {
        let handed_out = ranges::merged(subnet.handed_out());
        let mut space = Self {
            is_v4: subnet.cidr.network().is_ipv4(),
            layout: BTreeMap::new(),
            general: FreeSet::default(),
            pools: BTreeMap::new(),
        };
        let mut pooled = Vec::new();
        for pool in catalog.pools_of(&subnet.name) {
            // What is excluded since the pool was made is not of the pool either.
            let own = ranges::merged(pool.ranges.iter().copied());
            let excluded = ranges::without(&own, &handed_out);
            let own = ranges::without(&own, &excluded);
            space.lay_out(&own, Some(&pool.name));
            space.pools.insert(pool.name.clone(), FreeSet::new(&own));
            pooled.extend(own);
        }
        let general = ranges::without(&handed_out, &ranges::merged(pooled));
        space.lay_out(&general, None);
        space.general = FreeSet::new(&general);
        for address in catalog.addresses_in(subnet.cidr) {
            space.refresh(catalog, address.ip);
        }
        for (ip, _) in catalog.reserved_in(subnet.cidr) {
            space.refresh(catalog, ip);
        }
        space
    }

    fn lay_out(&mut self, ranges: &[AddressRange], pool: Option<&Name>) {
        for range in ranges {
            let place = (range.last(), pool.cloned());
            self.layout.insert(range.first(), place);
        }
    }

    /// Whether its addresses are IPv4.
    #[must_use]
    pub fn is_v4(&self) -> bool {
        self.is_v4
    }

    /// The addresses that anybody may get.
    #[must_use]
    pub fn general(&self) -> &FreeSet {
        &self.general
    }

    /// The addresses of that pool, if the subnet has it.
    #[must_use]
    pub fn pool(&self, pool: &Name) -> Option<&FreeSet> {
        self.pools.get(pool)
    }

    /// The addresses of that pool, or without one those that anybody may get.
    #[must_use]
    pub fn set(&self, pool: Option<&Name>) -> Option<&FreeSet> {
        match pool {
            Some(pool) => self.pool(pool),
            None => Some(&self.general),
        }
    }

    /// The pool that `ip` is of, or would be if nobody had it: none if `ip` is not handed out at
    /// all, `Some(None)` if it is of no pool.
    pub(crate) fn place(&self, ip: IpAddr) -> Option<Option<&Name>> {
        let (_, (last, pool)) = self.layout.range(..=ip).next_back()?;
        (ip <= *last).then_some(pool.as_ref())
    }

    /// Puts `ip` where it belongs by the books.
    fn refresh(&mut self, catalog: &Catalog, ip: IpAddr) {
        let Some((_, (last, pool))) = self.layout.range(..=ip).next_back() else {
            return;
        };
        if ip > *last {
            return;
        }
        let set = match pool {
            None => Some(&mut self.general),
            Some(pool) => self.pools.get_mut(pool),
        };
        let Some(set) = set else { return };
        set.take(ip);
        if catalog.reservation_of(ip).is_some() {
            return;
        }
        let Some(address) = catalog.address(ip) else {
            set.add_fresh(ip);
            return;
        };
        if address.is_released() && address.conflict.is_none() {
            let owner = address.last_owner();
            set.add_returned(ip, address.revision, address.since, owner);
        }
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
