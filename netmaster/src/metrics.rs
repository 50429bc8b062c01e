//! What netmaster counts and measures, for Prometheus. `docs/operations.md` has the list; a test
//! compares the two.

mod certificates;
mod commits;
mod follow;
mod labels;
mod present;
mod register;
mod store;
mod tally;

use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::Registry;
use trunkline_ipam::{Catalog, Policy, Timestamp};
use trunkline_netmaster_api::{Commits, ErrorCode};

use certificates::Certificates;
use commits::CommitLog;
pub(crate) use follow::follow;
use labels::{CodeLabel, KindLabel, OutcomeLabels, RequestLabels, RouteLabels};
use present::Gauges;
pub(crate) use present::{Present, SubnetCounts};
pub(crate) use store::{Measured, MeasuredCluster};
use tally::Tallies;

/// The media type of the exposition.
pub(crate) const MEDIA_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// All metrics. Clones are one and the same.
#[derive(Clone, Debug)]
pub(crate) struct Metrics {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    registry: Registry,
    /// How many addresses are in which state.
    tallies: Tallies,
    requests: Family<RequestLabels, Counter>,
    request_time: Family<RouteLabels, Histogram, fn() -> Histogram>,
    refusals: Family<CodeLabel, Counter>,
    allocations: Counter,
    releases: Counter,
    events: Family<KindLabel, Counter>,
    commit_time: Histogram,
    batch: Histogram,
    store_errors: Counter,
    commits: CommitLog,
    role_changes: Counter,
    watches: Gauge,
    agents: Gauge,
    node_requests: Family<OutcomeLabels, Counter>,
    findings: Family<KindLabel, Counter>,
    pruned: Family<KindLabel, Counter>,
    sweeper_errors: Family<KindLabel, Counter>,
    audit_lost: Counter,
    certificates: Certificates,
    seen: Mutex<Gauges>,
}

/// From half a millisecond to eight seconds.
fn request_histogram() -> Histogram {
    Histogram::new(exponential_buckets(0.0005, 2.0, 15))
}

impl Metrics {
    /// Metrics that are all zero.
    pub(crate) fn new(policy: Policy) -> Self {
        let mut shared = Shared {
            registry: Registry::with_prefix("netmaster"),
            tallies: Tallies::new(policy),
            requests: Family::default(),
            request_time: Family::new_with_constructor(request_histogram),
            refusals: Family::default(),
            allocations: Counter::default(),
            releases: Counter::default(),
            events: Family::default(),
            commit_time: Histogram::new(exponential_buckets(0.000_25, 2.0, 15)),
            // A batch has at most 128 operations.
            batch: Histogram::new(exponential_buckets(1.0, 2.0, 8)),
            store_errors: Counter::default(),
            commits: CommitLog::default(),
            role_changes: Counter::default(),
            watches: Gauge::default(),
            agents: Gauge::default(),
            node_requests: Family::default(),
            findings: Family::default(),
            pruned: Family::default(),
            sweeper_errors: Family::default(),
            audit_lost: Counter::default(),
            certificates: Certificates::default(),
            seen: Mutex::default(),
        };
        let mut registry = std::mem::take(&mut shared.registry);
        shared.register_api(&mut registry);
        shared.register_store(&mut registry);
        shared.register_sweeper(&mut registry);
        shared.lock_seen().register(&mut registry);
        shared.certificates.register(&mut registry);
        shared.registry = registry;
        Self {
            shared: Arc::new(shared),
        }
    }

    /// A request has been answered; with a stream, its answer has begun.
    pub(crate) fn request(&self, method: &str, route: &str, status: u16, took: Duration) {
        let (method, route) = (method.to_owned(), route.to_owned());
        let labels = RouteLabels {
            method: method.clone(),
            route: route.clone(),
        };
        let time = self.shared.request_time.get_or_create(&labels);
        time.observe(took.as_secs_f64());
        let labels = RequestLabels {
            method,
            route,
            status,
        };
        self.shared.requests.get_or_create(&labels).inc();
    }

    /// A request was answered with a problem document.
    pub(crate) fn refused(&self, code: ErrorCode) {
        // A code's one written form is its serde name.
        let name = serde_json::to_value(code).unwrap_or_default();
        let code = name.as_str().unwrap_or("unknown").to_owned();
        self.shared
            .refusals
            .get_or_create(&CodeLabel { code })
            .inc();
    }

    /// How the last commits went.
    pub(crate) fn commits(&self) -> Commits {
        self.shared.commits.summary()
    }

    /// A watch of objects has begun; it ends when what is returned is dropped.
    pub(crate) fn watching(&self) -> Watching {
        self.shared.watches.inc();
        Watching(self.shared.watches.clone())
    }

    /// So many agents have their watch of requests open.
    pub(crate) fn agents_connected(&self, count: usize) {
        self.shared
            .agents
            .set(i64::try_from(count).unwrap_or(i64::MAX));
    }

    /// A request to a node is over.
    pub(crate) fn node_request(&self, kind: &'static str, outcome: &'static str) {
        let labels = OutcomeLabels { kind, outcome };
        self.shared.node_requests.get_or_create(&labels).inc();
    }

    /// The sweeper has found something and dealt with it.
    pub(crate) fn found(&self, kind: &str) {
        let kind = kind.to_owned();
        self.shared
            .findings
            .get_or_create(&KindLabel { kind })
            .inc();
    }

    /// So many old records of a kind have been deleted.
    pub(crate) fn pruned(&self, kind: &str, count: usize) {
        let kind = kind.to_owned();
        let counter = self.shared.pruned.get_or_create_owned(&KindLabel { kind });
        counter.inc_by(u64::try_from(count).unwrap_or(u64::MAX));
    }

    /// A duty of the sweeper has failed, and will be repeated.
    pub(crate) fn sweeper_failed(&self, duty: &str) {
        let kind = duty.to_owned();
        self.shared
            .sweeper_errors
            .get_or_create(&KindLabel { kind })
            .inc();
    }

    /// These files of certificates are in use.
    pub(crate) fn watch_certificates(&self, files: Vec<PathBuf>) {
        self.shared.certificates.watch(files);
    }

    /// The files of certificates that are in use.
    pub(crate) fn certificates(&self) -> Vec<PathBuf> {
        self.shared.certificates.files()
    }

    /// So many refusals of this follower could not be recorded.
    pub(crate) fn audit_lost(&self, count: u64) {
        self.shared.audit_lost.inc_by(count);
    }

    /// How many addresses of each subnet of `catalog` are in which state.
    pub(crate) fn subnets(&self, catalog: &Catalog, now: Timestamp) -> Vec<SubnetCounts> {
        self.shared.tallies.counts(catalog, now)
    }

    /// All metrics as text, with `present` for what is not kept up in between.
    ///
    /// # Errors
    ///
    /// None but what a string can have, which has none.
    pub(crate) fn exposition(&self, present: &Present) -> Result<String, std::fmt::Error> {
        // Nobody else sets them half-way.
        let gauges = self.shared.lock_seen();
        gauges.set(present);
        self.shared.certificates.set(&present.certificates);
        let mut text = String::new();
        encode(&mut text, &self.shared.registry)?;
        Ok(text)
    }
}

impl Shared {
    fn lock_seen(&self) -> MutexGuard<'_, Gauges> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A watch that is open.
#[derive(Debug)]
pub(crate) struct Watching(Gauge);

impl Drop for Watching {
    fn drop(&mut self) {
        self.0.dec();
    }
}

#[cfg(test)]
mod tests;
