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

/// The last batches, without a gap.
#[derive(Debug)]
pub(super) struct Recent {
    /// The revision that the oldest one starts from.
    floor: Revision,
    batches: VecDeque<StoredBatch>,
}

impl Recent {
    pub(super) fn after(floor: Revision) -> Self {
        Self {
            floor,
            batches: VecDeque::new(),
        }
    }

    /// The revision after the newest batch.
    pub(super) fn tip(&self) -> Revision {
        self.batches
            .back()
            .map_or(self.floor, |batch| batch.to.revision)
    }

    pub(super) fn push(&mut self, batch: StoredBatch) {
        self.batches.push_back(batch);
        if self.batches.len() > KEPT
            && let Some(oldest) = self.batches.pop_front()
        {
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
