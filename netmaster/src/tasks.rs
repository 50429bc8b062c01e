//! What runs beside the API: the sweeper, the counting of changes, and the orchestrator's watch.

use std::sync::Arc;

use tokio::sync::watch;
use tokio::task::JoinSet;
use trunkline_ipam::Policy;

use crate::allocator::Allocator;
use crate::audit::Auditor;
use crate::clock::now;
use crate::metrics::{Metrics, follow};
use crate::orchestrator::{Claims, Kubernetes, Nobody, Orchestrator, Pods};
use crate::requests::Relay;
use crate::sweeper::{Heard, Reports, Sweeper, SweeperConfig};
use crate::usage::Usage;

/// What routes work with. Clones are one and the same.
#[derive(Clone, Debug)]
pub(crate) struct Services {
    /// Objects, read and written.
    pub(crate) allocator: Allocator,
    /// Requests to nodes.
    pub(crate) relay: Relay,
    /// What is counted.
    pub(crate) metrics: Metrics,
    /// What nodes say they hold; routes put it in.
    pub(crate) reports: Reports,
    /// When nodes were last heard; routes put it in.
    pub(crate) heard: Heard,
    /// The times and shares that decisions go by.
    pub(crate) policy: Arc<Policy>,
    /// What the orchestrator says of pods.
    pub(crate) pods: Pods,
    /// How full subnets were.
    pub(crate) usage: Usage,
    /// Whether an agent may ask for a pod.
    pub(crate) claims: Claims,
    /// What bounds the audit of what is refused.
    pub(crate) auditor: Auditor,
}

/// The tasks. They end when they are told to.
#[derive(Debug)]
pub(crate) struct Tasks {
    stop: watch::Sender<bool>,
    running: JoinSet<()>,
    relay: Relay,
}

impl Tasks {
    /// Starts all tasks on what `allocator` reads and writes. Without `kubernetes`, no orchestrator
    /// has a say.
    pub(crate) fn start(
        allocator: Allocator,
        metrics: Metrics,
        kubernetes: Option<Kubernetes>,
        config: SweeperConfig,
        policy: Policy,
    ) -> (Services, Self) {
        let (stop, stopped) = watch::channel(false);
        let mut running = JoinSet::new();
        let orchestrator: Arc<dyn Orchestrator> = match kubernetes {
            Some(kubernetes) => {
                let census = kubernetes.follow();
                let mut stopped = stopped.clone();
                running.spawn(async move {
                    // Both are cancel-safe, or dropped for good.
                    tokio::select! {
                        () = census => {}
                        _ = stopped.wait_for(|stop| *stop) => {}
                    }
                });
                Arc::new(kubernetes)
            }
            None => Arc::new(Nobody),
        };
        let services = Services {
            relay: Relay::new(metrics.clone()),
            metrics,
            allocator,
            reports: Reports::default(),
            heard: Heard::default(),
            policy: Arc::new(policy),
            auditor: Auditor::default(),
            claims: Claims::by(orchestrator.clone()),
            pods: Pods::of(orchestrator.clone()),
            usage: Usage::default(),
        };
        running.spawn(follow(
            services.metrics.clone(),
            services.allocator.clone(),
            stopped.clone(),
        ));
        let usage = services.usage.clone();
        running.spawn(usage.follow(services.allocator.clone(), stopped.clone()));
        let sweeper = Sweeper {
            allocator: services.allocator.clone(),
            orchestrator,
            relay: services.relay.clone(),
            reports: services.reports.clone(),
            heard: services.heard.clone(),
            auditor: services.auditor.clone(),
            metrics: services.metrics.clone(),
            policy: services.policy.as_ref().clone(),
            config,
            clock: Arc::new(now),
        };
        running.spawn(sweeper.run(stopped));
        let relay = services.relay.clone();
        let tasks = Self {
            stop,
            running,
            relay,
        };
        (services, tasks)
    }

    /// Ends all tasks, and the streams of requests to nodes, which do not end by themselves.
    pub(crate) async fn stop(mut self) {
        self.stop.send_replace(true);
        self.relay.close();
        while self.running.join_next().await.is_some() {}
    }
}
