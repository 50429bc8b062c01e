//! Which addresses a reservation gets that names none.

use trunkline_types::Name;

use super::shape::check_number;
use super::{
    Holder, Reservation, ReservationShapeError, ReservationSpec, ReserveAddressError,
    ReservedAddress, Wanted,
};
use crate::{Catalog, Ledger, Listing, Subnet};

/// Why no addresses are chosen.
#[derive(Debug)]
pub(super) enum Unchosen {
    Shape(ReservationShapeError),
    Address(ReserveAddressError),
}

impl From<ReservationShapeError> for Unchosen {
    fn from(error: ReservationShapeError) -> Self {
        Self::Shape(error)
    }
}

impl From<ReserveAddressError> for Unchosen {
    fn from(error: ReserveAddressError) -> Self {
        Self::Address(error)
    }
}

/// The addresses that `spec` wants, in order; of those that `current` has, as many as will do.
pub(super) fn addresses(
    ledger: &Ledger,
    spec: &ReservationSpec,
    current: Option<&Reservation>,
) -> Result<Vec<ReservedAddress>, Unchosen> {
    let (subnets, count) = match &spec.addresses {
        Wanted::Named(addresses) => return Ok(addresses.clone()),
        Wanted::Any { subnets, count } => (subnets, *count),
    };
    let subnets = checked_subnets(ledger.catalog(), spec, subnets)?;
    let each = usize::try_from(u64::from(count) + u64::from(spec.spare)).unwrap_or(usize::MAX);
    check_number(if count == 0 { 0 } else { each })?;
    check_number(each.saturating_mul(subnets.len()))?;
    let mut chosen = Vec::new();
    for subnet in subnets {
        let held = current.map_or(&[][..], |current| &current.addresses);
        let mut own = held.to_vec();
        own.retain(|address| subnet.cidr.contains(address.ip));
        shrink(ledger.catalog(), &spec.holder, &mut own, each);
        grow(ledger, subnet, &mut own, each)?;
        chosen.append(&mut own);
    }
    Ok(chosen)
}

fn checked_subnets<'a>(
    catalog: &'a Catalog,
    spec: &ReservationSpec,
    names: &[Name],
) -> Result<Vec<&'a Subnet>, ReserveAddressError> {
    let ill_assorted = || ReserveAddressError::Subnets {
        given: Listing::of(names),
    };
    if !(1..=2).contains(&names.len()) {
        return Err(ill_assorted());
    }
    let mut subnets: Vec<&Subnet> = Vec::with_capacity(names.len());
    for name in names {
        let Some(subnet) = catalog.subnet(name) else {
            return Err(ReserveAddressError::SubnetNotFound {
                subnet: name.clone(),
            });
        };
        if subnet.network != spec.network {
            return Err(ReserveAddressError::OtherNetwork {
                subnet: name.clone(),
                actual: subnet.network.clone(),
                network: spec.network.clone(),
            });
        }
        if subnet.deleting {
            return Err(ReserveAddressError::SubnetDeleting {
                subnet: name.clone(),
            });
        }
        let same_family = |other: &&Subnet| other.gateway.is_ipv4() == subnet.gateway.is_ipv4();
        if subnets.iter().any(same_family) {
            return Err(ill_assorted());
        }
        subnets.push(subnet);
    }
    Ok(subnets)
}

/// Leaves out addresses beyond `each`, from the end: the highest ordinals of a StatefulSet; of a
/// workload, whose pods are all alike, rather those that are not in use.
fn shrink(catalog: &Catalog, holder: &Holder, own: &mut Vec<ReservedAddress>, each: usize) {
    while own.len() > each {
        let idle = |address: &ReservedAddress| {
            catalog
                .address(address.ip)
                .is_none_or(|record| record.is_released())
        };
        let place = match holder {
            Holder::Workload(_) => own.iter().rposition(idle),
            Holder::Pod(_) | Holder::StatefulSet(_) => None,
        };
        own.remove(place.unwrap_or(own.len() - 1));
    }
}

fn grow(
    ledger: &Ledger,
    subnet: &Subnet,
    own: &mut Vec<ReservedAddress>,
    each: usize,
) -> Result<(), ReserveAddressError> {
    let wanted = each - own.len();
    let space = ledger.free().of_subnet(&subnet.name).into_iter();
    let free = space.flat_map(|space| space.general().in_order());
    let free: Vec<_> = free.take(wanted).collect();
    if free.len() < wanted {
        return Err(ReserveAddressError::Full {
            subnet: subnet.name.clone(),
            wanted,
            free: free.len(),
        });
    }
    own.extend(free.into_iter().map(|ip| ReservedAddress { ip, mac: None }));
    Ok(())
}
