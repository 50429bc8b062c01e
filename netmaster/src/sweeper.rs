//! What the leader does unasked: it collects what was lost, ends what has run out, and goes on
//! with what was begun.
//!
//! ```text
//! nodes' reports ──┐
//! orchestrator ────┼─► duties, each at its own interval ──► plans ──► the one writer
//! the catalog ─────┘
//! ```
//!
//! Duties run only while this replica leads, each beside the others, and none of them keeps
//! anything that another leader would miss: what was observed is observed anew, and what is left to
//! do follows from the objects. A duty that fails is put off to its next turn. Every first turn
//! comes one interval after the beginning, when nodes and orchestrator have been heard.

mod collect;
mod conflicts;
mod heard;
mod nodes;
mod prune;
mod reports;
mod reservations;
mod signs;
mod steps;

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::sleep;
use tracing::{debug, info, warn};
use trunkline_ipam::{Change, Ledger, Policy, Sweep, Timestamp, found_cluster};
use trunkline_types::chain;
use uuid::Uuid;

pub(crate) use heard::Heard;
use prune::Pruner;
pub(crate) use reports::{Holdings, Reports};
use reservations::Deletions;
pub(crate) use signs::Informants;

use crate::allocator::{Allocator, Unavailable, WriteError};
use crate::audit::Auditor;
use crate::metrics::Metrics;
use crate::orchestrator::Orchestrator;
use crate::replica::Role;
use crate::requests::Relay;
use crate::store::StoreError;

/// When duties are done, and by what limits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SweeperConfig {
    /// How often reports of nodes are looked at for endpoints that are gone.
    pub collect: Duration,
    /// How old a node's report may be to count.
    pub report_age: Duration,
    /// How often removals that were begun are gone on with.
    pub steps: Duration,
    /// How often nodes are looked at that the orchestrator gave up, or that are silent.
    pub nodes: Duration,
    /// How long a new leader waits before it takes leases from nodes that it has not heard: they
    /// may have had nobody to talk to.
    pub settle: Duration,
    /// How often leases of subnets that run low are asked back.
    pub recall: Duration,
    /// How often reservations are looked at that may end.
    pub reservations: Duration,
    /// How often conflicts are looked at.
    pub conflicts: Duration,
    /// How long after a foreign machine was last seen a node is asked to look for it again.
    pub probe_after: Duration,
    /// How long after a foreign machine was last seen its conflict is over although no node could
    /// be asked to look. A node looks anyway before a pod gets an address.
    pub clear_after: Duration,
    /// How often old records are looked for.
    pub prune: Duration,
    /// How often it is recorded how many refusals were left out of the audit.
    pub audit: Duration,
    /// How long past holdings are kept.
    pub history_retention: Duration,
    /// How many past holdings are kept at most.
    pub history_max: usize,
    /// How many events are kept at most; older than past holdings may be they do not become.
    pub events_max: usize,
    /// How long records of the audit are kept.
    pub audit_retention: Duration,
    /// How many records of what was done are kept in the audit at most.
    pub audit_max: usize,
    /// How many records of what was refused or denied are kept in the audit at most.
    pub audit_refused_max: usize,
}

impl Default for SweeperConfig {
    fn default() -> Self {
        Self {
            collect: Duration::from_secs(30),
            report_age: Duration::from_secs(180),
            steps: Duration::from_secs(5),
            nodes: Duration::from_secs(30),
            settle: Duration::from_secs(600),
            recall: Duration::from_secs(10),
            reservations: Duration::from_secs(30),
            conflicts: Duration::from_secs(60),
            probe_after: Duration::from_secs(600),
            clear_after: Duration::from_secs(24 * 3600),
            prune: Duration::from_secs(3600),
            history_retention: Duration::from_secs(90 * 24 * 3600),
            history_max: 1_000_000,
            events_max: 10_000,
            audit: Duration::from_secs(60),
            audit_retention: Duration::from_secs(365 * 24 * 3600),
            audit_max: 100_000,
            audit_refused_max: 100_000,
        }
    }
}

/// Why a duty is put off.
#[derive(Debug, thiserror::Error)]
enum PutOff {
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
    #[error("a step of it changes {operations} keys at once")]
    TooLarge { operations: usize },
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Tells the time; tests have their own.
pub(crate) type Clock = Arc<dyn Fn() -> Timestamp + Send + Sync>;

/// The one who does the duties.
#[derive(Clone)]
pub(crate) struct Sweeper {
    pub(crate) allocator: Allocator,
    pub(crate) orchestrator: Arc<dyn Orchestrator>,
    pub(crate) relay: Relay,
    pub(crate) reports: Reports,
    pub(crate) heard: Heard,
    pub(crate) auditor: Auditor,
    pub(crate) metrics: Metrics,
    pub(crate) policy: Policy,
    pub(crate) config: SweeperConfig,
    pub(crate) clock: Clock,
}

impl Sweeper {
    /// Does the duties whenever this replica leads, until `stop` changes.
    pub(crate) async fn run(self, mut stop: watch::Receiver<bool>) {
        let mut role = self.allocator.role();
        loop {
            // All are cancel-safe, or dropped for good.
            tokio::select! {
                leads = role.wait_for(|role| *role == Role::Leader) => if leads.is_err() {
                    return;
                },
                _ = stop.wait_for(|stop| *stop) => return,
            }
            self.forget();
            tokio::select! {
                () = self.lead() => {}
                _ = role.wait_for(|role| *role != Role::Leader) => {}
                _ = stop.wait_for(|stop| *stop) => return,
            }
            // What nodes told this leader they tell the next one; so do those who ask them.
            self.forget();
            self.relay.close();
        }
    }

    fn forget(&self) {
        self.reports.clear();
        self.heard.clear();
    }

    /// All duties, side by side, without end.
    async fn lead(&self) {
        self.found().await;
        let config = &self.config;
        let began = tokio::time::Instant::now();
        let mut sweep = Sweep::new(&self.policy);
        let mut deletions = Deletions::default();
        let mut pruner = Pruner::default();
        // Each in a loop of its own; all of them end with this function.
        macro_rules! every {
            ($duty:ident, $turn:expr) => {
                async {
                    loop {
                        sleep(config.$duty).await;
                        self.note(stringify!($duty), $turn.await);
                    }
                }
            };
        }
        tokio::join!(
            every!(collect, self.collect(&mut sweep)),
            every!(steps, self.go_on()),
            every!(nodes, self.look_at_nodes(began.elapsed() >= config.settle)),
            every!(recall, self.recall()),
            every!(reservations, self.end_reservations(&mut deletions)),
            every!(conflicts, self.look_at_conflicts()),
            every!(prune, self.prune(&mut pruner)),
            every!(audit, self.catch_up_audit()),
        );
    }

    /// Tells how a duty's turn went.
    fn note(&self, duty: &'static str, outcome: Result<(), PutOff>) {
        if let Err(why) = outcome {
            self.metrics.sweeper_failed(duty);
            warn!(duty, error = chain(&why), "put off to its next turn");
        }
    }

    /// Gives the cluster its identity, if it has none.
    async fn found(&self) {
        while self.allocator.read(|catalog| catalog.cluster().is_none()) {
            let id = Uuid::new_v4().to_string();
            let cluster = id.clone();
            let now = self.now();
            let founded = self
                .write(move |ledger| Ok::<_, PutOff>(found_cluster(ledger.catalog(), &id, now)))
                .await;
            match founded {
                Ok(_) => info!(cluster, "cluster founded"),
                Err(why) => {
                    warn!(error = chain(&why), "the cluster cannot be founded yet");
                    sleep(self.config.steps).await;
                }
            }
        }
    }

    /// Makes the change that `plan` comes to, and answers whether there was one.
    async fn write<E>(
        &self,
        plan: impl FnOnce(&Ledger) -> Result<Change, E> + Send + 'static,
    ) -> Result<bool, PutOff>
    where
        E: std::error::Error + Send + 'static,
    {
        let changed = self.ask(|ledger| {
            let change = plan(ledger)?;
            Ok::<_, E>((!change.is_empty(), change))
        });
        Ok(changed.await?.unwrap_or(false))
    }

    /// Makes the change that `plan` comes to, and answers what goes with it; `None` if the plan is
    /// refused. That is because something else happened, and there is nothing to do then.
    async fn ask<T, E>(
        &self,
        plan: impl FnOnce(&Ledger) -> Result<(T, Change), E> + Send + 'static,
    ) -> Result<Option<T>, PutOff>
    where
        T: Send + 'static,
        E: std::error::Error + Send + 'static,
    {
        match self.allocator.write(plan).await {
            Ok(value) => Ok(Some(value)),
            Err(WriteError::Refused(refusal)) => {
                debug!(error = chain(&refusal), "nothing to do any more");
                Ok(None)
            }
            Err(WriteError::Unavailable(why)) => Err(why.into()),
            Err(WriteError::TooLarge { operations, .. }) => Err(PutOff::TooLarge { operations }),
        }
    }

    async fn catch_up_audit(&self) -> Result<(), PutOff> {
        self.auditor.catch_up(&self.allocator, self.now()).await;
        Ok(())
    }

    fn now(&self) -> Timestamp {
        (self.clock)()
    }
}

#[cfg(test)]
mod tests;
