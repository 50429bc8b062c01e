//! What a follower refuses by itself: the leader records it.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::sleep;
use trunkline_ipam::Audit;
use trunkline_netmaster_api::Refusals;

use super::{Auditor, Trail, view, write};
use crate::allocator::Allocator;
use crate::clock::now;
use crate::forward::{Forwarder, Undelivered};
use crate::metrics::Metrics;
use crate::replica::Role;

/// How often the leader is told.
const EVERY: Duration = Duration::from_secs(2);

/// How many records wait; some hundred bytes each. With fifty identities that are refused something
/// all the time, that is what a minute without a leader brings.
const WAITING: usize = 1000;

/// How many go at a time. Each is a change, and the leader takes some milliseconds for all of them.
const BATCH: usize = 50;

/// Records that wait to be told. Clones are one and the same.
#[derive(Clone, Debug, Default)]
pub(super) struct Outbox {
    shared: Arc<Mutex<Waiting>>,
}

#[derive(Debug, Default)]
struct Waiting {
    records: VecDeque<Audit>,
    /// How many had no room, or could not be told, and have not been counted yet.
    lost: u64,
}

impl Outbox {
    /// Puts a record behind all others, if there is room.
    pub(super) fn put(&self, record: Audit) {
        let mut waiting = self.lock();
        if waiting.records.len() >= WAITING {
            waiting.lost += 1;
        } else {
            waiting.records.push_back(record);
        }
    }

    /// The first ones.
    fn take(&self) -> Vec<Audit> {
        let mut waiting = self.lock();
        let count = waiting.records.len().min(BATCH);
        waiting.records.drain(..count).collect()
    }

    /// Puts the first ones back, as far as there is room.
    fn put_back(&self, records: Vec<Audit>) {
        let mut waiting = self.lock();
        for record in records.into_iter().rev() {
            if waiting.records.len() >= WAITING {
                waiting.lost += 1;
            } else {
                waiting.records.push_front(record);
            }
        }
    }

    fn lose(&self, count: usize) {
        self.lock().lost += u64::try_from(count).unwrap_or(u64::MAX);
    }

    /// How many were lost since this was asked last.
    fn lost(&self) -> u64 {
        std::mem::take(&mut self.lock().lost)
    }

    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.shared.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Auditor {
    /// Has the leader record what this replica refused while it followed, until `stop` changes.
    pub(crate) async fn report(
        self,
        forwarder: Forwarder,
        allocator: Allocator,
        metrics: Metrics,
        mut stop: watch::Receiver<bool>,
    ) {
        loop {
            // Both are cancel-safe.
            tokio::select! {
                () = sleep(EVERY) => {}
                _ = stop.wait_for(|stop| *stop) => return,
            }
            self.report_some(&forwarder, &allocator).await;
            metrics.audit_lost(self.outbox.lost());
        }
    }

    async fn report_some(&self, forwarder: &Forwarder, allocator: &Allocator) {
        let role = allocator.role().borrow().clone();
        let leader = match role {
            // It has begun to lead since.
            Role::Leader => {
                for record in self.outbox.take() {
                    write(allocator, record).await;
                }
                return;
            }
            Role::Follower { leader: None } => return,
            Role::Follower { leader: Some(url) } => url,
        };
        let now = now();
        for (identity, result, omitted) in self.lock(|budget| budget.over(now)) {
            let mut record = Trail::of_nobody(identity).audit(now);
            record.result = result;
            record.omitted = omitted;
            self.outbox.put(record);
        }
        let batch = self.outbox.take();
        if batch.is_empty() {
            return;
        }
        let refusals = Refusals {
            records: batch.iter().map(view).collect(),
        };
        match forwarder.report(&leader, &refusals).await {
            Ok(()) => {}
            Err(Undelivered::Later) => self.outbox.put_back(batch),
            Err(Undelivered::Never) => self.outbox.lose(batch.len()),
        }
    }
}

#[cfg(test)]
mod tests {
    use trunkline_ipam::Timestamp;

    use super::*;

    fn record(omitted: u64) -> Audit {
        let mut record = Trail::of_nobody(None).audit(Timestamp::default());
        record.omitted = omitted;
        record
    }

    fn numbers(records: &[Audit]) -> Vec<u64> {
        records.iter().map(|record| record.omitted).collect()
    }

    #[test]
    fn what_is_put_back_comes_first_again() {
        let outbox = Outbox::default();
        for number in 0..60 {
            outbox.put(record(number));
        }
        let first = outbox.take();
        assert_eq!(numbers(&first), (0..50).collect::<Vec<_>>());
        outbox.put_back(first);
        assert_eq!(numbers(&outbox.take()), (0..50).collect::<Vec<_>>());
        assert_eq!(numbers(&outbox.take()), (50..60).collect::<Vec<_>>());
        assert_eq!(outbox.lost(), 0);
    }

    #[test]
    fn without_a_leader_so_many_wait_and_what_is_lost_is_counted_once() {
        let outbox = Outbox::default();
        for number in 0..1010 {
            outbox.put(record(number));
        }
        assert_eq!((outbox.lost(), outbox.lost()), (10, 0));
        let first = outbox.take();
        for number in 0..50 {
            outbox.put(record(number));
        }
        outbox.put_back(first);
        assert_eq!(outbox.lost(), 50);
        assert_eq!(outbox.lock().records.len(), WAITING);
    }
}
