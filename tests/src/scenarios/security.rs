//! Whom netmaster lets in, seen from a node: every scenario's nodes speak TLS and have a
//! certificate each; here one has another than its own, or gets one for a token.

mod join;

use std::time::Duration;

use super::one_rack::expect_nothing_left;
use super::{Context, Scenario};
use crate::lab::{Credentials, Lab, Pod, wait_until};

/// The scenarios of this file.
pub const ALL: &[Scenario] = &[
    Scenario::new(
        "netctl",
        "security::an_agent_with_another_nodes_certificate_is_refused_and_logged",
        an_agent_with_another_nodes_certificate_is_refused_and_logged,
    ),
    Scenario::new(
        "netctl",
        "security::an_agent_without_a_certificate_is_refused_and_logged",
        an_agent_without_a_certificate_is_refused_and_logged,
    ),
    Scenario::new(
        "netctl",
        "security::a_node_joins_by_a_token_and_goes_on_with_a_renewed_certificate",
        join::a_node_joins_by_a_token_and_goes_on_with_a_renewed_certificate,
    ),
    Scenario::new(
        "netctl",
        "security::a_token_is_for_its_node_only_and_for_nobody_once_it_is_removed",
        join::a_token_is_for_its_node_only_and_for_nobody_once_it_is_removed,
    ),
];

/// Longer than the agent waits between two attempts to register, or two looks for tombstones.
const SETTLED: Duration = Duration::from_secs(30);

/// Where node1's agent comes from, which the log tells.
const NODE1: &str = "192.0.2.11";

fn an_agent_with_another_nodes_certificate_is_refused_and_logged(
    context: &mut Context,
) -> anyhow::Result<()> {
    let lab = context.one_rack()?;
    let another = lab.node("node2").credentials().clone();
    let why = "`node:node2` may not touch what is of node `node1`";
    expect_refused(lab, &another, why)
}

fn an_agent_without_a_certificate_is_refused_and_logged(
    context: &mut Context,
) -> anyhow::Result<()> {
    let lab = context.one_rack()?;
    let none = lab.node("node1").credentials().without_certificate();
    expect_refused(lab, &none, "nothing says who asks")
}

/// node1's agent, with what it shows, registers nobody, gets no address and gives none back, and
/// both ends log why. With its own certificate it then does what was left undone.
fn expect_refused(lab: &mut Lab, shown: &Credentials, why: &str) -> anyhow::Result<()> {
    lab.start_pod("b1", "node1", "blue")?;
    let before = refusals(lab, why);
    lab.node_mut("node1").stop_agent()?;
    lab.node_mut("node1").start_agent_with(shown)?;
    wait_until("netmaster to refuse the agent", SETTLED, || {
        let log = lab.node("node1").agent_log();
        let told = log
            .lines()
            .any(|line| line.contains("can't register") && line.contains(why));
        anyhow::ensure!(told, "the agent logged {log}");
        anyhow::ensure!(refusals(lab, why) > before, "{}", lab.netmaster().log());
        Ok(())
    })?;

    let pod = Pod::create("b2")?;
    let (code, text) = lab.node("node1").cni("ADD", &pod, "blue")?.refusal()?;
    anyhow::ensure!(code == 11 && text.contains(why), "code {code}: {text}");
    lab.node("node1")
        .cni("DEL", lab.pod("b1"), "blue")?
        .success()?;
    let endpoints = lab.netmaster().list("endpoint")?;
    let kept = endpoints.len() == 1 && endpoints[0]["attachment"] == lab.pod("b1").attachment();
    anyhow::ensure!(kept, "endpoints are {endpoints:?}");
    // Nobody else suffers for it.
    lab.start_pod("b3", "node2", "blue")?;
    lab.node("node2")
        .cni("DEL", lab.pod("b3"), "blue")?
        .success()?;

    lab.node_mut("node1").stop_agent()?;
    lab.node_mut("node1").start_agent()?;
    wait_until("the address to be released", SETTLED, || {
        expect_nothing_left(lab, lab.node("node1"))
    })
}

/// How often netmaster has logged that it refused node1, and `why`.
fn refusals(lab: &Lab, why: &str) -> usize {
    let log = lab.netmaster().log();
    let told = |line: &&str| {
        [NODE1, "refused", why]
            .iter()
            .all(|part| line.contains(*part))
    };
    log.lines().filter(told).count()
}
