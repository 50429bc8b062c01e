//! Planning a subnet's beginning and end.

use std::sync::Arc;

use trunkline_types::Name;

use super::layout::{Layout, layout};
use super::{CreateSubnetError, DeleteSubnetError, Subnet, SubnetSpec};
use crate::precondition::{at_revision, created};
use crate::{Catalog, Change, Edit, Group, Key, Listing, Planned, Revision, Step};

/// Plans a new subnet.
///
/// # Errors
///
/// [`CreateSubnetError`] if its name or addresses are taken, its network is not there, or its
/// gateway, ranges or exclusions do not fit its CIDR.
pub fn create_subnet(
    catalog: &Catalog,
    spec: &SubnetSpec,
) -> Result<Planned<Subnet>, CreateSubnetError> {
    if let Some(existing) = catalog.subnet(&spec.name) {
        return Err(CreateSubnetError::NameInUse {
            name: spec.name.clone(),
            cidr: existing.cidr,
        });
    }
    if catalog.network(&spec.network).is_none() {
        return Err(CreateSubnetError::NetworkNotFound {
            network: spec.network.clone(),
        });
    }
    let layout = layout(catalog, spec)?;
    Ok(created(catalog, |revision| build(spec, &layout, revision)))
}

pub(super) fn build(spec: &SubnetSpec, layout: &Layout, revision: Revision) -> Subnet {
    Subnet {
        name: spec.name.clone(),
        network: spec.network.clone(),
        cidr: spec.cidr,
        gateway: spec.gateway,
        ranges: layout.ranges.clone(),
        exclusions: layout.exclusions.clone(),
        former_gateways: layout.former_gateways.clone(),
        placement: spec.placement.clone(),
        labels: spec.labels.clone(),
        deleting: false,
        revision,
    }
}

/// How many records one step deletes, so that it fits a transaction of any store.
const STEP: usize = 96;

/// Plans the next step of a subnet's end, and with it that of its pools and of the records of its
/// released addresses.
///
/// If not everything fits one change, the first one marks the subnet as [`Subnet::deleting`]: from
/// then on nothing of it is handed out or reserved. `expected` counts for that first step only,
/// for it makes a revision of its own.
///
/// # Errors
///
/// [`DeleteSubnetError`] if it is not there or not at that revision, has addresses in use or
/// reserved, or has the last pool that a group binds.
pub fn delete_subnet(
    catalog: &Catalog,
    name: &Name,
    expected: Option<Revision>,
) -> Result<Step, DeleteSubnetError> {
    let found = catalog.subnet(name);
    let begun = found.is_some_and(|subnet| subnet.deleting);
    let key = || Key::Subnet(name.clone());
    let subnet = at_revision(found, key, expected.filter(|_| !begun))?;
    check_unused(catalog, subnet)?;
    let records = catalog
        .addresses_in(subnet.cidr)
        .map(|address| Key::Address(address.ip));
    let pools = catalog
        .pools_of(name)
        .map(|pool| Key::Pool(name.clone(), pool.name.clone()));
    let mut edits: Vec<_> = (records.chain(pools).chain([key()]))
        .take(STEP + 1)
        .map(Edit::Delete)
        .collect();
    let done = edits.len() <= STEP;
    if !done && !begun {
        let marked = created(catalog, |revision| Subnet {
            deleting: true,
            revision,
            ..Subnet::clone(subnet)
        });
        return Ok(Step {
            change: marked.change,
            done,
        });
    }
    edits.truncate(STEP);
    let change = Change::new(catalog.revision().next(), edits);
    Ok(Step { change, done })
}

fn check_unused(catalog: &Catalog, subnet: &Subnet) -> Result<(), DeleteSubnetError> {
    let name = || subnet.name.clone();
    if catalog.in_use(&subnet.name) > 0 {
        let live = catalog.live_in(subnet.cidr);
        return Err(DeleteSubnetError::InUse {
            subnet: name(),
            addresses: Listing::of(live.map(|address| address.ip)),
        });
    }
    let mut reservations: Vec<_> = catalog
        .reserved_in(subnet.cidr)
        .map(|(_, reservation)| reservation)
        .collect();
    reservations.sort_unstable();
    reservations.dedup();
    if !reservations.is_empty() {
        return Err(DeleteSubnetError::Reserved {
            subnet: name(),
            reservations: Listing::of(reservations),
        });
    }
    let groups = Listing::of(groups_left_without(catalog, subnet).map(|group| &group.name));
    if !groups.is_empty() {
        return Err(DeleteSubnetError::PoolBound {
            subnet: name(),
            groups,
        });
    }
    Ok(())
}

/// The groups that bind a pool which only this subnet has.
fn groups_left_without<'a>(
    catalog: &'a Catalog,
    subnet: &'a Subnet,
) -> impl Iterator<Item = &'a Arc<Group>> {
    catalog
        .pools_of(&subnet.name)
        .flat_map(|pool| catalog.groups_relying_on(pool))
}
