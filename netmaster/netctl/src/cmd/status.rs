//! `netctl status`

use clap::Args;
use trunkline_netmaster_api::{NodesStatus, Status as Whole, StoreStatus};

use super::top;
use crate::failure::Failure;
use crate::quantity::bytes;
use crate::render::{Cell, Table, no_name, or_absent, pairs, plain, utc};
use crate::session::Session;

/// How the whole is: leader, replicas, store, subnets close to full, nodes not heard
#[derive(Args)]
pub(crate) struct Status {}

impl Status {
    pub(crate) async fn run(self, session: &Session) -> Result<(), Failure> {
        let status = session.wait(session.client.status()).await?;
        let people = || text(&status, session.output.colours);
        session
            .output
            .value(&status, people, || Err(no_name("status")))
    }
}

fn text(status: &Whole, colours: bool) -> String {
    let mut rows = vec![
        ("cluster", plain(&status.cluster)),
        ("epoch", plain(status.epoch)),
        ("revision", plain(status.revision)),
        ("version", plain(&status.version)),
        (
            "leader",
            or_absent(status.leader.as_ref()).alarming_if(status.leader.is_none()),
        ),
    ];
    if !status.leading {
        let why = "no, so nothing is known of other replicas, commits and some nodes";
        rows.push(("leader answers", plain(why).alarming_if(true)));
    }
    rows.extend(store(&status.store));
    rows.extend(nodes(&status.nodes));
    let mut text = pairs(rows, colours);
    let heads = ["replica", "part", "revision", "heard"];
    let mut replicas = Table::with(&heads);
    for replica in &status.replicas {
        replicas.push(vec![
            plain(&replica.url),
            plain(if replica.leading { "leads" } else { "follows" }),
            plain(replica.revision),
            plain(format!("{} s ago", replica.heard)),
        ]);
    }
    text.push_str(&format!("\n{}", replicas.text(colours)));
    if !status.subnets.is_empty() {
        text.push_str(&format!("\n{}", top::table(&status.subnets).text(colours)));
    }
    if !status.nodes.silent_nodes.is_empty() {
        let mut silent = Table::with(&["silent node", "rack", "last heard"]);
        for node in &status.nodes.silent_nodes {
            silent.push(vec![
                plain(&node.name),
                plain(&node.rack),
                utc(node.last_heard),
            ]);
        }
        text.push_str(&format!("\n{}", silent.text(colours)));
    }
    text
}

fn store(store: &StoreStatus) -> Vec<(&'static str, Cell)> {
    let commits = &store.commits;
    let size = match (&store.problem, store.size) {
        (Some(problem), _) => plain(problem).alarming_if(true),
        (None, Some(size)) => plain(bytes(size)),
        (None, None) => plain("in memory"),
    };
    let mut rows = vec![("store", plain(&store.kind)), ("store size", size)];
    if let Some(free) = store.free {
        // What a day of a large cluster may take.
        rows.push((
            "store space",
            plain(bytes(free)).alarming_if(free < 1 << 30),
        ));
    }
    if commits.count > 0 {
        let text = format!(
            "{} us median, {} us p99, {} of the last {} failed",
            commits.median_us, commits.p99_us, commits.failed, commits.count
        );
        rows.push(("commits", plain(text).alarming_if(commits.failed > 0)));
    }
    rows
}

fn nodes(nodes: &NodesStatus) -> Vec<(&'static str, Cell)> {
    let text = format!("{} heard, {} silent", nodes.heard, nodes.silent);
    let mut rows = vec![("nodes", plain(text).alarming_if(nodes.silent > 0))];
    if nodes.awaited > 0 {
        let text = format!("{} node(s), see `netctl cluster show`", nodes.awaited);
        rows.push(("reports awaited", plain(text).alarming_if(true)));
    }
    rows
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn the_whole_is_told_with_what_somebody_should_look_at() {
        let status = json!({
            "cluster": "5d0c", "epoch": 1, "revision": 17, "version": "0.1.0", "leading": true,
            "leader": "http://m1", "replicas": [
                {"url": "http://m1", "leading": true, "revision": 17, "heard": 0},
                {"url": "http://m2", "leading": false, "revision": 16, "heard": 7}],
            "store": {"kind": "etcd", "size": 4_500_000, "free": 2_000_000_000_u64,
                      "commits": {"count": 256, "failed": 1, "median_us": 900, "p99_us": 4100}},
            "subnets": [{"name": "blue-r1", "network": "blue", "taken": 90, "capacity": 100,
                         "hourly": 3, "forecast": {"state": "full_in", "seconds": 12_000}}],
            "nodes": {"heard": 11, "silent": 1, "awaited": 2, "silent_nodes": [
                {"name": "n7", "rack": "r1", "last_heard": 1_700_000_000}]},
        });
        let status: Whole = serde_json::from_value(status).unwrap();
        let told = text(&status, false);
        for part in [
            "store size:       4.5 MB\n",
            "store space:      2.0 GB\n",
            "commits:          900 us median, 4100 us p99, 1 of the last 256 failed\n",
            "nodes:            11 heard, 1 silent\n",
            "reports awaited:  2 node(s), see `netctl cluster show`\n",
            "http://m2  follows  16        7 s ago\n",
            "blue-r1  blue     90     100       90.0 %  3         3 h 20 min\n",
            "n7           r1    2023-11-14T22:13:20Z\n",
        ] {
            assert!(told.contains(part), "{part}{told}");
        }
    }
}
