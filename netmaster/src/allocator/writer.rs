//! The thread that plans.

use std::sync::Arc;
use std::sync::mpsc::{Sender, channel};
use std::thread::JoinHandle;
use std::time::Instant;

use tokio::runtime::Handle;
use tokio::sync::oneshot;
use trunkline_ipam::{Change, Ledger, Revision};

use super::committer::{self, Job, why};
use super::inbox::{Inbox, Next, Wants};
use super::pace::Pace;
use super::{Plan, Reply, Unavailable, Undone};
use crate::feed::Published;
use crate::store::{Batch, Capacity, Room, Store, StoreError};

/// How many requests share a batch at most, those that change nothing included.
const REQUESTS: usize = 512;

/// How many plans are made in one go while the store is busy.
pub(super) const AHEAD: usize = 16;

/// A writer that has ended.
pub(crate) struct Ended {
    /// The store, for the next one.
    pub(crate) store: Box<dyn Store>,
    /// Why it ended; without an error, because it was told to.
    pub(crate) outcome: Result<(), StoreError>,
}

/// Starts writer and committer on `ledger`, which is what `store` holds. They end when `inbox`
/// does, or when the store fails. Called within the runtime.
pub(crate) fn start(
    store: Box<dyn Store>,
    ledger: Ledger,
    inbox: Arc<Inbox>,
    published: Arc<Published>,
) -> oneshot::Receiver<Ended> {
    let (ending, ended) = oneshot::channel();
    let (jobs, incoming) = channel();
    let outcomes = inbox.clone();
    let runtime = Handle::current();
    let capacity = store.capacity();
    let committer = std::thread::spawn(move || {
        committer::run(store, &incoming, &published, &outcomes, &runtime)
    });
    let writer = Writer {
        next: Filling::after(ledger.catalog().revision(), capacity),
        capacity,
        ledger,
        inbox,
        jobs,
        under_way: None,
        pace: Pace::default(),
    };
    std::thread::spawn(move || writer.run(committer, ending));
    ended
}

/// The batch that is being filled.
struct Filling {
    batch: Batch,
    replies: Vec<Reply>,
    /// A change for which there was no room. It is planned on all that is in the batch, so nothing
    /// may be planned before it is in the next one.
    left_over: Option<(Change, Reply)>,
}

struct Writer {
    ledger: Ledger,
    inbox: Arc<Inbox>,
    jobs: Sender<Job>,
    next: Filling,
    /// How much one change may edit.
    capacity: Capacity,
    /// The batch with the committer: how many requests it has, and since when.
    under_way: Option<(usize, Instant)>,
    pace: Pace,
}

impl Writer {
    fn run(mut self, committer: JoinHandle<Box<dyn Store>>, ending: oneshot::Sender<Ended>) {
        let outcome = self.work();
        let reason = match &outcome {
            Ok(()) => Unavailable::NotLeading,
            Err(error) => why(error),
        };
        self.next.fail(reason);
        // With the last sender the committer ends, if it has not.
        drop(self.jobs);
        if let Ok(store) = committer.join() {
            // Nobody may wait for it any more.
            let _ = ending.send(Ended { store, outcome });
        }
    }

    fn work(&mut self) -> Result<(), StoreError> {
        loop {
            let wants = Wants {
                plans: self.awaited(),
                due: self.due(),
                outcome: self.under_way.is_some(),
            };
            match self.inbox.next(wants) {
                Next::Outcome(outcome) => {
                    self.done();
                    outcome?;
                }
                Next::Plan(plan) => self.plan(plan)?,
                Next::Due => self.hand_over()?,
                Next::End => return Ok(()),
            }
        }
    }

    /// How many plans are worth being woken for.
    fn awaited(&self) -> usize {
        if !self.next.has_room() {
            0
        } else if self.under_way.is_some() {
            AHEAD
        } else {
            let missing = self.pace.enough().saturating_sub(self.next.replies.len());
            if self.next.is_empty() {
                1
            } else {
                missing.max(1)
            }
        }
    }

    /// When to hand the batch over, if it could be.
    fn due(&self) -> Option<Instant> {
        if self.under_way.is_some() || self.next.is_empty() {
            return None;
        }
        let now = Instant::now();
        if self.next.has_room() {
            Some(self.pace.due(now, self.next.replies.len()))
        } else {
            Some(now)
        }
    }

    fn done(&mut self) {
        if let Some((requests, since)) = self.under_way.take() {
            let now = Instant::now();
            let waiting = self.next.replies.len() + self.inbox.len();
            self.pace.done(now, now - since, requests + waiting);
        }
    }

    fn plan(&mut self, plan: Plan) -> Result<(), StoreError> {
        let (change, reply) = plan(&mut self.ledger);
        match change.filter(|change| !change.is_empty()) {
            Some(change) => self.take(change, reply),
            None => {
                self.next.replies.push(reply);
                Ok(())
            }
        }
    }

    /// Puts a change into the batch, or keeps it for the next one.
    fn take(&mut self, change: Change, reply: Reply) -> Result<(), StoreError> {
        match self.next.batch.add(&change) {
            Ok(Room::Taken) => {
                self.ledger.apply(&change);
                self.next.replies.push(reply);
            }
            Ok(Room::Full) => self.next.left_over = Some((change, reply)),
            Err(StoreError::TooLarge {
                operations,
                bytes,
                most,
            }) => {
                reply(Err(Undone::TooLarge {
                    operations,
                    bytes,
                    most,
                }));
            }
            Err(other) => {
                reply(Err(Undone::Unavailable(Unavailable::Store)));
                return Err(other);
            }
        }
        Ok(())
    }

    fn hand_over(&mut self) -> Result<(), StoreError> {
        let after = self.next.batch.to();
        let full = std::mem::replace(&mut self.next, Filling::after(after, self.capacity));
        self.under_way = Some((full.replies.len(), Instant::now()));
        let job = Job {
            batch: full.batch,
            replies: full.replies,
        };
        // If the committer has ended, its outcome says why, and comes next.
        if let Err(refused) = self.jobs.send(job) {
            refused.0.fail(Unavailable::Store);
        }
        match full.left_over {
            Some((change, reply)) => self.take(change, reply),
            None => Ok(()),
        }
    }
}

impl Filling {
    fn after(revision: Revision, capacity: Capacity) -> Self {
        Self {
            batch: Batch::within(capacity, revision),
            replies: Vec::new(),
            left_over: None,
        }
    }

    fn is_empty(&self) -> bool {
        self.replies.is_empty() && self.left_over.is_none()
    }

    fn has_room(&self) -> bool {
        self.left_over.is_none() && self.replies.len() < REQUESTS
    }

    fn fail(self, why: Unavailable) {
        let left_over = self.left_over.map(|(_, reply)| reply);
        for reply in self.replies.into_iter().chain(left_over) {
            reply(Err(Undone::Unavailable(why)));
        }
    }
}
