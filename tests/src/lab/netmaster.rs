//! netmaster in a namespace of its own, on a management network that every node has a link to.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Context;

use super::authority::{Authority, Credentials};
use super::command::{Finished, Invocation};
use super::netns::Netns;
use super::process::Process;
use super::wait::wait_until;

/// The management network's bridge, in netmaster's namespace.
const BRIDGE: &str = "mgmt";
/// Its MAC address. Left to itself a bridge takes the lowest of its ports', so that it would change
/// when a node is switched off, and the other nodes would talk to the old one.
const MAC: &str = "02:ff:00:00:00:01";
/// netmaster's address on the management network.
const ADDRESS: &str = "192.0.2.1";
/// The port that it serves on.
const PORT: u16 = 9630;
/// For how many seconds a node's certificate is good that netmaster issues: short enough to be seen
/// end, and long enough for an emulated node to renew it in the last half minute.
const NODE_CERTIFICATE_LIFE: u64 = 60;
/// How long netmaster may take until it answers.
const START_DEADLINE: Duration = Duration::from_secs(30);

/// The control plane of a lab.
#[derive(Debug)]
pub struct Netmaster {
    process: Option<Process>,
    netns: Netns,
    dir: PathBuf,
    executables: PathBuf,
    /// What it serves with.
    own: Credentials,
    /// The certificate and key of the authority with which it issues certificates to nodes.
    issuer: (PathBuf, PathBuf),
    /// Those of whoever types netctl's commands.
    operator: Credentials,
}

impl Netmaster {
    /// Starts netmaster with an empty store, and with a certificate of its own.
    pub(super) fn start(
        dir: &Path,
        executables: &Path,
        authority: &Authority,
    ) -> anyhow::Result<Self> {
        let netns = Netns::create_machine("netmaster")?;
        netns.ip(&format!(
            "link add {BRIDGE} address {MAC} type bridge\naddr add {ADDRESS}/24 dev {BRIDGE}\n\
             link set {BRIDGE} up"
        ))?;
        let mut netmaster = Self {
            process: None,
            netns,
            dir: dir.to_owned(),
            executables: executables.to_owned(),
            own: authority.issue("replica:netmaster", &[ADDRESS], &dir.join("cluster"))?,
            issuer: (authority.certificate(), authority.key()),
            operator: authority.issue("admin:root", &[], &dir.join("operator"))?,
        };
        netmaster.restart()?;
        Ok(netmaster)
    }

    /// netmaster's URL, as nodes reach it.
    pub fn url() -> String {
        format!("https://{ADDRESS}:{PORT}")
    }

    /// netmaster's namespace.
    pub(super) fn netns(&self) -> &Netns {
        &self.netns
    }

    /// Kills netmaster as a crash would.
    ///
    /// # Errors
    ///
    /// It was not running.
    pub fn kill(&mut self) -> anyhow::Result<()> {
        self.process
            .take()
            .context("netmaster is not running")?
            .kill()
    }

    /// Starts netmaster on the store it left, and waits until it answers.
    ///
    /// # Errors
    ///
    /// It does not answer by the deadline.
    pub fn restart(&mut self) -> anyhow::Result<()> {
        let program = self.executables.join("netmaster");
        let data = self.dir.join("netmaster");
        let (Some(certificate), Some(key)) = (self.own.certificate(), self.own.key()) else {
            anyhow::bail!("netmaster has no certificate to serve with");
        };
        let listen = format!("{ADDRESS}:{PORT}");
        let mut serve = self.netns.command(&program.to_string_lossy());
        serve = serve.args(["serve", "--listen", listen.as_str()]);
        for (flag, file) in [
            ("--data-dir", data.as_path()),
            ("--tls-cert", certificate),
            ("--tls-key", key),
            ("--tls-client-ca", self.own.authority()),
            ("--node-ca-cert", self.issuer.0.as_path()),
            ("--node-ca-key", self.issuer.1.as_path()),
        ] {
            serve = serve.args([flag, &file.to_string_lossy()]);
        }
        serve = serve.args(["--node-cert-life", &NODE_CERTIFICATE_LIFE.to_string()]);
        let mut process = Process::start("netmaster", &self.dir, serve)?;
        wait_until("netmaster to serve", START_DEADLINE, || {
            process.check_running()?;
            let log = process.log();
            anyhow::ensure!(log.contains("listening on "), "{log}");
            Ok(())
        })?;
        self.process = Some(process);
        Ok(())
    }

    /// What it logged since it was started last.
    pub fn log(&self) -> String {
        self.process.as_ref().map(Process::log).unwrap_or_default()
    }

    /// What netctl needs in its environment to be the operator's.
    pub fn environment(&self) -> Vec<(&'static str, String)> {
        self.operator.environment(&Self::url())
    }

    /// Runs netctl beside netmaster and returns what it printed.
    ///
    /// # Errors
    ///
    /// netctl failed; says how.
    pub fn netctl(&self, args: &[&str]) -> anyhow::Result<String> {
        self.netctl_command(args).succeed()
    }

    /// Runs netctl beside netmaster, expecting it to fail.
    ///
    /// # Errors
    ///
    /// netctl cannot be started.
    pub fn try_netctl(&self, args: &[&str]) -> anyhow::Result<Finished> {
        self.netctl_command(args).run()
    }

    /// Runs netctl and reads its JSON.
    ///
    /// # Errors
    ///
    /// netctl failed or printed something else.
    pub fn netctl_json(&self, args: &[&str]) -> anyhow::Result<serde_json::Value> {
        let text = self.netctl(&[args, &["-o", "json"]].concat())?;
        serde_json::from_str(&text).with_context(|| format!("netctl printed {text}"))
    }

    /// All objects of a kind, as netctl lists them.
    ///
    /// # Errors
    ///
    /// netctl failed or printed something else.
    pub fn list(&self, noun: &str) -> anyhow::Result<Vec<serde_json::Value>> {
        match self.netctl_json(&[noun, "ls"])?["items"].take() {
            serde_json::Value::Array(items) => Ok(items),
            other => anyhow::bail!("a list of {noun}s has no items but {other}"),
        }
    }

    /// Gives `peer` a link `mgmt0` with `address` on the management network.
    pub(super) fn plug(&self, port: &str, peer: &Netns, address: &str) -> anyhow::Result<()> {
        self.netns.ip(&format!(
            "link add {port} type veth peer name mgmt0 netns {}\n\
             link set {port} master {BRIDGE}\nlink set {port} up",
            peer.name()
        ))?;
        peer.ip(&format!(
            "addr add {address}/24 dev mgmt0\nlink set mgmt0 up"
        ))
    }

    /// Takes a node's port on the management network down, or up again.
    pub(super) fn set_port(&self, port: &str, up: bool) -> anyhow::Result<()> {
        self.netns.ip(&format!(
            "link set {port} {}",
            if up { "up" } else { "down" }
        ))
    }

    fn netctl_command(&self, args: &[&str]) -> Invocation {
        let program = self.executables.join("netctl");
        let netctl = self.netns.command(&program.to_string_lossy());
        netctl.envs(self.environment()).args(args.iter().copied())
    }
}
