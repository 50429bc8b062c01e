//! What requests are served with.

use std::sync::Arc;

use axum::extract::FromRef;
use tokio::sync::watch;
use trunkline_ipam::{Catalog, Policy};

use crate::allocator::Allocator;
use crate::clock::now;
use crate::forward::Forwarder;
use crate::metrics::Metrics;
use crate::requests::Relay;
use crate::routes::{Scene, Watches};
use crate::sweeper::{Heard, Reports};
use crate::tasks::Services;

/// Everything that a request may need. Clones are cheap, and one and the same.
#[derive(Clone, Debug)]
pub(crate) struct App {
    pub(crate) allocator: Allocator,
    pub(crate) policy: Arc<Policy>,
    pub(crate) metrics: Metrics,
    pub(crate) relay: Relay,
    pub(crate) reports: Reports,
    pub(crate) heard: Heard,
    pub(crate) watches: Watches,
    pub(crate) forwarder: Forwarder,
    /// Says when netmaster ends.
    pub(crate) stopping: watch::Receiver<bool>,
}

impl App {
    pub(crate) fn new(
        services: Services,
        watches: Watches,
        forwarder: Forwarder,
        stopping: watch::Receiver<bool>,
    ) -> Self {
        let Services {
            allocator,
            relay,
            metrics,
            reports,
            heard,
            policy,
        } = services;
        Self {
            allocator,
            policy,
            metrics,
            relay,
            reports,
            heard,
            watches,
            forwarder,
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
