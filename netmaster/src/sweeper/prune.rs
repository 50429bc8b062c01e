//! Old records: they go when they are too old, or when there are too many.

use std::time::Duration;

use trunkline_ipam::{
    AuditResult, Change, Edit, Key, Object, Revision, delete_token, overdue_tokens,
};

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
    /// Records of what was done up to this change are too many.
    done: Revision,
    /// Records of what was refused or denied up to this change are too many.
    refused: Revision,
}

/// What a turn over one kind of records does.
struct Pass<'a> {
    kind: &'static str,
    prefix: &'static str,
    /// How long they are kept.
    retention: Duration,
    /// What does not count against each other, see [`place_of`].
    shares: Vec<Share<'a>>,
}

/// Records that are counted together.
struct Share<'a> {
    /// How many there may be.
    max: usize,
    /// Those up to this change go, whatever their age.
    too_many: &'a mut Revision,
    /// Those that stay; eight bytes for each.
    kept: Vec<u64>,
}

impl<'a> Share<'a> {
    fn of(max: usize, too_many: &'a mut Revision) -> Self {
        Self {
            max,
            too_many,
            kept: Vec::new(),
        }
    }
}

impl Sweeper {
    /// Reads all records once, and deletes those that are too old, or were found to be too many in
    /// the turn before.
    pub(super) async fn prune(&self, pruner: &mut Pruner) -> Result<(), PutOff> {
        self.pass(Pass {
            kind: "event",
            prefix: EVENTS,
            retention: self.config.history_retention,
            shares: vec![Share::of(self.config.events_max, &mut pruner.events)],
        })
        .await?;
        self.pass(Pass {
            kind: "audit",
            prefix: AUDIT,
            retention: self.config.audit_retention,
            // Whoever is refused something all day does not push out what was done.
            shares: vec![
                Share::of(self.config.audit_max, &mut pruner.done),
                Share::of(self.config.audit_refused_max, &mut pruner.refused),
            ],
        })
        .await?;
        self.prune_tokens().await?;
        self.pass(Pass {
            kind: "holding",
            prefix: HOLDINGS,
            retention: self.config.history_retention,
            shares: vec![Share::of(self.config.history_max, &mut pruner.holdings)],
        })
        .await
    }

    async fn pass(&self, mut pass: Pass<'_>) -> Result<(), PutOff> {
        let retention = pass.retention.as_secs();
        let now = self.now();
        let mut after: Option<String> = None;
        loop {
            let records = self.allocator.records();
            let page = records.scan(pass.prefix, after.as_deref(), PAGE).await?;
            let Some((last, _)) = page.last() else {
                break;
            };
            after = Some(last.clone());
            let mut old = Vec::new();
            for (key, value) in &page {
                let object = decode(key, value).map_err(StoreError::from)?;
                let Some(share) = pass.shares.get_mut(place_of(&object)) else {
                    continue;
                };
                let (end, revision, key) = match object {
                    Object::Holding(holding) => {
                        let key = Key::Holding(holding.ip, holding.revision);
                        (holding.to, holding.revision, key)
                    }
                    Object::Audit(audit) => (audit.at, audit.revision, Key::Audit(audit.revision)),
                    Object::Event(event) => (event.at, event.revision, Key::Event(event.revision)),
                    _ => continue,
                };
                if end.after(retention) <= now || revision <= *share.too_many {
                    old.push(key);
                } else {
                    share.kept.push(revision.number());
                }
            }
            self.delete(pass.kind, &old).await?;
        }
        for share in &mut pass.shares {
            *share.too_many = newest_beyond(&mut share.kept, share.max);
        }
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

/// The place, among the shares of its kind, of the one that a record counts against.
fn place_of(object: &Object) -> usize {
    match object {
        Object::Audit(audit) if audit.result != AuditResult::Done => 1,
        _ => 0,
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
