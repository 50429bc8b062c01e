//! Reservations that end by their own rules.

use std::sync::Arc;

use trunkline_types::Name;

use crate::{
    Catalog, Change, DeleteReservationError, Edit, Event, EventKind, Holder, Key, Object,
    Reservation, Retention, Timestamp, delete_reservation,
};

/// The reservations that end now: they expired, their retention is over, or their holder was
/// deleted; and nobody has any of their addresses. `deleted` says whether the orchestrator has
/// deleted a holder; none if that is not known.
pub fn due_reservations(
    catalog: &Catalog,
    now: Timestamp,
    deleted: &dyn Fn(&Holder) -> Option<bool>,
) -> Vec<Name> {
    let due = |reservation: &&Arc<Reservation>| {
        why(catalog, reservation, now, deleted).is_some() && is_idle(catalog, reservation)
    };
    let due = catalog.reservations().filter(due);
    due.map(|reservation| reservation.name.clone()).collect()
}

/// Plans the end of a reservation that is due, with an event.
///
/// # Errors
///
/// [`DeleteReservationError`] if it is not there or somebody has an address of it.
pub fn end_reservation(
    catalog: &Catalog,
    name: &Name,
    now: Timestamp,
) -> Result<Change, DeleteReservationError> {
    let change = delete_reservation(catalog, name, None)?;
    let why = catalog
        .reservation(name)
        .and_then(|reservation| why(catalog, reservation, now, &|_| None))
        .unwrap_or("its holder was deleted");
    let event = Event {
        at: now,
        kind: EventKind::ReservationEnded,
        about: Key::Reservation(name.clone()).to_string(),
        message: why.to_owned(),
        revision: change.revision(),
    };
    let event = Edit::Put(Object::Event(Arc::new(event)));
    let edits = change.edits().iter().cloned().chain([event]);
    Ok(Change::new(change.revision(), edits.collect()))
}

/// By which of its rules a reservation ends now.
pub(crate) fn why(
    catalog: &Catalog,
    reservation: &Reservation,
    now: Timestamp,
    deleted: &dyn Fn(&Holder) -> Option<bool>,
) -> Option<&'static str> {
    if reservation.expires.is_some_and(|end| end <= now) {
        return Some("it expired");
    }
    let is_over = match reservation.retention {
        Retention::Forever => return None,
        Retention::Seconds(seconds) => last_used(catalog, reservation).after(seconds) <= now,
        Retention::UntilDeleted => {
            let gone = deleted(&reservation.holder) == Some(true);
            return gone.then_some("its holder was deleted");
        }
    };
    is_over.then_some("its holder was away for longer than it is kept")
}

/// When an address of it was released last; if none was since it was made, then that.
fn last_used(catalog: &Catalog, reservation: &Reservation) -> Timestamp {
    let addresses = reservation.addresses.iter();
    let records = addresses.filter_map(|address| catalog.address(address.ip));
    records
        .map(|address| address.since)
        .fold(reservation.created, Timestamp::max)
}

pub(crate) fn is_idle(catalog: &Catalog, reservation: &Reservation) -> bool {
    let mut addresses = reservation.addresses.iter();
    addresses.all(|address| {
        let record = catalog.address(address.ip);
        record.is_none_or(|record| record.is_released())
    })
}
