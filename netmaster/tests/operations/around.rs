//! History, events, metrics, and the check of cluster, epoch and revision.

use reqwest::Method;
use serde_json::json;
use tempfile::TempDir;

use crate::netmaster::{Answer, Netmaster};

#[tokio::test]
async fn the_history_of_an_address_says_who_held_it_when() {
    let place = TempDir::new().unwrap();
    let netmaster = Netmaster::with_blue(place.path()).await;
    // Addresses do not cool here, and there is one only.
    let one = json!({
        "name": "one-r1", "network": "blue", "rack": "r1", "cidr": "10.9.0.0/24",
        "gateway": "10.9.0.1", "ranges": ["10.9.0.10"],
    });
    netmaster.delete("/v1/subnets/blue-r1").await;
    netmaster.done(Method::POST, "/v1/subnets", &one).await;
    for name in ["a", "b", "c"] {
        assert_eq!(
            netmaster.added("n1", &format!("{name}/eth0")).await,
            "10.9.0.10"
        );
        if name != "c" {
            netmaster
                .delete(&format!("/v1/endpoints/{name}/eth0"))
                .await;
        }
    }
    let path = "/v1/addresses/10.9.0.10/history";
    let all = netmaster.get(path).await.body;
    let items = all["items"].as_array().unwrap();
    let pods: Vec<_> = items
        .iter()
        .map(|item| item["pod"]["name"].as_str().unwrap())
        .collect();
    assert_eq!(pods, ["a-eth0", "b-eth0", "c-eth0"]);
    assert!(
        items[1]["to"].is_u64() && items[1]["reason"].is_string(),
        "{all}"
    );
    assert!(items[2]["to"].is_null(), "{all}");
    let page = netmaster.get(&format!("{path}?limit=1")).await.body;
    assert_eq!(page["items"].as_array().unwrap().len(), 1);
    let next = page["continue"].as_str().unwrap();
    let rest = netmaster
        .get(&format!("{path}?limit=5&continue={next}"))
        .await
        .body;
    assert_eq!(rest["items"].as_array().unwrap()[..], items[1..]);
    let now = netmaster
        .get(&format!("{path}?at=2100-01-01T00:00:00Z"))
        .await
        .body;
    assert_eq!(now["items"].as_array().unwrap()[..], items[2..]);
    let never = netmaster.get(&format!("{path}?at=1")).await.body;
    assert_eq!(never["items"], json!([]));
    for bad in ["at=yesterday", "limit=0", "limit=-1", "colour=red"] {
        let answer = netmaster.get(&format!("{path}?{bad}")).await;
        assert_eq!(answer.status, 422, "{bad}: {answer:?}");
    }
    netmaster.stop().await;
}

#[tokio::test]
async fn a_conflict_is_an_event_and_a_metric() {
    let place = TempDir::new().unwrap();
    let netmaster = Netmaster::with_blue(place.path()).await;
    let report = json!({"mac": "02:00:00:00:00:07", "node": "n1"});
    netmaster
        .done(Method::POST, "/v1/addresses/10.1.0.12/conflict", &report)
        .await;
    let events = netmaster.get("/v1/events").await.body;
    let event = &events["items"][0];
    assert_eq!(event["kind"], "address_conflict");
    assert!(
        event["about"].as_str().unwrap().contains("10.1.0.12"),
        "{event}"
    );
    let metrics = netmaster.get("/metrics").await.text;
    for line in [
        r#"netmaster_events_total{kind="address_conflict"} 1"#,
        r#"netmaster_subnet_addresses{subnet="blue-r1",state="conflict"} 1"#,
        "netmaster_leading 1",
    ] {
        assert!(
            metrics.lines().any(|other| other == line),
            "{line}\n{metrics}"
        );
    }
    let mut ips = Vec::new();
    for count in 0..5 {
        ips.push(netmaster.added("n1", &format!("c{count}/eth0")).await);
    }
    assert!(!ips.contains(&"10.1.0.12".to_owned()), "{ips:?}");
    netmaster.stop().await;
}

#[tokio::test]
async fn a_node_that_holds_the_address_of_another_is_an_event_and_a_metric() {
    let place = TempDir::new().unwrap();
    let netmaster = Netmaster::with_blue(place.path()).await;
    let node = json!({"rack": "r1"});
    netmaster.done(Method::PUT, "/v1/nodes/n2", &node).await;
    let ip = netmaster.added("n2", "c1/eth0").await;
    let fence = netmaster.get("/v1/nodes/n1").await.body["fence"].clone();
    let holdings = json!({
        "fence": fence, "epoch": 0,
        "ovsdb": [{"attachment": "c9/eth0", "network": "blue", "mac": "02:00:00:00:00:09",
                   "addresses": [ip]}],
    });
    for _ in 0..2 {
        netmaster
            .done(Method::PUT, "/v1/nodes/n1/holdings", &holdings)
            .await;
    }
    let events = netmaster.get("/v1/events").await.body;
    assert_eq!(events["items"].as_array().unwrap().len(), 1, "{events}");
    let event = &events["items"][0];
    assert_eq!(event["kind"], "report_contradicted");
    let message = event["message"].as_str().unwrap();
    assert!(message.contains(&ip) && message.contains("`n2`"), "{event}");
    let metrics = netmaster.get("/metrics").await.text;
    let line = r#"netmaster_events_total{kind="report_contradicted"} 1"#;
    assert!(metrics.lines().any(|other| other == line), "{metrics}");
    netmaster.stop().await;
}

#[tokio::test]
async fn requests_are_counted_by_route_and_refusals_by_code() {
    let place = TempDir::new().unwrap();
    let netmaster = Netmaster::with_blue(place.path()).await;
    netmaster.get("/v1/networks/blue").await;
    netmaster.get("/v1/networks/green").await;
    netmaster.get("/made/up/by/the/caller").await;
    netmaster.added("n1", "c1/eth0").await;
    let metrics = netmaster.get("/metrics").await.text;
    for line in [
        r#"netmaster_requests_total{method="GET",route="/v1/networks/{name}",status="200"} 1"#,
        r#"netmaster_requests_total{method="GET",route="/v1/networks/{name}",status="404"} 1"#,
        r#"netmaster_requests_total{method="GET",route="none",status="404"} 1"#,
        r#"netmaster_refusals_total{code="network_not_found"} 1"#,
        "netmaster_allocations_total 1",
    ] {
        assert!(
            metrics.lines().any(|other| other == line),
            "{line}\n{metrics}"
        );
    }
    assert!(!metrics.contains("made/up"));
    netmaster.stop().await;
}

#[tokio::test]
async fn a_sender_that_has_seen_more_or_is_of_another_cluster_is_refused() {
    let place = TempDir::new().unwrap();
    let netmaster = Netmaster::with_blue(place.path()).await;
    let network = |vlan: u32| json!({"name": format!("net{vlan}"), "vlan": vlan});
    let point = |answer: &Answer, name: &str| answer.headers[name].to_str().unwrap().to_owned();
    let answer = netmaster.get("/v1/networks").await;
    let id = point(&answer, "trunkline-cluster");
    let epoch = point(&answer, "trunkline-epoch");
    let revision: u64 = point(&answer, "trunkline-revision").parse().unwrap();
    let create = |vlan, headers: &[(&'static str, String)]| {
        let mut request = netmaster
            .request(Method::POST, "/v1/networks")
            .json(&network(vlan));
        for (name, value) in headers {
            request = request.header(*name, value);
        }
        netmaster.send(request)
    };
    let all = |id: &str, epoch: &str, revision: u64| {
        [
            ("trunkline-cluster", id.to_owned()),
            ("trunkline-epoch", epoch.to_owned()),
            ("trunkline-revision", revision.to_string()),
        ]
    };
    for (headers, why) in [
        (all("another", &epoch, revision), "another cluster"),
        (all(&id, "1", 0), "a newer epoch"),
        (all(&id, &epoch, revision + 1000), "a newer revision"),
    ] {
        let refused = create(300, &headers).await;
        assert_eq!(
            (refused.status.as_u16(), refused.code()),
            (409, "wrong_cluster"),
            "{why}"
        );
    }
    let odd = create(300, &[("trunkline-epoch", "first".to_owned())]).await;
    assert_eq!(odd.status, 422, "{odd:?}");
    let networks = netmaster.get("/v1/networks").await.body;
    assert_eq!(
        networks["items"].as_array().unwrap().len(),
        1,
        "nothing has changed"
    );
    let taken = create(300, &all(&id, &epoch, revision)).await;
    assert_eq!(taken.status, 201, "{taken:?}");
    let seen: u64 = point(&taken, "trunkline-revision").parse().unwrap();
    assert!(seen > revision, "an answer says what it has come to");
    netmaster.stop().await;
}
