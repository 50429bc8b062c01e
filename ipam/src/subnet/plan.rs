//! Planning a subnet's beginning and end.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

use trunkline_types::{AddressRange, Cidr, Name};

use super::{CreateSubnetError, DeleteSubnetError, Subnet, SubnetSpec, capacity};
use crate::{Catalog, Change, Edit, Key, Listing, Object, Planned};

/// What no host may have, by its first and last address: "this network" (RFC 1122), loopback,
/// multicast and reserved (RFC 1112).
const SPECIAL: [(&str, Ipv4Addr, Ipv4Addr); 3] = [
    (
        "0.0.0.0/8",
        Ipv4Addr::new(0, 0, 0, 0),
        Ipv4Addr::new(0, 255, 255, 255),
    ),
    (
        "127.0.0.0/8",
        Ipv4Addr::new(127, 0, 0, 0),
        Ipv4Addr::new(127, 255, 255, 255),
    ),
    (
        "224.0.0.0/3",
        Ipv4Addr::new(224, 0, 0, 0),
        Ipv4Addr::BROADCAST,
    ),
];

/// Plans a new subnet.
///
/// # Errors
///
/// [`CreateSubnetError`] if its name or addresses are taken, its network is not there, or its
/// gateway or ranges do not fit its CIDR.
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
    check_cidr(spec.cidr)?;
    check_gateway(spec.gateway, spec.cidr)?;
    let ranges = checked_ranges(&spec.ranges, spec.cidr)?;
    if capacity(&ranges, spec.gateway) == 0 {
        return Err(CreateSubnetError::NothingToHandOut {
            cidr: spec.cidr,
            gateway: spec.gateway,
        });
    }
    if let Some(other) = catalog.subnet_overlapping(spec.cidr, &spec.name) {
        return Err(CreateSubnetError::Overlap {
            cidr: spec.cidr,
            other: other.name.clone(),
            other_cidr: other.cidr,
        });
    }
    let revision = catalog.revision().next();
    let subnet = Arc::new(Subnet {
        name: spec.name.clone(),
        network: spec.network.clone(),
        cidr: spec.cidr,
        gateway: spec.gateway,
        ranges,
        exclusions: spec.exclusions.clone(),
        placement: spec.placement.clone(),
        labels: spec.labels.clone(),
        deleting: false,
        revision,
    });
    let change = Change::new(revision, vec![Edit::Put(Object::Subnet(subnet.clone()))]);
    Ok(Planned {
        object: subnet,
        change,
    })
}

fn check_cidr(cidr: Cidr) -> Result<(), CreateSubnetError> {
    let (IpAddr::V4(first), IpAddr::V4(last)) = (cidr.network(), cidr.last()) else {
        return Err(CreateSubnetError::FamilyUnsupported { cidr });
    };
    for (special, special_first, special_last) in SPECIAL {
        if first <= special_last && special_first <= last {
            return Err(CreateSubnetError::NotUnicast { cidr, special });
        }
    }
    Ok(())
}

fn check_gateway(gateway: IpAddr, cidr: Cidr) -> Result<(), CreateSubnetError> {
    let hosts = cidr.hosts();
    if hosts.contains(gateway) {
        Ok(())
    } else if cidr.contains(gateway) {
        Err(CreateSubnetError::GatewayNotHost {
            gateway,
            cidr,
            hosts,
        })
    } else {
        Err(CreateSubnetError::GatewayOutside {
            gateway,
            cidr,
            hosts,
        })
    }
}

/// The ranges in order; all hosts if none is given.
fn checked_ranges(
    given: &[AddressRange],
    cidr: Cidr,
) -> Result<Vec<AddressRange>, CreateSubnetError> {
    let hosts = cidr.hosts();
    if given.is_empty() {
        return Ok(vec![hosts]);
    }
    let mut ranges = given.to_vec();
    ranges.sort_unstable();
    for &range in &ranges {
        if !(hosts.contains(range.first()) && hosts.contains(range.last())) {
            return Err(CreateSubnetError::RangeOutside { range, cidr, hosts });
        }
    }
    for pair in ranges.windows(2) {
        if let &[first, second] = pair
            && first.overlaps(second)
        {
            return Err(CreateSubnetError::RangesOverlap { first, second });
        }
    }
    Ok(ranges)
}

/// Plans a subnet's end, and that of the records of its released addresses.
///
/// # Errors
///
/// [`DeleteSubnetError`] if it is not there or has addresses in use.
pub fn delete_subnet(catalog: &Catalog, name: &Name) -> Result<Change, DeleteSubnetError> {
    let Some(subnet) = catalog.subnet(name) else {
        return Err(DeleteSubnetError::NotFound {
            subnet: name.clone(),
        });
    };
    let records = || catalog.addresses_in(subnet.cidr);
    let bound = records().filter(|address| !address.is_released());
    let addresses = Listing::of(bound.map(|address| address.ip));
    if !addresses.is_empty() {
        return Err(DeleteSubnetError::InUse {
            subnet: name.clone(),
            addresses,
        });
    }
    let mut edits: Vec<_> = records()
        .map(|address| Edit::Delete(Key::Address(address.ip)))
        .collect();
    edits.push(Edit::Delete(Key::Subnet(name.clone())));
    Ok(Change::new(catalog.revision().next(), edits))
}
