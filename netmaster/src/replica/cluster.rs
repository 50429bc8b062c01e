//! Following and leading among replicas of one store.

use std::sync::Arc;

use tokio::sync::watch;
use tokio::task::JoinHandle;
use tracing::{info, warn};
use trunkline_ipam::Revision;
use trunkline_types::chain;

use super::stage::{Over, Stage, Stop};
use super::{RETRY, Role};
use crate::allocator::{End, Inbox, Unavailable, why};
use crate::store::{Reader, Store, StoreError, StoredBatch, Watch, WatchError};

/// What replicas have in common.
pub(crate) trait Cluster: Send + Sync + 'static {
    /// The store's side that only reads.
    fn reader(&self) -> Reader;

    /// Stands for election until it is won, and tells meanwhile who leads. It goes on through
    /// failures of the store. What is won and not returned runs out by itself.
    fn campaign(&self, role: &watch::Sender<Role>) -> impl Future<Output = Term> + Send;
}

/// A time of leading.
pub(crate) struct Term {
    /// Writes for as long as the term lasts.
    pub(crate) store: Box<dyn Store>,
    /// The store's revision when the term began: what follows is written by this replica.
    pub(crate) tip: Revision,
    /// What makes it last.
    pub(crate) claim: Claim,
}

/// A claim to lead. A task keeps it up until it is lost or given up.
#[derive(Debug)]
pub(crate) struct Claim {
    lost: watch::Receiver<bool>,
    kept: watch::Sender<bool>,
    keeper: JoinHandle<()>,
}

impl Claim {
    /// A claim that `keep` keeps up. It is given a sender to tell that the claim is in doubt, and
    /// a receiver whose end, or `false`, tells it to give the claim up.
    pub(crate) fn kept_by<F>(
        keep: impl FnOnce(watch::Sender<bool>, watch::Receiver<bool>) -> F,
    ) -> Self
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let (losing, lost) = watch::channel(false);
        let (kept, keeping) = watch::channel(true);
        Self {
            lost,
            kept,
            keeper: tokio::spawn(keep(losing, keeping)),
        }
    }

    /// Returns when the claim is in doubt. Cancel-safe.
    fn lost(&self) -> impl Future<Output = ()> + use<> {
        let mut lost = self.watch();
        async move {
            // Without its keeper it is lost as well.
            let _ = lost.wait_for(|lost| *lost).await;
        }
    }

    /// Turns to `true` when the claim is in doubt.
    pub(crate) fn watch(&self) -> watch::Receiver<bool> {
        self.lost.clone()
    }

    /// Gives it up, so that another replica need not wait for the end of the lease.
    pub(crate) async fn resign(self) {
        self.kept.send_replace(false);
        if self.keeper.await.is_err() {
            warn!("the task that keeps the lease broke off");
        }
    }
}

/// Follows, leads when elected, and so on until told to stop.
pub(super) async fn run<C: Cluster>(stage: Stage, cluster: C, mut stop: Stop) {
    while let Some(term) = follow(&stage, &cluster, &mut stop).await {
        if lead(&stage, term, &mut stop).await {
            break;
        }
    }
    stage.shut(Unavailable::Stopped);
}

/// Reads what the leader writes, until this replica is elected and has seen all that there is.
/// `None` if it is told to stop.
async fn follow<C: Cluster>(stage: &Stage, cluster: &C, stop: &mut Stop) -> Option<Term> {
    let reader = cluster.reader();
    let mut watch = reader.watch(stage.published.position());
    let mut campaign = Box::pin(cluster.campaign(&stage.role));
    let mut won: Option<Term> = None;
    loop {
        if let Some(term) = won.take_if(|term| is_caught_up(stage, term)) {
            return Some(term);
        }
        let losing = won.as_ref().map(|term| term.claim.lost());
        let lost = async {
            match losing {
                Some(lost) => lost.await,
                None => std::future::pending().await,
            }
        };
        // Cancel-safe: a batch that is not returned comes again, the campaign goes on where it
        // was, a claim stays lost.
        tokio::select! {
            next = watch.next() => see(stage, &reader, &mut watch, next).await,
            term = &mut campaign, if won.is_none() => {
                info!(tip = term.tip.number(), "elected");
                won = Some(term);
            }
            () = lost => {
                warn!("elected, but the lease ran out before all changes were seen");
                won = None;
                campaign = Box::pin(cluster.campaign(&stage.role));
            }
            () = stop.told() => {
                if let Some(term) = won {
                    term.claim.resign().await;
                }
                return None;
            }
        }
    }
}

fn is_caught_up(stage: &Stage, term: &Term) -> bool {
    stage.published.position().revision() >= term.tip
}

/// Publishes what came from the watch. If that is not to be had, loads everything.
async fn see(
    stage: &Stage,
    reader: &Reader,
    watch: &mut Watch,
    next: Result<StoredBatch, WatchError>,
) {
    let error = match next.and_then(|batch| publish(stage, batch)) {
        Ok(()) => return,
        Err(WatchError::Store(error)) if !error.is_gap() => {
            warn!(
                error = chain(&error),
                "changes cannot be read; trying again"
            );
            tokio::time::sleep(RETRY).await;
            return;
        }
        Err(error) => error,
    };
    warn!(error = chain(&error), "loading the store again");
    match stage.reload(reader).await {
        Ok(()) => *watch = reader.watch(stage.published.position()),
        Err(error) => {
            warn!(error = chain(&error), "store cannot be loaded");
            tokio::time::sleep(RETRY).await;
        }
    }
}

fn publish(stage: &Stage, batch: StoredBatch) -> Result<(), WatchError> {
    let seen = stage.published.position().revision();
    if batch.from != seen {
        let (expected, found) = (seen, batch.from);
        return Err(StoreError::Stale { expected, found }.into());
    }
    let edits = batch.edits()?;
    stage.published.publish(batch.from, batch.to, edits);
    Ok(())
}

/// Writes until the term is over, and answers whether that was because this replica is to stop.
async fn lead(stage: &Stage, term: Term, stop: &mut Stop) -> bool {
    let Term {
        mut store, claim, ..
    } = term;
    let inbox = Arc::new(Inbox::new());
    let stopped = loop {
        match stage.term(store, &inbox, claim.lost(), stop).await {
            Over::Stopped => break true,
            Over::Lost | Over::Broken => break false,
            Over::Failed(returned, error) => {
                stage.shut(why(&error));
                warn!(
                    error = chain(&error),
                    "commit failed; looking at what the store holds"
                );
                let (returned, position) = stage.resume(returned).await;
                let seen = stage.published.position().revision();
                match position {
                    // It certainly was not made. What is planned next is planned without it.
                    Ok(position) if position.revision() == seen => store = returned,
                    Ok(_) => break false,
                    Err(error) => {
                        warn!(error = chain(&error), "the store is unsure");
                        break false;
                    }
                }
            }
        }
    };
    stage.shut(match stopped {
        true => Unavailable::Stopped,
        false => Unavailable::NotLeading,
    });
    inbox.end(End::Now);
    stage.set_role(Role::Follower { leader: None });
    info!(stopped, "no longer leading");
    claim.resign().await;
    stopped
}
