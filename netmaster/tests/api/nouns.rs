//! What operators do to objects, and what agents say and ask.

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use trunkline_netmaster_api::{
    Address, AddressRelease, AddressState, ExplainSpec, Explanation, Held, HoldingsReport, Network,
    NetworkSpec, NodeEdit, Query, ReserveReturn, ReserveSpec, Subnet, SubnetSpec,
};

use crate::netmaster::{KINDS, Netmaster, wish};

/// A network, a subnet, and one object of each other kind that is managed: path, spec, and a
/// changed spec.
fn managed() -> Vec<(&'static str, &'static str, Value, Value)> {
    let with = |spec: &Value, key: &str, value: Value| {
        let mut spec = spec.clone();
        spec[key] = value;
        spec
    };
    let network = json!({"name": "red", "vlan": 200, "labels": {"tier": "gold"}});
    let subnet = json!({
        "name": "red-1", "network": "red", "cidr": "10.2.0.0/24", "gateway": "10.2.0.1",
        "exclusions": ["10.2.0.50"], "nodes": "zone=a",
    });
    let pool = json!({"subnet": "red-1", "name": "web", "ranges": ["10.2.0.60-10.2.0.69"]});
    let profile = json!({"name": "gold", "ingress": {"bandwidth": 1_000_000, "burst": 1500}});
    let group = json!({
        "name": "shop-web", "namespaces": ["shop"], "pods": "app=web", "network": "red",
        "pool": "web", "profile": "gold",
    });
    let reservation = json!({
        "name": "db", "network": "red", "addresses": [{"ip": "10.2.0.10"}, {"ip": "10.2.0.11"}],
        "holder": {"kind": "stateful_set", "namespace": "shop", "name": "db"},
        "retention": {"seconds": 3600}, "owner": "team-shop", "reason": "pinned by clients",
    });
    vec![
        (
            "/v1/networks",
            "red",
            network.clone(),
            with(&network, "mtu", json!(9000)),
        ),
        (
            "/v1/subnets",
            "red-1",
            subnet.clone(),
            with(&subnet, "exclusions", json!([])),
        ),
        (
            "/v1/pools",
            "red-1/web",
            pool.clone(),
            with(&pool, "ranges", json!(["10.2.0.60-10.2.0.79"])),
        ),
        (
            "/v1/profiles",
            "gold",
            profile.clone(),
            with(&profile, "dscp", json!(46)),
        ),
        (
            "/v1/groups",
            "shop-web",
            group.clone(),
            with(&group, "priority", json!(7)),
        ),
        (
            "/v1/reservations",
            "db",
            reservation.clone(),
            with(&reservation, "retention", json!("until_deleted")),
        ),
    ]
}

/// Everything of `part` is in `whole`.
#[track_caller]
fn contains(whole: &Value, part: &Value) {
    for (key, value) in part.as_object().unwrap() {
        if key == "ranges" || key == "exclusions" && value.as_array().unwrap().is_empty() {
            continue;
        }
        if key == "exclusions" {
            assert!(whole[key].is_array(), "{whole}");
            continue;
        }
        assert_eq!(whole[key], *value, "{key} of {whole}");
    }
}

#[tokio::test]
async fn every_managed_kind_is_created_shown_updated_and_deleted() {
    let netmaster = Netmaster::start().await;
    for (path, name, spec, changed) in managed() {
        let url = format!("{path}/{name}");
        let created = netmaster.create(path, &spec).await;
        contains(&created, &spec);
        netmaster.get(&url).await.is(StatusCode::OK, &created);
        let list = netmaster.get(path).await.body;
        assert_eq!(list["items"], json!([created]));

        let mut update = changed.clone();
        update["revision"] = created["revision"].clone();
        let updated = netmaster.ask(Method::PUT, &url, &update).await;
        assert_eq!(updated.status, StatusCode::OK, "{updated:?}");
        contains(&updated.body, &changed);
        assert!(updated.body["revision"].as_u64() > created["revision"].as_u64());

        // The same again is stale now, and says what is current.
        let stale = netmaster.ask(Method::PUT, &url, &update).await;
        stale.is_problem(409, "stale_revision", name);
        assert_eq!(stale.body["current"], updated.body["revision"]);
        let stale = netmaster.delete(&format!("{url}?revision=1")).await;
        stale.is_problem(409, "stale_revision", name);

        // With the right revision nothing is left to change.
        update["revision"] = updated.body["revision"].clone();
        let same = netmaster.ask(Method::PUT, &url, &update).await;
        assert_eq!(same.body["revision"], updated.body["revision"]);
    }
    for (path, name, _, _) in managed().into_iter().rev() {
        let url = format!("{path}/{name}");
        let revision = netmaster.get(&url).await.body["revision"].clone();
        let gone = netmaster
            .delete(&format!("{url}?revision={revision}"))
            .await;
        assert_eq!(gone.status, StatusCode::NO_CONTENT, "{gone:?}");
        let missing = netmaster.get(&url).await;
        assert_eq!(missing.status, StatusCode::NOT_FOUND);
        let code = missing.body["code"].as_str().unwrap();
        assert!(code.ends_with("_not_found"), "{code}");
    }
}

#[tokio::test]
async fn an_update_needs_a_revision_and_the_name_of_the_url() {
    let netmaster = Netmaster::with_blue().await;
    let without = json!({"name": "blue", "vlan": 100, "mtu": 9000});
    let answer = netmaster
        .ask(Method::PUT, "/v1/networks/blue", &without)
        .await;
    answer.is_problem(422, "invalid_field", "it is missing");
    assert_eq!(answer.body["field"], "revision");
    let other = json!({"name": "red", "vlan": 100, "revision": 2});
    let answer = netmaster
        .ask(Method::PUT, "/v1/networks/blue", &other)
        .await;
    answer.is_problem(422, "invalid_field", "`red`");
    assert_eq!(answer.body["field"], "name");
    let unknown = json!({"name": "red", "vlan": 100, "revision": 2});
    netmaster
        .ask(Method::PUT, "/v1/networks/red", &unknown)
        .await
        .is_problem(404, "network_not_found", "`red`");
}

#[tokio::test]
async fn the_client_updates_with_the_revision_it_saw() {
    let netmaster = Netmaster::with_blue().await;
    let client = &netmaster.client;
    let name = "blue".parse().unwrap();
    let seen = client.get::<Network>(&name).await.unwrap();
    let spec = NetworkSpec {
        name,
        vlan: seen.vlan,
        mtu: "9000".parse().unwrap(),
        labels: Default::default(),
    };
    let updated = client
        .update::<Network>(&spec, seen.revision)
        .await
        .unwrap();
    assert_eq!(updated.mtu, spec.mtu);
    let stale = client
        .update::<Network>(&spec, seen.revision)
        .await
        .unwrap_err();
    assert!(stale.is_conflict(), "{stale}");
    assert_eq!(stale.current_revision(), Some(updated.revision));
    let stale = client.delete_at::<Network>(&spec.name, seen.revision).await;
    assert_eq!(
        stale.unwrap_err().current_revision(),
        Some(updated.revision)
    );
}

#[tokio::test]
async fn a_new_gateway_tells_who_has_the_old_one() {
    let netmaster = Netmaster::with_blue().await;
    netmaster.allocate("c1/eth0").await;
    let client = &netmaster.client;
    let seen = client
        .get::<Subnet>(&"blue-r1".parse().unwrap())
        .await
        .unwrap();
    let spec = SubnetSpec {
        name: seen.name.clone(),
        network: seen.network.clone(),
        cidr: seen.cidr,
        gateway: "10.1.0.2".parse().unwrap(),
        ranges: seen.ranges.clone(),
        exclusions: Vec::new(),
        rack: seen.rack.clone(),
        nodes: None,
        labels: Default::default(),
    };
    let updated = client.update::<Subnet>(&spec, seen.revision).await.unwrap();
    assert_eq!(updated.subnet.gateway, spec.gateway);
    let [old] = updated.old_gateway.as_slice() else {
        panic!("{updated:?}");
    };
    assert_eq!(old.attachment.to_string(), "c1/eth0");
    assert_eq!(old.node.as_str(), "n1");
}

#[tokio::test]
async fn an_operator_changes_a_nodes_labels() {
    let netmaster = Netmaster::with_blue().await;
    let client = &netmaster.client;
    let name = "n1".parse().unwrap();
    let node = client
        .get::<trunkline_netmaster_api::Node>(&name)
        .await
        .unwrap();
    let labels = [("zone".parse().unwrap(), "a".parse().unwrap())];
    let edit = NodeEdit {
        revision: node.revision,
        rack: None,
        labels: Some(labels.into_iter().collect()),
    };
    let edited = client.edit_node(&name, &edit).await.unwrap();
    assert_eq!(edited.rack, node.rack);
    assert_eq!(edited.labels.get("zone").unwrap().as_str(), "a");
    let stale = client.edit_node(&name, &edit).await.unwrap_err();
    assert_eq!(stale.current_revision(), Some(edited.revision));
}

#[tokio::test]
async fn a_rack_that_an_operator_says_outlives_what_the_agent_repeats() {
    let netmaster = Netmaster::with_blue().await;
    let register = async |rack: &str| {
        let spec = json!({"rack": rack});
        let node = netmaster.ask(Method::PUT, "/v1/nodes/n1", &spec).await;
        assert_eq!(node.status, StatusCode::OK, "{node:?}");
        node.body
    };
    let node = register("r1").await;
    let edit = json!({"revision": node["revision"], "rack": "r9"});
    let edited = netmaster.ask(Method::PATCH, "/v1/nodes/n1", &edit).await;
    assert_eq!(edited.status, StatusCode::OK, "{edited:?}");
    for _ in 0..2 {
        let node = register("r1").await;
        assert_eq!(
            (&node["rack"], &node["agent_rack"]),
            (&json!("r9"), &json!("r1"))
        );
    }
    let node = register("r2").await;
    assert_eq!(
        (&node["rack"], &node["agent_rack"]),
        (&json!("r2"), &Value::Null)
    );
}

#[tokio::test]
async fn an_address_tells_what_it_can_be_used_for() {
    let netmaster = Netmaster::with_blue().await;
    netmaster.allocate("c1/eth0").await;
    let reservation = json!({
        "name": "db", "network": "blue", "addresses": [{"ip": "10.1.0.12"}],
        "holder": {"kind": "pod", "namespace": "shop", "name": "db-0"},
    });
    netmaster.create("/v1/reservations", &reservation).await;
    let state = async |ip: &str| {
        let address = netmaster.client.get::<Address>(&ip.parse().unwrap()).await;
        address.unwrap().state
    };
    assert_eq!(state("10.1.0.10").await, AddressState::Bound);
    assert_eq!(state("10.1.0.11").await, AddressState::Free);
    assert_eq!(state("10.1.0.12").await, AddressState::Reserved);
    assert_eq!(state("10.1.0.1").await, AddressState::Excluded);
    assert_eq!(state("10.1.0.200").await, AddressState::Excluded);
    let bound = netmaster.get("/v1/addresses/10.1.0.10").await.body;
    assert_eq!(bound["attachment"], "c1/eth0");
    assert_eq!(bound["node"], "n1");
    netmaster
        .client
        .release(&"c1/eth0".parse().unwrap())
        .await
        .unwrap();
    assert_eq!(state("10.1.0.10").await, AddressState::Cooling);
    netmaster.get("/v1/addresses/192.0.2.1").await.is_problem(
        404,
        "address_not_found",
        "in no subnet",
    );
}

#[tokio::test]
async fn a_conflict_takes_an_address_out_of_circulation_until_it_is_cleared() {
    let netmaster = Netmaster::with_blue().await;
    let client = &netmaster.client;
    let ip = "10.1.0.10".parse().unwrap();
    let mac = "02:00:00:00:00:07".parse().unwrap();
    let node = "n1".parse().unwrap();
    client.report_conflict(ip, mac, &node).await.unwrap();
    let address = client.get::<Address>(&ip).await.unwrap();
    assert_eq!(address.state, AddressState::Conflict);
    assert_eq!(address.conflict.unwrap().mac, mac);
    assert_eq!(netmaster.allocate("c1/eth0").await, "10.1.0.11");
    let events = netmaster
        .get("/v1/events?fieldSelector=kind=address_conflict")
        .await
        .body;
    assert_eq!(events["items"].as_array().unwrap().len(), 1, "{events}");
    let revision = &events["items"][0]["revision"];
    let event = netmaster.get(&format!("/v1/events/{revision}")).await;
    event.is(StatusCode::OK, &events["items"][0]);
    client.clear_conflict(ip).await.unwrap();
    let address = client.get::<Address>(&ip).await.unwrap();
    assert_ne!(address.state, AddressState::Conflict);
}

#[tokio::test]
async fn an_operator_takes_an_address_back() {
    let netmaster = Netmaster::with_blue().await;
    netmaster.allocate("c1/eth0").await;
    let ip = "10.1.0.10".parse().unwrap();
    let release = |force| AddressRelease {
        reason: "the pod is gone".to_owned(),
        force,
    };
    let client = &netmaster.client;
    let alive = client
        .release_address(ip, &release(false))
        .await
        .unwrap_err();
    assert!(alive.is_conflict(), "{alive}");
    let fence = netmaster.get("/v1/nodes/n1").await.body["fence"].clone();
    let mac = netmaster.get("/v1/endpoints/c1/eth0").await.body["mac"].clone();
    let held = json!({"attachment": "c1/eth0", "network": "blue", "mac": mac,
                      "addresses": ["10.1.0.10"]});
    let report = json!({"fence": fence, "epoch": 0, "ovsdb": [held], "runtime": ["c1"],
                        "reserve": []});
    let reported = netmaster
        .ask(Method::PUT, "/v1/nodes/n1/holdings", &report)
        .await;
    assert_eq!(reported.status, StatusCode::NO_CONTENT, "{reported:?}");
    let alive = client
        .release_address(ip, &release(false))
        .await
        .unwrap_err()
        .to_string();
    for sign in [
        "the node was heard ",
        "its switch had the interface ",
        "its runtime had the container ",
    ] {
        assert!(alive.contains(sign), "{alive}");
    }
    client.release_address(ip, &release(true)).await.unwrap();
    let attachment = "c1/eth0".parse().unwrap();
    let gone = client
        .get::<trunkline_netmaster_api::Endpoint>(&attachment)
        .await;
    assert!(gone.unwrap_err().is_not_found());
    let history = netmaster.get("/v1/addresses/10.1.0.10/history").await.body;
    assert_eq!(
        history["items"][0]["reason"], "the pod is gone",
        "{history}"
    );
}

#[tokio::test]
async fn a_node_leases_binds_and_returns_addresses() {
    let netmaster = Netmaster::start().await;
    let network = json!({"name": "blue", "vlan": 100});
    netmaster.create("/v1/networks", &network).await;
    let subnet = json!({
        "name": "b", "network": "blue", "cidr": "10.1.0.0/24", "gateway": "10.1.0.1",
    });
    netmaster.create("/v1/subnets", &subnet).await;
    let spec = json!({"rack": "r1"});
    let node = netmaster.ask(Method::PUT, "/v1/nodes/n1", &spec).await.body;
    let fence = node["fence"].as_u64().unwrap();
    let client = &netmaster.client;
    let name = "n1".parse().unwrap();
    let wanted = ReserveSpec {
        fence,
        network: "blue".parse().unwrap(),
        count: 4,
    };
    let reserve = client.reserve(&name, &wanted).await.unwrap();
    assert_eq!(reserve.slots.len(), 4);
    assert_eq!(
        (reserve.vlan.to_string(), reserve.mtu.to_string()),
        ("100".into(), "1500".into())
    );
    let leased: Vec<_> = reserve
        .slots
        .iter()
        .map(|slot| slot.addresses[0].ip)
        .collect();
    let query = Query::field("state", "leased");
    let listed = client.list::<Address>(&query).await.unwrap();
    assert_eq!(
        listed.items.iter().map(|one| one.ip).collect::<Vec<_>>(),
        leased
    );

    let mut bind = wish("c1/eth0");
    bind.fence = Some(fence);
    bind.leased = vec![leased[0]];
    let endpoint = client.allocate(&bind).await.unwrap();
    assert_eq!(endpoint.addresses[0].ip, leased[0]);
    assert_eq!(endpoint.mac, reserve.slots[0].mac);
    let rest = ReserveReturn {
        fence,
        addresses: leased[1..].to_vec(),
    };
    client.return_reserve(&name, &rest).await.unwrap();
    assert!(
        client
            .list::<Address>(&query)
            .await
            .unwrap()
            .items
            .is_empty()
    );

    let stale = ReserveSpec {
        fence: fence - 1,
        ..wanted
    };
    let fenced = client.reserve(&name, &stale).await.unwrap_err();
    assert_eq!(
        fenced.code(),
        Some(trunkline_netmaster_api::ErrorCode::Fenced)
    );
}

#[tokio::test]
async fn a_node_reports_says_farewell_and_is_removed() {
    let netmaster = Netmaster::with_blue().await;
    let client = &netmaster.client;
    let endpoint = client.allocate(&wish("c1/eth0")).await.unwrap();
    let name = "n1".parse().unwrap();
    let node = client
        .get::<trunkline_netmaster_api::Node>(&name)
        .await
        .unwrap();
    let report = HoldingsReport {
        fence: node.fence,
        epoch: 0,
        ovsdb: vec![Held {
            attachment: endpoint.attachment.clone(),
            network: endpoint.network.clone(),
            mac: endpoint.mac,
            addresses: vec![endpoint.addresses[0].ip],
            pod: None,
        }],
        runtime: Some(vec![endpoint.attachment.container.clone()]),
        reserve: Vec::new(),
    };
    client.report_holdings(&name, &report).await.unwrap();
    client.waive_report(&name).await.unwrap();
    client.farewell(&name, node.fence).await.unwrap();
    let busy = client.remove_node(&name, false).await.unwrap_err();
    assert_eq!(
        busy.code(),
        Some(trunkline_netmaster_api::ErrorCode::NodeInUse)
    );
    client.remove_node(&name, true).await.unwrap();
    let gone = client
        .get::<trunkline_netmaster_api::Node>(&name)
        .await
        .unwrap_err();
    assert!(gone.is_not_found());
    let endpoints = netmaster.get("/v1/endpoints").await.body;
    assert_eq!(endpoints["items"], json!([]));
}

#[tokio::test]
async fn what_a_pod_is_bound_to_is_explained_and_given() {
    let netmaster = Netmaster::with_blue().await;
    let profile = json!({"name": "gold", "egress": {"bandwidth": 5000}, "dscp": 46});
    netmaster.create("/v1/profiles", &profile).await;
    let groups = [
        json!({"name": "all", "network": "blue"}),
        json!({"name": "shop", "namespaces": ["shop"], "profile": "gold"}),
    ];
    for group in &groups {
        netmaster.create("/v1/groups", group).await;
    }
    let spec = ExplainSpec {
        node: Some("n1".parse().unwrap()),
        namespace: Some("shop".parse().unwrap()),
        ..ExplainSpec::default()
    };
    let Explanation {
        network,
        pool,
        profile,
        ladder,
        ..
    } = netmaster.client.explain(&spec).await.unwrap();
    assert_eq!(network.unwrap().group.unwrap().as_str(), "all");
    assert_eq!(profile.unwrap().value.as_str(), "gold");
    assert!(pool.is_none());
    let matched: Vec<_> = ladder.iter().map(|rung| rung.matched).collect();
    assert_eq!(matched, [false, true, true], "{ladder:?}");
    assert_eq!(ladder[0].why_not.as_deref(), Some("says_nothing"));

    let url = "/v1/explain?node=n1&namespace=shop&podLabels=app=web,tier=front";
    let same = netmaster.get(url).await.body;
    assert_eq!(same["network"]["group"], "all", "{same}");
    assert_eq!(same["profile"]["value"], "gold", "{same}");

    let body = json!({
        "attachment": "c1/eth0", "node": "n1", "pod": {"namespace": "shop", "name": "web-0"},
    });
    let endpoint = netmaster.create("/v1/endpoints", &body).await;
    assert_eq!(endpoint["network"], "blue");
    assert_eq!(
        endpoint["qos"],
        json!({"profile": "gold", "egress": {"bandwidth": 5000}, "dscp": 46})
    );
    // Without an orchestrator the pod's node is known by its endpoint, and its labels are not.
    let labelled = json!({"name": "labelled", "namespaces": ["shop"], "pods": "app=web",
                          "network": "blue"});
    netmaster.create("/v1/groups", &labelled).await;
    let reserved = json!({"name": "web", "network": "blue", "addresses": [{"ip": "10.1.0.12"}],
                          "holder": {"kind": "stateful_set", "namespace": "shop", "name": "web"}});
    netmaster.create("/v1/reservations", &reserved).await;
    let asked = json!({"pod": {"namespace": "shop", "name": "web-0"}});
    let known = netmaster
        .ask(Method::POST, "/v1/explain", &asked)
        .await
        .body;
    assert_eq!(known["node"], "n1", "{known}");
    assert_eq!(known["ladder"][1]["why_not"], "labels_unknown", "{known}");
    assert_eq!(known["reservations"][0]["name"], "web", "{known}");
    let url = "/v1/explain?pod=shop/web-0&podLabels=app=web";
    let given = netmaster.get(url).await.body;
    assert_eq!(given["network"]["group"], "labelled", "{given}");
    assert_eq!(given["pod_labels"], json!({"app": "web"}), "{given}");
    let stranger = json!({"attachment": "c2/eth0", "node": "n1", "network": "blue"});
    let endpoint = netmaster.create("/v1/endpoints", &stranger).await;
    assert!(endpoint.get("qos").is_none(), "{endpoint}");
}

#[tokio::test]
async fn an_emptied_subnet_with_many_records_is_deleted_to_the_end() {
    let netmaster = Netmaster::start().await;
    netmaster
        .create("/v1/networks", &json!({"name": "blue", "vlan": 100}))
        .await;
    let subnet = json!({
        "name": "b", "network": "blue", "cidr": "10.1.0.0/24", "gateway": "10.1.0.1",
    });
    netmaster.create("/v1/subnets", &subnet).await;
    netmaster
        .ask(Method::PUT, "/v1/nodes/n1", &json!({"rack": "r1"}))
        .await;
    for number in 0..200 {
        netmaster.allocate(&format!("c{number}/eth0")).await;
    }
    for number in 0..200 {
        let attachment = format!("c{number}/eth0").parse().unwrap();
        netmaster.client.release(&attachment).await.unwrap();
    }
    let records = netmaster.get("/v1/addresses").await.body;
    assert_eq!(records["items"].as_array().unwrap().len(), 200);
    let gone = netmaster.delete("/v1/subnets/b").await;
    assert_eq!(gone.status, StatusCode::NO_CONTENT, "{gone:?}");
    for kind in ["subnets", "addresses"] {
        let left = netmaster.get(&format!("/v1/{kind}")).await.body;
        assert_eq!(left["items"], json!([]), "{kind}");
    }
}

#[tokio::test]
async fn it_is_alive_and_ready_and_tells_which_cluster_it_is() {
    let netmaster = Netmaster::start().await;
    netmaster.client.healthz().await.unwrap();
    netmaster.client.readyz().await.unwrap();
    let cluster = netmaster.client.cluster().await.unwrap();
    assert!(
        cluster.leading && cluster.awaiting.is_empty(),
        "{cluster:?}"
    );
    for kind in KINDS {
        let list = netmaster.get(&format!("/v1/{kind}")).await;
        assert_eq!(list.status, StatusCode::OK, "{kind}");
        assert_eq!(list.body["items"], json!([]), "{kind}");
    }
}
