//! The demo: the main job, shown to someone who has never seen it.

use std::net::{IpAddr, SocketAddr};
use std::time::Instant;

use crate::lab::{Capture, Lab, ping, tcp_echo};
use crate::scenarios::one_rack;

/// The four pods: name, node, network.
const PODS: [(&str, &str, &str); 4] = [
    ("blue-1", "node1", "blue"),
    ("blue-2", "node2", "blue"),
    ("green-1", "node1", "green"),
    ("green-2", "node2", "green"),
];

/// Prints steps with the time they took, and keeps what was proved for the closing table.
struct Story {
    start: Instant,
    proofs: Vec<(String, String)>,
}

impl Story {
    fn step(&self, text: &str) {
        println!("\n[{:5.1} s] {text}", self.start.elapsed().as_secs_f64());
    }

    fn proved(&mut self, claim: &str, evidence: String) {
        println!("          ok: {claim} ({evidence})");
        self.proofs.push((claim.to_owned(), evidence));
    }
}

/// Runs the demo in the lab that `build` gives: [`one_rack::topology`] with nothing configured. With
/// `keep` everything stays attached, else everything is taken away again.
///
/// # Errors
///
/// The first claim that does not hold.
pub fn run<'a>(
    keep: bool,
    build: impl FnOnce() -> anyhow::Result<&'a mut Lab>,
) -> anyhow::Result<()> {
    let mut story = Story {
        start: Instant::now(),
        proofs: Vec::new(),
    };
    story.step("One rack: a top-of-rack switch, two nodes with Open vSwitch, and a plain host");
    println!(
        "
          rack r1    +------------------------------------------+
                     |  tor-r1   VLAN 100: 10.1.0.254 (gateway)  |
                     |           VLAN 200: 10.2.0.254 (gateway)  |
                     +-----+---------------+---------------+-----+
                      trunk|          trunk|               |VLAN 100, untagged
                     +-----+-----+   +-----+-----+   +-----+-----+
                     |   node1   |   |   node2   |   |   plain1  |  not ours
                     | br-trunk  |   | br-trunk  |   | 10.1.0.200|
                     +-----------+   +-----------+   +-----------+"
    );
    let lab = build()?;
    println!(
        "          netmaster answers, by TLS only; each node has a certificate of its own
          both agents keep their bridge `br-trunk`"
    );

    story.step("Two networks, as an operator makes them");
    for command in one_rack::COMMANDS {
        println!("          $ netctl {command}");
    }
    lab.configure(&one_rack::COMMANDS)?;

    story.step("Four pods, attached as a container runtime does it: CNI ADD");
    let mut ips = Vec::new();
    for (name, node, network) in PODS {
        let ip = lab.start_pod(name, node, network)?;
        println!("          {name:<8} on {node}, network {network:<5}: {ip}");
        ips.push(ip);
    }
    let [blue1, blue2, green1, green2] = ips[..] else {
        anyhow::bail!("four pods were started")
    };

    prove_reachability(&mut story, lab, (blue1, blue2, green2))?;
    prove_isolation(&mut story, lab, green1)?;
    prove_identity(&mut story, lab)?;
    if !keep {
        prove_no_residue(&mut story, lab)?;
    }
    print_table(&story);
    Ok(())
}

fn prove_reachability(
    story: &mut Story,
    lab: &Lab,
    (blue1, blue2, green2): (IpAddr, IpAddr, IpAddr),
) -> anyhow::Result<()> {
    story.step("Real packets");
    let from = lab.pod("blue-1").netns();
    ping(from, blue2)?;
    let seen = tcp_echo(
        from,
        lab.pod("blue-2").netns(),
        SocketAddr::new(blue2, 8080),
    )?;
    anyhow::ensure!(seen == blue1, "the server saw {seen}, not {blue1}");
    story.proved(
        "same VLAN, across nodes",
        format!("{blue1} -> {blue2}, ping and TCP"),
    );

    let echo = from
        .command("ping")
        .args(["-c", "1", "-W", "5", &green2.to_string()])
        .succeed()?;
    anyhow::ensure!(
        echo.contains("ttl=63 "),
        "not one hop through the gateway: {echo}"
    );
    story.proved(
        "other VLAN, by way of the switch's gateway",
        format!("{blue1} -> {green2}, TTL 63: one router on the way"),
    );

    let host = lab.host("plain1");
    ping(host.netns(), blue1)?;
    let to_pod = SocketAddr::new(blue1, 8080);
    let seen = tcp_echo(host.netns(), from, to_pod)?;
    anyhow::ensure!(seen == host.ip(), "the pod saw {seen}, not {}", host.ip());
    story.proved(
        "a plain host reaches a pod",
        format!("{} -> {blue1}, no NAT", host.ip()),
    );
    Ok(())
}

fn prove_isolation(story: &mut Story, lab: &Lab, green1: IpAddr) -> anyhow::Result<()> {
    story.step("On the wire: a capture on node1's uplink, and one in a green pod");
    let uplink = Capture::start(lab.node("node1").netns()?, "eth1", lab.dir(), "vlan")?;
    let green_pod = Capture::start(lab.pod("green-2").netns(), "eth0", lab.dir(), "")?;
    // A broadcast in blue, and green traffic over the same cable.
    let nobody = "10.1.0.250";
    let blue_pod = lab.pod("blue-1").netns();
    blue_pod
        .command("ping")
        .args(["-c", "2", "-i", "0.3", "-W", "1", nobody])
        .run()?;
    ping(lab.pod("green-2").netns(), green1)?;

    let blue = uplink.wait_for("blue's broadcast, tagged 100", |frame| {
        frame.vlan == Some(100) && frame.text.contains(nobody)
    })?;
    let green = uplink.wait_for("green's echo request, tagged 200", |frame| {
        frame.vlan == Some(200) && frame.text.contains("echo request")
    })?;
    for frame in [&blue, &green] {
        println!("          {}", frame.text);
    }
    story.proved(
        "802.1Q tags on the uplink",
        "blue is VLAN 100, green is VLAN 200".into(),
    );

    green_pod.wait_for("green's own traffic", |frame| {
        frame.text.contains(&green1.to_string())
    })?;
    let frames = green_pod.frames();
    let strays = frames
        .iter()
        .filter(|frame| frame.text.contains("10.1.0."))
        .count();
    anyhow::ensure!(strays == 0, "{strays} frames of blue came to green");
    story.proved(
        "no frame of one VLAN on the other",
        format!("0 of {} frames at green-2 were blue's", frames.len()),
    );
    Ok(())
}

fn prove_identity(story: &mut Story, lab: &Lab) -> anyhow::Result<()> {
    story.step("The control plane: who has node1's certificate acts for node1 only");
    let node = lab.node("node1");
    let show = |pod: &str| node.netctl(&["endpoint", "show", &lab.pod(pod).attachment()]);
    let own = show("blue-1")?;
    anyhow::ensure!(own.status.success(), "node1 does not see its own: {own}");
    let other = show("blue-2")?;
    anyhow::ensure!(
        !other.status.success() && other.stderr.contains("`node:node1` may see"),
        "node1 is not refused: {other}"
    );
    println!("          {}", other.stderr.trim());
    story.proved(
        "a node's certificate is refused on another's matters",
        "node1 asked for blue-2 on node2: 403 forbidden".into(),
    );
    Ok(())
}

fn prove_no_residue(story: &mut Story, lab: &Lab) -> anyhow::Result<()> {
    story.step("All four pods taken away again: CNI DEL");
    for (name, node, network) in PODS {
        lab.node(node)
            .cni("DEL", lab.pod(name), network)?
            .success()?;
    }
    for node in lab.nodes() {
        one_rack::expect_nothing_left(lab, node)?;
        let flows = node.ofctl(&["--no-stats", "dump-flows", "br-trunk"])?;
        let flows: Vec<_> = flows
            .lines()
            .filter(|line| line.contains("actions="))
            .collect();
        let base = flows.len() == 1 && flows[0].contains("actions=NORMAL");
        anyhow::ensure!(base, "flows are left on {}: {flows:?}", node.name());
    }
    story.proved(
        "nothing is left",
        "no link, no port, no flow, no address".into(),
    );
    Ok(())
}

fn print_table(story: &Story) {
    let width = story
        .proofs
        .iter()
        .map(|(claim, _)| claim.chars().count())
        .max()
        .unwrap_or(0);
    println!("\n{:<width$}  seen", "claim");
    println!("{:-<width$}  {:-<40}", "", "");
    for (claim, evidence) in &story.proofs {
        println!("{claim:<width$}  {evidence}");
    }
    println!(
        "\nall {} claims hold, {:.0} s",
        story.proofs.len(),
        story.start.elapsed().as_secs_f64()
    );
}

/// What to try in the shell of a lab that was kept.
pub fn hint() {
    println!(
        "
The lab is running; this shell is in its machine. Things to try:

  ip netns                                   all parts of the lab
  ip netns exec pod-blue-1 ping 10.2.0.10    from a pod, through the gateway
  ip netns exec node1 tcpdump -eni eth1      the tagged frames on the uplink
  ovs-vsctl --db=unix:/run/lab/current/node1/db.sock show
  ip netns exec netmaster $LAB_EXECUTABLES/netctl endpoint ls
  env | grep ^NETMASTER                      where netmaster is, and who asks: admin:root
  ls -lR /run/lab/current/authority          what signs; each key is with who uses it

Leave it with `exit`: everything in it is gone then."
    );
}
