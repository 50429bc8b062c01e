//! How a node gets its certificate, and the next one.

use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::Context as _;

use super::super::Context;
use super::SETTLED;
use crate::lab::{Credentials, Lab, Pod, wait_until};

/// Longer than a certificate of the lab's netmaster is good, which is a minute.
const LIFE: Duration = Duration::from_secs(90);

pub(super) fn a_node_joins_by_a_token_and_goes_on_with_a_renewed_certificate(
    context: &mut Context,
) -> anyhow::Result<()> {
    let lab = context.one_rack()?;
    lab.start_pod("b1", "node2", "blue")?;
    lab.node_mut("node1").stop_agent()?;
    let token = make_token(lab, "brief", &["node1", "node2"])?;
    let joined = lab.node_mut("node1").join_with(&token)?;
    lab.node_mut("node1").await_agent()?;
    let first = told_end(lab, "joined ")?;
    lab.start_pod("b2", "node1", "blue")?;
    expect_bound(lab, &joined)?;

    let second = wait_until("the certificate to be renewed", LIFE, || {
        told_end(lab, "certificate renewed ")
    })?;
    let now = seconds_now()?;
    anyhow::ensure!(
        now < first && first < second,
        "renewed at {now} or before, until {second}; the first certificate was good until {first}"
    );
    wait_until("the first certificate to end", LIFE, || {
        let now = seconds_now()?;
        anyhow::ensure!(first < now, "at {now} it is good until {first}");
        anyhow::Ok(())
    })?;
    lab.start_pod("b3", "node1", "blue")?;
    lab.node("node1")
        .cni("DEL", lab.pod("b2"), "blue")?
        .success()?;
    expect_bound_by(lab, &joined, "b3")?;

    // The token was for both nodes, and is as old as the first certificate.
    lab.node_mut("node2").stop_agent()?;
    expect_no_join(lab, "node2", &token, "or it has expired")?;
    for node in ["node1", "node2"] {
        lab.node_mut(node).stop_agent()?;
        lab.node_mut(node).start_agent()?;
    }
    Ok(())
}

pub(super) fn a_token_is_for_its_node_only_and_for_nobody_once_it_is_removed(
    context: &mut Context,
) -> anyhow::Result<()> {
    let lab = context.one_rack()?;
    let token = make_token(lab, "own", &["node1"])?;
    lab.node_mut("node2").stop_agent()?;
    let why = "token `own` is not for node `node2`";
    expect_no_join(lab, "node2", &token, why)?;
    let pod = Pod::create("b4")?;
    let (code, text) = lab.node("node2").cni("ADD", &pod, "blue")?.refusal()?;
    anyhow::ensure!(code == 11, "code {code}: {text}");

    lab.netmaster().netctl(&["token", "rm", "own"])?;
    lab.node_mut("node1").stop_agent()?;
    expect_no_join(lab, "node1", &token, "this is no token to join by")?;
    for node in ["node1", "node2"] {
        lab.node_mut(node).stop_agent()?;
        lab.node_mut(node).start_agent()?;
    }
    let refused = lab.netmaster().netctl(&["audit", "ls", "-o", "yaml"])?;
    anyhow::ensure!(
        refused.contains("/v1/join") && refused.contains("token:own"),
        "the audit has no refused join: {refused}"
    );
    Ok(())
}

/// A token by which `nodes` may join for a minute, in a file.
fn make_token(lab: &Lab, name: &str, nodes: &[&str]) -> anyhow::Result<PathBuf> {
    let file = lab.dir().join(format!("{name}.token"));
    let path = file.to_string_lossy().into_owned();
    let mut args = vec!["token", "create", name, "--role", "node"];
    for node in nodes {
        args.extend(["--node", *node]);
    }
    args.extend(["--lifetime", "60s", "--secret-file", path.as_str()]);
    lab.netmaster().netctl(&args)?;
    Ok(file)
}

/// The agent of `node` gets no certificate for the token and says why, and takes no calls.
fn expect_no_join(lab: &mut Lab, node: &str, token: &Path, why: &str) -> anyhow::Result<()> {
    let joined = lab.node_mut(node).join_with(token)?;
    wait_until("netmaster to refuse the token", SETTLED, || {
        let log = lab.node(node).agent_log();
        let told = |line: &str| line.contains("has no certificate yet") && line.contains(why);
        anyhow::ensure!(log.lines().any(told), "the agent logged {log}");
        anyhow::ensure!(!log.contains("ready for CNI calls"), "{log}");
        Ok(())
    })?;
    let found = joined.certificate().is_some_and(|path| path.exists());
    anyhow::ensure!(!found, "{node} has a certificate");
    Ok(())
}

/// What node1 got makes it node1 and nobody else.
fn expect_bound(lab: &Lab, joined: &Credentials) -> anyhow::Result<()> {
    expect_bound_by(lab, joined, "b2")
}

/// The same, with `pod` as one of node1's.
fn expect_bound_by(lab: &Lab, joined: &Credentials, pod: &str) -> anyhow::Result<()> {
    let show = |pod: &str| {
        let attachment = lab.pod(pod).attachment();
        lab.node("node1")
            .netctl_with(joined, &["endpoint", "show", &attachment])
    };
    let own = show(pod)?;
    anyhow::ensure!(own.status.success(), "node1 does not see its own: {own}");
    let other = show("b1")?;
    anyhow::ensure!(
        !other.status.success() && other.stderr.contains("`node:node1` may see"),
        "node1 is not refused: {other}"
    );
    Ok(())
}

/// When the certificate ends that node1's agent told its log of in a line with `what`; of several
/// the first. In seconds since 1970.
fn told_end(lab: &Lab, what: &str) -> anyhow::Result<u64> {
    let log = lab.node("node1").agent_log();
    let told = log.lines().find_map(|line| {
        let (_, end) = line.split_once("until=").filter(|_| line.contains(what))?;
        end.split_whitespace().next()?.parse().ok()
    });
    told.with_context(|| format!("{what:?} is not in {log}"))
}

fn seconds_now() -> anyhow::Result<u64> {
    Ok(SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs())
}
