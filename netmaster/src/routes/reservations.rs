//! `/v1/reservations`

use trunkline_ipam as ipam;
use trunkline_ipam::{
    Catalog, Change, Key, Kind, Ledger, Object, Revision, Step, Timestamp, Wanted,
};
use trunkline_netmaster_api::{
    Holder, HolderKind, Reservation, ReservationSpec, ReservedAddress, Retention,
};
use trunkline_types::{Labels, Name, Pod};

use super::field::{Field, Form};
use super::noun::{Managed, Noun, Scene, at_once, planned, view};
use crate::failure::Failure;

/// How many addresses of a subnet may be asked for, and how many may be spare: as many as a
/// reservation has at most.
const COUNT: u32 = 256;

pub(crate) enum Reservations {}

impl Noun for Reservations {
    const KIND: Kind = Kind::Reservation;
    const PATH: &'static str = "reservations";
    type View = Reservation;
    const FIELDS: &'static [Field<Reservation>] = &[
        Field {
            name: "name",
            form: Form::Name,
            values: |reservation| vec![reservation.name.to_string()],
        },
        Field {
            name: "network",
            form: Form::Name,
            values: |reservation| vec![reservation.network.to_string()],
        },
        Field {
            name: "namespace",
            form: Form::Text,
            values: |reservation| vec![reservation.holder.namespace.clone()],
        },
        Field {
            name: "address",
            form: Form::Ip,
            values: |reservation| {
                let addresses = reservation.addresses.iter();
                addresses.map(|address| address.ip.to_string()).collect()
            },
        },
    ];

    fn view(_: &Scene<'_>, object: &Object) -> Option<Reservation> {
        let Object::Reservation(reservation) = object else {
            return None;
        };
        let addresses = reservation.addresses.iter().map(|address| ReservedAddress {
            ip: address.ip,
            mac: address.mac,
        });
        Some(Reservation {
            name: reservation.name.clone(),
            network: reservation.network.clone(),
            holder: holder_view(&reservation.holder),
            addresses: addresses.collect(),
            spare: reservation.spare,
            retention: retention_view(reservation.retention),
            owner: reservation.owner.clone(),
            reason: reservation.reason.clone(),
            expires: reservation.expires.map(Timestamp::unix_seconds),
            labels: reservation.labels.clone(),
            created: reservation.created.unix_seconds(),
            revision: reservation.revision.number(),
        })
    }

    fn labels(object: &Object) -> Option<&Labels> {
        match object {
            Object::Reservation(reservation) => Some(&reservation.labels),
            _ => None,
        }
    }
}

impl Managed for Reservations {
    type Spec = ReservationSpec;
    type Wanted = ipam::ReservationSpec;
    type Updated = Reservation;

    fn wanted(spec: ReservationSpec) -> Result<ipam::ReservationSpec, Failure> {
        let addresses = addresses(&spec)?;
        if spec.spare > COUNT {
            let why = format!("`{}` is out of range: use 0–{COUNT}", spec.spare);
            return Err(Failure::field("spare", &why));
        }
        Ok(ipam::ReservationSpec {
            name: spec.name,
            network: spec.network,
            holder: holder(spec.holder),
            addresses,
            spare: spec.spare,
            retention: retention(spec.retention),
            owner: spec.owner,
            reason: spec.reason,
            expires: spec.expires.map(Timestamp::from_unix_seconds),
            labels: spec.labels,
        })
    }

    fn key(wanted: &ipam::ReservationSpec) -> Key {
        Key::Reservation(wanted.name.clone())
    }

    fn network(_: &Catalog, wanted: &ipam::ReservationSpec) -> Option<Name> {
        Some(wanted.network.clone())
    }

    fn create(
        ledger: &Ledger,
        wanted: &ipam::ReservationSpec,
        now: Timestamp,
    ) -> Result<(Object, Change), Failure> {
        let created = ipam::create_reservation(ledger, wanted, now)?;
        Ok(planned(created, Object::Reservation))
    }

    fn update(
        scene: &Scene<'_>,
        ledger: &Ledger,
        wanted: &ipam::ReservationSpec,
        revision: Revision,
    ) -> Result<(Reservation, Change), Failure> {
        let updated = ipam::update_reservation(ledger, wanted, revision, scene.now)?;
        let (object, change) = planned(updated, Object::Reservation);
        Ok((view::<Self>(scene, &object)?, change))
    }

    fn delete(
        ledger: &Ledger,
        key: &Key,
        expected: Option<Revision>,
        _: Timestamp,
    ) -> Result<Step, Failure> {
        let Key::Reservation(name) = key else {
            return Err(Failure::not_found(Self::KIND, &key.name()));
        };
        let change = ipam::delete_reservation(ledger.catalog(), name, expected)?;
        Ok(at_once(change))
    }
}

/// Which addresses a spec asks for.
fn addresses(spec: &ReservationSpec) -> Result<Wanted, Failure> {
    match (spec.addresses.is_empty(), spec.subnets.is_empty()) {
        (false, false) => Err(Failure::field(
            "subnets",
            "addresses are either named or taken from subnets: leave `addresses` or `subnets` out",
        )),
        (true, true) => Err(Failure::field(
            "addresses",
            "it is empty: name addresses, or `subnets` and a `count` to take them from",
        )),
        (false, true) if spec.count.is_some() => Err(Failure::field(
            "count",
            "named addresses are as many as they are: leave it out, or name `subnets` instead",
        )),
        (false, true) => {
            let named = spec.addresses.iter().map(|address| ipam::ReservedAddress {
                ip: address.ip,
                mac: address.mac,
            });
            Ok(Wanted::Named(named.collect()))
        }
        (true, false) => match spec.count {
            Some(count) if (1..=COUNT).contains(&count) => Ok(Wanted::Any {
                subnets: spec.subnets.clone(),
                count,
            }),
            Some(count) => {
                let why = format!("`{count}` is out of range: use 1–{COUNT}");
                Err(Failure::field("count", &why))
            }
            None => Err(Failure::field(
                "count",
                "it is missing: say how many addresses of `subnets`",
            )),
        },
    }
}

/// A pod or workload as it is planned with.
pub(super) fn holder(holder: Holder) -> ipam::Holder {
    let Holder {
        kind,
        namespace,
        name,
    } = holder;
    match kind {
        HolderKind::Pod => ipam::Holder::Pod(Pod { namespace, name }),
        HolderKind::StatefulSet => ipam::Holder::StatefulSet(ipam::Workload { namespace, name }),
        HolderKind::Workload => ipam::Holder::Workload(ipam::Workload { namespace, name }),
    }
}

/// How long a reservation is kept, as it is planned with.
pub(super) fn retention(retention: Retention) -> ipam::Retention {
    match retention {
        Retention::Forever => ipam::Retention::Forever,
        Retention::Seconds(seconds) => ipam::Retention::Seconds(seconds),
        Retention::UntilDeleted => ipam::Retention::UntilDeleted,
    }
}

pub(super) fn retention_view(retention: ipam::Retention) -> Retention {
    match retention {
        ipam::Retention::Forever => Retention::Forever,
        ipam::Retention::Seconds(seconds) => Retention::Seconds(seconds),
        ipam::Retention::UntilDeleted => Retention::UntilDeleted,
    }
}

pub(super) fn holder_view(holder: &ipam::Holder) -> Holder {
    let (kind, namespace, name) = match holder {
        ipam::Holder::Pod(pod) => (HolderKind::Pod, &pod.namespace, &pod.name),
        ipam::Holder::StatefulSet(set) => (HolderKind::StatefulSet, &set.namespace, &set.name),
        ipam::Holder::Workload(one) => (HolderKind::Workload, &one.namespace, &one.name),
    };
    Holder {
        kind,
        namespace: namespace.clone(),
        name: name.clone(),
    }
}
