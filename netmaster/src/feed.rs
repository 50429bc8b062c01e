//! What was written, batch by batch: the one source of all watches.
//!
//! ```text
//! leader: commit ─┐
//!                 ├─► Published: catalog, then feed ──► any number of subscriptions
//! follower: watch ┘
//! ```
//!
//! Leader and followers publish the same batches with the same content, so that a watcher may
//! resume at another replica. The log is bounded and shared: a subscription is a number and a
//! place to be woken, and costs nothing while nothing happens.

mod published;

use std::collections::VecDeque;
use std::sync::{Arc, PoisonError, RwLock};

use tokio::sync::watch;
use trunkline_ipam::{Object, Revision};

pub(crate) use published::Published;

/// How many edits the log keeps: enough for a watcher that is away for ten seconds while ten
/// thousand edits a second are made. They keep objects alive that are no longer in the catalog,
/// some 50 MiB at worst.
const KEPT: usize = 128 * 1024;

/// What became of one object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Happening {
    /// It was created, or took the place of `before`.
    Put {
        /// The object.
        object: Object,
        /// What had the same key before; `None` for records, which are not kept in memory.
        before: Option<Object>,
    },
    /// It went. This is how it was. Deleted records are not told of.
    Deleted(Object),
}

/// One batch of the store: what happened from revision `from`, exclusive, to `to`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Publication {
    /// The revision before it.
    pub(crate) from: Revision,
    /// The revision after it, and the one to resume from.
    pub(crate) to: Revision,
    /// Each object once, in the order of the keys in the store.
    pub(crate) happenings: Vec<Happening>,
}

/// The publications that a subscription should see next are no longer kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("changes are kept from revision {oldest} on: list the objects, and watch from there")]
pub(crate) struct Compacted {
    /// The oldest revision after which a watch can resume.
    pub(crate) oldest: Revision,
}

/// The last publications, without a gap. Clones share them.
#[derive(Clone, Debug)]
pub(crate) struct Feed {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    log: RwLock<Log>,
    /// Changes with every publication. It has a lock of its own, so that a wake-up of thousands
    /// does not hold up who looks.
    tip: watch::Sender<Revision>,
}

#[derive(Debug)]
struct Log {
    /// The oldest revision after which everything is here.
    floor: Revision,
    publications: VecDeque<Arc<Publication>>,
    /// How many edits they have in all.
    edits: usize,
    kept: usize,
}

impl Feed {
    /// A feed of what happens after `revision`.
    pub(crate) fn after(revision: Revision) -> Self {
        Self::keeping(KEPT, revision)
    }

    /// The same, with a log of that many edits.
    fn keeping(kept: usize, revision: Revision) -> Self {
        let log = Log {
            floor: revision,
            publications: VecDeque::new(),
            edits: 0,
            kept,
        };
        let shared = Shared {
            log: RwLock::new(log),
            tip: watch::Sender::new(revision),
        };
        Self {
            shared: Arc::new(shared),
        }
    }

    /// Everything that happens after `revision`, which may be in the future: a replica may be
    /// behind the one that named it. Of a batch that `revision` is in the middle of, everything
    /// comes again.
    ///
    /// # Errors
    ///
    /// [`Compacted`] if it is too long ago.
    pub(crate) fn subscribe(&self, revision: Revision) -> Result<Subscription, Compacted> {
        let subscription = Subscription {
            tip: self.shared.tip.subscribe(),
            shared: self.shared.clone(),
            seen: revision,
        };
        subscription.look()?;
        Ok(subscription)
    }

    /// How many subscriptions there are.
    pub(crate) fn subscribers(&self) -> usize {
        self.shared.tip.receiver_count()
    }

    /// Called with the catalog's lock held, so that the order is the catalog's.
    fn push(&self, publication: Publication) {
        let mut log = self
            .shared
            .log
            .write()
            .unwrap_or_else(PoisonError::into_inner);
        log.push(publication);
    }

    /// Wakes the subscriptions.
    fn wake(&self, tip: Revision) {
        self.shared.tip.send_replace(tip);
    }

    /// Starts anew after `revision`, because what led there is not known.
    fn reset(&self, revision: Revision) {
        let mut log = self
            .shared
            .log
            .write()
            .unwrap_or_else(PoisonError::into_inner);
        log.publications.clear();
        log.edits = 0;
        log.floor = revision;
    }
}

impl Log {
    fn push(&mut self, publication: Publication) {
        self.edits += publication.happenings.len();
        self.publications.push_back(Arc::new(publication));
        while self.edits > self.kept
            && let Some(oldest) = self.publications.pop_front()
        {
            self.edits -= oldest.happenings.len();
            self.floor = oldest.to;
        }
    }

    fn next(&self, seen: Revision) -> Result<Option<Arc<Publication>>, Compacted> {
        if seen < self.floor {
            return Err(Compacted { oldest: self.floor });
        }
        let next = self
            .publications
            .partition_point(|publication| publication.to <= seen);
        Ok(self.publications.get(next).cloned())
    }
}

/// One watcher's place in the feed.
#[derive(Debug)]
pub(crate) struct Subscription {
    shared: Arc<Shared>,
    tip: watch::Receiver<Revision>,
    /// Everything up to here has been returned.
    seen: Revision,
}

impl Subscription {
    /// The next publication. Cancel-safe: nothing is taken before it is returned.
    ///
    /// # Errors
    ///
    /// [`Compacted`] if the subscriber has fallen too far behind.
    pub(crate) async fn next(&mut self) -> Result<Arc<Publication>, Compacted> {
        loop {
            // Before looking, so that a publication in between is not missed.
            self.tip.mark_unchanged();
            if let Some(publication) = self.look()? {
                self.seen = publication.to;
                return Ok(publication);
            }
            // The sender lives in `shared`, so this does not fail.
            let _ = self.tip.changed().await;
        }
    }

    fn look(&self) -> Result<Option<Arc<Publication>>, Compacted> {
        let log = self
            .shared
            .log
            .read()
            .unwrap_or_else(PoisonError::into_inner);
        log.next(self.seen)
    }
}

#[cfg(test)]
mod tests;
