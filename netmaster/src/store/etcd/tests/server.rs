//! A real etcd on loopback ports.

use std::io::ErrorKind;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use etcd_client::Client;
use tempfile::TempDir;
use tokio::runtime::Runtime;

use crate::store::EtcdConfig;

const DEADLINE: Duration = Duration::from_secs(30);

/// An etcd of one member, with its data in a directory of its own. Dropping it kills it.
pub(super) struct Server {
    directory: TempDir,
    pub(super) address: SocketAddr,
    peer: SocketAddr,
    flags: Vec<String>,
    tls: bool,
    child: Child,
}

impl Server {
    pub(super) fn start(flags: &[&str]) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let (address, peer) = (free_address(), free_address());
        let flags: Vec<_> = flags.iter().map(|flag| (*flag).to_owned()).collect();
        let tls = flags.iter().any(|flag| flag.starts_with("--cert-file"));
        let child = spawn(directory.path(), address, peer, tls, &flags);
        let server = Self {
            directory,
            address,
            peer,
            flags,
            tls,
            child,
        };
        server.until_open();
        server
    }

    /// Ends it, and starts it again on the same data. Tokens that it gave are not valid any more.
    pub(super) fn restart(&mut self) {
        self.kill();
        let (address, peer) = (self.address, self.peer);
        self.child = spawn(self.directory.path(), address, peer, self.tls, &self.flags);
        self.until_open();
    }

    pub(super) fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    fn until_open(&self) {
        let started = Instant::now();
        while TcpStream::connect(self.address).is_err() {
            assert!(started.elapsed() < DEADLINE, "etcd does not start");
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    pub(super) fn data(&self) -> &Path {
        self.directory.path()
    }

    pub(super) fn config(&self) -> EtcdConfig {
        config(&[self.address])
    }

    /// For what a test does past netmaster. Not over TLS.
    pub(super) fn client(&self, runtime: &Runtime) -> Client {
        let address = [self.address.to_string()];
        runtime.block_on(Client::connect(address, None)).unwrap()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

pub(super) fn config(endpoints: &[SocketAddr]) -> EtcdConfig {
    EtcdConfig {
        endpoints: endpoints.iter().map(SocketAddr::to_string).collect(),
        prefix: "/trunkline".to_owned(),
        ca: None,
        identity: None,
        user: None,
        lease: Duration::from_secs(3),
        start: EtcdConfig::START,
    }
}

/// An address on which nothing listens. Another process may take it before it is used; that is
/// rare, and the test then fails by its deadline.
pub(super) fn free_address() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap()
}

fn spawn(
    directory: &Path,
    address: SocketAddr,
    peer: SocketAddr,
    tls: bool,
    flags: &[String],
) -> Child {
    let scheme = if tls { "https" } else { "http" };
    let (client, peer) = (format!("{scheme}://{address}"), format!("http://{peer}"));
    let child = Command::new(program())
        .args(["--name", "m1", "--data-dir"])
        .arg(directory)
        .args([
            "--listen-client-urls",
            &client,
            "--advertise-client-urls",
            &client,
        ])
        .args([
            "--listen-peer-urls",
            &peer,
            "--initial-advertise-peer-urls",
            &peer,
        ])
        .args(["--initial-cluster", &format!("m1={peer}")])
        .args(flags)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn();
    match child {
        Err(error) if error.kind() == ErrorKind::NotFound => {
            panic!("etcd is not installed: it is in Debian's package `etcd-server`")
        }
        child => child.unwrap(),
    }
}

fn program() -> PathBuf {
    let usual = PathBuf::from("/usr/bin/etcd");
    if usual.exists() {
        usual
    } else {
        PathBuf::from("etcd")
    }
}
