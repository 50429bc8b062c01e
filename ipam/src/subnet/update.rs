//! Planning a subnet's change.

use std::net::IpAddr;
use std::sync::Arc;

use trunkline_types::{AddressRange, Cidr};

use super::layout::{Layout, handed_out, layout};
use super::plan::build;
use super::{FormerGateway, Subnet, SubnetSpec, UpdateSubnetError};
use crate::precondition::{at_revision, replaced};
use crate::{Address, AddressState, Catalog, Endpoint, Key, Listing, Planned, Revision, ranges};

/// A subnet's change, and whom it does not reach.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SubnetUpdate {
    /// The subnet as it will be.
    pub planned: Planned<Subnet>,
    /// If the gateway changes, the running endpoints that were given another one, by address: they
    /// keep it until they are started again.
    pub old_gateway: Vec<Arc<Endpoint>>,
}

/// Plans a subnet's change.
///
/// Running pods keep what they were given. So an address that is in use or reserved can neither
/// leave the ranges nor be excluded nor become the gateway, a broadcast address, or one of a CIDR
/// that is smaller or elsewhere; and nodes that have addresses of the subnet must be among those
/// that may use it.
///
/// A gateway that pods or nodes still send to is excluded if it would be handed out otherwise, also
/// by later updates that do not say so. When they are gone it is an exclusion like any other, which
/// the next update may lift.
///
/// # Errors
///
/// [`UpdateSubnetError`] if it is not there, not at that revision or being deleted, if what is
/// asked for makes no sense, or if it contradicts what addresses are used for.
pub fn update_subnet(
    catalog: &Catalog,
    spec: &SubnetSpec,
    expected: Revision,
) -> Result<SubnetUpdate, UpdateSubnetError> {
    let key = || Key::Subnet(spec.name.clone());
    let current = at_revision(catalog.subnet(&spec.name), key, Some(expected))?;
    check_fixed(current, spec)?;
    let mut layout = layout(catalog, spec)?;
    if !contains(spec.cidr, current.cidr) {
        return Err(UpdateSubnetError::CidrNotGrown {
            subnet: spec.name.clone(),
            cidr: current.cidr,
            wanted: spec.cidr,
        });
    }
    let old_gateway = if spec.gateway == current.gateway {
        Vec::new()
    } else {
        endpoints_of(catalog, current).cloned().collect()
    };
    layout.former_gateways = keep_back(catalog, current, spec, &mut layout);
    // That may have been all there was.
    layout.check_use(spec)?;
    let planned = replaced(catalog, current, |revision| build(spec, &layout, revision));
    check_addresses(catalog, current, &planned.object)?;
    check_pools(catalog, current, &planned.object)?;
    check_placement(catalog, current, &planned.object)?;
    Ok(SubnetUpdate {
        planned,
        old_gateway,
    })
}

fn check_fixed(current: &Subnet, spec: &SubnetSpec) -> Result<(), UpdateSubnetError> {
    if current.deleting {
        return Err(UpdateSubnetError::Deleting {
            subnet: spec.name.clone(),
        });
    }
    if current.network != spec.network {
        return Err(UpdateSubnetError::NetworkFixed {
            subnet: spec.name.clone(),
            network: current.network.clone(),
            wanted: spec.network.clone(),
        });
    }
    Ok(())
}

fn contains(outer: Cidr, inner: Cidr) -> bool {
    outer.contains(inner.network()) && outer.contains(inner.last())
}

fn endpoints_of<'a>(
    catalog: &'a Catalog,
    subnet: &Subnet,
) -> impl Iterator<Item = &'a Arc<Endpoint>> {
    catalog
        .live_in(subnet.cidr)
        .filter_map(|address| match &address.state {
            AddressState::Bound { attachment } => catalog.endpoint(attachment),
            _ => None,
        })
}

/// How many gateways of the past are kept in mind: more than anybody moves through while pods of
/// the first one run.
const FORMER_MAX: usize = 16;

/// Withholds old gateways that somebody may send to, and answers which ones are to be kept in mind:
/// whoever got one would draw the traffic meant for it. One that nobody was given any more is
/// handed out as soon as what is asked for does not exclude it.
fn keep_back(
    catalog: &Catalog,
    current: &Subnet,
    spec: &SubnetSpec,
    layout: &mut Layout,
) -> Vec<FormerGateway> {
    let moved = (spec.gateway != current.gateway).then(|| FormerGateway {
        ip: current.gateway,
        until: catalog.revision().next(),
    });
    let mut former = current.former_gateways.clone();
    former.retain(|one| one.ip != spec.gateway && one.ip != current.gateway);
    former.extend(moved);
    former.retain(|one| {
        let left = handed_out(&layout.ranges, &layout.exclusions, spec.gateway);
        let wanted = ranges::contain(&left, one.ip);
        let mut live = catalog.live_in(current.cidr);
        if wanted && live.any(|address| address.revision < one.until) {
            let exclusions = layout.exclusions.iter().copied();
            let withheld = AddressRange::new(one.ip, one.ip).ok();
            layout.exclusions = ranges::merged(exclusions.chain(withheld));
            return true;
        }
        !wanted
    });
    let surplus = former.len().saturating_sub(FORMER_MAX);
    former.split_off(surplus)
}

fn check_addresses(
    catalog: &Catalog,
    current: &Subnet,
    wanted: &Subnet,
) -> Result<(), UpdateSubnetError> {
    let layout = |subnet: &Subnet| {
        let ranges = (subnet.ranges.clone(), subnet.exclusions.clone());
        (subnet.cidr, subnet.gateway, ranges)
    };
    if layout(current) == layout(wanted) {
        return Ok(());
    }
    let subnet = wanted.name.clone();
    if is_taken(catalog, wanted.gateway) {
        return Err(UpdateSubnetError::GatewayTaken {
            subnet,
            gateway: wanted.gateway,
        });
    }
    let live = catalog.live_in(current.cidr).map(|address| address.ip);
    let reserved = catalog.reserved_in(current.cidr).map(|(ip, _)| ip);
    let leaves = |ip: &IpAddr| {
        let withdrawn = current.hands_out(*ip) && !wanted.hands_out(*ip);
        withdrawn || !wanted.may_assign(*ip)
    };
    let mut left_out: Vec<_> = live.chain(reserved).filter(leaves).collect();
    if left_out.is_empty() {
        return Ok(());
    }
    left_out.sort_unstable();
    left_out.dedup();
    Err(UpdateSubnetError::AddressesLeftOut {
        subnet,
        addresses: Listing::of(left_out),
    })
}

fn is_taken(catalog: &Catalog, ip: IpAddr) -> bool {
    let live = catalog.address(ip).is_some_and(|a| !a.is_released());
    live || catalog.reservation_of(ip).is_some()
}

fn check_pools(
    catalog: &Catalog,
    current: &Subnet,
    wanted: &Subnet,
) -> Result<(), UpdateSubnetError> {
    if current.ranges == wanted.ranges {
        return Ok(());
    }
    let pools = catalog
        .pools_of(&wanted.name)
        .filter(|pool| !wanted.covers(&pool.ranges));
    let pools = Listing::of(pools.map(|pool| &pool.name));
    if pools.is_empty() {
        return Ok(());
    }
    Err(UpdateSubnetError::PoolsLeftOut {
        subnet: wanted.name.clone(),
        pools,
    })
}

fn check_placement(
    catalog: &Catalog,
    current: &Subnet,
    wanted: &Subnet,
) -> Result<(), UpdateSubnetError> {
    if current.placement == wanted.placement {
        return Ok(());
    }
    let left_out = |address: &Address| {
        let node = catalog.holder_node(address)?;
        let admitted = catalog
            .node(node)
            .is_some_and(|node| wanted.placement.admits(node));
        (!admitted).then(|| format!("{} on {node}", address.ip))
    };
    let live = catalog.live_in(current.cidr);
    let addresses = Listing::of(live.filter_map(|address| left_out(address)));
    if addresses.is_empty() {
        return Ok(());
    }
    Err(UpdateSubnetError::NodesLeftOut {
        subnet: wanted.name.clone(),
        addresses,
    })
}

#[cfg(test)]
mod tests;
