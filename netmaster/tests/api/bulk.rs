//! Many objects at once: apply, export and import.

use proptest::prelude::*;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use trunkline_netmaster_api::{
    Apply, ApplyOptions, Effect, EndpointSpec, ImportSpec, Manifest, Network, Op, Query,
};
use trunkline_types::{Pod, Selector};

use crate::netmaster::{Answer, Netmaster, wish};

/// A whole set-up, the wrong way round.
fn everything() -> Value {
    json!([
        {"kind": "reservation", "name": "db", "network": "red", "addresses": [{"ip": "10.7.0.9"}],
         "holder": {"kind": "stateful_set", "namespace": "shop", "name": "db"}},
        {"kind": "group", "name": "shop", "namespaces": ["shop"], "network": "red", "pool": "web",
         "profile": "gold"},
        {"kind": "pool", "subnet": "red-r1", "name": "web", "ranges": ["10.7.0.20-10.7.0.29"]},
        {"kind": "subnet", "name": "red-r1", "network": "red", "cidr": "10.7.0.0/24",
         "gateway": "10.7.0.1", "rack": "r1", "labels": {"team": "net"}},
        {"kind": "profile", "name": "gold", "egress": {"bandwidth": 1_000_000}},
        {"kind": "network", "name": "red", "vlan": 700, "labels": {"team": "net"}},
    ])
}

async fn apply(netmaster: &Netmaster, query: &str, objects: &Value) -> Answer {
    let path = format!("/v1/apply{query}");
    let body = json!({"objects": objects});
    netmaster.ask(Method::POST, &path, &body).await
}

/// What became of each object: its name and the operation.
fn ops(answer: &Answer) -> Vec<(String, String)> {
    assert_eq!(answer.status, StatusCode::OK, "{answer:?}");
    let objects = answer.body["objects"].as_array().unwrap().iter();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    objects
        .map(|object| (text(&object["name"]), text(&object["op"])))
        .collect()
}

async fn revision(netmaster: &Netmaster) -> u64 {
    netmaster.client.cluster().await.unwrap().revision
}

#[tokio::test]
async fn a_list_is_applied_in_any_order_as_one_change() {
    let netmaster = Netmaster::start().await;
    let before = revision(&netmaster).await;
    let looked = apply(&netmaster, "?dryRun=true", &everything()).await;
    assert_eq!(looked.body["dry_run"], true);
    assert_eq!(looked.body["revision"], before);
    assert_eq!(revision(&netmaster).await, before, "nothing was done");
    let done = apply(&netmaster, "", &everything()).await;
    assert_eq!(ops(&done).len(), 6);
    assert!(ops(&done).iter().all(|(_, op)| op == "create"), "{done:?}");
    // What was announced is what came, apart from that it came.
    assert_eq!(looked.body["objects"], done.body["objects"]);
    assert_eq!(done.body["revision"], before + 1);
    let network = netmaster.get("/v1/networks/red").await;
    assert_eq!(network.body["revision"], before + 1);
    let again = apply(&netmaster, "", &everything()).await;
    assert!(
        ops(&again).iter().all(|(_, op)| op == "unchanged"),
        "{again:?}"
    );
    assert_eq!(revision(&netmaster).await, before + 1);
}

#[tokio::test]
async fn a_dry_run_says_field_by_field_what_would_change_and_whom_it_touches() {
    let netmaster = Netmaster::with_blue().await;
    let pod = Pod {
        namespace: "shop".to_owned(),
        name: "web-0".to_owned(),
    };
    let spec = EndpointSpec {
        pod: Some(pod),
        ..wish("c1/eth0")
    };
    netmaster.client.allocate(&spec).await.unwrap();
    let wanted = json!([
        {"kind": "network", "name": "blue", "vlan": 100, "mtu": 9000, "labels": {"a": "1"}},
        {"kind": "subnet", "name": "blue-r1", "network": "blue", "rack": "r1",
         "cidr": "10.1.0.0/24", "gateway": "10.1.0.254", "ranges": ["10.1.0.10-10.1.0.11"]},
    ]);
    let looked = apply(&netmaster, "?dryRun=true", &wanted).await;
    assert_eq!(looked.status, StatusCode::OK, "{looked:?}");
    let touched = json!({
        "attachment": "c1/eth0", "node": "n1", "addresses": ["10.1.0.10"],
        "pod": {"namespace": "shop", "name": "web-0"},
    });
    let expected = json!([
        {"index": 0, "kind": "network", "name": "blue", "op": "update",
         "fields": [{"field": "labels.a", "after": "1"},
                    {"field": "mtu", "before": 1500, "after": 9000}],
         "touches": [{"effect": "keeps_mtu", "total": 1, "endpoints": [touched]}]},
        {"index": 1, "kind": "subnet", "name": "blue-r1", "op": "update",
         "fields": [{"field": "gateway", "before": "10.1.0.1", "after": "10.1.0.254"},
                    {"field": "ranges", "before": ["10.1.0.10-10.1.0.12"],
                     "after": ["10.1.0.10-10.1.0.11"]}],
         "touches": [{"effect": "keeps_gateway", "total": 1, "endpoints": [touched]},
                     {"effect": "withdrawn", "total": 0,
                      "addresses": ["10.1.0.12-10.1.0.12"]}]},
    ]);
    assert_eq!(looked.body["objects"], expected);
    assert_eq!(netmaster.get("/v1/networks/blue").await.body["mtu"], 1500);
    // A range that somebody has an address of is not taken away.
    let narrow = json!([
        {"kind": "subnet", "name": "blue-r1", "network": "blue", "rack": "r1",
         "cidr": "10.1.0.0/24", "gateway": "10.1.0.1", "ranges": ["10.1.0.11-10.1.0.12"]},
    ]);
    for query in ["?dryRun=true", ""] {
        let refused = apply(&netmaster, query, &narrow).await;
        refused.is_problem(409, "subnet_in_use", "10.1.0.10");
    }
}

#[tokio::test]
async fn what_stands_in_the_way_is_named_and_nothing_is_done() {
    let netmaster = Netmaster::with_blue().await;
    let before = netmaster.everything().await;
    let wanted = json!([
        {"kind": "profile", "name": "gold"},
        {"kind": "network", "name": "red", "vlan": 100},
        {"kind": "subnet", "name": "red-r1", "network": "red", "cidr": "10.7.0.0/24",
         "gateway": "10.7.0.1"},
    ]);
    let refused = apply(&netmaster, "", &wanted).await;
    refused.is_problem(409, "vlan_in_use", "objects[1], network `red`: VLAN `100`");
    assert_eq!(refused.body["field"], "objects[1].vlan");
    let objects = refused.body["objects"].as_array().unwrap();
    let named: Vec<_> = objects
        .iter()
        .map(|one| {
            json!([
                one["index"],
                one["kind"],
                one["name"],
                one["code"],
                one["field"]
            ])
        })
        .collect();
    assert_eq!(
        named,
        [
            json!([1, "network", "red", "vlan_in_use", "vlan"]),
            json!([2, "subnet", "red-r1", "network_not_found", "network"]),
        ]
    );
    assert_eq!(netmaster.everything().await, before);
}

#[tokio::test]
async fn more_than_a_transaction_holds_is_refused_before_it_is_tried() {
    let netmaster = Netmaster::start().await;
    let profiles = |count: u32| {
        let profiles = (0..count).map(|n| json!({"kind": "profile", "name": format!("p{n}")}));
        Value::from_iter(profiles)
    };
    for query in ["?dryRun=true", ""] {
        let refused = apply(&netmaster, query, &profiles(4200)).await;
        let detail = "4202 keys";
        refused.is_problem(413, "change_too_large", detail);
        refused.is_problem(413, "change_too_large", "holds 4096 keys");
    }
    // Who makes it in parts may look at all of it all the same.
    let looked = apply(&netmaster, "?dryRun=true&inParts=true", &profiles(4200)).await;
    assert_eq!(ops(&looked).len(), 4200);
    let not_looked = apply(&netmaster, "?inParts=true", &profiles(1)).await;
    not_looked.is_problem(422, "invalid_query", "with `dryRun`");
    // With the record of who did it and the revision they are 4096, and one change.
    let before = revision(&netmaster).await;
    let done = apply(&netmaster, "", &profiles(4094)).await;
    assert_eq!(ops(&done).len(), 4094);
    assert_eq!(revision(&netmaster).await, before + 1);
    let watched = netmaster.get("/v1/profiles/p4093").await;
    assert_eq!(watched.body["revision"], before + 1);
    // What is there already does not count.
    let done = apply(&netmaster, "", &profiles(4200)).await;
    assert_eq!(
        ops(&done).iter().filter(|(_, op)| op == "create").count(),
        106
    );
    apply(&netmaster, "", &profiles(5001)).await.is_problem(
        422,
        "invalid_field",
        "more than 5000 objects",
    );
}

#[tokio::test]
async fn a_large_change_is_in_a_back_up_that_can_be_read() {
    let netmaster = Netmaster::start().await;
    // Names as long as they may be, so that the record of it is too.
    let name = |n: u32| format!("{n:04}{}", "x".repeat(59));
    let profiles = (0..4094).map(|n| json!({"kind": "profile", "name": name(n)}));
    let done = apply(&netmaster, "", &Value::from_iter(profiles)).await;
    assert_eq!(done.status, StatusCode::OK, "{done:?}");
    let backup = netmaster.http.get(format!("{}/v1/backup", netmaster.url));
    let backup = backup.send().await.unwrap().text().await.unwrap();
    let longest = backup.lines().map(str::len).max().unwrap();
    assert!((500_000..1_250_000).contains(&longest), "{longest}");
}

#[tokio::test]
async fn nothing_is_applied_if_what_was_looked_at_has_changed() {
    let netmaster = Netmaster::with_blue().await;
    let looked = apply(&netmaster, "?dryRun=true", &everything()).await;
    let seen = looked.body["revision"].as_u64().unwrap();
    let query = format!("?revision={seen}");
    // What pods do meanwhile does not count.
    netmaster.allocate("c1/eth0").await;
    let bronze = json!({"name": "bronze"});
    netmaster.create("/v1/profiles", &bronze).await;
    let before = netmaster.everything().await;
    let refused = apply(&netmaster, &query, &everything()).await;
    refused.is_problem(409, "stale_revision", "look again");
    assert!(refused.body["current"].as_u64().unwrap() > seen);
    assert_eq!(netmaster.everything().await, before);
    let looked = apply(&netmaster, "?dryRun=true", &everything()).await;
    let query = format!("?revision={}", looked.body["revision"]);
    netmaster.allocate("c2/eth0").await;
    let done = apply(&netmaster, &query, &everything()).await;
    assert_eq!(ops(&done).len(), 6);
}

#[tokio::test]
async fn only_what_is_asked_for_is_pruned() {
    let netmaster = Netmaster::start().await;
    apply(&netmaster, "", &everything()).await;
    let rest = json!([{"kind": "profile", "name": "gold", "egress": {"bandwidth": 1_000_000}}]);
    // The subnet is of that team, and its pool and reservation are not.
    let refused = apply(&netmaster, "?prune=team%3Dnet", &rest).await;
    assert_eq!(refused.status, StatusCode::CONFLICT, "{refused:?}");
    let named = refused.body["objects"].as_array().unwrap();
    assert!(
        named.iter().all(|one| one.get("index").is_none()),
        "{named:?}"
    );
    let pruned = apply(&netmaster, "?prune=!other", &rest).await;
    let deleted = ops(&pruned).into_iter().filter(|(_, op)| op == "delete");
    assert_eq!(deleted.count(), 5, "{pruned:?}");
    assert_eq!(netmaster.get("/v1/networks").await.body["items"], json!([]));
    let profiles = netmaster.get("/v1/profiles").await;
    assert_eq!(profiles.body["items"][0]["name"], "gold");
}

#[tokio::test]
async fn an_export_is_one_moment_and_what_apply_takes() {
    let netmaster = Netmaster::start().await;
    apply(&netmaster, "", &everything()).await;
    let export = netmaster.client.export(&Selector::default()).await.unwrap();
    assert_eq!(export.revision, revision(&netmaster).await);
    assert_eq!(export.objects.len(), 6);
    let dry = ApplyOptions {
        dry_run: true,
        prune: Some("!team".parse().unwrap()),
        ..ApplyOptions::default()
    };
    let changes = netmaster.client.apply(&export.objects, &dry).await.unwrap();
    assert!(changes.objects.iter().all(|one| one.op == Op::Unchanged));
    // Into an empty cluster it makes the same.
    let other = Netmaster::start().await;
    let copied = other
        .client
        .apply(&export.objects, &ApplyOptions::default())
        .await
        .unwrap();
    assert_eq!(copied.objects.len(), 6);
    let copy = other.client.export(&Selector::default()).await.unwrap();
    assert_eq!(copy.objects, export.objects);
    let of_team = netmaster.client.export(&"team=net".parse().unwrap()).await;
    assert_eq!(of_team.unwrap().objects.len(), 2);
    // It is written as it is read.
    let text = serde_json::to_string(&Apply {
        objects: export.objects.clone(),
    });
    let read: Apply = serde_json::from_str(&text.unwrap()).unwrap();
    assert_eq!(read.objects, export.objects);
}

#[tokio::test]
async fn the_client_reads_what_a_change_touches() {
    let netmaster = Netmaster::with_blue().await;
    netmaster.allocate("c1/eth0").await;
    let mut export = netmaster.client.export(&Selector::default()).await.unwrap();
    for object in &mut export.objects {
        if let Manifest::Network(network) = object {
            network.mtu = "9000".parse().unwrap();
        }
    }
    let options = ApplyOptions::default();
    let changes = netmaster
        .client
        .apply(&export.objects, &options)
        .await
        .unwrap();
    let touched = changes.objects.iter().flat_map(|object| &object.touches);
    let effects: Vec<_> = touched.map(|touch| (touch.effect, touch.total)).collect();
    assert_eq!(effects, [(Effect::KeepsMtu, 1)]);
    let networks = netmaster.client.list::<Network>(&Query::default()).await;
    assert_eq!(networks.unwrap().items[0].revision, changes.revision);
}

async fn import(netmaster: &Netmaster, query: &str, addresses: &Value) -> Answer {
    let path = format!("/v1/import{query}");
    let body = json!({"addresses": addresses});
    netmaster.ask(Method::POST, &path, &body).await
}

#[tokio::test]
async fn an_imported_address_goes_to_its_pod_and_to_nobody_else() {
    let netmaster = Netmaster::with_blue().await;
    let addresses = json!([
        {"ip": "10.1.0.10", "pod": {"namespace": "shop", "name": "db-0"}},
        {"ip": "10.1.0.11", "owner": "printer", "mac": "00:11:22:33:44:55"},
        {"ip": "10.1.0.50", "attachment": "old1/eth0", "node": "n1"},
    ]);
    let before = revision(&netmaster).await;
    let looked = import(&netmaster, "?dryRun=true", &addresses).await;
    assert_eq!(revision(&netmaster).await, before);
    let done = import(&netmaster, "", &addresses).await;
    assert_eq!(looked.body["objects"], done.body["objects"]);
    let expected = [
        ("imported-10.1.0.10", "create"),
        ("imported-10.1.0.11", "create"),
        ("old1/eth0", "create"),
    ];
    let expected = expected.map(|(name, op)| (name.to_owned(), op.to_owned()));
    assert_eq!(ops(&done), expected);
    assert_eq!(revision(&netmaster).await, before + 1);
    assert_eq!(netmaster.allocate("c1/eth0").await, "10.1.0.12");
    let stranger = netmaster.client.allocate(&wish("c2/eth0")).await;
    assert!(stranger.unwrap_err().is_full());
    let db = EndpointSpec {
        pod: Some(Pod {
            namespace: "shop".to_owned(),
            name: "db-0".to_owned(),
        }),
        ..wish("c3/eth0")
    };
    let db = netmaster.client.allocate(&db).await.unwrap();
    assert_eq!(db.addresses[0].ip.to_string(), "10.1.0.10");
    let endpoint = netmaster.get("/v1/endpoints/old1/eth0").await;
    assert_eq!(endpoint.body["addresses"][0]["ip"], "10.1.0.50");
    let again = import(&netmaster, "", &addresses).await;
    assert!(
        ops(&again).iter().all(|(_, op)| op == "unchanged"),
        "{again:?}"
    );
}

#[tokio::test]
async fn every_line_that_cannot_be_imported_is_named_and_none_is() {
    let netmaster = Netmaster::with_blue().await;
    netmaster.allocate("c1/eth0").await;
    let before = netmaster.everything().await;
    let pod = |name: &str| json!({"namespace": "shop", "name": name});
    let addresses = json!([
        {"ip": "10.1.0.11", "pod": pod("a-0")},
        {"ip": "10.9.0.1", "pod": pod("b-0")},
        {"ip": "10.1.0.10", "pod": pod("c-0")},
        {"ip": "10.1.0.12", "attachment": "old1/eth0", "node": "n7"},
    ]);
    let refused = import(&netmaster, "", &addresses).await;
    refused.is_problem(
        404,
        "subnet_not_found",
        "addresses[1], address `10.9.0.1`: ",
    );
    let objects = refused.body["objects"].as_array().unwrap();
    let named: Vec<_> = objects
        .iter()
        .map(|one| json!([one["index"], one["name"], one["code"], one["field"]]))
        .collect();
    assert_eq!(
        named,
        [
            json!([1, "10.9.0.1", "subnet_not_found", "ip"]),
            json!([2, "10.1.0.10", "address_in_use", "ip"]),
            json!([3, "10.1.0.12", "node_not_found", "node"]),
        ]
    );
    assert_eq!(netmaster.everything().await, before);
    let spec = ImportSpec {
        addresses: Vec::new(),
        retention: Default::default(),
        reason: String::new(),
    };
    let nothing = netmaster.client.import(&spec, false).await.unwrap();
    assert!(nothing.objects.is_empty());
}

/// A random object of each kind, most of which fit together.
fn manifest() -> impl Strategy<Value = Value> {
    let labels = prop_oneof![Just(json!({})), Just(json!({"team": "a"}))];
    (0u8..6, 1u8..4, 1u8..4, any::<bool>(), labels).prop_map(|(kind, one, two, flag, labels)| {
        let subnet = format!("s{one}");
        match kind {
            0 => json!({"kind": "network", "name": format!("n{one}"), "vlan": 100 + u16::from(two),
                        "mtu": if flag { 1500 } else { 9000 }, "labels": labels}),
            1 => json!({"kind": "profile", "name": format!("p{one}"), "labels": labels,
                        "dscp": if flag { json!(two) } else { Value::Null }}),
            2 => json!({"kind": "subnet", "name": subnet, "network": format!("n{two}"),
                        "cidr": format!("10.{one}.0.0/24"), "gateway": format!("10.{one}.0.{two}"),
                        "exclusions": if flag { vec![format!("10.{one}.0.9")] } else { vec![] },
                        "labels": labels}),
            3 => json!({"kind": "pool", "subnet": subnet, "name": format!("w{two}"),
                        "ranges": [format!("10.{one}.0.{two}0-10.{one}.0.{two}5")],
                        "labels": labels}),
            4 => json!({"kind": "group", "name": format!("g{one}"), "namespaces": [format!("x{two}")],
                        "pods": if flag { json!("app=web") } else { Value::Null },
                        "profile": format!("p{two}"), "labels": labels}),
            _ => json!({"kind": "reservation", "name": format!("r{one}"),
                        "network": format!("n{two}"), "labels": labels,
                        "holder": {"kind": "pod", "namespace": "shop", "name": format!("db-{one}")},
                        "addresses": [{"ip": format!("10.{one}.0.{two}7")}]}),
        }
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 12, ..ProptestConfig::default() })]

    /// Whatever was applied: what is exported and applied again changes nothing, and into an empty
    /// cluster it makes the same.
    #[test]
    fn what_is_exported_and_applied_again_changes_nothing(
        lists in prop::collection::vec(prop::collection::vec(manifest(), 1..12), 1..12)
    ) {
        let runtime = tokio::runtime::Runtime::new().unwrap();
        runtime.block_on(async {
            let netmaster = Netmaster::start().await;
            for list in lists {
                // Some are refused, as contradictions in themselves.
                apply(&netmaster, "", &Value::from(list)).await;
            }
            let export = netmaster.client.export(&Selector::default()).await.unwrap();
            let options = ApplyOptions::default();
            let changes = netmaster.client.apply(&export.objects, &options).await.unwrap();
            assert!(changes.objects.iter().all(|one| one.op == Op::Unchanged), "{changes:?}");
            assert_eq!(changes.revision, export.revision);
            let other = Netmaster::start().await;
            other.client.apply(&export.objects, &options).await.unwrap();
            let copy = other.client.export(&Selector::default()).await.unwrap();
            assert_eq!(copy.objects, export.objects);
        });
    }
}
