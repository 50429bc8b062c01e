//! What nodes say they hold, as of their last report.

use std::collections::{BTreeSet, HashMap};
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;
use trunkline_ipam::Timestamp;
use trunkline_types::{Attachment, ContainerId, Name};

/// What a node holds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Holdings {
    /// The interfaces that its OVSDB has.
    pub(crate) ovsdb: BTreeSet<Attachment>,
    /// The same, with their addresses.
    pub(crate) held: Vec<(Attachment, Vec<IpAddr>)>,
    /// The addresses that it keeps in reserve.
    pub(crate) reserve: BTreeSet<IpAddr>,
    /// The containers that its runtime has; none if it could not be asked.
    pub(crate) runtime: Option<BTreeSet<ContainerId>>,
}

#[derive(Debug)]
struct Report {
    holdings: Arc<Holdings>,
    at: Timestamp,
    received: Instant,
    /// Whether it has been looked at. Looking at the same report twice is no second observation.
    taken: bool,
}

/// The last reports of all nodes; in memory, and the leader's only. Clones are one and the same.
#[derive(Clone, Debug, Default)]
pub(crate) struct Reports {
    nodes: Arc<Mutex<HashMap<Name, Report>>>,
}

impl Reports {
    /// Takes a report in, which came at `at`. It replaces the one before.
    pub(crate) fn receive(&self, node: Name, holdings: Holdings, at: Timestamp) {
        let report = Report {
            holdings: Arc::new(holdings),
            at,
            received: Instant::now(),
            taken: false,
        };
        self.lock().insert(node, report);
    }

    /// The reports that have not been looked at and are no older than `age`. Older ones go.
    pub(super) fn take(&self, age: Duration) -> Vec<(Name, Arc<Holdings>)> {
        let mut nodes = self.lock();
        nodes.retain(|_, report| report.received.elapsed() <= age);
        nodes
            .iter_mut()
            .filter_map(|(node, report)| {
                let taken = std::mem::replace(&mut report.taken, true);
                (!taken).then(|| (node.clone(), report.holdings.clone()))
            })
            .collect()
    }

    /// The reports that are no older than `age`, looked at or not; with when each came.
    pub(crate) fn recent(&self, age: Duration) -> Vec<(Name, Timestamp, Arc<Holdings>)> {
        let nodes = self.lock();
        let recent = nodes
            .iter()
            .filter(|(_, report)| report.received.elapsed() <= age);
        recent
            .map(|(node, report)| (node.clone(), report.at, report.holdings.clone()))
            .collect()
    }

    /// The last report of a node, with when it came.
    pub(super) fn last(&self, node: &Name) -> Option<(Timestamp, Arc<Holdings>)> {
        let nodes = self.lock();
        let report = nodes.get(node)?;
        Some((report.at, report.holdings.clone()))
    }

    pub(super) fn clear(&self) {
        self.lock().clear();
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Name, Report>> {
        self.nodes.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
