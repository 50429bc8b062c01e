//! What is plugged in on the nodes, as their switches have it and nobody else.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail, ensure};
use hyper::Method;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use tokio::sync::watch;
use trunkline_netmaster_api::{
    Endpoint, ErrorCode, Held, HoldingsReport, List, Registration, Subnet,
};
use trunkline_types::MacAddr;

use crate::harness::Context;
use crate::harness::api::{Client, Failure, NETWORK, wait_writable};
use crate::harness::netmaster::Running;

/// A node.
#[derive(Clone, Copy, Debug)]
pub(super) struct Node {
    pub(super) name: &'static str,
    rack: &'static str,
}

/// The node that does not come back after the restore.
pub(super) const DEAD: Node = Node {
    name: "dead",
    rack: "r2",
};

/// The nodes. The last one comes after the back-up.
pub(super) const NODES: [Node; 4] = [
    Node {
        name: "n1",
        rack: "r1",
    },
    Node {
        name: "n2",
        rack: "r2",
    },
    DEAD,
    Node {
        name: "new",
        rack: "r1",
    },
];

/// All nodes but the dead one.
pub(super) fn living() -> impl Iterator<Item = &'static Node> {
    NODES.iter().filter(|node| node.name != DEAD.name)
}

/// Each rack's subnet, of 253 addresses.
const SUBNETS: [(&str, &str, &str); 2] = [
    ("r1", "10.1.0.0/24", "10.1.0.1"),
    ("r2", "10.2.0.0/24", "10.2.0.1"),
];

/// Of the subnet of this rack every address is accounted for in the end: all of its nodes live.
const WHOLE: &str = "r1";

/// How many attachments a client has at most at a time.
const ATTACHMENTS: usize = 10;

/// Between two requests of a client: with more of them most addresses would be cooling down.
const PAUSE: Duration = Duration::from_millis(20);

/// How long a request is repeated that is not answered, or not now. Who leads may change meanwhile.
const PATIENCE: Duration = Duration::from_secs(30);

/// Before it is repeated.
const AGAIN: Duration = Duration::from_millis(100);

/// How often nodes report until all of them are done. One may have to wait for another that holds
/// what the books say is its own.
const ROUNDS: usize = NODES.len() + 1;

/// An interface with its address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Plugged {
    pub(super) node: String,
    pub(super) ip: IpAddr,
    mac: MacAddr,
}

/// By attachment.
pub(super) type World = BTreeMap<String, Plugged>;

/// Creates the network, its subnets, and the nodes that are there from the beginning.
pub(super) async fn set_up(running: &Running) -> anyhow::Result<()> {
    wait_writable(running.address).await?;
    let mut client = running.client();
    let network = json!({"name": NETWORK, "vlan": 100});
    client
        .send(Method::POST, "/v1/networks", Some(&network))
        .await?;
    for (rack, cidr, gateway) in SUBNETS {
        let subnet = json!({
            "name": rack, "network": NETWORK, "rack": rack, "cidr": cidr, "gateway": gateway,
        });
        client
            .send(Method::POST, "/v1/subnets", Some(&subnet))
            .await?;
    }
    for node in &NODES[..NODES.len() - 1] {
        register(&mut client, node).await?;
    }
    Ok(())
}

/// Sends a request until there is an answer for good, as a runtime does: a request that is repeated
/// does no more than it did before.
async fn settle(
    client: &mut Client,
    method: Method,
    path: &str,
    body: Option<&Value>,
) -> Result<Vec<u8>, Failure> {
    let begun = Instant::now();
    loop {
        match client.send(method.clone(), path, body).await {
            Err(failure) if !matches!(failure, Failure::Refused(_)) && !is_awaiting(&failure) => {
                if begun.elapsed() > PATIENCE {
                    return Err(failure);
                }
                tokio::time::sleep(AGAIN).await;
            }
            settled => return settled,
        }
    }
}

/// Whether nodes have to report first.
pub(super) fn is_awaiting(failure: &Failure) -> bool {
    matches!(failure, Failure::Unavailable(problem) if problem.code == ErrorCode::AwaitingReports)
}

/// Registers a node.
pub(super) async fn register(client: &mut Client, node: &Node) -> anyhow::Result<Registration> {
    let path = format!("/v1/nodes/{}", node.name);
    let spec = json!({"rack": node.rack});
    let body = settle(client, Method::PUT, &path, Some(&spec)).await?;
    Ok(serde_json::from_slice(&body)?)
}

/// Passes over the report of a node.
pub(super) async fn waive(client: &mut Client, node: &Node) -> anyhow::Result<()> {
    let path = format!("/v1/nodes/{}/waive", node.name);
    settle(client, Method::POST, &path, None).await?;
    Ok(())
}

/// Gets an attachment an address, as its node would.
pub(super) async fn plug(
    client: &mut Client,
    node: &Node,
    attachment: &str,
) -> Result<Plugged, Failure> {
    let wish = json!({"attachment": attachment, "network": NETWORK, "node": node.name});
    let body = settle(client, Method::POST, "/v1/endpoints", Some(&wish)).await?;
    let endpoint: Endpoint =
        serde_json::from_slice(&body).map_err(|error| Failure::Unanswered(error.into()))?;
    plugged(&endpoint).map_err(Failure::Unanswered)
}

fn plugged(endpoint: &Endpoint) -> anyhow::Result<Plugged> {
    let [address] = endpoint.addresses.as_slice() else {
        bail!("{endpoint:?} does not have one address");
    };
    Ok(Plugged {
        node: endpoint.node.to_string(),
        ip: address.ip,
        mac: endpoint.mac,
    })
}

/// What netmaster has at `path`.
pub(super) async fn get<T: DeserializeOwned>(client: &mut Client, path: &str) -> anyhow::Result<T> {
    let body = client.send(Method::GET, path, None).await?;
    Ok(serde_json::from_slice(&body)?)
}

/// All endpoints in the books.
pub(super) async fn endpoints(client: &mut Client) -> anyhow::Result<World> {
    let mut found = World::new();
    for item in client.list("/v1/endpoints").await? {
        let endpoint: Endpoint = serde_json::from_value(item)?;
        found.insert(endpoint.attachment.to_string(), plugged(&endpoint)?);
    }
    Ok(found)
}

/// Has every node that lives report what it holds.
pub(super) async fn report(client: &mut Client, world: &World) -> anyhow::Result<()> {
    let mut owing: Vec<_> = living().collect();
    for _ in 0..ROUNDS {
        let mut still = Vec::new();
        for node in owing {
            if !report_of(client, node, world).await? {
                still.push(node);
            }
        }
        owing = still;
    }
    ensure!(owing.is_empty(), "their reports are not taken: {owing:?}");
    Ok(())
}

/// Whether the node's report is taken; if not, others have to report first.
async fn report_of(client: &mut Client, node: &Node, world: &World) -> anyhow::Result<bool> {
    let registration = register(client, node).await?;
    let cluster = registration.cluster.context("there is no cluster")?;
    let own = world.iter().filter(|(_, held)| held.node == node.name);
    let ovsdb = own.map(|(attachment, held)| {
        Ok(Held {
            attachment: attachment.parse()?,
            network: NETWORK.parse()?,
            mac: held.mac,
            addresses: vec![held.ip],
            pod: None,
        })
    });
    let report = HoldingsReport {
        fence: registration.node.fence,
        epoch: cluster.epoch,
        ovsdb: ovsdb.collect::<anyhow::Result<_>>()?,
        runtime: None,
        reserve: Vec::new(),
    };
    let path = format!("/v1/nodes/{}/holdings", node.name);
    let report = serde_json::to_value(&report)?;
    match settle(client, Method::PUT, &path, Some(&report)).await {
        Ok(_) => Ok(true),
        Err(failure) if is_awaiting(&failure) => Ok(false),
        Err(failure) => Err(failure.into()),
    }
}

/// Every address of the rack whose nodes all live is used by somebody.
pub(super) async fn expect_none_lost(
    client: &mut Client,
    used: &BTreeSet<IpAddr>,
) -> anyhow::Result<()> {
    let subnets: List<Subnet> = get(client, "/v1/subnets").await?;
    let subnet = subnets.items.iter().find(|one| one.name.as_str() == WHOLE);
    let subnet = subnet.context("the subnet is gone")?;
    let of_it = used.iter().filter(|ip| subnet.cidr.contains(**ip)).count() as u64;
    ensure!(
        of_it == subnet.capacity && subnet.in_use == subnet.capacity,
        "{of_it} addresses are used: {subnet:?}"
    );
    Ok(())
}

/// A client that plugs pods in on one node, and pulls them out again.
#[derive(Debug)]
pub(super) struct Worker {
    number: usize,
    node: Node,
    rng: fastrand::Rng,
    world: World,
    created: u64,
}

impl Worker {
    pub(super) fn new(number: usize, node: Node, context: &Context) -> Self {
        Self {
            number,
            node,
            rng: context.rng(number as u64),
            world: World::new(),
            created: 0,
        }
    }

    /// Works until it is told that work ends. Returns what is plugged in then.
    pub(super) async fn work(
        mut self,
        mut client: Client,
        ends: watch::Receiver<bool>,
    ) -> anyhow::Result<World> {
        while !*ends.borrow() {
            self.step(&mut client).await?;
            tokio::time::sleep(PAUSE).await;
        }
        Ok(self.world)
    }

    async fn step(&mut self, client: &mut Client) -> anyhow::Result<()> {
        let count = self.world.len();
        if count == ATTACHMENTS || (count > 0 && self.rng.bool()) {
            let chosen = self.world.keys().nth(self.rng.usize(..count));
            let attachment = chosen.context("nothing is plugged in")?.clone();
            let path = format!("/v1/endpoints/{attachment}");
            settle(client, Method::DELETE, &path, None).await?;
            self.world.remove(&attachment);
            return Ok(());
        }
        let attachment = format!("c{}-{}/eth0", self.number, self.created);
        self.created += 1;
        match plug(client, &self.node, &attachment).await {
            Ok(plugged) => {
                self.world.insert(attachment, plugged);
                Ok(())
            }
            // Much is cooling down.
            Err(failure) if failure.is_full() => Ok(()),
            Err(failure) => Err(failure.into()),
        }
    }
}
