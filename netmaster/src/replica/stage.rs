//! What readers and requests see of this replica, and one term of writing.

use std::sync::Arc;

use tokio::sync::watch;
use tracing::{info, warn};
use trunkline_types::chain;

use super::Role;
use crate::allocator::{self, Allocator, End, Ended, Gate, Inbox, Unavailable};
use crate::feed::Published;
use crate::store::{Position, Reader, Store, StoreError, load_catalog};

/// Tells a task to end.
#[derive(Clone, Debug)]
pub(super) struct Stop(watch::Receiver<bool>);

impl Stop {
    pub(super) fn on(stopped: watch::Receiver<bool>) -> Self {
        Self(stopped)
    }

    /// Returns when it is time to end. Cancel-safe.
    pub(super) async fn told(&mut self) {
        // Without its owner the task has nothing to do either.
        let _ = self.0.wait_for(|stop| *stop).await;
    }
}

/// What the rest of netmaster sees.
pub(super) struct Stage {
    gate: watch::Sender<Gate>,
    pub(super) role: watch::Sender<Role>,
    pub(super) published: Arc<Published>,
}

/// How a term ended.
pub(super) enum Over {
    /// Told to stop; all that was asked for is written, or was told that it is not.
    Stopped,
    /// The term's own end came.
    Lost,
    /// The store failed, and is given back.
    Failed(Box<dyn Store>, StoreError),
    /// The writer broke off; there is no store any more.
    Broken,
}

impl Stage {
    pub(super) fn new(published: Arc<Published>, role: Role) -> Self {
        let why = match role {
            Role::Leader => Unavailable::Store,
            Role::Follower { .. } => Unavailable::NotLeading,
        };
        Self {
            gate: watch::Sender::new(Gate::Shut(why)),
            role: watch::Sender::new(role),
            published,
        }
    }

    pub(super) fn allocator(&self, reader: Reader) -> Allocator {
        Allocator::new(
            self.gate.subscribe(),
            self.role.subscribe(),
            self.published.clone(),
            reader,
        )
    }

    /// Refuses requests from now on.
    pub(super) fn shut(&self, why: Unavailable) {
        self.gate.send_replace(Gate::Shut(why));
    }

    pub(super) fn set_role(&self, role: Role) {
        self.role.send_if_modified(|current| {
            let changed = *current != role;
            *current = role;
            changed
        });
    }

    /// Lets requests write to `store`, which holds what is published, until told to stop, until
    /// `lost` returns, or until the store fails. On failure what is in `inbox` stays there.
    pub(super) async fn term(
        &self,
        store: Box<dyn Store>,
        inbox: &Arc<Inbox>,
        lost: impl Future<Output = ()>,
        stop: &mut Stop,
    ) -> Over {
        let published = self.published.clone();
        // With a million addresses it takes a while.
        let Ok(ledger) = tokio::task::spawn_blocking(move || published.ledger()).await else {
            return Over::Broken;
        };
        let mut writer = allocator::start(store, ledger, inbox.clone(), self.published.clone());
        self.gate.send_replace(Gate::Open(inbox.clone()));
        self.set_role(Role::Leader);
        // All three are cancel-safe, and what is not received here is received below.
        let (reason, end) = tokio::select! {
            ended = &mut writer => return match ended {
                Ok(Ended { store, outcome: Err(error) }) => Over::Failed(store, error),
                _ => Over::Broken,
            },
            () = lost => (Unavailable::NotLeading, End::Now),
            () = stop.told() => (Unavailable::Stopped, End::Drained),
        };
        self.shut(reason);
        if end == End::Now {
            self.set_role(Role::Follower { leader: None });
        }
        inbox.end(end);
        if let Ok(Ended {
            outcome: Err(error),
            ..
        }) = writer.await
        {
            warn!(error = chain(&error), "the last commit failed");
        }
        match end {
            End::Drained => Over::Stopped,
            End::Now => Over::Lost,
        }
    }

    /// Brings `store` back to work, and answers where it is.
    pub(super) async fn resume(
        &self,
        mut store: Box<dyn Store>,
    ) -> (Box<dyn Store>, Result<Position, StoreError>) {
        let resumed = tokio::task::spawn_blocking(move || {
            let position = store.resume();
            (store, position)
        });
        match resumed.await {
            Ok(resumed) => resumed,
            Err(gone) => std::panic::resume_unwind(gone.into_panic()),
        }
    }

    /// Loads everything anew, in the place of what is published.
    pub(super) async fn reload(&self, reader: &Reader) -> Result<(), StoreError> {
        let reader = reader.clone();
        let (catalog, position) = blocking(move || load_catalog(&reader)).await?;
        info!(
            revision = position.revision().number(),
            "store loaded again"
        );
        self.published.replace(catalog, position);
        Ok(())
    }
}

/// Runs what blocks where it may.
pub(super) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, StoreError> + Send + 'static,
) -> Result<T, StoreError> {
    match tokio::task::spawn_blocking(work).await {
        Ok(outcome) => outcome,
        Err(gone) => {
            warn!(error = chain(&gone), "a task broke off");
            Err(StoreError::Broken)
        }
    }
}
