//! netmaster, as its executable.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context as _, ensure};
use trunkline_netmaster_api::Credentials;

use super::Context;
use super::api::Client;
use super::disk::Disk;
use super::http::get;
use super::process::{Process, command};
use super::wait::wait_until;

/// How long netmaster may take to serve requests on a small store, and to become leader.
pub const READY: Duration = Duration::from_secs(30);

/// How long a call to netmaster may take, unless a scenario says otherwise.
pub const CALL: Duration = Duration::from_secs(10);

/// How long an answer about its own health may take.
const HEALTH: Duration = Duration::from_secs(1);

/// How long a back-up of a small store may take, and its restoration.
const BACK_UP: Duration = Duration::from_secs(60);

/// What it prints for each address that it serves.
const LISTENING: &str = "listening on ";

/// Under which key of etcd the URL of the replica that leads is.
pub const LEADER_KEY: &str = "/trunkline/leader";

/// Under which key of etcd the number of the last change is.
pub const REVISION_KEY: &str = "/trunkline/v1/revision";

/// Where netmaster keeps its data.
#[derive(Clone, Debug)]
pub enum Store {
    /// In this directory.
    Embedded(PathBuf),
    /// In the etcd of these endpoints.
    Etcd {
        /// The URL of each member.
        endpoints: Vec<String>,
        /// How long a leader that is heard no more stays leader.
        lease: Duration,
    },
}

/// How a netmaster is run, now and after a crash.
#[derive(Clone, Debug)]
pub struct Netmaster {
    name: String,
    executable: PathBuf,
    /// For its log.
    dir: PathBuf,
    store: Store,
    /// The same after every start, so that replicas and clients find it again.
    address: SocketAddr,
    /// How long a released address is kept for its last owner; netmaster's own default if none.
    cool_down: Option<Duration>,
    /// What it serves with, and shows to other replicas; none for no TLS.
    credentials: Option<Credentials>,
}

impl Netmaster {
    /// A netmaster on a free port.
    ///
    /// # Errors
    ///
    /// There is no free port.
    pub fn new(context: &Context, store: &Store) -> anyhow::Result<Self> {
        let mut replicas = Self::replicas(1, context, store)?;
        replicas.pop().context("there is no replica")
    }

    /// `count` netmasters of one store, each on a free port.
    ///
    /// # Errors
    ///
    /// There are not enough free ports.
    pub fn replicas(count: usize, context: &Context, store: &Store) -> anyhow::Result<Vec<Self>> {
        let ports = super::free_ports(count)?.into_iter();
        let replica = |(number, port): (usize, u16)| Self {
            name: format!("netmaster{}", number + 1),
            executable: context.executable.clone(),
            dir: context.dir.clone(),
            store: store.clone(),
            address: ([127, 0, 0, 1], port).into(),
            cool_down: None,
            credentials: None,
        };
        Ok(ports.enumerate().map(replica).collect())
    }

    /// The same, but it hands released addresses out again after `cool_down`, in whole seconds: so
    /// that they come round often.
    #[must_use]
    pub fn cooling_for(self, cool_down: Duration) -> Self {
        let cool_down = Some(cool_down);
        Self { cool_down, ..self }
    }

    /// The same, but it serves with TLS, and believes whom the authority of `credentials` signed.
    #[must_use]
    pub fn showing(self, credentials: Credentials) -> Self {
        let credentials = Some(credentials);
        Self {
            credentials,
            ..self
        }
    }

    /// Where it serves, or would.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Its URL, as it tells other replicas by default.
    pub fn url(&self) -> String {
        let scheme = match self.credentials {
            Some(_) => "https",
            None => "http",
        };
        format!("{scheme}://{}", self.address)
    }

    /// Starts it, and waits until it listens.
    ///
    /// # Errors
    ///
    /// It does not start.
    pub async fn start(&self) -> anyhow::Result<Running> {
        self.start_noted(|_| {}).await
    }

    /// Starts it, tells its process id before it does anything, and waits until it listens.
    ///
    /// # Errors
    ///
    /// It does not start.
    pub async fn start_noted(&self, note: impl FnOnce(u32)) -> anyhow::Result<Running> {
        self.start_with(command(&self.executable), note).await
    }

    /// Starts it where it can see `disk`, and waits until it listens.
    ///
    /// # Errors
    ///
    /// It does not start.
    pub async fn start_on(&self, disk: &Disk) -> anyhow::Result<Running> {
        self.start_with(disk.command(&self.executable), |_| {})
            .await
    }

    /// Writes a back-up of all that it keeps to `file`. It has to run.
    ///
    /// # Errors
    ///
    /// That fails.
    pub async fn back_up(&self, file: &Path) -> anyhow::Result<()> {
        let mut backup = command(&self.executable);
        backup.args(["backup", "--server", &self.url()]).arg(file);
        self.run("backup", backup).await
    }

    /// Puts the back-up `file` into its store, which has to be empty. It may not run.
    ///
    /// # Errors
    ///
    /// That fails.
    pub async fn restore(&self, file: &Path) -> anyhow::Result<()> {
        let mut restore = command(&self.executable);
        restore.arg("restore").arg(file);
        self.name_store(&mut restore);
        self.run("restore", restore).await
    }

    async fn run(&self, name: &str, command: Command) -> anyhow::Result<()> {
        let mut process = Process::start(name, &self.dir, command)?;
        process.wait_done(BACK_UP).await
    }

    async fn start_with(
        &self,
        mut serve: Command,
        note: impl FnOnce(u32),
    ) -> anyhow::Result<Running> {
        self.flags(&mut serve);
        let secured = match &self.credentials {
            Some(credentials) => {
                let client =
                    trunkline_netmaster_api::Client::with(&self.url(), credentials.clone())?;
                Some(client.with_deadline(HEALTH))
            }
            None => None,
        };
        let mut process = Process::start(&self.name, &self.dir, serve)?;
        note(process.id());
        let what = format!("{} to listen", self.name);
        wait_until(&what, READY, || {
            let running = process.check_running();
            let listening = process.output().contains(LISTENING);
            async move {
                // Who has ended is waited for no longer.
                if running.is_err() || listening {
                    return Ok(running);
                }
                Err("not listening yet")
            }
        })
        .await??;
        Ok(Running {
            process,
            address: self.address,
            secured,
        })
    }

    /// Every flag of `netmaster serve` that the harness knows.
    fn flags(&self, serve: &mut Command) {
        serve.arg("serve");
        serve.args(["--listen", &self.address.to_string()]);
        self.name_store(serve);
        if let Some(cool_down) = self.cool_down {
            serve.args(["--cool-down", &cool_down.as_secs().to_string()]);
        }
        if let Some(credentials) = &self.credentials {
            let (certificate, key) = credentials.certificate.clone().unzip();
            for (flag, file) in [
                ("--tls-cert", certificate),
                ("--tls-key", key),
                ("--tls-client-ca", credentials.ca.clone()),
            ] {
                serve.arg(flag).args(file);
            }
        }
        // Its log is the evidence when a scenario fails.
        serve.env("TRUNKLINE_LOG", "info");
    }

    fn name_store(&self, command: &mut Command) {
        match &self.store {
            Store::Embedded(dir) => {
                command.arg("--data-dir").arg(dir);
            }
            Store::Etcd { endpoints, lease } => {
                command.args(["--store", "etcd"]);
                command.args(["--etcd-endpoints", &endpoints.join(",")]);
                command.args(["--lease-ttl", &lease.as_secs().to_string()]);
            }
        }
    }
}

/// A netmaster that runs; killed when dropped.
#[derive(Debug)]
pub struct Running {
    /// The process.
    pub process: Process,
    /// Where it serves.
    pub address: SocketAddr,
    /// Who asks how it is, where that takes TLS.
    secured: Option<trunkline_netmaster_api::Client>,
}

impl Running {
    /// A client with the usual deadline.
    pub fn client(&self) -> Client {
        Client::new(self.address, CALL)
    }

    /// Waits until it is ready for requests.
    ///
    /// # Errors
    ///
    /// It is not by the deadline.
    pub async fn wait_ready(&mut self, deadline: Duration) -> anyhow::Result<()> {
        let address = self.address;
        let secured = self.secured.as_ref();
        let process = &mut self.process;
        wait_until("netmaster to be ready", deadline, || {
            let running = process.check_running();
            async move {
                if running.is_err() {
                    return Ok(running);
                }
                match secured {
                    Some(client) => client.readyz().await?,
                    None => expect_ready(address).await?,
                }
                anyhow::Ok(running)
            }
        })
        .await?
        .context("netmaster is not ready")
    }
}

/// Asks a netmaster without TLS whether it is ready.
async fn expect_ready(address: SocketAddr) -> anyhow::Result<()> {
    let mut reply = get(address, "/readyz", HEALTH).await?;
    if reply.status == 404 {
        reply = get(address, "/healthz", HEALTH).await?;
    }
    let text = String::from_utf8_lossy(&reply.body);
    ensure!(reply.status == 200, "HTTP status {}: {text}", reply.status);
    Ok(())
}
