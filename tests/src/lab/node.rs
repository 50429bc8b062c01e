//! A node: a network namespace with Open vSwitch of its own on the kernel's datapath, an uplink to
//! the top-of-rack switch, a link to the management network, and the node agent.

mod agent;

use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Context;
use serde_json::json;

use super::authority::{Authority, Credentials};
use super::command::{Finished, Invocation};
use super::netmaster::Netmaster;
use super::netns::Netns;
use super::pod::{CniAnswer, Pod};
use super::process::Process;
use super::tor::Tor;
use super::wait::wait_until;

/// The node's link to the top-of-rack switch.
pub const UPLINK: &str = "eth1";
/// The bridge that the agent keeps.
pub const BRIDGE: &str = "br-trunk";
/// How long Open vSwitch or the agent may take to start.
const START_DEADLINE: Duration = Duration::from_secs(60);
/// A kernel's first seconds, in which ovs-vswitchd gets no threads that handle upcalls, and then
/// drops the first packet of every flow (design §6).
const VSWITCHD_NOT_BEFORE: Duration = Duration::from_secs(11);

/// A node of a rack.
#[derive(Debug)]
pub struct Node {
    name: String,
    rack: String,
    number: u8,
    dir: PathBuf,
    executables: PathBuf,
    /// Those of the node, which its agent has.
    credentials: Credentials,
    agent: Option<Process>,
    vswitchd: Option<Process>,
    ovsdb: Option<Process>,
    /// None while the node is off.
    netns: Option<Netns>,
}

impl Node {
    /// Puts the node together and switches it on; the agent is started separately.
    pub(super) fn create(
        (name, rack, number): (&str, &str, u8),
        dir: &Path,
        executables: &Path,
        (tor, netmaster, authority): (&Tor, &Netmaster, &Authority),
    ) -> anyhow::Result<Self> {
        let dir = dir.join(name);
        std::fs::create_dir_all(&dir)?;
        let mut node = Self {
            name: name.to_owned(),
            rack: rack.to_owned(),
            number,
            executables: executables.to_owned(),
            credentials: authority.issue(&format!("node:{name}"), &[], &dir)?,
            dir,
            agent: None,
            vswitchd: None,
            ovsdb: None,
            netns: None,
        };
        node.create_database()?;
        node.cable(tor, netmaster)?;
        Ok(node)
    }

    /// The node's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The rack the node stands in.
    pub fn rack(&self) -> &str {
        &self.rack
    }

    /// The node's namespace.
    ///
    /// # Errors
    ///
    /// The node is off.
    pub fn netns(&self) -> anyhow::Result<&Netns> {
        self.netns
            .as_ref()
            .with_context(|| format!("{} is off", self.name))
    }

    /// The node's directory: database, sockets, logs.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// With what the node shows who it is.
    pub fn credentials(&self) -> &Credentials {
        &self.credentials
    }

    /// Starts ovsdb-server and ovs-vswitchd on the database as it is.
    pub(super) fn start_switch(&mut self) -> anyhow::Result<()> {
        self.start_ovsdb()?;
        self.start_vswitchd()
    }

    /// Starts ovsdb-server and waits until it takes connections.
    ///
    /// # Errors
    ///
    /// It does not by the deadline.
    pub fn start_ovsdb(&mut self) -> anyhow::Result<()> {
        let path = |file: &str| self.dir.join(file).to_string_lossy().into_owned();
        let ovsdb = self
            .netns()?
            .command("ovsdb-server")
            .env("OVS_RUNDIR", path(""))
            .args([
                path("conf.db"),
                format!("--remote=punix:{}", path("db.sock")),
                format!("--unixctl={}", path("ovsdb.ctl")),
                "-vconsole:info".into(),
            ]);
        self.ovsdb = Some(Process::start("ovsdb-server", &self.dir, ovsdb)?);
        wait_until("ovsdb-server's socket", START_DEADLINE, || {
            UnixStream::connect(self.dir.join("db.sock")).map(drop)
        })
    }

    /// Starts ovs-vswitchd.
    ///
    /// # Errors
    ///
    /// It cannot be started.
    pub fn start_vswitchd(&mut self) -> anyhow::Result<()> {
        let path = |file: &str| self.dir.join(file).to_string_lossy().into_owned();
        wait_until(
            "the kernel to be old enough for ovs-vswitchd",
            START_DEADLINE,
            || match uptime()? {
                up if up > VSWITCHD_NOT_BEFORE => anyhow::Ok(()),
                up => anyhow::bail!("up for {} s", up.as_secs()),
            },
        )?;
        let vswitchd = self
            .netns()?
            .command("ovs-vswitchd")
            .env("OVS_RUNDIR", path(""))
            .args([
                format!("unix:{}", path("db.sock")),
                format!("--unixctl={}", path("vswitchd.ctl")),
                "-vconsole:info".into(),
            ]);
        self.vswitchd = Some(Process::start("ovs-vswitchd", &self.dir, vswitchd)?);
        Ok(())
    }

    /// Runs netctl on the node, as somebody would who got hold of the node's certificate.
    ///
    /// # Errors
    ///
    /// It cannot be started.
    pub fn netctl(&self, args: &[&str]) -> anyhow::Result<Finished> {
        self.netctl_with(&self.credentials, args)
    }

    /// The same with another certificate.
    ///
    /// # Errors
    ///
    /// As [`Node::netctl`].
    pub fn netctl_with(&self, shown: &Credentials, args: &[&str]) -> anyhow::Result<Finished> {
        self.executable("netctl")?
            .envs(shown.environment(&Netmaster::url()))
            .args(args.iter().copied())
            .run()
    }

    /// Kills ovsdb-server as a crash would; it stays away until it is started again.
    ///
    /// # Errors
    ///
    /// It was not running.
    pub fn kill_ovsdb(&mut self) -> anyhow::Result<()> {
        self.ovsdb
            .take()
            .context("ovsdb-server is not running")?
            .kill()
    }

    /// Kills ovs-vswitchd as a crash would; it stays away until it is started again.
    ///
    /// # Errors
    ///
    /// It was not running.
    pub fn kill_vswitchd(&mut self) -> anyhow::Result<()> {
        self.vswitchd
            .take()
            .context("ovs-vswitchd is not running")?
            .kill()
    }

    /// Switches the node off: its processes are gone, its links too.
    pub(super) fn power_off(&mut self) {
        self.agent = None;
        self.vswitchd = None;
        self.ovsdb = None;
        self.netns = None;
    }

    /// Gives the node a namespace and its two cables.
    pub(super) fn cable(&mut self, tor: &Tor, netmaster: &Netmaster) -> anyhow::Result<()> {
        let netns = Netns::create_machine(&self.name)?;
        tor.plug_trunk(&self.name, &netns, UPLINK)?;
        netmaster.plug(&self.name, &netns, &format!("192.0.2.{}", self.number))?;
        self.netns = Some(netns);
        Ok(())
    }

    /// Runs `ovs-vsctl` on the node's database.
    ///
    /// # Errors
    ///
    /// It failed; says how.
    pub fn vsctl(&self, args: &[&str]) -> anyhow::Result<String> {
        let database = format!("--db=unix:{}", self.dir.join("db.sock").display());
        let vsctl = Invocation::new("ovs-vsctl").args([&database, "--timeout=20"]);
        vsctl.args(args.iter().copied()).succeed()
    }

    /// Runs `ovs-ofctl` on the node's switch.
    ///
    /// # Errors
    ///
    /// It failed; says how.
    pub fn ofctl(&self, args: &[&str]) -> anyhow::Result<String> {
        let rundir = self.dir.to_string_lossy().into_owned();
        Invocation::new("ovs-ofctl")
            .env("OVS_RUNDIR", rundir)
            .args(args.iter().copied())
            .succeed()
    }

    /// The bridge's ports but for its own internal one.
    ///
    /// # Errors
    ///
    /// `ovs-vsctl` failed.
    pub fn ports(&self) -> anyhow::Result<Vec<String>> {
        Ok(self
            .vsctl(&["list-ports", BRIDGE])?
            .lines()
            .map(str::to_owned)
            .collect())
    }

    /// Calls the CNI executable as a container runtime would.
    ///
    /// # Errors
    ///
    /// It cannot be started; that it refuses is in the answer.
    pub fn cni(&self, verb: &str, pod: &Pod, network: &str) -> anyhow::Result<CniAnswer> {
        let conf = self.cni_conf(pod.cni_version, network);
        let call = self.cni_command(verb, pod)?.stdin(conf.to_string());
        Ok(CniAnswer::new(call.run()?))
    }

    /// Calls the CNI executable with hand-made variables and input.
    ///
    /// # Errors
    ///
    /// It cannot be started; that it refuses is in the answer.
    pub fn cni_raw(&self, variables: &[(&str, &str)], stdin: &str) -> anyhow::Result<CniAnswer> {
        let call = self.executable("trunkline")?.stdin(stdin);
        let call = variables
            .iter()
            .fold(call, |call, (name, value)| call.env(name, *value));
        Ok(CniAnswer::new(call.run()?))
    }

    /// The network configuration that the plugin gets on standard input.
    pub fn cni_conf(&self, version: &str, network: &str) -> serde_json::Value {
        json!({
            "cniVersion": version,
            "name": "lab",
            "type": "trunkline",
            "network": network,
            "bridge": BRIDGE,
            "agentSocket": self.dir.join("netplugin.sock"),
            "ovsdbSocket": self.dir.join("db.sock"),
        })
    }

    /// One of the built executables, to be run on the node.
    ///
    /// # Errors
    ///
    /// The node is off.
    pub fn executable(&self, name: &str) -> anyhow::Result<Invocation> {
        Ok(self
            .netns()?
            .command(&self.executables.join(name).to_string_lossy()))
    }

    fn cni_command(&self, verb: &str, pod: &Pod) -> anyhow::Result<Invocation> {
        let pod_name = pod.container.trim_start_matches("c-");
        Ok(self
            .executable("trunkline")?
            .env("CNI_COMMAND", verb)
            .env("CNI_CONTAINERID", &pod.container)
            .env("CNI_NETNS", pod.netns_path().to_string_lossy())
            .env("CNI_IFNAME", &pod.ifname)
            .env("CNI_PATH", self.executables.to_string_lossy())
            .env(
                "CNI_ARGS",
                format!("IgnoreUnknown=1;K8S_POD_NAMESPACE=lab;K8S_POD_NAME={pod_name}"),
            ))
    }

    /// An empty database, copied from one that `ovsdb-tool` makes once a machine's life.
    fn create_database(&self) -> anyhow::Result<()> {
        let template = Path::new(super::RUN_DIR).join("empty.db");
        if !template.exists() {
            let path = template.to_string_lossy().into_owned();
            let schema = "/usr/share/openvswitch/vswitch.ovsschema";
            Invocation::new("ovsdb-tool")
                .args(["create", &path, schema])
                .succeed()?;
            let row = r#"["Open_vSwitch",{"op":"insert","table":"Open_vSwitch","row":{}}]"#;
            Invocation::new("ovsdb-tool")
                .args(["transact", &path, row])
                .succeed()?;
        }
        std::fs::copy(template, self.dir.join("conf.db"))?;
        Ok(())
    }
}

fn uptime() -> anyhow::Result<Duration> {
    let text = std::fs::read_to_string("/proc/uptime")?;
    let seconds = text.split(' ').next().unwrap_or_default().parse()?;
    Ok(Duration::from_secs_f64(seconds))
}
