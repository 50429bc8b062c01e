//! Describing a lab, and building what was described.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Context;

use super::authority::Authority;
use super::host::PlainHost;
use super::netmaster::Netmaster;
use super::node::Node;
use super::pod::Pod;
use super::tor::{Gateway, Tor};
use super::wait::wait_until;

/// Kernel modules that Open vSwitch, VLANs and the top-of-rack switch need.
const MODULES: [&str; 5] = ["openvswitch", "veth", "bridge", "8021q", "af_packet"];

/// The last byte of the first node's address on the management network.
const FIRST_NODE: u8 = 11;

/// How long the kernel may take to take apart the links of a node that is switched off.
const CABLES_GONE: Duration = Duration::from_secs(30);

/// What a lab shall consist of.
#[derive(Debug, Default)]
pub struct Topology {
    racks: Vec<Rack>,
}

/// What a rack shall consist of.
#[derive(Debug)]
pub struct Rack {
    name: String,
    gateways: BTreeMap<u16, Gateway>,
    nodes: Vec<String>,
    hosts: Vec<(String, u16, IpAddr)>,
}

/// A rack with a top-of-rack switch and nothing else yet.
pub fn rack(name: &str) -> Rack {
    Rack {
        name: name.into(),
        gateways: BTreeMap::new(),
        nodes: vec![],
        hosts: vec![],
    }
}

impl Rack {
    /// The switch is the gateway `ip` of a subnet on `vlan`, with this prefix length in bits.
    #[must_use]
    pub fn vlan(mut self, vlan: u16, ip: IpAddr, prefix: u8) -> Self {
        self.gateways.insert(vlan, Gateway { ip, prefix });
        self
    }

    /// A node of ours.
    #[must_use]
    pub fn node(mut self, name: &str) -> Self {
        self.nodes.push(name.into());
        self
    }

    /// A physical machine that is not ours, with `ip` on `vlan`.
    #[must_use]
    pub fn host(mut self, name: &str, vlan: u16, ip: IpAddr) -> Self {
        self.hosts.push((name.into(), vlan, ip));
        self
    }
}

impl Topology {
    /// Adds a rack. Racks are joined by a routed link from each to the next.
    #[must_use]
    pub fn with(mut self, rack: Rack) -> Self {
        self.racks.push(rack);
        self
    }

    /// Builds it: switches, hosts, netmaster, nodes with Open vSwitch, and the agents; and an
    /// authority with a certificate for each who speaks to another.
    ///
    /// The lab is put into `slot` as soon as there is anything of it, so that what would not come
    /// up can be looked at.
    ///
    /// # Errors
    ///
    /// The first part that would not come up.
    pub fn build(self, slot: &mut Option<Lab>) -> anyhow::Result<&mut Lab> {
        let dir = fresh_directory()?;
        super::Invocation::new("modprobe")
            .args(["-a"])
            .args(MODULES)
            .succeed()?;
        let executables = executables()?;
        let authority = Authority::init(&dir, &executables)?;
        let lab = slot.insert(Lab {
            pods: Vec::new(),
            nodes: BTreeMap::new(),
            hosts: BTreeMap::new(),
            netmaster: Netmaster::start(&dir, &executables, &authority)?,
            tors: BTreeMap::new(),
            dir,
        });
        let mut racks_before: Vec<String> = Vec::new();
        for rack in self.racks {
            let tor = Tor::create(&rack.name, rack.gateways)?;
            for (name, vlan, ip) in rack.hosts {
                lab.hosts
                    .insert(name.clone(), PlainHost::create(&name, &tor, vlan, ip)?);
            }
            for name in rack.nodes {
                let number = FIRST_NODE + u8::try_from(lab.nodes.len())?;
                let identity = (name.as_str(), rack.name.as_str(), number);
                let parts = (&tor, &lab.netmaster, &authority);
                let node = Node::create(identity, &lab.dir, &executables, parts)?;
                lab.nodes.insert(name, node);
            }
            if let Some(other) = racks_before.last() {
                lab.tor(other).route_to(&tor)?;
            }
            lab.tors.insert(rack.name.clone(), tor);
            racks_before.push(rack.name);
        }
        for node in lab.nodes.values_mut() {
            node.start_switch()?;
        }
        for node in lab.nodes.values_mut() {
            node.start_agent()?;
        }
        Ok(lab)
    }
}

/// A pod with what DEL needs to know.
#[derive(Debug)]
struct StartedPod {
    pod: Pod,
    node: String,
    network: String,
}

/// A running lab. Parts end in the order of the fields.
#[derive(Debug)]
pub struct Lab {
    pods: Vec<StartedPod>,
    nodes: BTreeMap<String, Node>,
    hosts: BTreeMap<String, PlainHost>,
    netmaster: Netmaster,
    tors: BTreeMap<String, Tor>,
    dir: PathBuf,
}

impl Lab {
    /// The control plane.
    pub fn netmaster(&self) -> &Netmaster {
        &self.netmaster
    }

    /// The control plane, to kill or restart.
    pub fn netmaster_mut(&mut self) -> &mut Netmaster {
        &mut self.netmaster
    }

    /// A node by name.
    ///
    /// # Panics
    ///
    /// The topology has no such node: a typing mistake in the scenario.
    pub fn node(&self, name: &str) -> &Node {
        self.nodes
            .get(name)
            .unwrap_or_else(|| panic!("no node {name} in the topology"))
    }

    /// A node by name, to kill or restart parts of.
    ///
    /// # Panics
    ///
    /// The topology has no such node: a typing mistake in the scenario.
    pub fn node_mut(&mut self, name: &str) -> &mut Node {
        self.nodes
            .get_mut(name)
            .unwrap_or_else(|| panic!("no node {name} in the topology"))
    }

    /// A node, and the control plane to kill while the node works.
    ///
    /// # Panics
    ///
    /// The topology has no such node: a typing mistake in the scenario.
    pub fn node_and_netmaster(&mut self, name: &str) -> (&Node, &mut Netmaster) {
        let node = self
            .nodes
            .get(name)
            .unwrap_or_else(|| panic!("no node {name} in the topology"));
        (node, &mut self.netmaster)
    }

    /// All nodes.
    pub fn nodes(&self) -> impl Iterator<Item = &Node> {
        self.nodes.values()
    }

    /// A plain host by name.
    ///
    /// # Panics
    ///
    /// The topology has no such host: a typing mistake in the scenario.
    pub fn host(&self, name: &str) -> &PlainHost {
        self.hosts
            .get(name)
            .unwrap_or_else(|| panic!("no host {name} in the topology"))
    }

    /// A top-of-rack switch by its rack.
    ///
    /// # Panics
    ///
    /// The topology has no such rack: a typing mistake in the scenario.
    pub fn tor(&self, rack: &str) -> &Tor {
        self.tors
            .get(rack)
            .unwrap_or_else(|| panic!("no rack {rack} in the topology"))
    }

    /// Where the lab's parts keep their files and logs.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// Creates networks and subnets with netctl, one line of arguments each.
    ///
    /// # Errors
    ///
    /// The first line that netmaster refuses.
    pub fn configure(&self, lines: &[&str]) -> anyhow::Result<()> {
        for line in lines {
            self.netmaster
                .netctl(&line.split_whitespace().collect::<Vec<_>>())?;
        }
        Ok(())
    }

    /// Makes a pod and attaches it on `node` to `network`.
    ///
    /// # Errors
    ///
    /// The ADD failed.
    pub fn start_pod(&mut self, name: &str, node: &str, network: &str) -> anyhow::Result<IpAddr> {
        let pod = Pod::create(name)?;
        let added = self.node(node).cni("ADD", &pod, network)?.ip();
        self.pods.push(StartedPod {
            pod,
            node: node.to_owned(),
            network: network.to_owned(),
        });
        added.with_context(|| format!("ADD of pod {name} on {node}"))
    }

    /// A pod by name.
    ///
    /// # Panics
    ///
    /// No such pod was started: a typing mistake in the scenario.
    pub fn pod(&self, name: &str) -> &Pod {
        let container = format!("c-{name}");
        let mut pods = self.pods.iter().map(|started| &started.pod);
        pods.find(|pod| pod.container == container)
            .unwrap_or_else(|| panic!("no pod {name} was started"))
    }

    /// Detaches every pod that was started; one that was detached already is no error.
    ///
    /// # Errors
    ///
    /// The first DEL that failed.
    pub fn stop_pods(&mut self) -> anyhow::Result<()> {
        for StartedPod { pod, node, network } in std::mem::take(&mut self.pods) {
            self.node(&node).cni("DEL", &pod, &network)?.success()?;
        }
        Ok(())
    }

    /// Unplugs a node's cable to its top-of-rack switch, or plugs it in again.
    ///
    /// # Errors
    ///
    /// The link cannot be changed.
    pub fn set_uplink(&self, node: &str, up: bool) -> anyhow::Result<()> {
        self.tor_of(node)?.set_port(node, up)
    }

    /// Unplugs a node's cable to the management network, or plugs it in again.
    ///
    /// # Errors
    ///
    /// The link cannot be changed.
    pub fn set_management(&self, node: &str, up: bool) -> anyhow::Result<()> {
        self.netmaster.set_port(self.node(node).name(), up)
    }

    /// Switches a node off: processes, links and its pods' namespaces are gone.
    ///
    /// # Errors
    ///
    /// The far ends of its cables are still there at the deadline.
    pub fn power_off(&mut self, node: &str) -> anyhow::Result<()> {
        self.node_mut(node).power_off();
        // The kernel takes a namespace apart at leisure, and the cables with it.
        wait_until("the cables to be gone", CABLES_GONE, || {
            for netns in [self.tor_of(node)?.netns(), self.netmaster.netns()] {
                let links = netns.links()?;
                let gone = !links.iter().any(|link| link == node);
                anyhow::ensure!(gone, "{} has {links:?}", netns.name());
            }
            Ok(())
        })
    }

    /// Switches a node on again with the database it had, and starts its agent.
    ///
    /// # Errors
    ///
    /// A part would not come up.
    pub fn power_on(&mut self, node: &str) -> anyhow::Result<()> {
        let rack = self.rack_of(node)?;
        let Self {
            nodes,
            netmaster,
            tors,
            ..
        } = self;
        let node = nodes.get_mut(node).context("no such node")?;
        node.cable(tors.get(&rack).context("no such rack")?, netmaster)?;
        node.start_switch()?;
        node.start_agent()
    }

    fn tor_of(&self, node: &str) -> anyhow::Result<&Tor> {
        Ok(self.tor(&self.rack_of(node)?))
    }

    fn rack_of(&self, node: &str) -> anyhow::Result<String> {
        let node = self
            .nodes
            .get(node)
            .with_context(|| format!("no node {node}"))?;
        Ok(node.rack().to_owned())
    }
}

/// An empty directory for the next lab of this machine.
fn fresh_directory() -> anyhow::Result<PathBuf> {
    let dir = Path::new(super::RUN_DIR).join("current");
    if dir.exists() {
        std::fs::remove_dir_all(&dir)?;
    }
    std::fs::create_dir_all(&dir)?;
    Ok(dir)
}

/// Where the executables were built, outside the machine.
fn executables() -> anyhow::Result<PathBuf> {
    let executables = std::env::var_os("LAB_EXECUTABLES");
    Ok(executables.context("LAB_EXECUTABLES is not set")?.into())
}
