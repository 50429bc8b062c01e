//! The one writer, and the readers' catalog.
//!
//! A thread of its own takes plans from a queue, up to [`BATCH`] at a time. Each plan sees what
//! those before it will do. Their changes go to the store as one transaction, so that one wait for
//! the disk serves all of them, and only when it is durable do readers see it and callers hear of
//! it. A refusal waits as well, for it may rest on what a neighbour is about to do.

use std::sync::{Arc, PoisonError, RwLock, RwLockWriteGuard};

use tokio::sync::{mpsc, oneshot};
use tracing::{debug, error, info, warn};
use trunkline_ipam::{Catalog, Change, Ledger, Revision};
use trunkline_types::chain;

use crate::store::{Batch, Store, StoreError, load_catalog};

/// How many requests share a transaction at most.
const BATCH: usize = 128;

/// How many requests may wait for the writer: enough to fill several batches while one is being
/// written. Beyond that, callers wait for a place.
const QUEUE: usize = 8 * BATCH;

/// Answers a request, once its batch is durable. Dropped instead, it says that the store failed.
type Reply = Box<dyn FnOnce() + Send>;

/// Decides what a request changes, if anything. Dropped instead, it says that the store failed.
type Plan = Box<dyn FnOnce(&Ledger) -> (Option<Change>, Reply) + Send>;

/// Why nothing can be written. The request may be repeated.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Unavailable {
    /// The store failed.
    #[error(
        "the store could not be read or written, so nothing is sure: repeat the request; if that \
         does not help, see netmaster's log"
    )]
    Store,
    /// The writer has ended.
    #[error("netmaster is shutting down: repeat the request when it is back")]
    Stopped,
}

/// Why a request was not done.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum WriteError<E> {
    /// The plan says no.
    Refused(E),
    /// Nothing can be written.
    Unavailable(Unavailable),
}

/// The way to the writer, and to what it has written.
#[derive(Clone, Debug)]
pub(crate) struct Allocator {
    queue: mpsc::Sender<Plan>,
    catalog: Arc<RwLock<Catalog>>,
}

impl Allocator {
    /// Loads `store` and starts the writer.
    ///
    /// The writer ends when the last clone of the allocator is gone and its queue is empty. Then
    /// it closes the store, and after that the receiver's other end.
    pub(crate) fn start(
        mut store: Box<dyn Store>,
    ) -> Result<(Self, oneshot::Receiver<()>), StoreError> {
        let catalog = load_catalog(store.as_mut())?;
        info!(
            revision = catalog.revision().number(),
            endpoints = catalog.endpoints().count(),
            "store loaded"
        );
        let published = Arc::new(RwLock::new(catalog.clone()));
        let (queue, plans) = mpsc::channel(QUEUE);
        let writer = Writer {
            store,
            ledger: Some(Ledger::of(catalog)),
            published: published.clone(),
        };
        let (ending, ended) = oneshot::channel();
        std::thread::spawn(move || {
            writer.run(plans);
            drop(ending);
        });
        let allocator = Self {
            queue,
            catalog: published,
        };
        Ok((allocator, ended))
    }

    /// Reads what is durable.
    pub(crate) fn read<T>(&self, read: impl FnOnce(&Catalog) -> T) -> T {
        // A poisoned lock guards a whole catalog all the same: the writer replaces it only by
        // applying a change that was planned on it.
        read(&self.catalog.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Runs `plan` on the ledger, and answers when its change is durable.
    pub(crate) async fn write<T, E>(
        &self,
        plan: impl FnOnce(&Ledger) -> Result<(T, Change), E> + Send + 'static,
    ) -> Result<T, WriteError<E>>
    where
        T: Send + 'static,
        E: Send + 'static,
    {
        let (answer, answered) = oneshot::channel();
        let plan: Plan = Box::new(move |ledger| {
            let (outcome, change) = match plan(ledger) {
                Ok((value, change)) => (Ok(value), Some(change)),
                Err(refusal) => (Err(WriteError::Refused(refusal)), None),
            };
            let reply: Reply = Box::new(move || {
                // The caller may have gone; what it asked for is done all the same.
                let _ = answer.send(outcome);
            });
            (change, reply)
        });
        self.queue
            .send(plan)
            .await
            .map_err(|_| WriteError::Unavailable(Unavailable::Stopped))?;
        answered
            .await
            .map_err(|_| WriteError::Unavailable(Unavailable::Store))?
    }
}

struct Writer {
    store: Box<dyn Store>,
    /// None after the store failed, until it is loaded again: what it holds is not known then.
    ledger: Option<Ledger>,
    published: Arc<RwLock<Catalog>>,
}

impl Writer {
    fn run(mut self, mut plans: mpsc::Receiver<Plan>) {
        let mut batch = Vec::with_capacity(BATCH);
        while plans.blocking_recv_many(&mut batch, BATCH) > 0 {
            self.serve(batch.drain(..));
        }
    }

    /// Plans, commits, publishes, and then answers; or drops the requests unanswered.
    fn serve(&mut self, plans: impl Iterator<Item = Plan>) {
        if self.ledger.is_none() {
            self.reload();
        }
        let Some(ledger) = &mut self.ledger else {
            return;
        };
        let from = ledger.catalog().revision();
        let mut changes = Vec::new();
        let mut replies = Vec::new();
        for plan in plans {
            let (change, reply) = plan(ledger);
            if let Some(change) = change.filter(|change| !change.is_empty()) {
                ledger.apply(&change);
                changes.push(change);
            }
            replies.push(reply);
        }
        if let Err(error) = self.commit(from, &changes) {
            error!(
                requests = replies.len(),
                error = chain(&error),
                "commit failed; loading the store again"
            );
            self.reload();
            return;
        }
        for reply in replies {
            reply();
        }
    }

    fn commit(&mut self, from: Revision, changes: &[Change]) -> Result<(), StoreError> {
        if changes.is_empty() {
            return Ok(());
        }
        let batch = Batch::of(from, changes)?;
        self.store.commit(&batch)?;
        debug!(
            revision = batch.to().number(),
            changes = changes.len(),
            "committed"
        );
        let mut published = write_lock(&self.published);
        for change in changes {
            published.apply(change);
        }
        Ok(())
    }

    /// Finds out what the store holds, after it failed.
    fn reload(&mut self) {
        self.ledger = None;
        match load_catalog(self.store.as_mut()) {
            Ok(catalog) => {
                info!(revision = catalog.revision().number(), "store loaded again");
                *write_lock(&self.published) = catalog.clone();
                self.ledger = Some(Ledger::of(catalog));
            }
            Err(error) => warn!(error = chain(&error), "store cannot be loaded"),
        }
    }
}

fn write_lock(catalog: &RwLock<Catalog>) -> RwLockWriteGuard<'_, Catalog> {
    catalog.write().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests;
