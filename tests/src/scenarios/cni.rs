//! The CNI executable, called as a container runtime calls it.

use std::time::{Duration, Instant};

use serde_json::json;

use super::one_rack::expect_nothing_left;
use super::{Context, Scenario};
use crate::lab::{Capture, CniAnswer, Lab, Node, Pod, joined, ping, refused_by};

/// The scenarios of this file.
pub const ALL: &[Scenario] = &[
    Scenario::new(
        "skeleton",
        "cni::results_follow_the_specification",
        results_follow_the_specification,
    ),
    Scenario::new(
        "skeleton",
        "cni::add_and_del_may_be_repeated",
        add_and_del_may_be_repeated,
    ),
    Scenario::new(
        "skeleton",
        "cni::a_half_made_attachment_is_completed",
        a_half_made_attachment_is_completed,
    ),
    Scenario::new(
        "skeleton",
        "cni::nothing_is_left_after_del",
        nothing_is_left_after_del,
    ),
    Scenario::new(
        "skeleton",
        "cni::del_unplugs_what_it_can",
        del_unplugs_what_it_can,
    ),
    Scenario::new(
        "skeleton",
        "cni::a_failed_add_leaves_nothing",
        a_failed_add_leaves_nothing,
    ),
    Scenario::new(
        "skeleton",
        "cni::the_address_is_announced",
        the_address_is_announced,
    ),
    Scenario::new("skeleton", "cni::twenty_pods_at_once", twenty_pods_at_once),
];

fn results_follow_the_specification(context: &mut Context) -> anyhow::Result<()> {
    let lab = context.one_rack()?;
    let node = lab.node("node1");
    let version = node.cni_raw(&[("CNI_COMMAND", "VERSION")], r#"{"cniVersion":"1.0.0"}"#)?;
    let supported = &version.success()?["supportedVersions"];
    anyhow::ensure!(
        *supported == json!(["1.0.0", "1.1.0"]),
        "VERSION says {supported}"
    );

    for (name, cni_version) in [("v100", "1.0.0"), ("v110", "1.1.0")] {
        let mut pod = Pod::create(name)?;
        pod.cni_version = cni_version;
        let result = node.cni("ADD", &pod, "blue")?.success()?;
        let endpoint = lab
            .netmaster()
            .netctl_json(&["endpoint", "show", &pod.attachment()])?;
        let ip = endpoint["addresses"][0]["ip"].as_str().unwrap_or_default();
        let expected = json!({
            "cniVersion": cni_version,
            "interfaces": [{
                "name": "eth0",
                "mac": endpoint["mac"],
                "mtu": 1500,
                "sandbox": pod.netns_path(),
            }],
            "ips": [{"interface": 0, "address": format!("{ip}/24"), "gateway": "10.1.0.254"}],
            "routes": [{"dst": "0.0.0.0/0", "gw": "10.1.0.254"}],
        });
        anyhow::ensure!(result == expected, "ADD says {result}, expected {expected}");
        anyhow::ensure!(endpoint["node"] == "node1", "the endpoint is {endpoint}");
        anyhow::ensure!(
            endpoint["pod"]["name"] == name,
            "the endpoint is {endpoint}"
        );
        anyhow::ensure!(
            node.cni("DEL", &pod, "blue")?.success()?.is_null(),
            "DEL prints nothing"
        );
    }
    Ok(())
}

fn add_and_del_may_be_repeated(context: &mut Context) -> anyhow::Result<()> {
    let lab = context.one_rack()?;
    let node = lab.node("node1");
    let pod = Pod::create("again")?;
    let first = node.cni("ADD", &pod, "blue")?.success()?;
    let state = pod_state(lab, node, &pod)?;
    let second = node.cni("ADD", &pod, "blue")?.success()?;
    anyhow::ensure!(first == second, "ADD said {first}, then {second}");
    let after = pod_state(lab, node, &pod)?;
    anyhow::ensure!(state == after, "a repeated ADD changed {state} to {after}");
    ping(pod.netns(), "10.1.0.254".parse()?)?;
    for _ in 0..2 {
        node.cni("DEL", &pod, "blue")?.success()?;
    }
    expect_nothing_left(lab, node)?;
    // Never added at all.
    node.cni("DEL", &Pod::create("never")?, "blue")?.success()?;
    expect_nothing_left(lab, node)
}

fn a_half_made_attachment_is_completed(context: &mut Context) -> anyhow::Result<()> {
    let lab = context.one_rack()?;
    let node = lab.node("node1");
    let pod = Pod::create("half")?;
    let whole = node.cni("ADD", &pod, "blue")?.success()?;
    let state = pod_state(lab, node, &pod)?;
    let port = node
        .ports()?
        .into_iter()
        .find(|port| port.starts_with("tl"))
        .unwrap_or_default();
    let breakages: [&dyn Fn() -> anyhow::Result<()>; 4] = [
        &|| pod.netns().ip("link set eth0 down"),
        &|| pod.netns().ip("addr flush dev eth0"),
        &|| node.vsctl(&["set", "port", &port, "tag=200"]).map(drop),
        &|| node.netns()?.ip(&format!("link del {port}")),
    ];
    for (number, breakage) in breakages.iter().enumerate() {
        breakage()?;
        let again = node.cni("ADD", &pod, "blue")?.success()?;
        anyhow::ensure!(again == whole, "after breakage {number}, ADD says {again}");
        let after = pod_state(lab, node, &pod)?;
        anyhow::ensure!(
            after == state,
            "after breakage {number}: {after}, was {state}"
        );
        ping(pod.netns(), "10.1.0.254".parse()?)?;
    }
    node.cni("DEL", &pod, "blue")?.success()?;
    expect_nothing_left(lab, node)
}

fn nothing_is_left_after_del(context: &mut Context) -> anyhow::Result<()> {
    let lab = context.one_rack()?;
    let node = lab.node("node1");
    let before = node_state(node)?;
    let pods = ["one", "two", "three"].map(Pod::create);
    let pods = pods.into_iter().collect::<anyhow::Result<Vec<_>>>()?;
    for pod in &pods {
        node.cni("ADD", pod, "blue")?.success()?;
    }
    anyhow::ensure!(
        node.ports()?.len() == 4,
        "an uplink and three pods: {:?}",
        node.ports()?
    );
    for pod in &pods {
        node.cni("DEL", pod, "blue")?.success()?;
        expect_bare(pod)?;
    }
    expect_nothing_left(lab, node)?;
    let after = node_state(node)?;
    anyhow::ensure!(before == after, "the node was {before} and is {after}");
    // The namespace may be gone by the time of DEL, with the pod's end in it.
    let pod = Pod::create("gone")?;
    node.cni("ADD", &pod, "blue")?.success()?;
    let (container, conf) = (
        pod.container.clone(),
        node.cni_conf("1.1.0", "blue").to_string(),
    );
    drop(pod);
    let variables = [
        ("CNI_COMMAND", "DEL"),
        ("CNI_CONTAINERID", container.as_str()),
        ("CNI_IFNAME", "eth0"),
        ("CNI_NETNS", ""),
        ("CNI_PATH", "/opt/cni/bin"),
    ];
    node.cni_raw(&variables, &conf)?.success()?;
    expect_nothing_left(lab, node)
}

fn del_unplugs_what_it_can(context: &mut Context) -> anyhow::Result<()> {
    let lab = context.one_rack()?;
    let (one, two) = (Pod::create("one")?, Pod::create("two")?);
    for pod in [&one, &two] {
        lab.node("node1").cni("ADD", pod, "blue")?.success()?;
    }
    // Without OVSDB: the link goes, and the call is to be repeated.
    lab.node_mut("node1").kill_ovsdb()?;
    let (code, text) = lab.node("node1").cni("DEL", &one, "blue")?.refusal()?;
    anyhow::ensure!(
        code == 11 && text.contains("ovsdb-server"),
        "code {code}: {text}"
    );
    expect_bare(&one)?;
    lab.node_mut("node1").start_ovsdb()?;
    lab.node("node1").cni("DEL", &one, "blue")?.success()?;
    // Without the bridge: there is nothing to unplug, and the address is released all the same.
    lab.node_mut("node1").stop_agent()?;
    lab.node("node1").vsctl(&["del-br", "br-trunk"])?;
    lab.node("node1").cni("DEL", &two, "blue")?.success()?;
    expect_bare(&two)?;
    lab.node_mut("node1").start_agent()?;
    lab.node("node1").cni("DEL", &two, "blue")?.success()?;
    expect_nothing_left(lab, lab.node("node1"))
}

fn a_failed_add_leaves_nothing(context: &mut Context) -> anyhow::Result<()> {
    let lab = context.one_rack()?;
    // Something else already has the name: it is left alone, and no address is kept.
    let pod = Pod::create("taken")?;
    pod.netns().ip("link add eth0 type dummy")?;
    let (code, text) = lab.node("node1").cni("ADD", &pod, "blue")?.refusal()?;
    anyhow::ensure!(
        code == 101 && text.contains("`eth0`"),
        "code {code}: {text}"
    );
    pod.netns().ip("link show dev eth0")?;
    expect_nothing_left(lab, lab.node("node1"))?;
    // The last step fails: Open vSwitch never takes the port, for it does not run.
    lab.node_mut("node1").kill_vswitchd()?;
    let before = node_state(lab.node("node1"))?;
    let start = Instant::now();
    let pod = Pod::create("late")?;
    let (code, text) = lab.node("node1").cni("ADD", &pod, "blue")?.refusal()?;
    anyhow::ensure!(
        start.elapsed() < Duration::from_secs(40),
        "it took {:?}",
        start.elapsed()
    );
    anyhow::ensure!(
        code == 11 && text.contains("ovs-vswitchd"),
        "code {code}: {text}"
    );
    expect_nothing_left(lab, lab.node("node1"))?;
    expect_bare(&pod)?;
    let after = node_state(lab.node("node1"))?;
    anyhow::ensure!(before == after, "the node was {before} and is {after}");
    lab.node_mut("node1").start_vswitchd()?;
    lab.node("node1").cni("ADD", &pod, "blue")?.success()?;
    lab.node("node1").cni("DEL", &pod, "blue")?.success()?;
    Ok(())
}

fn the_address_is_announced(context: &mut Context) -> anyhow::Result<()> {
    let lab = context.one_rack()?;
    let host = lab.host("plain1").netns();
    let capture = Capture::start(host, "eth0", lab.dir(), "arp")?;
    let ip = lab.start_pod("b1", "node1", "blue")?;
    capture.wait_for(
        "a gratuitous ARP of the new pod at its neighbour",
        |frame| {
            frame.text.contains(&format!("who-has {ip} "))
                && frame.text.contains(&format!("tell {ip},"))
                && frame.text.contains("> ff:ff:ff:ff:ff:ff")
        },
    )?;
    Ok(())
}

fn twenty_pods_at_once(context: &mut Context) -> anyhow::Result<()> {
    const PODS: usize = 20;
    const DEADLINE: Duration = Duration::from_secs(10);
    let lab = context.one_rack()?;
    let node = lab.node("node1");
    let pods: Vec<_> = (0..PODS)
        .map(|n| Pod::create(&format!("p{n}")))
        .collect::<anyhow::Result<_>>()?;
    let start = Instant::now();
    let answers = all_at_once(node, &pods, "ADD")?;
    let mut ips: Vec<_> = answers
        .iter()
        .map(CniAnswer::ip)
        .collect::<anyhow::Result<_>>()?;
    let gateway = "10.1.0.254".parse()?;
    std::thread::scope(|scope| {
        let ask = |pod: &Pod| refused_by(pod.netns(), gateway);
        let answers: Vec<_> = pods
            .iter()
            .map(|pod| scope.spawn(move || ask(pod)))
            .collect();
        answers.into_iter().try_for_each(joined)
    })?;
    let took = start.elapsed();
    ips.sort_unstable();
    ips.dedup();
    anyhow::ensure!(
        ips.len() == PODS,
        "{PODS} pods have {} addresses",
        ips.len()
    );
    println!(
        "    {PODS} pods attached and answered by the gateway after {:.1} s",
        took.as_secs_f64()
    );
    anyhow::ensure!(
        took < DEADLINE,
        "{PODS} pods took {:.1} s",
        took.as_secs_f64()
    );
    let endpoints = lab.netmaster().list("endpoint")?.len();
    anyhow::ensure!(endpoints == PODS, "{PODS} pods have {endpoints} endpoints");
    for answer in all_at_once(node, &pods, "DEL")? {
        answer.success()?;
    }
    expect_nothing_left(lab, node)
}

/// Nothing but loopback in the pod.
fn expect_bare(pod: &Pod) -> anyhow::Result<()> {
    let links = pod.netns().links()?;
    anyhow::ensure!(links == ["lo"], "the pod still has {links:?}");
    Ok(())
}

fn all_at_once(node: &Node, pods: &[Pod], verb: &str) -> anyhow::Result<Vec<CniAnswer>> {
    std::thread::scope(|scope| {
        let call = |pod| scope.spawn(move || node.cni(verb, pod, "blue"));
        let calls: Vec<_> = pods.iter().map(call).collect();
        calls.into_iter().map(joined).collect()
    })
}

/// Everything of the node that an attachment touches, as text to compare.
fn node_state(node: &Node) -> anyhow::Result<String> {
    let ip = |what: &str| node.netns()?.command("ip").args(["-br", what]).succeed();
    let routes = node.netns()?.command("ip").args(["route"]).succeed()?;
    Ok([
        ip("link")?,
        ip("addr")?,
        routes,
        node.vsctl(&["show"])?,
        flows(node)?,
    ]
    .join("\n"))
}

/// The flows without their counters.
fn flows(node: &Node) -> anyhow::Result<String> {
    let text = match node.ofctl(&["--no-stats", "dump-flows", "br-trunk"]) {
        Ok(text) => text,
        // With ovs-vswitchd killed there are none to compare.
        Err(_) => return Ok(String::new()),
    };
    Ok(text)
}

/// Everything of one attachment, as text to compare.
fn pod_state(lab: &Lab, node: &Node, pod: &Pod) -> anyhow::Result<String> {
    let show = ["endpoint", "show", &pod.attachment(), "-o", "json"];
    let endpoint = lab.netmaster().netctl(&show)?;
    let mark = format!("external_ids:trunkline-attachment=\"{}\"", pod.attachment());
    let ports = node.vsctl(&["--columns=name,tag,external_ids", "find", "port", &mark])?;
    // One call for both: a process takes long to start under emulation.
    let ip = pod.netns().command("ip").args(["-4", "-br", "-batch", "-"]);
    let links = ip.stdin("addr show dev eth0\nroute show\n").succeed()?;
    // The first word is `eth0@if12`: the other end's index, which a pair made anew has another of.
    let links: Vec<_> = links.split_whitespace().skip(1).collect();
    Ok(format!("{endpoint}\n{ports}\n{}", links.join(" ")))
}
