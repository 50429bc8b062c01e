//! Requests about many objects: what a token of some networks reaches, and what is recorded.

use reqwest::Method;
use serde_json::{Value, json};

use crate::netmaster::{Answer, Caller, Netmaster};
use crate::tokens::{everything, with_two_networks};

async fn apply(caller: &Caller, query: &str, objects: &Value) -> Answer {
    let path = format!("/v1/apply{query}");
    let body = json!({"objects": objects});
    caller.ask(Method::POST, &path, &body).await
}

/// The records that a selector chooses, oldest first.
async fn records(netmaster: &Netmaster, selector: &str) -> Vec<Value> {
    let admin = netmaster.caller("admin:root");
    let path = format!("/v1/audit?fieldSelector={selector}");
    admin.get(&path).await.body["items"]
        .as_array()
        .unwrap()
        .clone()
}

fn names(list: &Value) -> Vec<&str> {
    let items = list.as_array().unwrap().iter();
    items.map(|one| one["name"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn a_scoped_token_applies_what_is_of_its_networks_only() {
    let netmaster = with_two_networks().await;
    // Nothing is on it that would keep its VLAN as it is.
    let admin = netmaster.caller("admin:root");
    let cyan = json!({"name": "cyan", "vlan": 400});
    assert_eq!(
        admin.ask(Method::POST, "/v1/networks", &cyan).await.status,
        201
    );
    let spec = json!({"name": "blue-ci", "role": "operator", "networks": ["blue", "cyan"]});
    let caller = netmaster.bearer(spec).await;
    let before = everything(&netmaster).await;
    let own = json!({"kind": "pool", "subnet": "blue-r1", "name": "api",
                     "ranges": ["10.1.0.210-10.1.0.219"]});
    for (outside, name) in [
        (
            json!({"kind": "network", "name": "red", "vlan": 300}),
            "red",
        ),
        // A VLAN that another one has is not told of.
        (
            json!({"kind": "network", "name": "red", "vlan": 200}),
            "red",
        ),
        (
            json!({"kind": "network", "name": "green", "vlan": 200}),
            "green",
        ),
        (
            json!({"kind": "subnet", "name": "green-r1", "network": "blue", "rack": "r1",
                   "cidr": "10.2.0.0/24", "gateway": "10.2.0.1"}),
            "green-r1",
        ),
        (
            json!({"kind": "pool", "subnet": "green-r1", "name": "web",
                   "ranges": ["10.2.0.200-10.2.0.209"]}),
            "green-r1/web",
        ),
        (
            json!({"kind": "group", "name": "all", "namespaces": ["shop"], "network": "blue"}),
            "all",
        ),
        (json!({"kind": "profile", "name": "gold"}), "gold"),
    ] {
        for query in ["", "?dryRun=true"] {
            let refused = apply(&caller, query, &json!([own, outside])).await;
            refused.is(403, "forbidden");
            let named = &refused.body["objects"];
            assert_eq!(names(named), [name], "{refused:?}");
            assert_eq!(named[0]["index"], 1, "{refused:?}");
        }
    }
    // Its own network is to stay another one than all others.
    let other = json!([{"kind": "network", "name": "cyan", "vlan": 401}]);
    apply(&caller, "", &other).await.is(403, "forbidden");
    // What is not in the list has no labels, so everything of all networks would go.
    let pruned = apply(&caller, "?prune=!x", &json!([own])).await;
    pruned.is(403, "forbidden");
    assert_eq!(everything(&netmaster).await, before);
    let together = json!([
        own,
        {"kind": "pool", "subnet": "blue-r9", "name": "web", "ranges": ["10.9.0.20-10.9.0.29"]},
        {"kind": "subnet", "name": "blue-r9", "network": "blue", "rack": "r9",
         "cidr": "10.9.0.0/24", "gateway": "10.9.0.1"},
    ]);
    let done = apply(&caller, "", &together).await;
    assert_eq!(done.status, 200, "{done:?}");
    assert_eq!(
        names(&done.body["objects"]),
        ["blue-r1/api", "blue-r9/web", "blue-r9"]
    );
}

#[tokio::test]
async fn a_scoped_token_exports_imports_and_counts_its_networks_only() {
    let netmaster = with_two_networks().await;
    let spec = json!({"name": "blue-ci", "role": "operator", "networks": ["blue"]});
    let caller = netmaster.bearer(spec).await;
    let export = caller.get("/v1/export").await;
    assert_eq!(
        names(&export.body["objects"]),
        ["blue", "blue-r1", "web", "blue-db"]
    );
    let usage = caller.get("/v1/usage").await.body;
    assert_eq!(names(&usage["subnets"]), ["blue-r1"]);
    assert_eq!(usage["total"], 1);
    let before = everything(&netmaster).await;
    let import = |ips: &[&str]| {
        let addresses = ips.iter().map(|ip| json!({"ip": ip, "owner": "printer"}));
        json!({"addresses": addresses.collect::<Vec<_>>()})
    };
    for outside in ["10.2.0.70", "10.99.0.1"] {
        let wish = import(&["10.1.0.70", outside]);
        let refused = caller.ask(Method::POST, "/v1/import", &wish).await;
        refused.is(403, "forbidden");
        assert_eq!(names(&refused.body["objects"]), [outside], "{refused:?}");
    }
    let nothing = json!({"findings": []});
    let repair = caller.ask(Method::POST, "/v1/check/repair", &nothing).await;
    repair.is(403, "forbidden");
    let detail = repair.body["detail"].as_str().unwrap();
    assert!(detail.contains("not about one network"), "{detail}");
    assert_eq!(everything(&netmaster).await, before);
    let done = caller
        .ask(Method::POST, "/v1/import", &import(&["10.1.0.70"]))
        .await;
    assert_eq!(done.status, 200, "{done:?}");
    let found = records(&netmaster, "identity=token:blue-ci,kind=reservation").await;
    assert_eq!(found.len(), 1, "{found:?}");
    assert_eq!(found[0]["path"], "/v1/import");
}

#[tokio::test]
async fn one_record_has_every_object_that_an_apply_changed() {
    let netmaster = with_two_networks().await;
    let olga = netmaster.caller("operator:olga");
    let wanted = json!([
        {"kind": "network", "name": "green", "vlan": 200, "mtu": 9000},
        {"kind": "network", "name": "blue", "vlan": 100},
        {"kind": "profile", "name": "gold", "dscp": 46},
    ]);
    let done = apply(&olga, "", &wanted).await;
    assert_eq!(done.status, 200, "{done:?}");
    // By any of its objects, and not by one that stayed as it was.
    for selector in ["kind=network,name=green", "kind=profile", "name=gold"] {
        let selector = format!("identity=operator:olga,{selector}");
        assert_eq!(records(&netmaster, &selector).await.len(), 1, "{selector}");
    }
    let blue = records(&netmaster, "identity=operator:olga,name=blue").await;
    assert_eq!(blue, [] as [Value; 0]);
    let found = records(&netmaster, "identity=operator:olga").await;
    assert_eq!(found.len(), 1, "{found:?}");
    let record = &found[0];
    assert_eq!(record["revision"], done.body["revision"]);
    assert_eq!(record["path"], "/v1/apply");
    assert!(record.get("kind").is_none() && record.get("before").is_none());
    assert_eq!(names(&record["objects"]), ["green", "gold"]);
    let (green, gold) = (&record["objects"][0], &record["objects"][1]);
    assert_eq!(green["before"]["mtu"], 1500);
    assert_eq!(green["after"]["mtu"], 9000);
    assert_eq!(gold["kind"], "profile");
    assert!(gold.get("before").is_none() && gold["after"]["dscp"] == 46);
}

#[tokio::test]
async fn who_only_looks_what_would_change_leaves_no_record_unless_they_may_not() {
    let netmaster = with_two_networks().await;
    let olga = netmaster.caller("operator:olga");
    let good = json!([{"kind": "profile", "name": "gold"}]);
    let bad = json!([{"kind": "network", "name": "red", "vlan": 200}]);
    let looked = apply(&olga, "?dryRun=true", &good).await;
    assert_eq!(looked.status, 200, "{looked:?}");
    let refused = apply(&olga, "?dryRun=true", &bad).await;
    refused.is(409, "vlan_in_use");
    let same = json!([{"kind": "network", "name": "blue", "vlan": 100}]);
    assert_eq!(apply(&olga, "", &same).await.status, 200);
    let found = records(&netmaster, "identity=operator:olga").await;
    assert_eq!(found, [] as [Value; 0]);
    apply(&olga, "", &bad).await.is(409, "vlan_in_use");
    let vera = netmaster.caller("viewer:vera");
    apply(&vera, "?dryRun=true", &good)
        .await
        .is(403, "forbidden");
    let found = records(&netmaster, "identity=operator:olga").await;
    assert_eq!(found[0]["result"], "refused");
    let found = records(&netmaster, "identity=viewer:vera").await;
    assert_eq!(found[0]["result"], "denied");
}

#[tokio::test]
async fn tokens_are_in_no_list_and_a_list_with_one_says_why() {
    let netmaster = with_two_networks().await;
    netmaster
        .bearer(json!({"name": "ci", "role": "operator"}))
        .await;
    let admin = netmaster.caller("admin:root");
    let export = admin.get("/v1/export").await.body;
    assert!(!names(&export["objects"]).contains(&"ci"), "{export}");
    let list = json!([{"kind": "token", "name": "ci2", "role": "admin"}]);
    let refused = apply(&admin, "", &list).await;
    refused.is(422, "invalid_field");
    let detail = refused.body["detail"].as_str().unwrap();
    assert!(detail.contains("`netctl token create`"), "{detail}");
}
