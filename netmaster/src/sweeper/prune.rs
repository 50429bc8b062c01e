//! Old records: they go when they are too old, or when there are too many.

use std::time::Duration;

use trunkline_ipam::{Change, Edit, Key, Object, Revision, delete_token, overdue_tokens};

use super::{PutOff, Sweeper};
use crate::store::{AUDIT, EVENTS, HOLDINGS, StoreError, decode};

/// How many records are read at a time.
const PAGE: usize = 500;

/// How many are deleted by one change: a batch has 128 operations, and others want some of them.
const DELETED: usize = 64;

/// What one turn finds out for the next one.
#[derive(Debug, Default)]
pub(super) struct Pruner {
    /// Holdings up to this change are too many.
    holdings: Revision,
    /// Events up to this change are too many.
    events: Revision,
    /// Records of the audit up to this change are too many.
    audit: Revision,
}

/// What a turn over one kind of records does.
struct Pass<'a> {
    kind: &'static str,
    prefix: &'static str,
    /// How long they are kept.
    retention: Duration,
    /// How many there may be.
    max: usize,
    /// Those up to this change go, whatever their age.
    too_many: &'a mut Revision,
}

impl Sweeper {
    /// Reads all records once, and deletes those that are too old, or were found to be too many in
    /// the turn before.
    pub(super) async fn prune(&self, pruner: &mut Pruner) -> Result<(), PutOff> {
        self.pass(Pass {
            kind: "event",
            prefix: EVENTS,
            retention: self.config.history_retention,
            max: self.config.events_max,
            too_many: &mut pruner.events,
        })
        .await?;
        self.pass(Pass {
            kind: "audit",
            prefix: AUDIT,
            retention: self.config.audit_retention,
            max: self.config.audit_max,
            too_many: &mut pruner.audit,
        })
        .await?;
        self.prune_tokens().await?;
        self.pass(Pass {
            kind: "holding",
            prefix: HOLDINGS,
            retention: self.config.history_retention,
            max: self.config.history_max,
            too_many: &mut pruner.holdings,
        })
        .await
    }

    async fn pass(&self, pass: Pass<'_>) -> Result<(), PutOff> {
        let retention = pass.retention.as_secs();
        let now = self.now();
        let mut after: Option<String> = None;
        // Eight bytes for each that stays.
        let mut kept: Vec<u64> = Vec::new();
        loop {
            let records = self.allocator.records();
            let page = records.scan(pass.prefix, after.as_deref(), PAGE).await?;
            let Some((last, _)) = page.last() else {
                break;
            };
            after = Some(last.clone());
            let mut old = Vec::new();
            for (key, value) in &page {
                let (end, revision, key) = match decode(key, value).map_err(StoreError::from)? {
                    Object::Holding(holding) => {
                        let key = Key::Holding(holding.ip, holding.revision);
                        (holding.to, holding.revision, key)
                    }
                    Object::Audit(audit) => (audit.at, audit.revision, Key::Audit(audit.revision)),
                    Object::Event(event) => (event.at, event.revision, Key::Event(event.revision)),
                    _ => continue,
                };
                if end.after(retention) <= now || revision <= *pass.too_many {
                    old.push(key);
                } else {
                    kept.push(revision.number());
                }
            }
            self.delete(pass.kind, &old).await?;
        }
        *pass.too_many = newest_beyond(&mut kept, pass.max);
        Ok(())
    }

    /// Deletes tokens that expired long ago.
    async fn prune_tokens(&self) -> Result<(), PutOff> {
        let now = self.now();
        let overdue = self.allocator.read(|catalog| overdue_tokens(catalog, now));
        for token in overdue {
            let revision = Some(token.revision);
            self.write(move |ledger| delete_token(ledger.catalog(), &token.name, revision))
                .await?;
            self.metrics.pruned("token", 1);
        }
        Ok(())
    }

    async fn delete(&self, kind: &str, keys: &[Key]) -> Result<(), PutOff> {
        for some in keys.chunks(DELETED) {
            let edits: Vec<Edit> = some.iter().cloned().map(Edit::Delete).collect();
            self.write(move |ledger| {
                let next = ledger.catalog().revision().next();
                Ok::<_, PutOff>(Change::new(next, edits))
            })
            .await?;
            self.metrics.pruned(kind, some.len());
        }
        Ok(())
    }
}

/// The newest of those that have to go so that `max` stay.
fn newest_beyond(revisions: &mut [u64], max: usize) -> Revision {
    let Some(newest) = revisions
        .len()
        .checked_sub(max)
        .and_then(|many| many.checked_sub(1))
    else {
        return Revision::ZERO;
    };
    let (_, revision, _) = revisions.select_nth_unstable(newest);
    Revision::new(*revision)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_stay_when_there_are_too_many() {
        for (revisions, max, expected) in [
            (vec![], 0, 0),
            (vec![5], 1, 0),
            (vec![5], 0, 5),
            (vec![9, 3, 7, 5], 4, 0),
            (vec![9, 3, 7, 5], 3, 3),
            (vec![9, 3, 7, 5], 1, 7),
            (vec![9, 3, 7, 5], 0, 9),
        ] {
            let beyond = newest_beyond(&mut revisions.clone(), max);
            assert_eq!(beyond, Revision::new(expected), "{revisions:?} {max}");
        }
    }
}
