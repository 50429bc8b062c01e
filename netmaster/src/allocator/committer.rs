//! The thread that waits for the store.

use std::sync::Arc;
use std::sync::mpsc::Receiver;
use std::time::Instant;

use tokio::runtime::Handle;
use tracing::debug;

use super::{Inbox, Reply, Unavailable, Undone};
use crate::feed::Published;
use crate::store::{Batch, Store, StoreError};

/// A batch and those who wait for it.
pub(super) struct Job {
    pub(super) batch: Batch,
    pub(super) replies: Vec<Reply>,
}

impl Job {
    /// Tells everybody that it came to nothing, or may have.
    pub(super) fn fail(self, why: Unavailable) {
        for reply in self.replies {
            reply(Err(Undone::Unavailable(why)));
        }
    }
}

/// What those are told whose batch failed with `error`.
pub(crate) fn why(error: &StoreError) -> Unavailable {
    match error {
        _ if error.is_full() => Unavailable::Full,
        _ if error.is_deposed() => Unavailable::NotLeading,
        _ => Unavailable::Store,
    }
}

/// Does the jobs one after the other, until there are no more or one fails. Gives the store back.
pub(super) fn run(
    mut store: Box<dyn Store>,
    jobs: &Receiver<Job>,
    published: &Arc<Published>,
    inbox: &Arc<Inbox>,
    runtime: &Handle,
) -> Box<dyn Store> {
    let _told = TellIfBroken(inbox);
    while let Ok(job) = jobs.recv() {
        let begun = Instant::now();
        let outcome = commit(store.as_mut(), &job.batch, published);
        debug!(
            revision = job.batch.to().number(),
            requests = job.replies.len(),
            us = begun.elapsed().as_micros(),
            done = outcome.is_ok(),
            "batch"
        );
        match outcome {
            Ok(()) => {
                inbox.put_outcome(Ok(()));
                answer(job.replies, runtime);
            }
            Err(error) => {
                job.fail(why(&error));
                inbox.put_outcome(Err(error));
                break;
            }
        }
    }
    store
}

/// Tells everybody that it is done: from within the runtime, where waking many tasks costs little.
fn answer(replies: Vec<Reply>, runtime: &Handle) {
    runtime.spawn(async move {
        for reply in replies {
            reply(Ok(()));
        }
    });
}

/// Tells the writer that it waits in vain, if this thread breaks off.
struct TellIfBroken<'a>(&'a Inbox);

impl Drop for TellIfBroken<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.0.put_outcome(Err(StoreError::Broken));
        }
    }
}

fn commit(store: &mut dyn Store, batch: &Batch, published: &Published) -> Result<(), StoreError> {
    if batch.is_empty() {
        // The answers write nothing, but they must not come from the past.
        return store.check();
    }
    let position = store.commit(batch)?;
    published.publish(batch.from(), position, batch.edits().cloned().collect());
    Ok(())
}
