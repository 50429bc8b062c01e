//! Serving the API until told to stop.

use std::future::Future;
use std::io::Write as _;
use std::net::SocketAddr;
use std::time::Duration;

use axum::serve::ListenerExt as _;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tracing::{info, warn};
use trunkline_ipam::Policy;

use crate::args::{ServeConfig, StoreConfig};
use crate::metrics::Metrics;
use crate::orchestrator::{Kubernetes, KubernetesArgs, KubernetesError};
use crate::replica::Replica;
use crate::routes::router;
use crate::store::{Embedded, Etcd, Opened, StoreError};
use crate::sweeper::SweeperConfig;
use crate::tasks::{Services, Tasks};

/// How long requests under way may take once netmaster is told to stop.
const DRAIN: Duration = Duration::from_secs(5);

/// Why the API is not served.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ServerError {
    /// The store cannot be used.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// An address cannot be listened on.
    #[error("cannot listen on `{address}`: choose another address with `--listen`")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// Why.
        source: std::io::Error,
    },
    /// Kubernetes cannot be asked.
    #[error(transparent)]
    Kubernetes(#[from] KubernetesError),
    /// Signals cannot be waited for.
    #[error("cannot wait for signals")]
    Signals {
        /// Why.
        source: std::io::Error,
    },
}

/// How to serve, beside where.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ServeOptions {
    /// Where other replicas reach this one's API; `None` for the first address.
    pub advertise: Option<String>,
    /// When the leader does what it does unasked, and by what limits.
    pub sweeper: SweeperConfig,
    /// The times and shares that decisions go by.
    pub policy: Policy,
    /// Whether Kubernetes has a say, and how it is reached.
    pub kubernetes: KubernetesArgs,
}

/// The API, ready to be served: the store is loaded and connections are queued.
#[derive(Debug)]
pub struct Server {
    listeners: Vec<(SocketAddr, TcpListener)>,
    services: Services,
    tasks: Tasks,
    replica: Replica,
}

impl Server {
    /// Loads `store` and listens on the addresses of `listen`; with port 0, on any free port.
    ///
    /// # Errors
    ///
    /// [`ServerError`] if the store cannot be read, an address cannot be listened on, or nothing
    /// says how to reach Kubernetes.
    pub async fn bind(
        listen: &[SocketAddr],
        store: impl Into<Opened>,
        options: ServeOptions,
    ) -> Result<Self, ServerError> {
        let mut listeners = Vec::new();
        for &address in listen {
            let failed = |source| ServerError::Listen { address, source };
            let listener = TcpListener::bind(address).await.map_err(failed)?;
            let bound = listener.local_addr().map_err(failed)?;
            listeners.push((bound, listener));
        }
        let first = listeners
            .first()
            .map(|(address, _)| format!("http://{address}"));
        let url = options.advertise.or(first).unwrap_or_default();
        let kubernetes = match options.kubernetes.config().await? {
            Some(config) => Some(Kubernetes::at(config)?),
            None => None,
        };
        let metrics = Metrics::new(options.policy.clone());
        let (allocator, replica) = Replica::start(store.into(), &url, metrics.clone()).await?;
        let (services, tasks) = Tasks::start(
            allocator,
            metrics,
            kubernetes,
            options.sweeper,
            options.policy,
        );
        Ok(Self {
            listeners,
            services,
            tasks,
            replica,
        })
    }

    /// The addresses that are listened on.
    pub fn addresses(&self) -> impl Iterator<Item = SocketAddr> {
        self.listeners.iter().map(|(address, _)| *address)
    }

    /// Serves until `stop` is done, and then until the requests under way are answered and the
    /// store is closed, though not longer than a few seconds.
    pub async fn run(self, stop: impl Future<Output = ()>) {
        let Self {
            listeners,
            services,
            tasks,
            replica,
        } = self;
        let (stopping, stopped) = watch::channel(());
        let mut serving = JoinSet::new();
        for (_, listener) in listeners {
            let listener = listener.tap_io(|connection| {
                // Small answers must not wait for more; a socket that refuses still works.
                let _ = connection.set_nodelay(true);
            });
            let mut stopped = stopped.clone();
            let until_stopped = async move {
                // An error means that the sender is gone: the same.
                let _ = stopped.changed().await;
            };
            let router = router(services.clone());
            let serve = axum::serve(listener, router).with_graceful_shutdown(until_stopped);
            serving.spawn(async move { serve.await });
        }
        drop(services);
        stop.await;
        drop(stopping);
        // Streams to agents end with them.
        tasks.stop().await;
        let drained = tokio::time::timeout(DRAIN, async {
            while serving.join_next().await.is_some() {}
        });
        if drained.await.is_err() {
            warn!("connections still open are cut");
        }
        if tokio::time::timeout(DRAIN, replica.stop()).await.is_err() {
            warn!("the store is not closed in time; what was acknowledged is in it");
        }
    }
}

/// Runs netmaster until SIGTERM or SIGINT.
///
/// # Errors
///
/// [`ServerError`] if it cannot start.
pub async fn serve(config: ServeConfig) -> Result<(), ServerError> {
    let failed = |source| ServerError::Signals { source };
    let mut terminate = signal(SignalKind::terminate()).map_err(failed)?;
    let mut interrupt = signal(SignalKind::interrupt()).map_err(failed)?;
    let store = open_store(config.store).await?;
    let server = Server::bind(&config.listen, store, config.options).await?;
    for address in server.addresses() {
        info!(%address, "listening");
        // For scripts: they need not know the log's form. Nobody has to read it.
        let _ = writeln!(std::io::stdout(), "listening on http://{address}");
    }
    server
        .run(async {
            // Both are cancel-safe: a signal that is not received here is not needed.
            tokio::select! {
                _ = terminate.recv() => info!("stopping on SIGTERM"),
                _ = interrupt.recv() => info!("stopping on SIGINT"),
            }
        })
        .await;
    info!("stopped");
    Ok(())
}

/// Opens the store that is asked for.
pub(crate) async fn open_store(config: StoreConfig) -> Result<Opened, StoreError> {
    match config {
        StoreConfig::Embedded { data_dir } => {
            let store = Embedded::open(&data_dir)?;
            info!(data_dir = %data_dir.display(), "store opened");
            Ok(store.into())
        }
        StoreConfig::Etcd(config) => {
            let endpoints = config.endpoints.join(",");
            let store = Etcd::open(config).await?;
            info!(%endpoints, "connected to etcd");
            Ok(store.into())
        }
    }
}
