//! What a crash in the middle does.

use std::collections::BTreeSet;
use std::time::Duration;

use super::one_rack::expect_nothing_left;
use super::{Context, Scenario};
use crate::lab::{CniAnswer, Lab, Pod, joined, ping, wait_until};

/// The scenarios of this file.
pub const ALL: &[Scenario] = &[
    Scenario::new(
        "skeleton",
        "restart::netmaster_killed_between_adds",
        netmaster_killed_between_adds,
    ),
    Scenario::new(
        "skeleton",
        "restart::netmaster_killed_at_random_moments",
        netmaster_killed_at_random_moments,
    ),
    Scenario::new(
        "skeleton",
        "restart::agent_killed_between_adds",
        agent_killed_between_adds,
    ),
    Scenario::new(
        "skeleton",
        "restart::del_without_the_agent_is_settled_later",
        del_without_the_agent_is_settled_later,
    ),
    Scenario::new(
        "lab",
        "restart::a_node_cut_off_from_netmaster_says_try_again",
        a_node_cut_off_from_netmaster_says_try_again,
    ),
    Scenario::new(
        "lab",
        "restart::a_node_comes_back_after_a_reboot",
        a_node_comes_back_after_a_reboot,
    ),
];

/// Longer than the agent waits between two looks for tombstones, or for netmaster.
const SETTLED: Duration = Duration::from_secs(30);

fn netmaster_killed_between_adds(context: &mut Context) -> anyhow::Result<()> {
    let lab = context.one_rack()?;
    let mut ips = BTreeSet::new();
    for name in ["k1", "k2"] {
        ips.insert(lab.start_pod(name, "node1", "blue")?);
        let before = lab.netmaster().netctl(&["endpoint", "ls", "-o", "json"])?;
        lab.netmaster_mut().kill()?;
        lab.netmaster_mut().restart()?;
        let after = lab.netmaster().netctl(&["endpoint", "ls", "-o", "json"])?;
        anyhow::ensure!(before == after, "a crash turned {before} into {after}");
    }
    anyhow::ensure!(ips.len() == 2, "an address was handed out twice: {ips:?}");
    // What was acknowledged before the crashes is still the same pod's, and pods run on.
    let again = lab.node("node1").cni("ADD", lab.pod("k1"), "blue")?.ip()?;
    anyhow::ensure!(ips.contains(&again), "k1 now has {again}, not of {ips:?}");
    let other = lab.start_pod("k3", "node2", "blue")?;
    ping(lab.pod("k1").netns(), other)
}

fn netmaster_killed_at_random_moments(context: &mut Context) -> anyhow::Result<()> {
    let kills = if context.long { 50 } else { 2 };
    let mut rng = context.rng.clone();
    let lab = context.one_rack()?;
    let pods = ["w1", "w2"]
        .map(Pod::create)
        .into_iter()
        .collect::<anyhow::Result<Vec<_>>>()?;
    for _ in 0..kills {
        let moment = Duration::from_millis(rng.u64(0..400));
        let (node, netmaster) = lab.node_and_netmaster("node1");
        // ADDs while netmaster dies; each may succeed or be told to try again.
        let answers = std::thread::scope(|scope| {
            let add = |pod| scope.spawn(move || node.cni("ADD", pod, "blue"));
            let calls: Vec<_> = pods.iter().map(add).collect();
            std::thread::sleep(moment);
            netmaster.kill()?;
            calls
                .into_iter()
                .map(joined)
                .collect::<anyhow::Result<Vec<_>>>()
        })?;
        lab.netmaster_mut().restart()?;
        for (pod, answer) in pods.iter().zip(answers) {
            expect_kept(lab, pod, &answer)?;
            // A runtime that was refused may never call again: the failed ADD itself sees to it
            // that nothing stays.
            if answer.ip().is_ok() {
                lab.node("node1").cni("DEL", pod, "blue")?.success()?;
            }
        }
        wait_until("nothing to be left", SETTLED, || {
            expect_nothing_left(lab, lab.node("node1"))
        })?;
    }
    Ok(())
}

/// An address that was told is still the pod's; a call that was refused may be repeated.
fn expect_kept(lab: &Lab, pod: &Pod, answer: &CniAnswer) -> anyhow::Result<()> {
    let Ok(told) = answer.ip() else {
        let (code, text) = answer.refusal()?;
        anyhow::ensure!(code == 11, "code {code}: {text}");
        return Ok(());
    };
    let endpoint = lab
        .netmaster()
        .netctl_json(&["endpoint", "show", &pod.attachment()])?;
    anyhow::ensure!(
        endpoint["addresses"][0]["ip"] == told.to_string(),
        "told {told}, kept {endpoint}"
    );
    Ok(())
}

fn agent_killed_between_adds(context: &mut Context) -> anyhow::Result<()> {
    let lab = context.one_rack()?;
    let first = lab.start_pod("b1", "node1", "blue")?;
    lab.node_mut("node1").kill_agent()?;
    // Running pods do not need the agent.
    ping(lab.pod("b1").netns(), "10.1.0.254".parse()?)?;
    // A crash leaves the socket's file behind; the next agent takes it over.
    lab.node_mut("node1").start_agent()?;
    let again = lab.node("node1").cni("ADD", lab.pod("b1"), "blue")?.ip()?;
    anyhow::ensure!(first == again, "b1 had {first} and now has {again}");
    let second = lab.start_pod("b2", "node1", "blue")?;
    ping(lab.pod("b1").netns(), second)
}

fn del_without_the_agent_is_settled_later(context: &mut Context) -> anyhow::Result<()> {
    let lab = context.one_rack()?;
    lab.start_pod("b1", "node1", "blue")?;
    lab.node_mut("node1").stop_agent()?;

    lab.node("node1")
        .cni("DEL", lab.pod("b1"), "blue")?
        .success()?;
    let ports = lab.node("node1").ports()?;
    anyhow::ensure!(ports == ["eth1"], "the pod is not unplugged: {ports:?}");
    let pod = Pod::create("b2")?;
    let (code, text) = lab.node("node1").cni("ADD", &pod, "blue")?.refusal()?;
    anyhow::ensure!(
        code == 11 && text.contains("netplugin"),
        "code {code}: {text}"
    );

    lab.node_mut("node1").start_agent()?;
    wait_until("the address to be released", SETTLED, || {
        expect_nothing_left(lab, lab.node("node1"))
    })
}

fn a_node_cut_off_from_netmaster_says_try_again(context: &mut Context) -> anyhow::Result<()> {
    let lab = context.one_rack()?;
    let ip = lab.start_pod("b1", "node1", "blue")?;
    let other = lab.start_pod("b2", "node2", "blue")?;
    lab.set_management("node1", false)?;

    let pod = Pod::create("b3")?;
    let (code, text) = lab.node("node1").cni("ADD", &pod, "blue")?.refusal()?;
    anyhow::ensure!(
        code == 11 && text.contains("192.0.2.1"),
        "code {code}: {text}"
    );
    // Pods that run do not need netmaster.
    ping(lab.pod("b2").netns(), ip)?;
    lab.node("node1")
        .cni("DEL", lab.pod("b1"), "blue")?
        .success()?;

    lab.set_management("node1", true)?;
    wait_until("the address to be released", SETTLED, || {
        let endpoints = lab.netmaster().list("endpoint")?;
        anyhow::ensure!(endpoints.len() == 1, "endpoints are {endpoints:?}");
        Ok(())
    })?;
    // The other cable: without it nothing comes through, and with it all is as before.
    lab.set_uplink("node2", false)?;
    let host = lab.host("plain1").netns();
    anyhow::ensure!(
        ping(host, other).is_err(),
        "{other} answers by a cable that is unplugged"
    );
    lab.set_uplink("node2", true)?;
    ping(host, other)
}

fn a_node_comes_back_after_a_reboot(context: &mut Context) -> anyhow::Result<()> {
    let lab = context.one_rack()?;
    lab.start_pod("b1", "node1", "blue")?;
    let other = lab.start_pod("b2", "node2", "blue")?;
    lab.power_off("node1")?;
    lab.power_on("node1")?;
    // The database outlived the reboot and still has the port of a pod that is gone; its runtime
    // sends DEL.
    anyhow::ensure!(
        lab.node("node1").ports()?.len() == 2,
        "{:?}",
        lab.node("node1").ports()?
    );
    lab.node("node1")
        .cni("DEL", lab.pod("b1"), "blue")?
        .success()?;
    anyhow::ensure!(
        lab.node("node1").ports()? == ["eth1"],
        "{:?}",
        lab.node("node1").ports()?
    );
    lab.start_pod("b3", "node1", "blue")?;
    ping(lab.pod("b3").netns(), other)
}
