//! The lab that most scenarios and the demo start from, and what it looks like with no pod in it.

use serde_json::json;

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
        let objects = lab.netmaster().netctl_json(&[noun, "ls"])?;
        let found: Vec<_> = objects
            .as_array()
            .into_iter()
            .flatten()
            .map(|o| &o["name"])
            .collect();
        anyhow::ensure!(found == names, "{noun}s are {objects}");
    }
    lab.nodes()
        .try_for_each(|node| expect_nothing_left(lab, node))
}

/// No endpoint in netmaster; on the node no port but the uplink, no link of ours, no tombstone.
///
/// # Errors
///
/// Says what is left.
pub fn expect_nothing_left(lab: &Lab, node: &Node) -> anyhow::Result<()> {
    let endpoints = lab.netmaster().netctl_json(&["endpoint", "ls"])?;
    anyhow::ensure!(endpoints == json!([]), "endpoints are left: {endpoints}");
    let ports = node.ports()?;
    anyhow::ensure!(ports == ["eth1"], "ports are left: {ports:?}");
    let links = node.netns()?.command("ip").args(["-o", "link"]).succeed()?;
    anyhow::ensure!(!links.contains(": tl"), "links are left: {links}");
    let ids = node.vsctl(&["get", "bridge", "br-trunk", "external_ids"])?;
    anyhow::ensure!(!ids.contains("gone"), "tombstones are left: {ids}");
    let interfaces = node.vsctl(&["--columns=name", "-f", "csv", "list", "interface"])?;
    anyhow::ensure!(
        !interfaces.contains("tl"),
        "interfaces are left: {interfaces}"
    );
    Ok(())
}
