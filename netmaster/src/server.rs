//! Serving the API until told to stop.

mod options;

use std::collections::BTreeSet;
use std::future::Future;
use std::io::Write as _;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tracing::{info, warn};
use trunkline_netmaster_api::{CredentialsError, exposed};

use crate::app::App;
use crate::args::{ServeConfig, StoreConfig};
use crate::clock::now;
use crate::connections::{Connections, Door, Places};
use crate::descriptors::room_for;
use crate::forward::Forwarder;
use crate::identity::Identity;
use crate::join::{IssueError, NodeAuthority};
use crate::limits::{Pace, Rate};
use crate::metrics::Metrics;
use crate::orchestrator::{Kubernetes, KubernetesError};
use crate::replica::Replica;
use crate::replicas::Replicas;
use crate::routes::{Watches, router};
use crate::store::{Embedded, Etcd, Opened, StoreError};
use crate::tasks::{Services, Tasks};
use crate::tls::{Keeper, TlsError, is_replicas};

pub use options::{Limits, ServeOptions};

/// How many seconds' requests may come at once.
const BURST: u32 = 10;

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
    /// TLS cannot be spoken.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// Other replicas cannot be asked.
    #[error("other replicas cannot be asked")]
    Cluster(#[from] CredentialsError),
    /// Kubernetes cannot be asked.
    #[error(transparent)]
    Kubernetes(#[from] KubernetesError),
    /// Nodes could not be given certificates.
    #[error("nodes could not be given certificates")]
    Authority(#[from] IssueError),
    /// The task that writes has gone.
    #[error(
        "the writer broke off, and nothing can be written any more: this is an error in netmaster, \
         please report it with its log, and start it again"
    )]
    Broken,
    /// Signals cannot be waited for.
    #[error("cannot wait for signals")]
    Signals {
        /// Why.
        source: std::io::Error,
    },
}

/// The API, ready to be served: the store is loaded and connections are queued.
#[derive(Debug)]
pub struct Server {
    listeners: Vec<(SocketAddr, TcpListener)>,
    services: Services,
    tasks: Tasks,
    replica: Replica,
    replicas: Replicas,
    forwarder: Forwarder,
    limits: Limits,
    authority: Option<Arc<NodeAuthority>>,
    /// None without TLS.
    keeper: Option<Keeper>,
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
        let store = store.into();
        if let Opened::Etcd(_) = store
            && let Some((certificate, _)) = &options.cluster.certificate
            && !is_replicas(certificate)
        {
            warn!(
                certificate = %certificate.display(),
                "other replicas will not take what this one passes on: its certificate is not for \
                 `replica:<name>`; name one that is with `--cluster-cert`"
            );
        }
        let certificates = options.certificates();
        let keeper = options.tls.map(Keeper::start).transpose()?;
        let forwarder = Forwarder::with(&options.cluster, options.limits.forwarded)?;
        let scheme = scheme(keeper.as_ref());
        let first = listeners
            .first()
            .map(|(address, _)| format!("{scheme}://{address}"));
        let url = options.advertise.or(first).unwrap_or_default();
        let kubernetes = match options.kubernetes.config().await? {
            Some(config) => Some(Kubernetes::at(config)?),
            None => None,
        };
        if let Some(authority) = &options.authority {
            authority.check(now())?;
        }
        let metrics = Metrics::new(options.policy.clone());
        metrics.watch_certificates(certificates);
        let (allocator, replica) = Replica::start(store, &url, metrics.clone()).await?;
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
            replicas: Replicas::at(&url),
            forwarder,
            limits: options.limits,
            authority: options.authority.map(Arc::new),
            keeper,
        })
    }

    /// Where the API is served, as URLs.
    pub fn urls(&self) -> impl Iterator<Item = String> {
        let scheme = scheme(self.keeper.as_ref());
        self.addresses()
            .map(move |address| format!("{scheme}://{address}"))
    }

    /// The addresses that are listened on.
    pub fn addresses(&self) -> impl Iterator<Item = SocketAddr> {
        self.listeners.iter().map(|(address, _)| *address)
    }

    /// Serves until `stop` is done, and then until the requests under way are answered and the
    /// store is closed, though not longer than a few seconds.
    ///
    /// # Errors
    ///
    /// [`ServerError::Broken`] if it ended before it was told to.
    pub async fn run(self, stop: impl Future<Output = ()>) -> Result<(), ServerError> {
        let Self {
            listeners,
            services,
            tasks,
            replica,
            replicas,
            forwarder,
            limits,
            authority,
            keeper,
        } = self;
        let (stopping, stopped) = watch::channel(false);
        let telling = tell_the_leader(&services, &forwarder, &replicas, &stopped);
        let app = App::new(
            services,
            authority,
            Watches::up_to(limits.watches, limits.watches_each),
            Pace::of(Rate::per_second(
                limits.rate,
                limits.rate.saturating_mul(BURST),
            )),
            forwarder,
            replicas,
            stopped.clone(),
        );
        let places = Places::up_to(limits.connections, limits.connections_each)
            .of_identity(limits.connections_of_identity);
        let router = router(app, limits.deadlines.body);
        let connections = Connections::new(router, places, limits.deadlines, stopped);
        let mut serving = JoinSet::new();
        for (address, listener) in listeners {
            let door = match &keeper {
                Some(keeper) => Door::Tls(keeper.loaded()),
                None if address.ip().is_loopback() => Door::Plain(Identity::local()),
                None => Door::Plain(Identity::anonymous()),
            };
            serving.spawn(connections.clone().serve(listener, door));
        }
        drop(connections);
        // Both are cancel-safe, or not needed once the other has come.
        let outcome = tokio::select! {
            () = stop => Ok(()),
            () = replica.ended() => Err(ServerError::Broken),
        };
        stopping.send_replace(true);
        // Streams to agents end with them.
        tasks.stop().await;
        // They may be waiting for the leader.
        drop(telling);
        let drained = tokio::time::timeout(DRAIN, async {
            while serving.join_next().await.is_some() {}
        });
        if drained.await.is_err() {
            warn!("connections still open are cut");
        }
        if tokio::time::timeout(DRAIN, replica.stop()).await.is_err() {
            warn!("the store is not closed in time; what was acknowledged is in it");
        }
        outcome
    }
}

/// Starts what a follower tells the leader: that it is there, and what it refused. Dropped, it ends.
fn tell_the_leader(
    services: &Services,
    forwarder: &Forwarder,
    replicas: &Replicas,
    stopped: &watch::Receiver<bool>,
) -> JoinSet<()> {
    let mut telling = JoinSet::new();
    let (forwarder, allocator) = (forwarder.clone(), services.allocator.clone());
    let announcing = replicas.clone();
    telling.spawn(announcing.announce(forwarder.clone(), allocator.clone(), stopped.clone()));
    let auditor = services.auditor.clone();
    telling.spawn(auditor.report(
        forwarder,
        allocator,
        services.metrics.clone(),
        stopped.clone(),
    ));
    telling
}

fn scheme(keeper: Option<&Keeper>) -> &'static str {
    match keeper {
        Some(_) => "https",
        None => "http",
    }
}

/// Runs netmaster until SIGTERM or SIGINT.
///
/// # Errors
///
/// [`ServerError`] if it cannot start, or breaks off.
pub async fn serve(config: ServeConfig) -> Result<(), ServerError> {
    let failed = |source| ServerError::Signals { source };
    let mut terminate = signal(SignalKind::terminate()).map_err(failed)?;
    let mut interrupt = signal(SignalKind::interrupt()).map_err(failed)?;
    warn_of_exposed(&config);
    let store = open_store(config.store).await?;
    let mut options = config.options;
    let room = room_for(options.limits.connections);
    options.limits.connections = room.connections;
    options.limits.forwarded = room.forwarded;
    let server = Server::bind(&config.listen, store, options).await?;
    for url in server.urls() {
        info!(url, "listening");
        // For scripts: they need not know the log's form. Nobody has to read it.
        let _ = writeln!(std::io::stdout(), "listening on {url}");
    }
    server
        .run(async {
            // Both are cancel-safe: a signal that is not received here is not needed.
            tokio::select! {
                _ = terminate.recv() => info!("stopping on SIGTERM"),
                _ = interrupt.recv() => info!("stopping on SIGINT"),
            }
        })
        .await?;
    info!("stopped");
    Ok(())
}

/// Warns of secrets that others than their owner can read. A group may be meant to, so that they are
/// used all the same.
fn warn_of_exposed(config: &ServeConfig) {
    let options = &config.options;
    let (identity, user) = match &config.store {
        StoreConfig::Etcd(etcd) => (etcd.identity.as_ref(), etcd.user.as_ref()),
        StoreConfig::Embedded { .. } => (None, None),
    };
    let secrets = [
        options.tls.as_ref().map(|tls| &tls.key),
        options.authority.as_ref().map(|authority| &authority.key),
        identity.map(|(_, key)| key),
        user.map(|(_, password)| password),
    ];
    let secrets = secrets.into_iter().flatten().map(PathBuf::as_path);
    // One file may be for several things.
    let secrets: BTreeSet<&Path> = secrets.chain(options.cluster.secrets()).collect();
    for path in secrets {
        if let Some(mode) = exposed(path) {
            warn!(
                path = %path.display(),
                mode = format!("{mode:04o}"),
                "a secret can be read or changed by others than its owner: take that from them \
                 with chmod, and replace it if somebody may have read it"
            );
        }
    }
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

#[cfg(test)]
mod tests {
    use trunkline_ipam::{Change, Ledger};

    use super::*;
    use crate::allocator::WriteError;

    #[tokio::test]
    async fn netmaster_ends_when_its_writer_breaks_off() {
        let listen: [SocketAddr; 1] = ["127.0.0.1:0".parse().unwrap()];
        let store = Embedded::in_memory().unwrap();
        let server = Server::bind(&listen, store, ServeOptions::default());
        let server = server.await.unwrap();
        let allocator = server.services.allocator.clone();
        let running = tokio::spawn(server.run(std::future::pending()));
        let plan = |_: &Ledger| -> Result<((), Change), ()> { panic!("an error in netmaster") };
        let answer = allocator.write(plan).await;
        assert!(
            matches!(answer, Err(WriteError::Unavailable(_))),
            "{answer:?}"
        );
        let ended = running.await.unwrap();
        assert!(matches!(ended, Err(ServerError::Broken)), "{ended:?}");
    }
}
