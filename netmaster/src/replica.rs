//! What this process is among its likes: the leader, or a follower.
//!
//! ```text
//!            elected, and has seen all that was written
//!   follows ────────────────────────────────────────────► leads
//!      ▲      reads the store's watch, publishes it         │  has a writer, publishes its batches
//!      └────────────────────────────────────────────────────┘
//!            lease in doubt · deposed · store unsure · told to stop (resigns)
//! ```
//!
//! With the embedded store there are no likes: the process leads for as long as it runs. One task
//! owns all of it, and [`Replica::stop`] ends that. If it ends unasked, because of an error in
//! netmaster, so does the process: started again, it loads what is in the store.

mod cluster;
mod embedded;
mod stage;

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::task::JoinHandle;
use tracing::{info, warn};

use crate::allocator::Allocator;
use crate::feed::Published;
use crate::metrics::{Measured, MeasuredCluster, Metrics};
use crate::store::{Opened, Reader, Store, StoreError, load_catalog};
use stage::{Stage, Stop};

pub(crate) use cluster::{Claim, Cluster, Term};

/// How long to wait before a store that failed is asked again.
const RETRY: Duration = Duration::from_millis(500);

/// Which part this process has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    /// It reads what the leader writes.
    Follower {
        /// The URL of the leader's API; `None` while nobody leads, or nobody knows who.
        leader: Option<String>,
    },
    /// It is the one that writes.
    Leader,
}

/// The task that leads or follows.
#[derive(Debug)]
pub(crate) struct Replica {
    stop: watch::Sender<bool>,
    /// Ends with the task.
    alive: watch::Receiver<()>,
    task: JoinHandle<()>,
}

impl Replica {
    /// Loads `store` and starts to lead, or to follow and to stand for election. `url` is where
    /// other replicas reach this one's API.
    ///
    /// # Errors
    ///
    /// [`StoreError`] if the store cannot be loaded.
    pub(crate) async fn start(
        store: Opened,
        url: &str,
        metrics: Metrics,
    ) -> Result<(Allocator, Self), StoreError> {
        match store {
            Opened::Embedded(store) => {
                let store = Measured::new(Box::new(store), metrics);
                Self::alone(Box::new(store)).await
            }
            Opened::Etcd(etcd) => {
                let cluster = MeasuredCluster::new(etcd.at(url), metrics);
                Self::among(cluster).await
            }
        }
    }

    /// Leads on a store that only this process writes.
    pub(crate) async fn alone(store: Box<dyn Store>) -> Result<(Allocator, Self), StoreError> {
        let reader = store.reader();
        let published = load(&reader).await?;
        let stage = Stage::new(published, Role::Leader);
        let (allocator, replica) = Self::begin(stage, reader, |stage, stop| {
            embedded::run(stage, store, stop)
        });
        allocator.until_open().await;
        Ok((allocator, replica))
    }

    /// Follows, and leads when elected.
    pub(crate) async fn among<C: Cluster>(cluster: C) -> Result<(Allocator, Self), StoreError> {
        let reader = cluster.reader();
        let published = load(&reader).await?;
        let stage = Stage::new(published, Role::Follower { leader: None });
        Ok(Self::begin(stage, reader, |stage, stop| {
            cluster::run(stage, cluster, stop)
        }))
    }

    fn begin<F>(
        stage: Stage,
        reader: Reader,
        run: impl FnOnce(Stage, Stop) -> F,
    ) -> (Allocator, Self)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let allocator = stage.allocator(reader);
        let (stop, stopped) = watch::channel(false);
        let (living, alive) = watch::channel(());
        let running = run(stage, Stop::on(stopped));
        let task = tokio::spawn(async move {
            let _living = living;
            running.await;
        });
        (allocator, Self { stop, alive, task })
    }

    /// Returns when the task has ended, told or not: nothing can be written any more. Cancel-safe.
    pub(crate) fn ended(&self) -> impl Future<Output = ()> + use<> {
        let mut alive = self.alive.clone();
        async move {
            // Nothing is ever sent.
            let _ = alive.changed().await;
        }
    }

    /// Writes what is in the queue, closes the store, and resigns if this one leads.
    pub(crate) async fn stop(self) {
        self.stop.send_replace(true);
        if self.task.await.is_err() {
            warn!("the task that leads or follows broke off");
        }
    }
}

/// Loads everything, without holding up other tasks.
async fn load(reader: &Reader) -> Result<Arc<Published>, StoreError> {
    let (catalog, position) = stage::blocking({
        let reader = reader.clone();
        move || load_catalog(&reader)
    })
    .await?;
    info!(
        revision = position.revision().number(),
        endpoints = catalog.endpoints().count(),
        "store loaded"
    );
    Ok(Arc::new(Published::new(catalog, position)))
}

#[cfg(test)]
mod tests;
