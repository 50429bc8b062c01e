//! A netmaster on a free port, with its store in memory.

use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use tokio::runtime::Runtime;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use trunkline_netmaster::{Embedded, ServeOptions, Server, ServerError, SweeperConfig, TlsFiles};
use trunkline_netmaster_api::{Client, Credentials};

const HOURS: Duration = Duration::from_secs(24 * 3600);

/// Runs for as long as it is there.
pub(crate) struct Netmaster {
    pub(crate) runtime: Runtime,
    pub(crate) client: Client,
    pub(crate) url: String,
    stop: Option<oneshot::Sender<()>>,
    running: Option<JoinHandle<Result<(), ServerError>>>,
}

impl Netmaster {
    pub(crate) fn start() -> Self {
        let store = Embedded::in_memory().unwrap();
        Self::on(store, "127.0.0.1:0".parse().unwrap())
    }

    pub(crate) fn on(store: Embedded, address: SocketAddr) -> Self {
        Self::serving(store, address, None)
    }

    /// With TLS, and the certificates of a directory that `netmaster certs` made.
    pub(crate) fn locked(certs: &Path) -> Self {
        let store = Embedded::in_memory().unwrap();
        Self::serving(store, "127.0.0.1:0".parse().unwrap(), Some(certs))
    }

    fn serving(store: Embedded, address: SocketAddr, certs: Option<&Path>) -> Self {
        let runtime = Runtime::new().unwrap();
        let mut options = ServeOptions {
            // Nothing happens but what a test does.
            sweeper: SweeperConfig {
                collect: HOURS,
                steps: HOURS,
                nodes: HOURS,
                recall: HOURS,
                reservations: HOURS,
                conflicts: HOURS,
                prune: HOURS,
                ..SweeperConfig::default()
            },
            tls: certs.map(|certs| TlsFiles {
                certificate: certs.join("replica-netmaster-1.pem"),
                key: certs.join("replica-netmaster-1.key"),
                client_ca: certs.join("ca.pem"),
                crl: None,
                look: TlsFiles::LOOK,
            }),
            ..ServeOptions::default()
        };
        // A node's report counts at once.
        options.policy.sweep_gap = Duration::ZERO;
        let server = runtime.block_on(Server::bind(&[address], store, options));
        let server = server.unwrap();
        let scheme = if certs.is_some() { "https" } else { "http" };
        let url = format!("{scheme}://{}", server.addresses().next().unwrap());
        let (stop, stopped) = oneshot::channel();
        let running = runtime.spawn(server.run(async {
            let _ = stopped.await;
        }));
        let credentials = certs.map(|certs| Credentials {
            ca: Some(certs.join("ca.pem")),
            certificate: Some((certs.join("admin-root.pem"), certs.join("admin-root.key"))),
            token: None,
        });
        let client = Client::with(&url, credentials.unwrap_or_default()).unwrap();
        // The cluster is founded beside the serving, and is the first change.
        runtime.block_on(async {
            while client.cluster().await.is_err() {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        });
        Self {
            runtime,
            client,
            url,
            stop: Some(stop),
            running: Some(running),
        }
    }

    /// A shell with netctl at hand that asks this netmaster.
    pub(crate) fn shell(&self, line: &str, home: &Path) -> Command {
        let netctl = Path::new(env!("CARGO_BIN_EXE_netctl"));
        let path = format!("{}:/usr/bin:/bin", netctl.parent().unwrap().display());
        let mut command = Command::new("sh");
        command
            .args(["-c", line])
            .env_clear()
            .env("PATH", path)
            .env("HOME", home)
            .env("NETMASTER", &self.url)
            .current_dir(home);
        command
    }
}

impl Drop for Netmaster {
    fn drop(&mut self) {
        if let Some(stop) = self.stop.take() {
            // It may have ended by itself.
            let _ = stop.send(());
        }
        if let Some(running) = self.running.take() {
            // Its store is closed then, and can be opened anew.
            let _ = self.runtime.block_on(running);
        }
    }
}
