//! Reservations that end by their own rules.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use trunkline_ipam::{
    Change, DeleteReservationError, Edit, Event, EventKind, Holder, Object, Retention,
    delete_reservation, due_reservations,
};
use trunkline_types::Name;

use super::{PutOff, Sweeper};

/// How many holders the orchestrator is asked for in one turn; the others come in later turns.
const HOLDERS: usize = 200;

/// The holders that the orchestrator said are deleted, when it was last asked. Once may be a
/// mistake of the moment, like a namespace that is being made anew.
#[derive(Debug, Default)]
pub(super) struct Deletions {
    seen: BTreeSet<Holder>,
    /// The last holder that was asked for.
    after: Option<Holder>,
}

impl Sweeper {
    /// Ends the reservations that expired, whose retention is over, or whose holder was deleted.
    pub(super) async fn end_reservations(&self, deletions: &mut Deletions) -> Result<(), PutOff> {
        let answers = self.ask_for_holders(deletions).await;
        let now = self.now();
        let due = self
            .allocator
            .read(|catalog| due_reservations(catalog, now, &|holder| answers.get(holder).copied()));
        for name in due {
            self.end_reservation(name).await?;
        }
        Ok(())
    }

    /// What the orchestrator says, twice the same if it says that a holder is deleted.
    async fn ask_for_holders(&self, deletions: &mut Deletions) -> BTreeMap<Holder, bool> {
        let holders: BTreeSet<Holder> = self.allocator.read(|catalog| {
            let reservations = catalog.reservations();
            reservations
                .filter(|reservation| reservation.retention == Retention::UntilDeleted)
                .map(|reservation| reservation.holder.clone())
                .collect()
        });
        deletions.seen.retain(|holder| holders.contains(holder));
        let mut answers = BTreeMap::new();
        for holder in next(&holders, &mut deletions.after) {
            match self.orchestrator.deleted(&holder).await {
                Some(true) if !deletions.seen.insert(holder.clone()) => {
                    answers.insert(holder, true);
                }
                Some(true) => {}
                Some(false) => {
                    deletions.seen.remove(&holder);
                    answers.insert(holder, false);
                }
                None => {
                    deletions.seen.remove(&holder);
                }
            }
        }
        answers
    }

    async fn end_reservation(&self, name: Name) -> Result<(), PutOff> {
        let now = self.now();
        let wanted = name.clone();
        let ended = self
            .write(move |ledger| {
                let catalog = ledger.catalog();
                let addresses = catalog
                    .reservation(&wanted)
                    .map_or(0, |reservation| reservation.addresses.len());
                let change = delete_reservation(catalog, &wanted, None)?;
                if change.is_empty() {
                    return Ok(change);
                }
                let event = Event {
                    at: now,
                    kind: EventKind::ReservationEnded,
                    about: format!("reservation {wanted}"),
                    message: format!("it ended by its own rules; it had {addresses} address(es)"),
                    revision: change.revision(),
                };
                let mut edits = change.edits().to_vec();
                edits.push(Edit::Put(Object::Event(Arc::new(event))));
                Ok::<_, DeleteReservationError>(Change::new(change.revision(), edits))
            })
            .await?;
        if ended {
            self.metrics.found("reservation_ended");
            tracing::info!(reservation = %name, "reservation ended");
        }
        Ok(())
    }
}

/// Up to [`HOLDERS`] holders after the one that came last, from the beginning again at the end.
fn next(holders: &BTreeSet<Holder>, after: &mut Option<Holder>) -> Vec<Holder> {
    let is_later = |holder: &&Holder| after.as_ref().is_none_or(|after| *holder > after);
    let (later, earlier): (Vec<_>, Vec<_>) = holders.iter().partition(is_later);
    let next: Vec<Holder> = later
        .into_iter()
        .chain(earlier)
        .take(HOLDERS)
        .cloned()
        .collect();
    *after = next.last().cloned();
    next
}
