//! Reservations, compared with who has their addresses.

use std::sync::Arc;

use super::{Discrepancy, DiscrepancyKind, Witnesses};
use crate::sweep::{is_idle, why};
use crate::{
    AddressState, Catalog, Endpoint, Holder, Key, Reservation, ReservedAddress, Timestamp,
};

/// What reservations say and is not so.
pub(super) fn compare(
    catalog: &Catalog,
    witnesses: &Witnesses<'_>,
    now: Timestamp,
) -> Vec<Discrepancy> {
    let mut found = Vec::new();
    for reservation in catalog.reservations() {
        let over = why(catalog, reservation, now, witnesses.deleted);
        if let Some(why) = over
            && is_idle(catalog, reservation)
        {
            found.push(is_over(reservation, why));
        }
        let taken = reservation.addresses.iter();
        found.extend(taken.filter_map(|address| is_taken(catalog, reservation, address)));
    }
    let endpoints = catalog.endpoints();
    found.extend(endpoints.filter_map(|endpoint| is_beside(catalog, endpoint, now)));
    found
}

fn is_over(reservation: &Reservation, why: &str) -> Discrepancy {
    let name = &reservation.name;
    Discrepancy {
        kind: DiscrepancyKind::ReservationOver,
        about: Key::Reservation(name.clone()),
        evidence: format!("{why}, and nobody has any of its addresses"),
        command: format!("netctl reservation rm {name}"),
        is_safe: true,
    }
}

/// A reserved address that somebody has who is not its holder.
fn is_taken(
    catalog: &Catalog,
    reservation: &Reservation,
    reserved: &ReservedAddress,
) -> Option<Discrepancy> {
    let address = catalog.address(reserved.ip)?;
    let AddressState::Bound { attachment } = &address.state else {
        return None;
    };
    let endpoint = catalog.endpoint(attachment)?;
    let theirs = match (&reservation.holder, &endpoint.pod) {
        (Holder::Pod(holder), Some(pod)) => holder == pod,
        (Holder::StatefulSet(set), Some(pod)) => set.ordinal_of(pod).is_some(),
        (Holder::Workload(_), _) => endpoint.reservation.as_ref() == Some(&reservation.name),
        (_, None) => false,
    };
    (!theirs).then(|| Discrepancy {
        kind: DiscrepancyKind::ReservedAddressTaken,
        about: Key::Address(reserved.ip),
        evidence: format!(
            "address `{}` is kept by reservation `{}`, and `{attachment}`{} has it",
            reserved.ip,
            reservation.name,
            of_pod(endpoint),
        ),
        command: remove(endpoint),
        is_safe: false,
    })
}

/// A pod that runs with another address than the one that is kept for it.
fn is_beside(catalog: &Catalog, endpoint: &Arc<Endpoint>, now: Timestamp) -> Option<Discrepancy> {
    let pod = endpoint.pod.as_ref()?;
    let holder = Holder::Pod(pod.clone());
    let mut own = catalog.reservations_for(&holder);
    let beside = own.find(|reservation| {
        let lasts = reservation.expires.is_none_or(|end| end > now);
        let has =
            |address: &ReservedAddress| endpoint.addresses.iter().any(|own| own.ip == address.ip);
        lasts && reservation.network == endpoint.network && !reservation.addresses.iter().all(has)
    })?;
    Some(Discrepancy {
        kind: DiscrepancyKind::ReservationUnused,
        about: Key::Endpoint(endpoint.attachment.clone()),
        evidence: format!(
            "reservation `{}` keeps an address for pod `{pod}`, which runs with another one",
            beside.name
        ),
        command: remove(endpoint),
        is_safe: false,
    })
}

fn of_pod(endpoint: &Endpoint) -> String {
    let pod = endpoint.pod.as_ref();
    pod.map(|pod| format!(" of pod `{pod}`"))
        .unwrap_or_default()
}

/// What has a pod built anew.
fn remove(endpoint: &Endpoint) -> String {
    match &endpoint.pod {
        Some(pod) => format!("kubectl -n {} delete pod {}", pod.namespace, pod.name),
        None => format!("netctl endpoint show {}", endpoint.attachment),
    }
}
