//! Check, status and usage.

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use trunkline_netmaster_api::{FindingRef, Forecast, RepairSpec};

use crate::netmaster::{Netmaster, wish};

/// Node `n1` says what it holds.
async fn report(netmaster: &Netmaster, ovsdb: &Value, runtime: &Value, reserve: &Value) {
    let fence = netmaster.get("/v1/nodes/n1").await.body["fence"].clone();
    let body = json!({"fence": fence, "epoch": 0, "ovsdb": ovsdb, "runtime": runtime,
                      "reserve": reserve});
    let answer = netmaster
        .ask(Method::PUT, "/v1/nodes/n1/holdings", &body)
        .await;
    assert_eq!(answer.status, StatusCode::NO_CONTENT, "{answer:?}");
}

fn codes(check: &Value) -> Vec<String> {
    let findings = check["findings"].as_array().unwrap().iter();
    findings
        .map(|one| {
            format!(
                "{} {}",
                one["code"].as_str().unwrap(),
                one["name"].as_str().unwrap()
            )
        })
        .collect()
}

#[tokio::test]
async fn what_agrees_is_not_found_and_who_was_not_heard_is_named() {
    let netmaster = Netmaster::with_blue().await;
    netmaster.allocate("c1/eth0").await;
    let check = netmaster.get("/v1/check").await;
    assert_eq!(check.status, StatusCode::OK, "{check:?}");
    assert_eq!(check.body["findings"], json!([]));
    assert_eq!(check.body["total"], 0);
    assert_eq!(check.body["unheard"], json!(["n1"]));
    let held = json!([{"attachment": "c1/eth0", "network": "blue", "mac": "02:01:0a:01:00:0a",
                       "addresses": ["10.1.0.10"]}]);
    report(&netmaster, &held, &json!(["c1"]), &json!([])).await;
    let check = netmaster.get("/v1/check").await;
    assert_eq!(codes(&check.body), Vec::<String>::new());
    assert_eq!(
        (&check.body["nodes"], &check.body["unheard_total"]),
        (&json!(1), &json!(0))
    );
}

#[tokio::test]
async fn what_a_node_has_beyond_the_books_is_found_with_what_repairs_it() {
    let netmaster = Netmaster::with_blue().await;
    let held = json!([{"attachment": "c9/eth0", "network": "blue", "mac": "02:01:0a:01:00:0b",
                       "addresses": ["10.1.0.11"]}]);
    report(&netmaster, &held, &json!(["c9"]), &json!(["10.1.0.12"])).await;
    let check = netmaster.client.check().await.unwrap();
    let found: Vec<_> = check
        .findings
        .iter()
        .map(|one| (one.code.as_str(), one.name.as_str(), one.safe))
        .collect();
    assert_eq!(
        found,
        [
            ("endpoint_unknown", "c9/eth0", false),
            ("lease_unknown", "10.1.0.12", false),
        ]
    );
    assert!(
        check.findings[0]
            .command
            .contains("netctl import addresses")
    );
    // What is for somebody to decide is not repaired, and what is not found neither.
    let mut findings: Vec<_> = check.findings.iter().map(FindingRef::from).collect();
    findings.push(FindingRef {
        code: "lease_lost".to_owned(),
        kind: "address".to_owned(),
        name: "10.1.0.10".to_owned(),
        revision: 1,
    });
    let repairs = netmaster
        .client
        .repair(&RepairSpec { findings })
        .await
        .unwrap();
    let repaired: Vec<_> = repairs.repairs.iter().map(|one| one.repaired).collect();
    assert_eq!(repaired, [false, false, false]);
    let detail = repairs.repairs[0].detail.as_deref().unwrap();
    assert!(detail.contains("is not repaired unasked"), "{detail}");
    let detail = repairs.repairs[2].detail.as_deref().unwrap();
    assert!(detail.contains("is not found any more"), "{detail}");
}

#[tokio::test]
async fn what_is_safe_is_repaired_at_the_revision_it_was_seen_at_or_not_at_all() {
    let netmaster = Netmaster::with_blue().await;
    // It expires at once, and the sweeper sleeps.
    let now = std::time::SystemTime::now();
    let now = now.duration_since(std::time::UNIX_EPOCH).unwrap().as_secs();
    let db = json!({"name": "db", "network": "blue", "addresses": [{"ip": "10.1.0.11"}],
                    "holder": {"kind": "pod", "namespace": "shop", "name": "db-0"},
                    "expires": now + 2});
    netmaster.create("/v1/reservations", &db).await;
    let found = async {
        loop {
            let check = netmaster.client.check().await.unwrap();
            if let Some(finding) = check.findings.into_iter().next() {
                return finding;
            }
            tokio::time::sleep(std::time::Duration::from_millis(100)).await;
        }
    };
    let found = tokio::time::timeout(std::time::Duration::from_secs(20), found);
    let found = found.await.unwrap();
    assert_eq!(
        (found.code.as_str(), found.safe),
        ("reservation_over", true)
    );
    let stale = FindingRef {
        revision: found.revision - 1,
        ..FindingRef::from(&found)
    };
    let findings = vec![stale, FindingRef::from(&found)];
    let repairs = netmaster
        .client
        .repair(&RepairSpec { findings })
        .await
        .unwrap();
    let codes: Vec<_> = repairs
        .repairs
        .iter()
        .map(|one| (one.repaired, one.code))
        .collect();
    let stale = Some(trunkline_netmaster_api::ErrorCode::StaleRevision);
    assert_eq!(codes, [(false, stale), (true, None)]);
    assert!(netmaster.client.check().await.unwrap().findings.is_empty());
    let gone = netmaster.get("/v1/reservations/db").await;
    gone.is_problem(404, "reservation_not_found", "`db`");
    let events = netmaster.get("/v1/events").await;
    assert_eq!(events.body["items"][0]["kind"], "reservation_ended");
    let records = netmaster
        .get("/v1/audit?fieldSelector=kind=reservation,name=db,result=done")
        .await;
    let records = records.body["items"].as_array().unwrap();
    let paths: Vec<_> = records.iter().map(|one| &one["path"]).collect();
    assert_eq!(paths, ["/v1/reservations", "/v1/check/repair"]);
    assert!(records[1]["before"]["name"] == "db" && records[1]["after"].is_null());
}

#[tokio::test]
async fn half_of_a_slot_is_not_freed_while_the_node_has_the_other() {
    let netmaster = Netmaster::credulous().await;
    let blue = json!({"name": "blue", "vlan": 100});
    netmaster.create("/v1/networks", &blue).await;
    for (name, cidr, gateway) in [
        ("four", "10.1.0.0/24", "10.1.0.1"),
        ("six", "fd00:1::/64", "fd00:1::1"),
    ] {
        let subnet = json!({"name": name, "network": "blue", "rack": "r1", "cidr": cidr,
                            "gateway": gateway});
        netmaster.create("/v1/subnets", &subnet).await;
    }
    let node = json!({"rack": "r1"});
    let node = netmaster.ask(Method::PUT, "/v1/nodes/n1", &node).await;
    let wanted = json!({"fence": node.body["fence"], "network": "blue", "count": 1});
    let reserve = netmaster
        .ask(Method::POST, "/v1/nodes/n1/reserve", &wanted)
        .await;
    let slot = &reserve.body["slots"][0]["addresses"];
    let (four, six) = (slot[0]["ip"].clone(), slot[1]["ip"].clone());
    // It has neither, so nobody loses anything.
    report(&netmaster, &json!([]), &json!([]), &json!([])).await;
    let check = netmaster.client.check().await.unwrap();
    let found: Vec<_> = check.findings.iter().map(|one| one.code.as_str()).collect();
    assert_eq!(found, ["lease_lost", "lease_lost"], "{check:?}");
    assert!(check.findings.iter().all(|one| one.safe), "{check:?}");
    // By the time somebody asks for the repair, it turns out to have one of them.
    report(&netmaster, &json!([]), &json!([]), &json!([six])).await;
    let findings = check.findings.iter().map(FindingRef::from).collect();
    let repairs = netmaster.client.repair(&RepairSpec { findings }).await;
    let repairs = repairs.unwrap().repairs;
    assert!(repairs.iter().all(|one| !one.repaired), "{repairs:?}");
    let detail = repairs[0].detail.as_deref().unwrap();
    assert!(detail.contains("is not repaired unasked"), "{detail}");
    for ip in [four, six] {
        let path = format!("/v1/addresses/{}", ip.as_str().unwrap());
        assert_eq!(netmaster.get(&path).await.body["state"], "leased", "{path}");
    }
}

#[tokio::test]
async fn the_status_is_the_whole_in_one_look() {
    let netmaster = Netmaster::with_blue().await;
    let status = netmaster.client.status().await.unwrap();
    let cluster = netmaster.client.cluster().await.unwrap();
    assert_eq!(
        (&status.cluster, status.revision),
        (&cluster.id, cluster.revision)
    );
    assert!(status.leading);
    assert_eq!(status.leader.as_deref(), Some(netmaster.url.as_str()));
    assert_eq!(status.replicas.len(), 1);
    assert_eq!(status.store.kind, "embedded");
    assert_eq!(
        (status.store.problem.as_ref(), status.store.size),
        (None, None)
    );
    let commits = &status.store.commits;
    assert!(commits.count >= 4 && commits.failed == 0, "{commits:?}");
    assert!(commits.median_us <= commits.p99_us);
    assert_eq!((status.nodes.heard, status.nodes.silent), (1, 0));
    assert!(status.subnets.is_empty());
    // Two of three, and then all.
    for attachment in ["c1/eth0", "c2/eth0", "c3/eth0"] {
        assert!(netmaster.client.status().await.unwrap().subnets.is_empty());
        netmaster.client.allocate(&wish(attachment)).await.unwrap();
    }
    let status = netmaster.client.status().await.unwrap();
    let full = &status.subnets[0];
    assert_eq!(
        (full.taken, full.capacity, full.forecast),
        (3, 3, Forecast::Full)
    );
}

#[tokio::test]
async fn a_store_on_disk_tells_its_size_and_what_is_left() {
    let directory = tempfile::tempdir().unwrap();
    let netmaster = Netmaster::on_disk(directory.path()).await;
    let store = netmaster.client.status().await.unwrap().store;
    assert!(
        store.size.unwrap() > 0 && store.free.unwrap() > 0,
        "{store:?}"
    );
}

#[tokio::test]
async fn the_use_of_subnets_counts_what_is_reserved_and_says_how_little_it_knows() {
    let netmaster = Netmaster::with_blue().await;
    netmaster.allocate("c1/eth0").await;
    let db = json!({"name": "db", "network": "blue", "addresses": [{"ip": "10.1.0.12"}],
                    "holder": {"kind": "pod", "namespace": "shop", "name": "db-0"}});
    netmaster.create("/v1/reservations", &db).await;
    let empty = json!({"name": "blue-r2", "network": "blue", "rack": "r2",
                       "cidr": "10.2.0.0/24", "gateway": "10.2.0.1"});
    netmaster.create("/v1/subnets", &empty).await;
    let usage = netmaster.client.usage(10).await.unwrap();
    let uses: Vec<_> = usage
        .subnets
        .iter()
        .map(|one| (one.name.as_str(), one.taken, one.capacity))
        .collect();
    assert_eq!(uses, [("blue-r1", 2, 3), ("blue-r2", 0, 253)]);
    let known = usage.subnets[0].forecast;
    assert!(
        matches!(known, Forecast::TooLittleHistory { .. }),
        "{known:?}"
    );
    assert_eq!(usage.subnets[0].hourly, None);
    let first = netmaster.client.usage(1).await.unwrap();
    assert_eq!((first.subnets.len(), first.total), (1, 2));
}
