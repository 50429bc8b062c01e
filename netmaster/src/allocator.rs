//! The one writer, and the readers' catalog.
//!
//! Requests bring *plans*: functions of the ledger that answer with a change. While this replica
//! leads, two threads work on them, so that planning goes on while the store is busy:
//!
//! ```text
//! requests ──► inbox ──► writer: plans, fills the next batch ──► committer: store, then readers,
//!                          ▲       on what is not yet durable        │       then answers
//!                          └───────────── outcome ───────────────────┘
//! ```
//!
//! Each plan sees what those before it will do. One batch is with the store at a time; the next
//! one is handed over when that is durable, so that all that came in between shares a transaction.
//! Only when a batch is durable do readers see it and callers hear of it. A refusal, or an answer
//! that changes nothing, waits as well: it may rest on what a neighbour is about to do, and it must
//! not come from a replica that no longer leads (see [`Store::check`](crate::store::Store::check)).
//!
//! When the store fails, the threads end, and everybody in the batches under way is told that
//! nothing is sure. [`Replica`](crate::replica::Replica) decides what then.

mod committer;
mod inbox;
mod pace;
mod writer;

use std::sync::Arc;

use tokio::sync::{oneshot, watch};
use trunkline_ipam::{Catalog, Change, Ledger, Rehearsal, Revision};

use crate::feed::{Feed, Published};
use crate::replica::Role;
use crate::store::{Capacity, Reader};

pub(crate) use committer::why;
pub(crate) use inbox::{End, Inbox};
pub(crate) use writer::{Ended, start};

/// Answers a request, once its batch is durable or has come to nothing.
type Reply = Box<dyn FnOnce(Result<(), Undone>) + Send>;

/// Decides what a request changes, if anything. Dropped instead, it says that nothing was done.
///
/// The ledger is as it was when it returns, however much was tried on it meanwhile.
type Plan = Box<dyn FnOnce(&mut Ledger) -> (Option<Change>, Reply) + Send>;

/// Why nothing can be written. The request may be repeated.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Unavailable {
    /// The store failed.
    #[error(
        "the store could not be read or written, so nothing is sure: repeat the request; if that \
         does not help, see netmaster's log"
    )]
    Store,
    /// The store has no space left.
    #[error("the store is full, so nothing can be written: make room for it, see netmaster's log")]
    Full,
    /// This replica does not lead.
    #[error("no replica leads at the moment, so nothing can be written: repeat the request")]
    NotLeading,
    /// The writer has ended.
    #[error("netmaster is shutting down: repeat the request when it is back")]
    Stopped,
}

/// Why a planned change was not made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
enum Undone {
    #[error(transparent)]
    Unavailable(Unavailable),
    #[error("it has {operations} keys and {bytes} bytes")]
    TooLarge {
        operations: usize,
        bytes: usize,
        most: Capacity,
    },
}

/// Why a request was not done.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum WriteError<E> {
    /// The plan says no.
    Refused(E),
    /// Nothing can be written.
    Unavailable(Unavailable),
    /// The plan wants more than a transaction holds.
    TooLarge {
        /// How many keys it would edit.
        operations: usize,
        /// The size of its keys and values.
        bytes: usize,
        /// What one holds.
        most: Capacity,
    },
}

/// Whether there is a writer.
#[derive(Clone, Debug)]
pub(crate) enum Gate {
    /// There is, and it reads this.
    Open(Arc<Inbox>),
    /// There is none.
    Shut(Unavailable),
}

/// The way to the writer, and to what has been written. Clones are cheap.
#[derive(Clone, Debug)]
pub(crate) struct Allocator {
    gate: watch::Receiver<Gate>,
    role: watch::Receiver<Role>,
    published: Arc<Published>,
    reader: Reader,
}

impl Allocator {
    pub(crate) fn new(
        gate: watch::Receiver<Gate>,
        role: watch::Receiver<Role>,
        published: Arc<Published>,
        reader: Reader,
    ) -> Self {
        Self {
            gate,
            role,
            published,
            reader,
        }
    }

    /// Waits until requests can be served.
    pub(crate) async fn until_open(&self) {
        let mut gate = self.gate.clone();
        // If there will be no writer, the first request will say why.
        let _ = gate.wait_for(|gate| matches!(gate, Gate::Open(_))).await;
    }

    /// Reads what is durable.
    pub(crate) fn read<T>(&self, read: impl FnOnce(&Catalog) -> T) -> T {
        self.published.read(read)
    }

    /// What happens to the objects.
    pub(crate) fn feed(&self) -> &Feed {
        self.published.feed()
    }

    /// Changes when somebody may have been locked out.
    pub(crate) fn lockouts(&self) -> watch::Receiver<Revision> {
        self.published.lockouts()
    }

    /// Whether this replica leads, else who does; now and from now on.
    pub(crate) fn role(&self) -> watch::Receiver<Role> {
        self.role.clone()
    }

    /// The same, in a part that a test decides.
    #[cfg(test)]
    pub(crate) fn in_role(self, role: watch::Receiver<Role>) -> Self {
        Self { role, ..self }
    }

    /// The store, for what is not kept in memory.
    pub(crate) fn records(&self) -> &Reader {
        &self.reader
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
        self.submit(|ledger| plan(ledger)).await
    }

    /// As [`Allocator::write`], for a plan of several parts, each made on what those before it
    /// will do.
    pub(crate) async fn rehearse<T, E>(
        &self,
        plan: impl FnOnce(&mut Rehearsal<'_>) -> Result<(T, Change), E> + Send + 'static,
    ) -> Result<T, WriteError<E>>
    where
        T: Send + 'static,
        E: Send + 'static,
    {
        self.submit(|ledger| plan(&mut Rehearsal::on(ledger))).await
    }

    async fn submit<T, E>(
        &self,
        plan: impl FnOnce(&mut Ledger) -> Result<(T, Change), E> + Send + 'static,
    ) -> Result<T, WriteError<E>>
    where
        T: Send + 'static,
        E: Send + 'static,
    {
        let inbox = match &*self.gate.borrow() {
            Gate::Open(inbox) => inbox.clone(),
            Gate::Shut(why) => return Err(WriteError::Unavailable(*why)),
        };
        let (answer, answered) = oneshot::channel();
        let plan: Plan = Box::new(move |ledger| {
            let (outcome, change) = match plan(ledger) {
                Ok((value, change)) => (Ok(value), Some(change)),
                Err(refusal) => (Err(WriteError::Refused(refusal)), None),
            };
            let reply: Reply = Box::new(move |done| {
                // The caller may have gone; what it asked for is done all the same.
                let _ = answer.send(done.map_err(WriteError::from).and(outcome));
            });
            (change, reply)
        });
        if inbox.put(plan).await.is_err() {
            return Err(WriteError::Unavailable(self.why_shut()));
        }
        match answered.await {
            Ok(outcome) => outcome,
            Err(_) => Err(WriteError::Unavailable(self.why_shut())),
        }
    }

    /// Why a plan was dropped.
    fn why_shut(&self) -> Unavailable {
        match &*self.gate.borrow() {
            Gate::Shut(why) => *why,
            // By now there is a writer again.
            Gate::Open(_) => Unavailable::NotLeading,
        }
    }
}

impl<E> From<Undone> for WriteError<E> {
    fn from(undone: Undone) -> Self {
        match undone {
            Undone::Unavailable(why) => Self::Unavailable(why),
            Undone::TooLarge {
                operations,
                bytes,
                most,
            } => Self::TooLarge {
                operations,
                bytes,
                most,
            },
        }
    }
}

#[cfg(test)]
mod tests;
