//! Planning a pool's beginning, change and end.

use std::net::IpAddr;

use trunkline_types::{AddressRange, Name};

use super::{CreatePoolError, DeletePoolError, Pool, PoolRangesError, PoolSpec, UpdatePoolError};
use crate::precondition::{at_revision, created, deleted, replaced};
use crate::{Catalog, Change, Key, Listing, NameInUse, Planned, Revision, Subnet, ranges};

/// How many ranges a pool may have: more than a person writes, and few enough for the object to
/// stay small.
const RANGES_MAX: usize = 256;

/// Plans a new pool.
///
/// Whoever has an address of its ranges has it without asking for the pool, so there must be
/// nobody. A reserved address is its holder's, within a pool or not.
///
/// # Errors
///
/// [`CreatePoolError`] if there is one of that name in the subnet, the subnet is not there or
/// being deleted, or the ranges are not its own or in use.
pub fn create_pool(catalog: &Catalog, spec: &PoolSpec) -> Result<Planned<Pool>, CreatePoolError> {
    let key = key(&spec.subnet, &spec.name);
    if catalog.pool(&spec.subnet, &spec.name).is_some() {
        return Err(NameInUse { key }.into());
    }
    let Some(subnet) = catalog.subnet(&spec.subnet) else {
        return Err(CreatePoolError::SubnetNotFound {
            subnet: spec.subnet.clone(),
        });
    };
    let ranges = checked_ranges(catalog, subnet, spec)?;
    check_moved(catalog, spec, &[], &ranges)?;
    Ok(created(catalog, |revision| build(spec, &ranges, revision)))
}

/// Plans a pool's change.
///
/// Whoever has an address keeps it, and an address is a pool's because its holder asked for the
/// pool: so one that is in use can neither come into the pool nor leave it, unless it is reserved.
///
/// # Errors
///
/// [`UpdatePoolError`] if it is not there or not at that revision, its subnet is being deleted, or
/// the ranges are not its own or in use.
pub fn update_pool(
    catalog: &Catalog,
    spec: &PoolSpec,
    expected: Revision,
) -> Result<Planned<Pool>, UpdatePoolError> {
    let key = || key(&spec.subnet, &spec.name);
    let found = catalog.pool(&spec.subnet, &spec.name);
    let current = at_revision(found, key, Some(expected))?;
    let Some(subnet) = catalog.subnet(&spec.subnet) else {
        return Err(crate::PreconditionError::NotFound {
            key: Key::Subnet(spec.subnet.clone()),
        }
        .into());
    };
    let ranges = checked_ranges(catalog, subnet, spec)?;
    check_moved(catalog, spec, &current.ranges, &ranges)?;
    Ok(replaced(catalog, current, |revision| {
        build(spec, &ranges, revision)
    }))
}

/// Plans a pool's end.
///
/// # Errors
///
/// [`DeletePoolError`] if it is not there or not at that revision, has addresses in use, or is the
/// last one that a group binds.
pub fn delete_pool(
    catalog: &Catalog,
    subnet: &Name,
    name: &Name,
    expected: Option<Revision>,
) -> Result<Change, DeletePoolError> {
    let key = || key(subnet, name);
    let pool = at_revision(catalog.pool(subnet, name), key, expected)?;
    let addresses = Listing::of(unreserved_in(catalog, &pool.ranges));
    if !addresses.is_empty() {
        return Err(DeletePoolError::InUse {
            key: key(),
            addresses,
        });
    }
    let groups = Listing::of(catalog.groups_relying_on(pool).map(|group| &group.name));
    if !groups.is_empty() {
        return Err(DeletePoolError::Bound { key: key(), groups });
    }
    Ok(deleted(catalog, key()))
}

fn key(subnet: &Name, name: &Name) -> Key {
    Key::Pool(subnet.clone(), name.clone())
}

fn build(spec: &PoolSpec, ranges: &[AddressRange], revision: Revision) -> Pool {
    Pool {
        subnet: spec.subnet.clone(),
        name: spec.name.clone(),
        ranges: ranges.to_vec(),
        labels: spec.labels.clone(),
        revision,
    }
}

/// The ranges in order, if they can be a pool of the subnet.
fn checked_ranges(
    catalog: &Catalog,
    subnet: &Subnet,
    spec: &PoolSpec,
) -> Result<Vec<AddressRange>, PoolRangesError> {
    if subnet.deleting {
        return Err(PoolRangesError::SubnetDeleting {
            subnet: spec.subnet.clone(),
        });
    }
    if spec.ranges.is_empty() || spec.ranges.len() > RANGES_MAX {
        return Err(PoolRangesError::Number {
            given: spec.ranges.len(),
            max: RANGES_MAX,
        });
    }
    let mut ranges = spec.ranges.clone();
    ranges.sort_unstable();
    if let Some((first, second)) = ranges::overlapping(&ranges) {
        return Err(PoolRangesError::Overlap { first, second });
    }
    if let Some(&range) = ranges.iter().find(|range| !subnet.covers(&[**range])) {
        return Err(PoolRangesError::Outside {
            range,
            subnet: spec.subnet.clone(),
            ranges: Listing::of(&subnet.ranges),
        });
    }
    for sibling in catalog.pools_of(&spec.subnet) {
        let shared = |range: &&AddressRange| sibling.ranges.iter().any(|r| r.overlaps(**range));
        if sibling.name != spec.name
            && let Some(&range) = ranges.iter().find(shared)
        {
            return Err(PoolRangesError::Sibling {
                range,
                sibling: sibling.name.clone(),
            });
        }
    }
    Ok(ranges)
}

/// Refuses to move addresses into or out of a pool that somebody has.
fn check_moved(
    catalog: &Catalog,
    spec: &PoolSpec,
    current: &[AddressRange],
    wanted: &[AddressRange],
) -> Result<(), PoolRangesError> {
    let into = ranges::without(wanted, current);
    let addresses = Listing::of(unreserved_in(catalog, &into));
    if !addresses.is_empty() {
        return Err(PoolRangesError::Entering {
            key: key(&spec.subnet, &spec.name),
            addresses,
        });
    }
    let out_of = ranges::without(current, wanted);
    let addresses = Listing::of(unreserved_in(catalog, &out_of));
    if !addresses.is_empty() {
        return Err(PoolRangesError::Leaving {
            key: key(&spec.subnet, &spec.name),
            addresses,
        });
    }
    Ok(())
}

fn unreserved_in(catalog: &Catalog, ranges: &[AddressRange]) -> impl Iterator<Item = IpAddr> {
    ranges
        .iter()
        .flat_map(|range| catalog.live_between(*range))
        .map(|address| address.ip)
        .filter(|ip| catalog.reservation_of(*ip).is_none())
}
