//! Who reaches whom, and in which VLAN.

use std::net::{IpAddr, SocketAddr};

use super::{Context, Scenario};
use crate::lab::{Capture, Lab, Topology, ping, rack, tcp_echo};

/// The scenarios of this file.
pub const ALL: &[Scenario] = &[
    // First, for it has a topology of its own: the next ones share one.
    Scenario::new(
        "lab",
        "vlan::pods_get_addresses_of_their_rack",
        pods_get_addresses_of_their_rack,
    ),
    Scenario::new(
        "skeleton",
        "vlan::same_vlan_across_nodes",
        same_vlan_across_nodes,
    ),
    Scenario::new(
        "skeleton",
        "vlan::other_vlan_through_the_gateway",
        other_vlan_through_the_gateway,
    ),
    Scenario::new(
        "skeleton",
        "vlan::isolation_is_seen_on_the_wire",
        isolation_is_seen_on_the_wire,
    ),
    Scenario::new(
        "skeleton",
        "vlan::plain_host_reaches_a_pod",
        plain_host_reaches_a_pod,
    ),
];

/// Where the pods of these scenarios listen.
const PORT: u16 = 8080;

fn same_vlan_across_nodes(context: &mut Context) -> anyhow::Result<()> {
    let lab = context.one_rack()?;
    let one = lab.start_pod("b1", "node1", "blue")?;
    let two = lab.start_pod("b2", "node2", "blue")?;
    let (pod1, pod2) = (lab.pod("b1").netns(), lab.pod("b2").netns());
    ping(pod1, two)?;
    ping(pod2, one)?;
    let seen = tcp_echo(pod1, pod2, SocketAddr::new(two, PORT))?;
    anyhow::ensure!(
        seen == one,
        "the server saw {seen} in place of the pod's own {one}"
    );
    // One hop: had the gateway been asked, it would have taken one off.
    expect_ttl(lab, "b1", two, 64)
}

fn other_vlan_through_the_gateway(context: &mut Context) -> anyhow::Result<()> {
    let lab = context.one_rack()?;
    let blue = lab.start_pod("b1", "node1", "blue")?;
    let green = lab.start_pod("g1", "node2", "green")?;
    let local = lab.start_pod("g2", "node1", "green")?;
    let (pod_blue, pod_green) = (lab.pod("b1").netns(), lab.pod("g1").netns());
    ping(pod_blue, green)?;
    ping(pod_green, blue)?;
    let seen = tcp_echo(pod_blue, pod_green, SocketAddr::new(green, PORT))?;
    anyhow::ensure!(
        seen == blue,
        "the server saw {seen} in place of the pod's own {blue}"
    );
    expect_ttl(lab, "b1", green, 63)?;
    // Two VLANs on one node meet at the gateway, not on the node.
    expect_ttl(lab, "b1", local, 63)
}

fn isolation_is_seen_on_the_wire(context: &mut Context) -> anyhow::Result<()> {
    let lab = context.one_rack()?;
    let blue = lab.start_pod("b1", "node1", "blue")?;
    let green = lab.start_pod("g1", "node2", "green")?;
    let green_local = lab.start_pod("g2", "node1", "green")?;
    let uplink = Capture::start(
        lab.node("node1").netns()?,
        "eth1",
        lab.dir(),
        "ip or arp or vlan",
    )?;
    let in_green = Capture::start(lab.pod("g1").netns(), "eth0", lab.dir(), "")?;
    let neighbour = Capture::start(lab.pod("g2").netns(), "eth0", lab.dir(), "")?;

    // A broadcast in blue: an ARP request for an address that nobody has.
    let nobody = "10.1.0.250";
    let ping_nobody = ["-c", "2", "-i", "0.2", "-W", "1", nobody];
    lab.pod("b1")
        .netns()
        .command("ping")
        .args(ping_nobody)
        .run()?;
    ping(lab.pod("g1").netns(), green_local)?;

    uplink.wait_for("blue's ARP request on the uplink, tagged 100", |frame| {
        frame.vlan == Some(100) && frame.text.contains(&format!("who-has {nobody}"))
    })?;
    uplink.wait_for("green's echo request on the uplink, tagged 200", |frame| {
        frame.vlan == Some(200) && frame.text.contains("echo request")
    })?;
    for frame in uplink.frames() {
        let expected = if frame.text.contains("10.1.0.") {
            100
        } else {
            200
        };
        let ours = frame.text.contains("10.1.0.") || frame.text.contains("10.2.0.");
        anyhow::ensure!(
            !ours || frame.vlan == Some(expected),
            "wrong tag: {}",
            frame.text
        );
    }
    for capture in [&in_green, &neighbour] {
        // Sent after blue's broadcast: once it is here, so would a stray be. Without it, silence
        // would prove nothing.
        capture.wait_for("green's echo request", |frame| {
            frame.text.contains("echo request") && frame.text.contains(&green.to_string())
        })?;
        for frame in capture.frames() {
            let tagged = frame.vlan.is_some();
            anyhow::ensure!(!tagged, "a pod got a tagged frame: {}", frame.text);
            let blue_frame = frame.text.contains(nobody) || frame.text.contains(&blue.to_string());
            anyhow::ensure!(!blue_frame, "a frame of blue came to green: {}", frame.text);
        }
    }
    Ok(())
}

fn plain_host_reaches_a_pod(context: &mut Context) -> anyhow::Result<()> {
    let lab = context.one_rack()?;
    let pod = lab.start_pod("b1", "node1", "blue")?;
    let host = lab.host("plain1");
    ping(host.netns(), pod)?;
    ping(lab.pod("b1").netns(), host.ip())?;
    let seen = tcp_echo(
        host.netns(),
        lab.pod("b1").netns(),
        SocketAddr::new(pod, PORT),
    )?;
    anyhow::ensure!(
        seen == host.ip(),
        "the pod saw {seen} in place of the host's own address"
    );
    Ok(())
}

fn pods_get_addresses_of_their_rack(context: &mut Context) -> anyhow::Result<()> {
    let two_racks = Topology::default()
        .with(
            rack("r1")
                .vlan(100, "10.1.0.254".parse()?, 24)
                .node("node1"),
        )
        .with(
            rack("r2")
                .vlan(100, "10.1.1.254".parse()?, 24)
                .node("node2"),
        );
    let lab = context.build(two_racks)?;
    lab.configure(&[
        "network create blue --vlan 100",
        "subnet create blue-r1 --network blue --cidr 10.1.0.0/24 --gateway 10.1.0.254 --rack r1",
        "subnet create blue-r2 --network blue --cidr 10.1.1.0/24 --gateway 10.1.1.254 --rack r2",
    ])?;
    let one = lab.start_pod("b1", "node1", "blue")?;
    let two = lab.start_pod("b2", "node2", "blue")?;
    anyhow::ensure!(
        one.to_string().starts_with("10.1.0."),
        "{one} is not of rack r1"
    );
    anyhow::ensure!(
        two.to_string().starts_with("10.1.1."),
        "{two} is not of rack r2"
    );
    ping(lab.pod("b1").netns(), two)?;
    // Two switches on the way.
    expect_ttl(lab, "b1", two, 62)
}

/// The answer's TTL tells how many routers it passed; pods send 64.
fn expect_ttl(lab: &Lab, pod: &str, to: IpAddr, ttl: u8) -> anyhow::Result<()> {
    let ping = lab
        .pod(pod)
        .netns()
        .command("ping")
        .args(["-c", "1", "-W", "5", &to.to_string()]);
    let text = ping.succeed()?;
    anyhow::ensure!(
        text.contains(&format!("ttl={ttl} ")),
        "expected ttl={ttl}: {text}"
    );
    Ok(())
}
