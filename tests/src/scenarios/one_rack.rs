//! The lab that most scenarios and the demo start from, and what it looks like with no pod in it.

use crate::lab::{Lab, Node, Topology, rack};

/// What the operator types for the networks.
pub const COMMANDS: [&str; 4] = [
    "network create blue --vlan 100",
    "network create green --vlan 200",
    "subnet create blue-r1 --network blue --cidr 10.1.0.0/24 --gateway 10.1.0.254 \
     --range 10.1.0.10-10.1.0.99 --rack r1",
    "subnet create green-r1 --network green --cidr 10.2.0.0/24 --gateway 10.2.0.254 \
     --range 10.2.0.10-10.2.0.99 --rack r1",
];

/// One rack, two nodes, and a plain host on VLAN 100.
pub fn topology() -> Topology {
    let ip = |last| [10, 1, 0, last].into();
    let rack = rack("r1")
        .vlan(100, ip(254), 24)
        .vlan(200, [10, 2, 0, 254].into(), 24)
        .node("node1")
        .node("node2")
        .host("plain1", 100, ip(200));
    Topology::default().with(rack)
}

/// No object but those of [`COMMANDS`], and nothing left of any pod.
///
/// # Errors
///
/// Says what is there that should not be.
pub fn expect_as_built(lab: &Lab) -> anyhow::Result<()> {
    for (noun, names) in [
        ("network", ["blue", "green"]),
        ("subnet", ["blue-r1", "green-r1"]),
    ] {
        let objects = lab.netmaster().list(noun)?;
        let found: Vec<_> = objects.iter().map(|object| &object["name"]).collect();
        anyhow::ensure!(found == names, "{noun}s are {objects:?}");
    }
    expect_no_endpoints(lab)?;
    lab.nodes().try_for_each(expect_no_residue)
}

/// No endpoint in netmaster, and nothing left of any pod on `node`.
///
/// # Errors
///
/// Says what is left.
pub fn expect_nothing_left(lab: &Lab, node: &Node) -> anyhow::Result<()> {
    expect_no_endpoints(lab)?;
    expect_no_residue(node)
}

fn expect_no_endpoints(lab: &Lab) -> anyhow::Result<()> {
    let endpoints = lab.netmaster().list("endpoint")?;
    anyhow::ensure!(endpoints.is_empty(), "endpoints are left: {endpoints:?}");
    Ok(())
}

/// No port but the uplink, no interface or link of ours, no tombstone.
fn expect_no_residue(node: &Node) -> anyhow::Result<()> {
    let links = node.netns()?.links()?;
    anyhow::ensure!(
        !links.iter().any(|link| link.starts_with("tl")),
        "links are left: {links:?}"
    );
    // One call for all: a process takes long to start under emulation.
    let bridge = "-- get bridge br-trunk external_ids -- --columns=name list interface";
    let args: Vec<_> = bridge.split(' ').collect();
    let ovs = node.vsctl(&[&["list-ports", "br-trunk"], args.as_slice()].concat())?;
    anyhow::ensure!(!ovs.contains("gone"), "tombstones are left: {ovs}");
    anyhow::ensure!(!ovs.contains("tl"), "ports or interfaces are left: {ovs}");
    anyhow::ensure!(
        ovs.lines().next() == Some("eth1"),
        "the uplink is not the first port: {ovs}"
    );
    Ok(())
}
