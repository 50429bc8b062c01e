//! The embedded store's last batches, for watches.

use std::collections::VecDeque;
use std::sync::Arc;

use tokio::sync::watch;
use trunkline_ipam::Revision;

use super::Shared;
use crate::store::{StoredBatch, WatchError};

/// How many batches are kept. Nobody but this process can watch the store, and it does so from the
/// start, so that this bridges the time between two looks and no more.
const KEPT: usize = 256;

/// How many bytes of keys and values they have in all: those of many batches as etcd takes them, and
/// of a few as large as only this store does. The last one is kept whatever it has.
const BYTES: usize = 64 << 20;

/// The last batches, without a gap.
#[derive(Debug)]
pub(super) struct Recent {
    /// The revision that the oldest one starts from.
    floor: Revision,
    batches: VecDeque<StoredBatch>,
    /// The size of their keys and values.
    bytes: usize,
}

impl Recent {
    pub(super) fn after(floor: Revision) -> Self {
        Self {
            floor,
            batches: VecDeque::new(),
            bytes: 0,
        }
    }

    /// The revision after the newest batch.
    pub(super) fn tip(&self) -> Revision {
        self.batches
            .back()
            .map_or(self.floor, |batch| batch.to.revision)
    }

    pub(super) fn push(&mut self, batch: StoredBatch) {
        self.bytes += size(&batch);
        self.batches.push_back(batch);
        while self.batches.len() > KEPT || self.bytes > BYTES && self.batches.len() > 1 {
            let Some(oldest) = self.batches.pop_front() else {
                return;
            };
            self.bytes -= size(&oldest);
            self.floor = oldest.to.revision;
        }
    }

    /// The batch after `revision`, if there is one already.
    fn next(&self, revision: Revision) -> Result<Option<StoredBatch>, WatchError> {
        if revision < self.floor {
            return Err(WatchError::Compacted { after: revision });
        }
        let next = self
            .batches
            .partition_point(|batch| batch.to.revision <= revision);
        Ok(self.batches.get(next).cloned())
    }
}

/// How many bytes the keys and values of a batch have.
fn size(batch: &StoredBatch) -> usize {
    let values = batch.values.iter();
    values
        .map(|(key, value)| key.len() + value.as_ref().map_or(0, Vec::len))
        .sum()
}

/// Batches of the embedded store as they are written.
#[derive(Debug)]
pub struct Watch {
    shared: Arc<Shared>,
    tip: watch::Receiver<Revision>,
    seen: Revision,
}

impl Watch {
    pub(super) fn new(shared: Arc<Shared>, seen: Revision) -> Self {
        let tip = shared.tip.subscribe();
        Self { shared, tip, seen }
    }

    /// Cancel-safe: nothing is taken before it is returned.
    pub(in crate::store) async fn next(&mut self) -> Result<StoredBatch, WatchError> {
        loop {
            // Before looking, so that a commit in between is not missed.
            self.tip.mark_unchanged();
            if let Some(batch) = self.shared.recent().next(self.seen)? {
                self.seen = batch.to.revision;
                return Ok(batch);
            }
            // The sender lives in `shared`, so this does not fail.
            let _ = self.tip.changed().await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::Position;

    #[test]
    fn what_is_kept_has_a_size_and_the_last_batch_is_kept_in_any_case() {
        let mut recent = Recent::after(Revision::ZERO);
        let batch = |from: u64, bytes: usize| StoredBatch {
            from: Revision::new(from),
            to: Position {
                revision: Revision::new(from + 1),
                mark: 0,
            },
            values: vec![(String::new(), Some(vec![0; bytes]))],
        };
        recent.push(batch(0, BYTES / 2));
        recent.push(batch(1, BYTES / 2));
        assert!(recent.next(Revision::ZERO).unwrap().is_some());
        recent.push(batch(2, 1));
        assert!(recent.next(Revision::ZERO).is_err());
        let second = recent.next(Revision::new(1)).unwrap().unwrap();
        assert_eq!(second.to.revision(), Revision::new(2));
        recent.push(batch(3, BYTES + 1));
        assert!(recent.next(Revision::new(2)).is_err());
        assert!(recent.next(Revision::new(3)).unwrap().is_some());
    }
}
