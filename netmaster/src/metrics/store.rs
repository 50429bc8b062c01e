//! A store that is measured.

use std::time::Instant;

use tokio::sync::watch;
use trunkline_ipam::Revision;

use super::Metrics;
use crate::replica::{Cluster, Role, Term};
use crate::store::{Batch, Capacity, Position, Reader, Store, StoreError};

/// Another store, with its commits timed and counted.
pub(crate) struct Measured {
    store: Box<dyn Store>,
    metrics: Metrics,
}

impl Measured {
    pub(crate) fn new(store: Box<dyn Store>, metrics: Metrics) -> Self {
        Self { store, metrics }
    }
}

/// Replicas whose leader's store is measured.
pub(crate) struct MeasuredCluster<C> {
    cluster: C,
    metrics: Metrics,
}

impl<C> MeasuredCluster<C> {
    pub(crate) fn new(cluster: C, metrics: Metrics) -> Self {
        Self { cluster, metrics }
    }
}

impl<C: Cluster> Cluster for MeasuredCluster<C> {
    fn reader(&self) -> Reader {
        self.cluster.reader()
    }

    async fn campaign(&self, role: &watch::Sender<Role>) -> Term {
        let term = self.cluster.campaign(role).await;
        Term {
            store: Box::new(Measured::new(term.store, self.metrics.clone())),
            ..term
        }
    }
}

impl Store for Measured {
    fn commit(&mut self, batch: &Batch) -> Result<Position, StoreError> {
        let start = Instant::now();
        let outcome = self.store.commit(batch);
        let shared = &self.metrics.shared;
        shared
            .commits
            .note(outcome.is_ok().then(|| start.elapsed()));
        match outcome {
            Ok(_) => {
                shared.commit_time.observe(start.elapsed().as_secs_f64());
                let operations = u32::try_from(batch.values().count()).unwrap_or(u32::MAX);
                shared.batch.observe(operations.into());
            }
            Err(_) => {
                shared.store_errors.inc();
            }
        }
        outcome
    }

    fn check(&mut self) -> Result<(), StoreError> {
        self.store.check()
    }

    fn resume(&mut self) -> Result<Position, StoreError> {
        self.store.resume()
    }

    fn replace(
        &mut self,
        revision: Revision,
        entries: &mut dyn Iterator<Item = Result<(String, Vec<u8>), StoreError>>,
    ) -> Result<Position, StoreError> {
        self.store.replace(revision, entries)
    }

    fn reader(&self) -> Reader {
        self.store.reader()
    }

    fn capacity(&self) -> Capacity {
        self.store.capacity()
    }
}
