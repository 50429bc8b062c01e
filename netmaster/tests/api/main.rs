//! The API over HTTP, against a server in this process with a store in memory.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod bad_input;
mod bulk;
mod connections;
mod hostile;
mod lists;
mod netmaster;
mod nouns;
mod openapi;
mod operate;
mod watches;

use netmaster::Netmaster;
use reqwest::{Method, StatusCode};
use serde_json::json;
use trunkline_netmaster_api::{Endpoint, EndpointSpec, ErrorCode, Network, Query};
use trunkline_types::Pod;

#[tokio::test]
async fn networks_are_created_shown_listed_and_deleted() {
    let netmaster = Netmaster::start().await;
    let body = json!({"name": "blue", "vlan": 100});
    let created = netmaster.ask(Method::POST, "/v1/networks", &body).await;
    let revision = created.body["revision"].as_u64().unwrap();
    let network = json!({"name": "blue", "vlan": 100, "mtu": 1500, "revision": revision});
    created.is(StatusCode::CREATED, &network);
    netmaster
        .get("/v1/networks/blue")
        .await
        .is(StatusCode::OK, &network);
    netmaster.get("/v1/networks").await.is(
        StatusCode::OK,
        &json!({"items": [network], "revision": revision}),
    );
    let gone = netmaster.delete("/v1/networks/blue").await;
    assert_eq!(gone.status, StatusCode::NO_CONTENT);
    for method in [Method::GET, Method::DELETE] {
        netmaster
            .ask_without_body(method, "/v1/networks/blue")
            .await
            .is_problem(404, "network_not_found", "network `blue` does not exist");
    }
}

#[tokio::test]
async fn a_subnet_counts_its_addresses() {
    let netmaster = Netmaster::with_blue().await;
    netmaster.allocate("c1/eth0").await;
    netmaster.get("/v1/subnets/blue-r1").await.is(
        StatusCode::OK,
        &json!({
            "name": "blue-r1", "network": "blue", "cidr": "10.1.0.0/24", "gateway": "10.1.0.1",
            "ranges": ["10.1.0.10-10.1.0.12"], "rack": "r1",
            "in_use": 1, "capacity": 3, "revision": 3,
        }),
    );
    let list = netmaster.get("/v1/subnets").await;
    assert_eq!(list.body["items"][0]["name"], "blue-r1");
    netmaster
        .delete("/v1/subnets/blue-r1")
        .await
        .is_problem(409, "subnet_in_use", "`10.1.0.10`");
    netmaster
        .delete("/v1/networks/blue")
        .await
        .is_problem(409, "network_in_use", "`blue-r1`");
    netmaster.delete("/v1/endpoints/c1/eth0").await;
    let gone = netmaster.delete("/v1/subnets/blue-r1").await;
    assert_eq!(gone.status, StatusCode::NO_CONTENT);
    netmaster
        .get("/v1/subnets/blue-r1")
        .await
        .is_problem(404, "subnet_not_found", "`blue-r1`");
}

#[tokio::test]
async fn a_node_registers_as_often_as_it_likes() {
    let netmaster = Netmaster::with_blue().await;
    let seen = netmaster.get("/v1/nodes/n1").await.body;
    assert_eq!(seen["rack"], "r1");
    let spec = json!({"rack": "r1"});
    for _ in 0..2 {
        let answer = netmaster.ask(Method::PUT, "/v1/nodes/n1", &spec).await;
        assert_eq!(answer.status, StatusCode::OK, "{answer:?}");
        for field in ["name", "rack", "fence", "revision"] {
            assert_eq!(answer.body[field], seen[field], "{field}");
        }
        let cluster = netmaster.client.cluster().await.unwrap();
        assert_eq!(answer.body["cluster"]["id"], cluster.id);
        assert_eq!(answer.body["cluster"]["epoch"], 0);
        assert_eq!(answer.body["cluster"]["revision"], cluster.revision);
    }
    netmaster.allocate("c1/eth0").await;
    netmaster
        .ask(Method::PUT, "/v1/nodes/n1", &json!({"rack": "r2"}))
        .await
        .is_problem(409, "node_in_use", "`10.1.0.10`");
    netmaster
        .get("/v1/nodes/n2")
        .await
        .is_problem(404, "node_not_found", "node `n2`");
}

#[tokio::test]
async fn an_endpoint_has_all_it_takes_to_build_it() {
    let netmaster = Netmaster::with_blue().await;
    let body = json!({
        "attachment": "c1/eth0", "network": "blue", "node": "n1",
        "pod": {"namespace": "shop", "name": "web-0"},
    });
    let mut first = netmaster.ask(Method::POST, "/v1/endpoints", &body).await;
    assert_eq!(first.status, StatusCode::CREATED);
    let again = netmaster.ask(Method::POST, "/v1/endpoints", &body).await;
    again.is(StatusCode::OK, &first.body);
    netmaster
        .get("/v1/endpoints/c1/eth0")
        .await
        .is(StatusCode::OK, &first.body);
    netmaster.get("/v1/endpoints").await.is(
        StatusCode::OK,
        &json!({"items": [first.body], "revision": first.body["revision"]}),
    );
    let created = first.body.as_object_mut().unwrap().remove("created");
    assert!(created.unwrap().as_u64().unwrap() > 1_700_000_000);
    first.is(
        StatusCode::CREATED,
        &json!({
            "attachment": "c1/eth0", "pod": {"namespace": "shop", "name": "web-0"},
            "node": "n1", "network": "blue", "vlan": 100, "mtu": 1500,
            "mac": "02:01:0a:01:00:0a",
            "addresses": [
                {"ip": "10.1.0.10", "prefix": 24, "gateway": "10.1.0.1", "subnet": "blue-r1"},
            ],
            "revision": 5,
        }),
    );
}

#[tokio::test]
async fn release_is_a_success_however_often() {
    let netmaster = Netmaster::with_blue().await;
    netmaster.allocate("c1/eth0").await;
    for _ in 0..2 {
        let gone = netmaster.delete("/v1/endpoints/c1/eth0").await;
        assert_eq!(gone.status, StatusCode::NO_CONTENT);
    }
    netmaster
        .get("/v1/endpoints/c1/eth0")
        .await
        .is_problem(404, "endpoint_not_found", "`c1/eth0`");
}

#[tokio::test]
async fn a_full_subnet_says_so_and_gives_the_last_owner_its_address_again() {
    let netmaster = Netmaster::with_blue().await;
    for attachment in ["c1/eth0", "c3/eth0"] {
        netmaster.allocate(attachment).await;
    }
    let pod = Pod {
        namespace: "shop".to_owned(),
        name: "web-0".to_owned(),
    };
    let of_pod = |attachment| EndpointSpec {
        pod: Some(pod.clone()),
        ..netmaster::wish(attachment)
    };
    let client = &netmaster.client;
    let first = client.allocate(&of_pod("c2/eth0")).await.unwrap();
    let stranger = netmaster::wish("c4/eth0");
    let error = client.allocate(&stranger).await.unwrap_err();
    assert_eq!(error.code(), Some(ErrorCode::SubnetFull));
    assert!(error.is_full() && !error.is_conflict() && !error.is_retryable());
    assert!(error.to_string().contains("3 of 3 in use"), "{error}");
    client.release(&first.attachment).await.unwrap();
    // It cools down, for all but the pod that had it.
    assert!(client.allocate(&stranger).await.unwrap_err().is_full());
    let again = client.allocate(&of_pod("c5/eth0")).await.unwrap();
    assert_eq!(again.addresses, first.addresses);
}

#[tokio::test]
async fn the_client_tells_kinds_of_errors_apart() {
    let netmaster = Netmaster::with_blue().await;
    let client = &netmaster.client;
    client.healthz().await.unwrap();
    let missing = client
        .get::<Network>(&"red".parse().unwrap())
        .await
        .unwrap_err();
    assert!(
        missing.is_not_found() && !missing.is_conflict(),
        "{missing}"
    );
    netmaster.allocate("c1/eth0").await;
    let elsewhere = EndpointSpec {
        node: "n2".parse().unwrap(),
        ..netmaster::wish("c1/eth0")
    };
    let conflict = client.allocate(&elsewhere).await.unwrap_err();
    assert!(conflict.is_conflict(), "{conflict}");
    assert_eq!(conflict.code(), Some(ErrorCode::AttachmentInUse));
    assert!(conflict.to_string().contains("node `n1`"), "{conflict}");

    let client = netmaster.stop().await;
    let away = client.list::<Network>(&Query::default()).await.unwrap_err();
    assert!(away.is_unreachable() && away.is_retryable(), "{away}");
}

#[tokio::test]
async fn interface_names_with_odd_characters_survive_the_url() {
    let netmaster = Netmaster::with_blue().await;
    for attachment in ["c1/a?b#c%2f", "C_.-/..x", "c1/{a}&\"'"] {
        netmaster.allocate(attachment).await;
        let attachment = attachment.parse().unwrap();
        let endpoint = netmaster.client.get::<Endpoint>(&attachment).await.unwrap();
        assert_eq!(endpoint.attachment, attachment);
        netmaster.client.release(&attachment).await.unwrap();
    }
    let all = netmaster.client.list::<Endpoint>(&Query::default()).await;
    assert!(all.unwrap().items.is_empty());
}

#[tokio::test]
async fn without_an_authority_no_node_joins() {
    let netmaster = Netmaster::start().await;
    let body = json!({"node": "n1", "token": "trunkline_0", "request": "none"});
    netmaster
        .ask(Method::POST, "/v1/join", &body)
        .await
        .is_problem(409, "no_authority", "--node-ca-cert");
}
