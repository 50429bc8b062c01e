//! What requests are served with.

use std::sync::Arc;

use axum::extract::FromRef;
use tokio::sync::watch;
use trunkline_ipam::{Catalog, Policy};

use crate::allocator::Allocator;
use crate::audit::Auditor;
use crate::clock::now;
use crate::forward::Forwarder;
use crate::join::NodeAuthority;
use crate::limits::Pace;
use crate::metrics::Metrics;
use crate::orchestrator::{Claims, Pods};
use crate::replicas::Replicas;
use crate::requests::Relay;
use crate::routes::{Scene, Watches};
use crate::sweeper::{Heard, Reports};
use crate::tasks::Services;
use crate::turns::Turns;
use crate::usage::Usage;

/// Everything that a request may need. Clones are cheap, and one and the same.
#[derive(Clone, Debug)]
pub(crate) struct App {
    pub(crate) allocator: Allocator,
    pub(crate) policy: Arc<Policy>,
    pub(crate) auditor: Auditor,
    pub(crate) claims: Claims,
    /// What signs certificates of nodes; none if nothing does.
    pub(crate) authority: Option<Arc<NodeAuthority>>,
    pub(crate) metrics: Metrics,
    pub(crate) relay: Relay,
    pub(crate) reports: Reports,
    pub(crate) heard: Heard,
    pub(crate) watches: Watches,
    pub(crate) pace: Pace,
    pub(crate) forwarder: Forwarder,
    pub(crate) replicas: Replicas,
    pub(crate) pods: Pods,
    pub(crate) usage: Usage,
    /// Whose turn it is to check everything.
    pub(crate) checks: Turns,
    /// Says when netmaster ends.
    pub(crate) stopping: watch::Receiver<bool>,
}

impl App {
    pub(crate) fn new(
        services: Services,
        authority: Option<Arc<NodeAuthority>>,
        watches: Watches,
        pace: Pace,
        forwarder: Forwarder,
        replicas: Replicas,
        stopping: watch::Receiver<bool>,
    ) -> Self {
        let Services {
            allocator,
            relay,
            metrics,
            reports,
            heard,
            policy,
            pods,
            usage,
            auditor,
            claims,
        } = services;
        Self {
            allocator,
            policy,
            auditor,
            claims,
            authority,
            metrics,
            relay,
            reports,
            heard,
            watches,
            pace,
            forwarder,
            replicas,
            pods,
            usage,
            checks: Turns::default(),
            stopping,
        }
    }

    /// Reads what is durable, with all that views are made of.
    pub(crate) fn look<T>(&self, look: impl FnOnce(&Scene<'_>) -> T) -> T {
        self.allocator.read(|catalog| look(&self.scene(catalog)))
    }

    /// What views of `catalog` are made of.
    pub(crate) fn scene<'a>(&'a self, catalog: &'a Catalog) -> Scene<'a> {
        Scene {
            catalog,
            policy: &self.policy,
            now: now(),
        }
    }
}

macro_rules! parts {
    ($($part:ident: $kind:ty),+) => {$(
        impl FromRef<App> for $kind {
            fn from_ref(app: &App) -> Self {
                app.$part.clone()
            }
        }
    )+};
}

// For handlers that need no more than one.
parts! {
    allocator: Allocator,
    relay: Relay,
    metrics: Metrics,
    heard: Heard,
    policy: Arc<Policy>
}
