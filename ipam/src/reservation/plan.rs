//! Planning a reservation's beginning, change and end.

use std::net::IpAddr;

use trunkline_types::{Cidr, Name};

use super::choose::{self, Unchosen};
use super::shape::{check_expiry, check_shape, check_texts};
use super::{
    CreateReservationError, DeleteReservationError, Holder, Reservation, ReservationSpec,
    ReserveAddressError, ReservedAddress, UpdateReservationError, of_family,
};
use crate::precondition::{at_revision, created, deleted, replaced};
use crate::{
    Address, AddressState, Catalog, Change, Key, Ledger, Listing, NameInUse, Planned, Revision,
    Subnet, Timestamp,
};

/// Plans a new reservation.
///
/// A reserved address may lie outside its subnet's ranges, which are for whoever comes, and within
/// a pool: it is its holder's in any case. What its holder has already, it keeps; of a workload
/// that cannot be told, so its addresses must be free.
///
/// # Errors
///
/// [`CreateReservationError`] if there is one of that name, its network is not there, there can be
/// no such reservation, or its addresses are another's, withheld or not there.
pub fn create_reservation(
    ledger: &Ledger,
    spec: &ReservationSpec,
    now: Timestamp,
) -> Result<Planned<Reservation>, CreateReservationError> {
    let catalog = ledger.catalog();
    if catalog.reservation(&spec.name).is_some() {
        return Err(NameInUse {
            key: Key::Reservation(spec.name.clone()),
        }
        .into());
    }
    if catalog.network(&spec.network).is_none() {
        return Err(CreateReservationError::NetworkNotFound {
            network: spec.network.clone(),
        });
    }
    check_texts(spec)?;
    check_expiry(spec.expires, now)?;
    let addresses = choose::addresses(ledger, spec, None)?;
    check_shape(&spec.holder, spec.spare, &addresses)?;
    let claim = Claim {
        catalog,
        spec,
        addresses: &addresses,
        current: None,
    };
    claim.check()?;
    Ok(created(catalog, |revision| {
        build(spec, &addresses, now, revision)
    }))
}

/// Plans a reservation's change.
///
/// Where addresses are to be chosen, those it has already are kept as far as they go.
///
/// # Errors
///
/// [`UpdateReservationError`] if it is not there or not at that revision, would come to another
/// network, would lose addresses that are in use, or could not be created like that.
pub fn update_reservation(
    ledger: &Ledger,
    spec: &ReservationSpec,
    expected: Revision,
    now: Timestamp,
) -> Result<Planned<Reservation>, UpdateReservationError> {
    let catalog = ledger.catalog();
    let key = || Key::Reservation(spec.name.clone());
    let current = at_revision(catalog.reservation(&spec.name), key, Some(expected))?;
    if current.network != spec.network {
        return Err(UpdateReservationError::NetworkFixed {
            reservation: spec.name.clone(),
            network: current.network.clone(),
            wanted: spec.network.clone(),
        });
    }
    check_texts(spec)?;
    if spec.expires != current.expires {
        check_expiry(spec.expires, now)?;
    }
    let addresses = choose::addresses(ledger, spec, Some(current))?;
    check_shape(&spec.holder, spec.spare, &addresses)?;
    let left_out = |ip: &IpAddr| !addresses.iter().any(|address| address.ip == *ip);
    let left_out = current.addresses.iter().map(|a| a.ip).filter(left_out);
    let in_use = Listing::of(users(catalog, left_out));
    if !in_use.is_empty() {
        return Err(UpdateReservationError::InUse {
            reservation: spec.name.clone(),
            addresses: in_use,
        });
    }
    let claim = Claim {
        catalog,
        spec,
        addresses: &addresses,
        current: Some(current),
    };
    claim.check()?;
    Ok(replaced(catalog, current, |revision| {
        build(spec, &addresses, current.created, revision)
    }))
}

/// Plans a reservation's end.
///
/// While its holder has addresses of it there is no end, not even by expiry: endpoints name it,
/// and outside the ranges it is what the address is theirs by.
///
/// # Errors
///
/// [`DeleteReservationError`] if it is not there or not at that revision, or has addresses in use.
pub fn delete_reservation(
    catalog: &Catalog,
    name: &Name,
    expected: Option<Revision>,
) -> Result<Change, DeleteReservationError> {
    let key = || Key::Reservation(name.clone());
    let current = at_revision(catalog.reservation(name), key, expected)?;
    let addresses = current.addresses.iter().map(|address| address.ip);
    let in_use = Listing::of(users(catalog, addresses));
    if !in_use.is_empty() {
        return Err(DeleteReservationError::InUse {
            reservation: name.clone(),
            addresses: in_use,
        });
    }
    Ok(deleted(catalog, key()))
}

impl From<Unchosen> for CreateReservationError {
    fn from(error: Unchosen) -> Self {
        match error {
            Unchosen::Shape(error) => error.into(),
            Unchosen::Address(error) => error.into(),
        }
    }
}

impl From<Unchosen> for UpdateReservationError {
    fn from(error: Unchosen) -> Self {
        match error {
            Unchosen::Shape(error) => error.into(),
            Unchosen::Address(error) => error.into(),
        }
    }
}

fn build(
    spec: &ReservationSpec,
    addresses: &[ReservedAddress],
    created: Timestamp,
    revision: Revision,
) -> Reservation {
    Reservation {
        name: spec.name.clone(),
        network: spec.network.clone(),
        holder: spec.holder.clone(),
        addresses: addresses.to_vec(),
        spare: spec.spare,
        retention: spec.retention,
        owner: spec.owner.clone(),
        reason: spec.reason.clone(),
        expires: spec.expires,
        labels: spec.labels.clone(),
        created,
        revision,
    }
}

/// Those of `addresses` that somebody has, and who.
fn users(
    catalog: &Catalog,
    addresses: impl Iterator<Item = IpAddr>,
) -> impl Iterator<Item = String> {
    addresses
        .filter_map(|ip| catalog.address(ip))
        .filter(|address| !address.is_released())
        .map(|address| format!("{} of {}", address.ip, user(catalog, address)))
}

/// Who has an address, for a message.
fn user(catalog: &Catalog, address: &Address) -> String {
    match &address.state {
        AddressState::Bound { attachment } => {
            let pod = catalog.endpoint(attachment).and_then(|e| e.pod.as_ref());
            pod.map_or_else(
                || format!("endpoint {attachment}"),
                |pod| format!("pod {pod}"),
            )
        }
        AddressState::Leased { node, .. } => format!("the reserve of node {node}"),
        AddressState::Node { node } => format!("node {node}"),
        AddressState::Released { .. } => "nobody".to_owned(),
    }
}

/// What is to be reserved, and what is already.
struct Claim<'a> {
    catalog: &'a Catalog,
    spec: &'a ReservationSpec,
    addresses: &'a [ReservedAddress],
    current: Option<&'a Reservation>,
}

impl Claim<'_> {
    fn check(&self) -> Result<(), ReserveAddressError> {
        for v4 in [true, false] {
            for (ordinal, address) in of_family(self.addresses, v4).enumerate() {
                self.check_place(address.ip)?;
                if let Some(record) = self.catalog.address(address.ip)
                    && !record.is_released()
                    && !self.is_theirs(record, ordinal)
                {
                    return Err(ReserveAddressError::InUse {
                        ip: address.ip,
                        user: user(self.catalog, record),
                    });
                }
            }
        }
        self.check_pins()
    }

    /// Whether the reservation's holder may have that address at all.
    fn check_place(&self, ip: IpAddr) -> Result<(), ReserveAddressError> {
        let (catalog, spec) = (self.catalog, self.spec);
        let subnet = catalog
            .subnet_of(ip)
            .filter(|subnet| subnet.network == spec.network);
        let Some(subnet) = subnet else {
            return Err(ReserveAddressError::NoSubnet {
                ip,
                network: spec.network.clone(),
            });
        };
        if subnet.deleting {
            return Err(ReserveAddressError::SubnetDeleting {
                subnet: subnet.name.clone(),
            });
        }
        if !subnet.may_assign(ip) {
            return Err(ReserveAddressError::Withheld {
                ip,
                what: withheld_as(subnet, ip),
                subnet: subnet.name.clone(),
            });
        }
        match catalog.reservation_of(ip) {
            Some(other) if other.name != spec.name => Err(ReserveAddressError::Reserved {
                ip,
                reservation: other.name.clone(),
            }),
            _ => Ok(()),
        }
    }

    /// Whether who has the address is who it is reserved for.
    fn is_theirs(&self, record: &Address, ordinal: usize) -> bool {
        let AddressState::Bound { attachment } = &record.state else {
            return false;
        };
        let Some(endpoint) = self.catalog.endpoint(attachment) else {
            return false;
        };
        match &self.spec.holder {
            Holder::Pod(pod) => endpoint.pod.as_ref() == Some(pod),
            Holder::StatefulSet(set) => {
                let pod = endpoint.pod.as_ref();
                pod.and_then(|pod| set.ordinal_of(pod)) == Some(ordinal)
            }
            // A workload's pods have names of no set form, so only the reservation itself says so.
            Holder::Workload(_) => {
                let holder = self.current.map(|current| &current.holder);
                endpoint.reservation.as_ref() == Some(&self.spec.name)
                    && holder == Some(&self.spec.holder)
            }
        }
    }

    /// Refuses MAC addresses that others on the VLAN have or will have.
    fn check_pins(&self) -> Result<(), ReserveAddressError> {
        let (catalog, spec) = (self.catalog, self.spec);
        let had = |address: &&ReservedAddress| {
            (self.current).is_some_and(|current| current.addresses.contains(address))
        };
        let own = |ip: IpAddr| self.addresses.iter().any(|address| address.ip == ip);
        for address in self.addresses.iter().filter(|address| !had(address)) {
            let Some(mac) = address.mac else {
                continue;
            };
            let reserved = (catalog.pinned_by(&spec.network, mac))
                .filter(|other| **other != spec.name)
                .map(|other| format!("reservation `{other}`"));
            let in_use = || {
                let ip = catalog.mac_holder(&spec.network, mac)?;
                let AddressState::Bound { attachment } = &catalog.address(ip)?.state else {
                    return (!own(ip)).then(|| format!("address `{ip}`"));
                };
                let endpoint = catalog.endpoint(attachment)?;
                let is_own = endpoint.addresses.iter().any(|address| own(address.ip));
                (!is_own).then(|| format!("endpoint `{attachment}`"))
            };
            if let Some(user) = reserved.or_else(in_use) {
                return Err(ReserveAddressError::MacInUse {
                    ip: address.ip,
                    mac,
                    user,
                });
            }
        }
        Ok(())
    }
}

fn withheld_as(subnet: &Subnet, ip: IpAddr) -> &'static str {
    let is_host = |cidr: Cidr| cidr.hosts().contains(ip);
    if ip == subnet.gateway {
        "the gateway"
    } else if is_host(subnet.cidr) {
        "an excluded address"
    } else if ip.is_ipv4() {
        "the network or broadcast address"
    } else {
        "the subnet-router anycast address"
    }
}
