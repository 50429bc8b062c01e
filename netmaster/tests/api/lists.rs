//! Lists: selectors and pages.

use reqwest::Method;
use serde_json::{Value, json};
use trunkline_netmaster_api::{Network, Query};

use crate::netmaster::Netmaster;

/// Networks `net0` to `net8`, every third of tier `gold`.
async fn with_networks() -> Netmaster {
    let netmaster = Netmaster::start().await;
    for number in 0..9 {
        let tier = if number % 3 == 0 { "gold" } else { "tin" };
        let network = json!({
            "name": format!("net{number}"), "vlan": 100 + number, "labels": {"tier": tier},
        });
        netmaster.create("/v1/networks", &network).await;
    }
    netmaster
}

fn names(list: &Value) -> Vec<&str> {
    let items = list["items"].as_array().unwrap().iter();
    items.map(|item| item["name"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn lists_are_narrowed_down_by_labels_and_fields() {
    let netmaster = with_networks().await;
    for (query, expected) in [
        ("labelSelector=tier=gold", vec!["net0", "net3", "net6"]),
        ("labelSelector=tier!=tin", vec!["net0", "net3", "net6"]),
        (
            "labelSelector=tier%20in%20(gold,tin),!x&fieldSelector=vlan=104",
            vec!["net4"],
        ),
        ("fieldSelector=name=net1", vec!["net1"]),
        (
            "labelSelector=tier=gold&fieldSelector=vlan!=103",
            vec!["net0", "net6"],
        ),
        ("labelSelector=nothing", vec![]),
    ] {
        let list = netmaster.get(&format!("/v1/networks?{query}")).await.body;
        assert_eq!(names(&list), expected, "{query}");
    }
}

#[tokio::test]
async fn pages_follow_each_other_in_order_whatever_changes_meanwhile() {
    let netmaster = with_networks().await;
    let first = netmaster.get("/v1/networks?limit=4").await.body;
    assert_eq!(names(&first), ["net0", "net1", "net2", "net3"]);
    let next = first["continue"].as_str().unwrap();
    // One that is gone, one that was listed, and one in between do not bring it out of step.
    for name in ["net3", "net4"] {
        netmaster.delete(&format!("/v1/networks/{name}")).await;
    }
    let network = json!({"name": "net5a", "vlan": 200});
    netmaster.create("/v1/networks", &network).await;
    let url = format!("/v1/networks?limit=4&continue={next}");
    let second = netmaster.get(&url).await.body;
    assert_eq!(names(&second), ["net5", "net5a", "net6", "net7"]);
    assert_eq!(second["revision"], first["revision"], "of the beginning");
    let next = second["continue"].as_str().unwrap();
    let url = format!("/v1/networks?limit=4&continue={next}");
    let third = netmaster.get(&url).await.body;
    assert_eq!(names(&third), ["net8"]);
    assert_eq!(third.get("continue"), None);
}

#[tokio::test]
async fn pages_count_what_matches() {
    let netmaster = with_networks().await;
    let gold = "/v1/networks?labelSelector=tier=gold&limit=2";
    let first = netmaster.get(gold).await.body;
    assert_eq!(names(&first), ["net0", "net3"]);
    let next = first["continue"].as_str().unwrap();
    let second = netmaster.get(&format!("{gold}&continue={next}")).await.body;
    assert_eq!(names(&second), ["net6"]);
    assert_eq!(second.get("continue"), None);
    // A token is of no use for another list.
    for other in [
        "/v1/networks?limit=2",
        "/v1/subnets?labelSelector=tier=gold",
    ] {
        let joint = if other.contains('?') { '&' } else { '?' };
        let answer = netmaster
            .get(&format!("{other}{joint}continue={next}"))
            .await;
        answer.is_problem(422, "invalid_query", "begin the list anew");
        assert_eq!(answer.body["field"], "continue");
    }
}

#[tokio::test]
async fn the_client_lists_all_pages() {
    let netmaster = Netmaster::start().await;
    let subnet = json!({
        "name": "b", "network": "blue", "cidr": "10.1.0.0/16", "gateway": "10.1.0.1",
    });
    netmaster
        .create("/v1/networks", &json!({"name": "blue", "vlan": 100}))
        .await;
    netmaster.create("/v1/subnets", &subnet).await;
    // More than a page of the client.
    for number in 0..1100 {
        let pool = json!({
            "subnet": "b", "name": format!("p{number:04}"),
            "ranges": [format!("10.1.{}.{}", 1 + number / 200, number % 200)],
        });
        netmaster.create("/v1/pools", &pool).await;
    }
    let client = &netmaster.client;
    let all = client
        .list::<trunkline_netmaster_api::Pool>(&Query::default())
        .await
        .unwrap();
    assert_eq!(all.items.len(), 1100);
    assert!(all.items.is_sorted_by(|one, two| one.name < two.name));
    assert_eq!(all.next, None);
    let one = Query::field("name", "p0007");
    let one = client
        .list::<trunkline_netmaster_api::Pool>(&one)
        .await
        .unwrap();
    assert_eq!(one.items.len(), 1);
    let none = Query {
        labels: "tier=gold".parse().unwrap(),
        ..Query::default()
    };
    let none = client.list::<Network>(&none).await.unwrap();
    assert!(none.items.is_empty());
}

#[tokio::test]
async fn endpoints_and_addresses_are_found_by_node_pod_and_address() {
    let netmaster = Netmaster::with_blue().await;
    let node = json!({"rack": "r1"});
    netmaster.ask(Method::PUT, "/v1/nodes/n2", &node).await;
    for (attachment, node, pod) in [("c1/eth0", "n1", "web-0"), ("c2/eth0", "n2", "web-1")] {
        let body = json!({
            "attachment": attachment, "node": node, "network": "blue",
            "pod": {"namespace": "shop", "name": pod},
        });
        netmaster.create("/v1/endpoints", &body).await;
    }
    for (query, found) in [
        ("endpoints?fieldSelector=node=n2", 1),
        ("endpoints?fieldSelector=network=blue", 2),
        ("endpoints?fieldSelector=namespace=shop,node!=n1", 1),
        ("endpoints?fieldSelector=pod=shop/web-0", 1),
        ("endpoints?fieldSelector=address=10.1.0.10", 1),
        ("endpoints?fieldSelector=subnet=blue-r1", 2),
        ("addresses?fieldSelector=network=blue,state=bound", 2),
        ("addresses?fieldSelector=state=free", 0),
        ("addresses?fieldSelector=node=n1", 1),
        ("addresses?fieldSelector=pod=shop/web-1", 1),
        ("nodes?fieldSelector=rack=r1", 2),
        ("subnets?fieldSelector=rack=r1", 1),
    ] {
        let list = netmaster.get(&format!("/v1/{query}")).await.body;
        assert_eq!(list["items"].as_array().unwrap().len(), found, "{query}");
    }
}
