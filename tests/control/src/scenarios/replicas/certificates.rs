//! Replicas with TLS and a certificate each. The other scenarios go without, on loopback, where the
//! faults are what counts.

use anyhow::{Context as _, ensure};
use serde_json::json;
use trunkline_netmaster_api::{
    Client, ClientError, Credentials, EndpointSpec, Network, NetworkSpec, NodeSpec, Subnet,
    SubnetSpec,
};
use trunkline_types::Labels;

use super::cluster::Cluster;
use super::{CIDR, GATEWAY, RECOVERY};
use crate::harness::Context;
use crate::harness::api::{NETWORK, NODE, SUBNET};
use crate::harness::authority::Authority;
use crate::harness::wait::wait_until;

/// A node that the agent is not of.
const OTHER: &str = "n2";

/// Whichever replica is asked, whoever asks may do the same: a follower passes on what writes, with
/// its own certificate, and the leader decides by whose request it is. So it is when another leads.
pub(super) async fn certificates_count_at_every_replica(context: Context) -> anyhow::Result<()> {
    let authority = Authority::init(&context).await?;
    let admin = authority.issue("admin:root").await?;
    let agent = authority.issue(&format!("node:{NODE}")).await?;
    let mut cluster = Cluster::start_with(&context, 3, 1, Some(&authority)).await?;
    set_up(&cluster, &admin, &agent).await?;
    for (number, url) in cluster.urls().iter().enumerate() {
        expect_rights(url, &agent, &authority.trust(), number).await?;
    }
    let leader = cluster.leader().await?;
    cluster.kill(leader)?;
    cluster.wait_other_leader(leader).await?;
    let urls = cluster.urls().into_iter().enumerate();
    for (number, url) in urls.filter(|(number, _)| *number != leader) {
        let client = Client::with(&url, agent.clone())?;
        let again = spec(&format!("again-{number}/eth0"), NODE)?;
        wait_until("an allocation", RECOVERY, || client.allocate(&again)).await?;
        expect_rights(&url, &agent, &authority.trust(), 10 + number).await?;
    }
    Ok(())
}

/// Creates network and subnet as an administrator, and registers the node as its agent.
async fn set_up(cluster: &Cluster, admin: &Credentials, agent: &Credentials) -> anyhow::Result<()> {
    let leader = cluster.leader().await?;
    let urls = cluster.urls();
    let follower = &urls[(leader + 1) % urls.len()];
    let admin = Client::with(follower, admin.clone())?;
    let network = json!({"name": NETWORK, "vlan": 100});
    let network: NetworkSpec = serde_json::from_value(network)?;
    wait_until("a network", RECOVERY, || admin.create::<Network>(&network)).await?;
    let subnet = json!({"name": SUBNET, "network": NETWORK, "cidr": CIDR, "gateway": GATEWAY});
    let subnet: SubnetSpec = serde_json::from_value(subnet)?;
    admin.create::<Subnet>(&subnet).await?;
    let node = NodeSpec {
        rack: "r1".parse()?,
        labels: Labels::default(),
        boot_id: None,
        agent_version: None,
    };
    let agent = Client::with(follower, agent.clone())?;
    agent.register_node(&NODE.parse()?, &node).await?;
    Ok(())
}

/// At `url` the agent gets an address for its own node and for no other, and who shows nothing gets
/// none. Attachments have `number` in their names.
async fn expect_rights(
    url: &str,
    agent: &Credentials,
    nobody: &Credentials,
    number: usize,
) -> anyhow::Result<()> {
    let agent = Client::with(url, agent.clone())?;
    let own = spec(&format!("own-{number}/eth0"), NODE)?;
    let own = agent.allocate(&own).await;
    own.with_context(|| format!("the agent got no address of `{url}`"))?;
    let other = spec(&format!("other-{number}/eth0"), OTHER)?;
    expect_denied(url, 403, agent.allocate(&other).await)?;
    let nobody = Client::with(url, nobody.clone())?;
    let any = spec(&format!("any-{number}/eth0"), NODE)?;
    expect_denied(url, 401, nobody.allocate(&any).await)
}

fn expect_denied<T>(url: &str, status: u16, answer: Result<T, ClientError>) -> anyhow::Result<()> {
    let Err(error) = answer else {
        anyhow::bail!("`{url}` gave an address to whom it should not");
    };
    let told = error.problem().map(|problem| problem.status);
    ensure!(told == Some(status), "`{url}` says {told:?}: {error}");
    Ok(())
}

fn spec(attachment: &str, node: &str) -> anyhow::Result<EndpointSpec> {
    Ok(EndpointSpec {
        network: Some(NETWORK.parse()?),
        ..EndpointSpec::new(attachment.parse()?, node.parse()?)
    })
}
