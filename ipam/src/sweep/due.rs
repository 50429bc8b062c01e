//! Reservations that end by their own rules.

use trunkline_types::Name;

use crate::{Catalog, Holder, Timestamp};

/// The reservations that end now: they expired, their retention is over, or their holder was
/// deleted. `deleted` says whether the orchestrator has deleted a holder; none if that is not known.
pub fn due_reservations(
    _catalog: &Catalog,
    _now: Timestamp,
    _deleted: &dyn Fn(&Holder) -> Option<bool>,
) -> Vec<Name> {
    Vec::new()
}
