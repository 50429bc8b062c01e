//! Taking over allocations that another IPAM made.

mod bind;
mod unit;

use std::net::IpAddr;

use trunkline_types::{Attachment, Labels, MacAddr, Name, Pod};

use super::{ObjectOutcome, ObjectRefusal, Outcomes, Refused, Why};
use crate::{
    Change, Holder, Key, Kind, Policy, Reason, Refusal, Rehearsal, Reservation, ReservationSpec,
    ReservedAddress, Retention, Timestamp, Wanted, Workload, create_reservation,
    update_reservation,
};
use unit::{Unit, units};

/// Addresses that somebody has by the books of another IPAM.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Import {
    /// The addresses.
    pub adoptions: Vec<Adoption>,
    /// How long the reservations are kept that are made of them.
    pub retention: Retention,
    /// What the reservations are for, as they say themselves.
    pub reason: String,
}

/// One address that somebody has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Adoption {
    /// The address.
    pub ip: IpAddr,
    /// The MAC address that goes with it; without one, the derived one.
    pub mac: Option<MacAddr>,
    /// The pod that has it.
    pub pod: Option<Pod>,
    /// Where it is in use now, if that is an interface of a container.
    pub place: Option<Place>,
    /// Who asked for it: a person or team; may be empty.
    pub owner: String,
}

/// An interface of a container that runs.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// The interface.
    pub attachment: Attachment,
    /// The node the container runs on.
    pub node: Name,
}

/// Why an address cannot be taken over, beside what keeps it from being reserved or bound.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
enum ImportError {
    #[error("address `{ip}` is in no subnet: create its subnet first with `netctl subnet create`")]
    NoSubnet { ip: IpAddr },
    #[error(
        "address `{ip}` is there twice, first as number {first}, counted from 0: leave one out"
    )]
    Twice { ip: IpAddr, first: usize },
    #[error(
        "address `{ip}` is the second one of its family for {whom}, after `{other}`: a pod has one \
         of each family, so leave one out"
    )]
    SecondOfFamily {
        ip: IpAddr,
        other: IpAddr,
        whom: String,
    },
    #[error(
        "MAC address `{mac}` of `{ip}` is not that of `{other}`, which is on the same interface: \
         give one for both"
    )]
    OtherMac {
        ip: IpAddr,
        mac: MacAddr,
        other: IpAddr,
    },
    #[error("reservation `{name}` exists already for somebody else: remove or rename it first")]
    NameInUse { name: Name },
}

impl Refusal for ImportError {
    fn reason(&self) -> Reason {
        match self {
            Self::NoSubnet { .. } => Reason::NotFound(Kind::Subnet),
            Self::NameInUse { .. } => Reason::NameInUse,
            Self::Twice { .. } | Self::SecondOfFamily { .. } | Self::OtherMac { .. } => {
                Reason::Invalid
            }
        }
    }

    fn field(&self) -> Option<&'static str> {
        match self {
            Self::Twice { .. } | Self::SecondOfFamily { .. } => Some("ip"),
            Self::OtherMac { .. } => Some("mac"),
            Self::NoSubnet { .. } | Self::NameInUse { .. } => None,
        }
    }
}

/// Plans to take addresses over.
///
/// Of a pod's addresses becomes a reservation for it, so that the pod of that name gets them
/// whenever it comes; those of one pod and network share one. Of an address in use becomes an
/// endpoint besides. Of one that is neither a pod's nor on an interface, like a printer's, becomes
/// a reservation that no pod can claim. What is there already, from an earlier import or by
/// somebody's hand, stays as it is.
///
/// # Errors
///
/// [`Refused`] if some address cannot be taken over; then it names all of those.
pub fn import(
    rehearsal: &mut Rehearsal<'_>,
    import: &Import,
    policy: &Policy,
    now: Timestamp,
) -> Result<Outcomes, Refused> {
    let mut refused = Vec::new();
    let mut objects = Vec::new();
    let units = units(rehearsal.ledger().catalog(), import, &mut refused);
    let mut importing = Importing {
        rehearsal,
        import,
        policy,
        now,
    };
    for unit in units {
        match importing.take_over(&unit) {
            Ok(outcomes) => objects.extend(outcomes),
            Err(why) => refused.push(ObjectRefusal {
                index: Some(unit.index),
                key: Key::Address(unit.first_ip()),
                why,
            }),
        }
    }
    if refused.is_empty() {
        let change = importing.rehearsal.change();
        return Ok(Outcomes { objects, change });
    }
    refused.sort_by_key(|refusal| refusal.index);
    Err(Refused { objects: refused })
}

struct Importing<'a, 'b> {
    rehearsal: &'a mut Rehearsal<'b>,
    import: &'a Import,
    policy: &'a Policy,
    now: Timestamp,
}

impl Importing<'_, '_> {
    fn take_over(&mut self, unit: &Unit<'_>) -> Result<Vec<ObjectOutcome>, Why> {
        let mut outcomes = Vec::with_capacity(2);
        if let Some(holder) = unit.holder() {
            let (name, change) = self.reserve(unit, holder)?;
            outcomes.push(self.make(unit.index, Key::Reservation(name), &change));
        }
        if let Some(place) = unit.place {
            let change = bind::bind(self.rehearsal.ledger(), unit, place, self.policy, self.now)?;
            let key = Key::Endpoint(place.attachment.clone());
            outcomes.push(self.make(unit.index, key, &change));
        }
        Ok(outcomes)
    }

    fn make(&mut self, index: usize, key: Key, change: &Change) -> ObjectOutcome {
        let before = self.rehearsal.before(&key);
        self.rehearsal.make(change);
        ObjectOutcome {
            index: Some(index),
            after: self.rehearsal.ledger().catalog().object(&key),
            key,
            before,
            effects: Vec::new(),
        }
    }

    /// Keeps the unit's addresses for its holder: by a reservation of its own, or one that is there.
    fn reserve(&self, unit: &Unit<'_>, holder: Holder) -> Result<(Name, Change), Why> {
        let ledger = self.rehearsal.ledger();
        let catalog = ledger.catalog();
        let own = unit
            .addresses
            .iter()
            .filter_map(|address| catalog.reservation_of(address.ip))
            .find(|reservation| reservation.holder == holder);
        let Some(own) = own else {
            let spec = self.spec(unit, holder);
            if catalog.reservation(&spec.name).is_some() {
                return Err(ImportError::NameInUse { name: spec.name }.into());
            }
            let planned = create_reservation(ledger, &spec, self.now)?;
            return Ok((spec.name, planned.change));
        };
        let mut spec = spec_of(own);
        let mut addresses = own.addresses.clone();
        for address in &unit.addresses {
            let known = addresses.iter_mut().find(|known| known.ip == address.ip);
            match known {
                // A MAC address that is not given is whatever is pinned.
                Some(known) => known.mac = address.mac.or(known.mac),
                None => addresses.push(address.clone()),
            }
        }
        spec.addresses = Wanted::Named(addresses);
        let planned = update_reservation(ledger, &spec, own.revision, self.now)?;
        Ok((spec.name, planned.change))
    }

    fn spec(&self, unit: &Unit<'_>, holder: Holder) -> ReservationSpec {
        ReservationSpec {
            name: unit.reservation_name(),
            network: unit.network.clone(),
            holder,
            addresses: Wanted::Named(unit.addresses.clone()),
            spare: 0,
            retention: self.import.retention,
            owner: unit.owner.to_owned(),
            reason: self.import.reason.clone(),
            expires: None,
            labels: Labels::default(),
        }
    }
}

/// What a reservation is, as what is wanted.
fn spec_of(reservation: &Reservation) -> ReservationSpec {
    ReservationSpec {
        name: reservation.name.clone(),
        network: reservation.network.clone(),
        holder: reservation.holder.clone(),
        addresses: Wanted::Named(reservation.addresses.clone()),
        spare: reservation.spare,
        retention: reservation.retention,
        owner: reservation.owner.clone(),
        reason: reservation.reason.clone(),
        expires: reservation.expires,
        labels: reservation.labels.clone(),
    }
}

/// The holder of an address that no pod has. No namespace of an orchestrator begins like that, so
/// no pod is its pod.
fn nobody(ip: IpAddr) -> Holder {
    Holder::Workload(Workload {
        namespace: "_external".to_owned(),
        name: ip.to_string(),
    })
}

/// A reservation's address.
fn reserved(adoption: &Adoption) -> ReservedAddress {
    ReservedAddress {
        ip: adoption.ip,
        mac: adoption.mac,
    }
}
