//! Watches over HTTP: what is seen, by whom, from where on, and when they end.

use std::time::Duration;

use reqwest::StatusCode;
use serde_json::{Value, json};
use tokio::time::timeout;
use trunkline_netmaster::Limits;
use trunkline_netmaster_api::{Client, Endpoint, Network, Query, WatchEvent};

use crate::netmaster::{Netmaster, wish};

const DEADLINE: Duration = Duration::from_secs(20);

/// A watch, line by line.
struct Lines {
    response: reqwest::Response,
    pending: Vec<u8>,
}

impl Lines {
    async fn open(netmaster: &Netmaster, path: &str) -> Self {
        let url = format!("{}{path}", netmaster.url);
        let response = netmaster.http.get(url).send().await.unwrap();
        assert_eq!(response.status(), StatusCode::OK);
        assert_eq!(response.headers()["content-type"], "application/x-ndjson");
        Self {
            response,
            pending: Vec::new(),
        }
    }

    /// The next line; none when the watch has ended.
    async fn next(&mut self) -> Option<Value> {
        loop {
            if let Some(end) = self.pending.iter().position(|byte| *byte == b'\n') {
                let rest = self.pending.split_off(end + 1);
                let line = std::mem::replace(&mut self.pending, rest);
                return Some(serde_json::from_slice(&line).unwrap());
            }
            let chunk = timeout(DEADLINE, self.response.chunk()).await.unwrap();
            self.pending.extend_from_slice(&chunk.unwrap()?);
        }
    }

    /// The kinds and names of the next `count` lines.
    async fn take(&mut self, count: usize) -> Vec<String> {
        let mut taken = Vec::new();
        for _ in 0..count {
            let line = self.next().await.unwrap();
            let kind = line["type"].as_str().unwrap();
            let name = &line["object"]["name"];
            let name = name.as_str().or(line["key"].as_str()).unwrap_or_default();
            taken.push(format!("{kind} {name}").trim_end().to_owned());
        }
        taken
    }
}

async fn network(netmaster: &Netmaster, name: &str, vlan: u16, tier: &str) -> Value {
    let network = json!({"name": name, "vlan": vlan, "labels": {"tier": tier}});
    netmaster.create("/v1/networks", &network).await
}

async fn set_tier(netmaster: &Netmaster, name: &str, tier: &str) -> Value {
    let url = format!("/v1/networks/{name}");
    let mut network = netmaster.get(&url).await.body;
    network["labels"] = json!({"tier": tier});
    let answer = netmaster.ask(reqwest::Method::PUT, &url, &network).await;
    assert_eq!(answer.status, StatusCode::OK, "{answer:?}");
    answer.body
}

#[tokio::test]
async fn a_watch_tells_every_change_after_a_revision_once() {
    let netmaster = Netmaster::start().await;
    let first = network(&netmaster, "a", 1, "tin").await;
    let after = first["revision"].as_u64().unwrap();
    let second = network(&netmaster, "b", 2, "tin").await;
    let url = format!("/v1/networks?watch=true&after={after}");
    let mut lines = Lines::open(&netmaster, &url).await;
    let line = lines.next().await.unwrap();
    assert_eq!(
        line,
        json!({"type": "put", "revision": second["revision"], "object": second})
    );
    let changed = set_tier(&netmaster, "a", "gold").await;
    let line = lines.next().await.unwrap();
    assert_eq!(line["object"], changed);
    netmaster.delete("/v1/networks/b").await;
    let line = lines.next().await.unwrap();
    assert_eq!(
        (&line["type"], &line["key"]),
        (&json!("delete"), &json!("b"))
    );
    assert_eq!(line["object"], second, "as it was");
    assert!(line["revision"].as_u64() > changed["revision"].as_u64());
}

#[tokio::test]
async fn a_watch_from_a_revision_that_is_yet_to_come_is_refused() {
    let netmaster = Netmaster::start().await;
    let last = network(&netmaster, "a", 1, "tin").await["revision"].clone();
    let last = last.as_u64().unwrap();
    Lines::open(&netmaster, &format!("/v1/networks?watch=true&after={last}")).await;
    for kind in ["networks", "events"] {
        for after in [last + 1, u64::MAX] {
            let url = format!("/v1/{kind}?watch=true&after={after}");
            let answer = netmaster.get(&url).await;
            assert_eq!(
                answer.status,
                StatusCode::UNPROCESSABLE_ENTITY,
                "{answer:?}"
            );
            assert_eq!(answer.body["field"], "after", "{answer:?}");
            let detail = answer.body["detail"].as_str().unwrap();
            assert!(
                detail.contains(&format!("the last one is {last}")),
                "{detail}"
            );
        }
    }
}

#[tokio::test]
async fn a_watch_from_nowhere_begins_with_how_things_are() {
    let netmaster = Netmaster::start().await;
    for (name, vlan) in [("a", 1), ("b", 2)] {
        network(&netmaster, name, vlan, "tin").await;
    }
    let mut lines = Lines::open(&netmaster, "/v1/networks?watch").await;
    assert_eq!(lines.take(3).await, ["put a", "put b", "bookmark"]);
    network(&netmaster, "c", 3, "tin").await;
    assert_eq!(lines.take(1).await, ["put c"]);
}

#[tokio::test]
async fn what_no_longer_matches_is_told_as_deleted() {
    let netmaster = Netmaster::start().await;
    network(&netmaster, "a", 1, "gold").await;
    network(&netmaster, "b", 2, "tin").await;
    let gold = "/v1/networks?watch=true&labelSelector=tier=gold";
    let mut by_label = Lines::open(&netmaster, gold).await;
    assert_eq!(by_label.take(2).await, ["put a", "bookmark"]);
    let field = "/v1/networks?watch=true&fieldSelector=vlan=2";
    let mut by_field = Lines::open(&netmaster, field).await;
    assert_eq!(by_field.take(2).await, ["put b", "bookmark"]);
    set_tier(&netmaster, "b", "gold").await;
    set_tier(&netmaster, "a", "tin").await;
    netmaster.delete("/v1/networks/a").await;
    netmaster.delete("/v1/networks/b").await;
    assert_eq!(by_label.take(3).await, ["put b", "delete a", "delete b"]);
    assert_eq!(by_field.take(2).await, ["put b", "delete b"]);
}

#[tokio::test]
async fn an_agent_sees_the_endpoints_of_its_own_node_only() {
    let netmaster = Netmaster::with_blue().await;
    let node = json!({"rack": "r1"});
    netmaster
        .ask(reqwest::Method::PUT, "/v1/nodes/n2", &node)
        .await;
    netmaster.allocate("c1/eth0").await;
    let mut watch = netmaster
        .client
        .watch::<Endpoint>(&Query::field("node", "n2"), None);
    let first = timeout(DEADLINE, watch.next()).await.unwrap().unwrap();
    assert!(matches!(first, WatchEvent::Bookmark { .. }), "{first:?}");
    netmaster.allocate("c2/eth0").await;
    let mut theirs = wish("c3/eth0");
    theirs.node = "n2".parse().unwrap();
    netmaster.client.allocate(&theirs).await.unwrap();
    let seen = timeout(DEADLINE, watch.next()).await.unwrap().unwrap();
    let WatchEvent::Put { object, .. } = seen else {
        panic!("{seen:?}");
    };
    assert_eq!(object.attachment, theirs.attachment);
}

#[tokio::test]
async fn all_who_watch_are_told() {
    let netmaster = Netmaster::start().await;
    let mut watches = Vec::new();
    for _ in 0..50 {
        watches.push(Lines::open(&netmaster, "/v1/networks?watch").await);
    }
    network(&netmaster, "a", 1, "tin").await;
    for lines in &mut watches {
        assert_eq!(lines.take(2).await, ["bookmark", "put a"]);
    }
}

#[tokio::test]
async fn more_watches_than_there_may_be_are_refused_and_may_try_again() {
    let limits = Limits {
        watches: 2,
        ..Limits::default()
    };
    let netmaster = Netmaster::within(limits).await;
    let first = Lines::open(&netmaster, "/v1/networks?watch").await;
    let _second = Lines::open(&netmaster, "/v1/nodes?watch").await;
    let refused = netmaster.get("/v1/networks?watch").await;
    refused.is_problem(503, "too_many_watches", "--max-watches");
    drop(first);
    // The server hears of it when it next looks at the connection.
    let again = async {
        loop {
            let url = format!("{}/v1/networks?watch", netmaster.url);
            let answer = netmaster.http.get(url).send().await.unwrap();
            if answer.status() == StatusCode::OK {
                return;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    timeout(DEADLINE, again).await.unwrap();
}

#[tokio::test]
async fn a_revision_too_long_ago_is_gone() {
    let netmaster = Netmaster::start().await;
    // The feed of a netmaster begins with what it loads, which here is nothing; only what was
    // before that could be gone. A restart makes it so.
    let directory = tempfile::tempdir().unwrap();
    drop(netmaster);
    let netmaster = Netmaster::on_disk(directory.path()).await;
    for vlan in 1..=3 {
        network(&netmaster, &format!("net{vlan}"), vlan, "tin").await;
    }
    netmaster.stop().await;
    let netmaster = Netmaster::on_disk(directory.path()).await;
    netmaster
        .get("/v1/networks?watch=true&after=1")
        .await
        .is_problem(410, "revision_compacted", "watch from there");
    let mut watch = netmaster
        .client
        .watch::<Network>(&Query::default(), Some(1));
    let gone = timeout(DEADLINE, watch.next()).await.unwrap().unwrap_err();
    assert!(gone.is_compacted(), "{gone}");
    // The next call begins anew.
    let mut names = Vec::new();
    for _ in 0..3 {
        match timeout(DEADLINE, watch.next()).await.unwrap().unwrap() {
            WatchEvent::Put { object, .. } => names.push(object.name.to_string()),
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(names, ["net1", "net2", "net3"]);
}

#[tokio::test]
async fn watches_end_when_netmaster_does_and_are_resumed_where_they_were() {
    let directory = tempfile::tempdir().unwrap();
    let netmaster = Netmaster::on_disk(directory.path()).await;
    let created = network(&netmaster, "a", 1, "tin").await;
    let revision = created["revision"].as_u64().unwrap();
    let client = netmaster.client.clone();
    let mut watch = client.watch::<Network>(&Query::default(), Some(revision - 1));
    let put = timeout(DEADLINE, watch.next()).await.unwrap().unwrap();
    assert!(matches!(put, WatchEvent::Put { .. }), "{put:?}");
    assert_eq!(watch.after(), Some(revision));
    // It does not wait for the watch to go away by itself.
    timeout(DEADLINE, netmaster.stop()).await.unwrap();
    let ended = timeout(DEADLINE, watch.next()).await.unwrap().unwrap_err();
    assert!(ended.is_unreachable() && ended.is_retryable(), "{ended}");
    assert_eq!(watch.after(), Some(revision));
}

#[tokio::test]
async fn a_watch_of_events_tells_what_happens() {
    let netmaster = Netmaster::with_blue().await;
    let mut lines = Lines::open(&netmaster, "/v1/events?watch").await;
    assert_eq!(lines.take(1).await, ["bookmark"]);
    let client: &Client = &netmaster.client;
    let mac = "02:00:00:00:00:07".parse().unwrap();
    let node = "n1".parse().unwrap();
    client
        .report_conflict("10.1.0.10".parse().unwrap(), mac, &node)
        .await
        .unwrap();
    let line = lines.next().await.unwrap();
    assert_eq!(line["object"]["kind"], "address_conflict", "{line}");
}
