//! Who did what, and was not let do it.

use reqwest::Method;
use serde_json::{Value, json};
use trunkline_netmaster::Limits;
use trunkline_netmaster_api::{Audit, Query};

use crate::netmaster::{Netmaster, SOON};

/// The records that a selector chooses, oldest first.
async fn records(netmaster: &Netmaster, selector: &str) -> Vec<Value> {
    let admin = netmaster.caller("admin:root");
    let path = format!("/v1/audit?fieldSelector={selector}");
    let list = admin.get(&path).await;
    assert_eq!(list.status, 200, "{list:?}");
    list.body["items"].as_array().unwrap().clone()
}

#[tokio::test]
async fn what_is_done_is_recorded_with_the_object_before_and_afterwards() {
    let netmaster = Netmaster::start().await;
    let olga = netmaster.caller("operator:olga");
    let body = json!({"name": "blue", "vlan": 100});
    let made = olga.ask(Method::POST, "/v1/networks", &body).await.body;
    let update = json!({"name": "blue", "vlan": 100, "mtu": 9000, "revision": made["revision"]});
    let ci = netmaster
        .bearer(json!({"name": "ci", "role": "operator"}))
        .await;
    let changed = ci.ask(Method::PUT, "/v1/networks/blue", &update).await.body;
    // Nothing changes, so there is nothing to record.
    let same = json!({"name": "blue", "vlan": 100, "mtu": 9000, "revision": changed["revision"]});
    let same = ci.ask(Method::PUT, "/v1/networks/blue", &same).await;
    assert_eq!(same.body, changed);
    assert_eq!(olga.delete("/v1/networks/blue").await.status, 204);
    let found = records(&netmaster, "kind=network,name=blue").await;
    let facts: Vec<_> = found
        .iter()
        .map(|one| {
            let who = one["identity"].as_str().unwrap();
            let what = one["method"].as_str().unwrap();
            (who, what, &one["before"], &one["after"])
        })
        .collect();
    assert_eq!(
        facts,
        [
            ("operator:olga", "POST", &Value::Null, &made),
            ("token:ci", "PUT", &made, &changed),
            ("operator:olga", "DELETE", &changed, &Value::Null),
        ]
    );
    for one in &found {
        assert_eq!(one["result"], "done");
        assert_eq!(one["from"], "127.0.0.1");
    }
    assert_eq!(found[0]["path"], "/v1/networks");
    assert_eq!(found[1]["path"], "/v1/networks/blue");
    // It is the change itself that has the record.
    assert_eq!(found[0]["revision"], made["revision"]);
    assert_eq!(found[1]["revision"], changed["revision"]);
}

#[tokio::test]
async fn everything_that_people_do_is_recorded() {
    let netmaster = Netmaster::with_blue(Limits::default()).await;
    let admin = netmaster.caller("admin:root");
    let olga = netmaster.caller("operator:olga");
    let wish = json!({"attachment": "c1/eth0", "node": "n1", "network": "blue"});
    let made = olga.ask(Method::POST, "/v1/endpoints", &wish).await;
    let ip = made.body["addresses"][0]["ip"].as_str().unwrap().to_owned();
    let node = admin.get("/v1/nodes/n1").await.body;
    let edit = json!({"labels": {"zone": "a"}, "revision": node["revision"]});
    let report = json!({"mac": "02:00:00:00:00:01", "node": "n1"});
    let steps = [
        (Method::PATCH, "/v1/nodes/n1".to_owned(), edit),
        (Method::POST, format!("/v1/addresses/{ip}/conflict"), report),
        (
            Method::DELETE,
            format!("/v1/addresses/{ip}/conflict"),
            json!({}),
        ),
        (
            Method::POST,
            format!("/v1/addresses/{ip}/release"),
            json!({"reason": "moved", "force": true}),
        ),
        (Method::DELETE, "/v1/nodes/n2".to_owned(), json!({})),
        (Method::DELETE, "/v1/subnets/blue-r1".to_owned(), json!({})),
    ];
    for (method, path, body) in &steps {
        let answer = olga.ask(method.clone(), path, body).await;
        assert!(answer.status.is_success(), "{path} {answer:?}");
    }
    let found = records(&netmaster, "identity=operator:olga,result=done").await;
    let paths: Vec<_> = found.iter().map(|one| &one["path"]).collect();
    let mut expected = vec!["/v1/endpoints"];
    expected.extend(steps.iter().map(|(_, path, _)| path.as_str()));
    assert_eq!(paths, expected);
    assert_eq!(found[0]["name"], "c1/eth0");
    assert_eq!(found[0]["after"], made.body);
    assert_eq!(found[1]["after"]["labels"], json!({"zone": "a"}));
    assert_eq!(found[4]["before"]["state"], "bound");
    assert!(found[5]["before"]["name"] == "n2", "{}", found[5]);
}

#[tokio::test]
async fn what_agents_do_all_day_is_not_recorded() {
    let netmaster = Netmaster::with_blue(Limits::default()).await;
    let agent = netmaster.caller("node:n1");
    let wish = json!({"attachment": "c1/eth0", "node": "n1", "network": "blue"});
    let made = agent.ask(Method::POST, "/v1/endpoints", &wish).await;
    assert_eq!(made.status, 201, "{made:?}");
    agent.delete("/v1/endpoints/c1/eth0").await;
    let spec = json!({"fence": 0, "network": "blue", "count": 1});
    agent.ask(Method::POST, "/v1/nodes/n1/reserve", &spec).await;
    let none = json!({"attachment": "c2/eth0", "node": "n1", "network": "violet"});
    let refused = agent.ask(Method::POST, "/v1/endpoints", &none).await;
    assert_eq!(refused.status, 404, "{refused:?}");
    assert_eq!(
        records(&netmaster, "identity=node:n1").await,
        [] as [Value; 0]
    );
    // What an agent may not do is another matter.
    let other = json!({"attachment": "c2/eth0", "node": "n2", "network": "blue"});
    let denied = agent.ask(Method::POST, "/v1/endpoints", &other).await;
    denied.is(403, "forbidden");
    let found = records(&netmaster, "identity=node:n1").await;
    assert_eq!(found.len(), 1);
    assert_eq!(found[0]["result"], "denied");
}

#[tokio::test]
async fn attempts_that_fail_are_recorded_up_to_a_number() {
    let netmaster = Netmaster::start().await;
    let olga = netmaster.caller("operator:olga");
    let vera = netmaster.caller("viewer:vera");
    let body = json!({"name": "blue", "vlan": 100});
    olga.ask(Method::POST, "/v1/networks", &body).await;
    let again = olga.ask(Method::POST, "/v1/networks", &body).await;
    again.is(409, "name_in_use");
    let bad = json!({"name": "blue", "vlan": 5000});
    let bad = olga.ask(Method::POST, "/v1/networks", &bad).await;
    bad.is(422, "invalid_field");
    let refused = records(&netmaster, "result=refused").await;
    let facts: Vec<_> = refused
        .iter()
        .map(|one| (&one["identity"], &one["name"], &one["code"]))
        .collect();
    let olgas = json!("operator:olga");
    assert_eq!(
        facts,
        [
            (&olgas, &json!("blue"), &json!("name_in_use")),
            (&olgas, &Value::Null, &json!("invalid_field")),
        ]
    );
    assert_eq!(refused[0]["after"], Value::Null);
    for _ in 0..30 {
        let denied = vera.ask(Method::POST, "/v1/networks", &body).await;
        denied.is(403, "forbidden");
        let nobody = netmaster.nobody().get("/v1/networks").await;
        nobody.is(401, "unauthenticated");
    }
    let denied = records(&netmaster, "result=denied").await;
    let of = |who: Value| denied.iter().filter(|one| one["identity"] == who).count();
    // A minute may end in between.
    for (count, most) in [(of(json!("viewer:vera")), 20), (of(Value::Null), 5)] {
        assert!((most..2 * most + 1).contains(&count), "{count} {most}");
    }
    assert!(denied.iter().all(|one| one["from"] == "127.0.0.1"));
}

#[tokio::test]
async fn nothing_changes_or_deletes_a_record() {
    let netmaster = Netmaster::start().await;
    let admin = netmaster.caller("admin:root");
    let body = json!({"name": "blue", "vlan": 100});
    admin.ask(Method::POST, "/v1/networks", &body).await;
    let before = records(&netmaster, "name=blue").await;
    let one = format!("/v1/audit/{}", before[0]["revision"]);
    assert_eq!(admin.get(&one).await.body, before[0]);
    for (method, path) in [
        (Method::POST, "/v1/audit"),
        (Method::DELETE, "/v1/audit"),
        (Method::PUT, one.as_str()),
        (Method::PATCH, one.as_str()),
        (Method::DELETE, one.as_str()),
    ] {
        let answer = admin.ask(method, path, &json!({})).await;
        answer.is(405, "method_not_allowed");
    }
    assert_eq!(records(&netmaster, "name=blue").await, before);
    admin.get("/v1/audit/1").await.is(404, "record_not_found");
}

#[tokio::test]
async fn records_are_chosen_by_time_read_in_pages_and_watched() {
    let netmaster = Netmaster::start().await;
    let admin = netmaster.caller("admin:root");
    let path = "/v1/audit?watch=true&fieldSelector=result=done";
    let mut watch = admin.request(Method::GET, path).send().await.unwrap();
    for vlan in 1..=5 {
        let body = json!({"name": format!("n{vlan}"), "vlan": vlan});
        let made = admin.ask(Method::POST, "/v1/networks", &body).await;
        assert_eq!(made.status, 201);
    }
    // The first line may be about how things were before.
    let told = async {
        let mut lines = String::new();
        while !lines.contains("\"identity\":\"admin:root\"") {
            let chunk = watch.chunk().await.unwrap().expect("goes on");
            lines += std::str::from_utf8(&chunk).unwrap();
        }
    };
    tokio::time::timeout(SOON, told).await.unwrap();
    let all = admin.client.list::<Audit>(&Query::default()).await.unwrap();
    assert_eq!(all.items.len(), 5);
    let first = admin.get("/v1/audit?limit=2").await.body;
    assert_eq!(first["items"].as_array().unwrap().len(), 2);
    let next = first["continue"].as_str().unwrap();
    let second = admin
        .get(&format!("/v1/audit?limit=2&continue={next}"))
        .await;
    assert_eq!(second.body["items"][0]["name"], "n3");
    let at = all.items[0].at;
    for (period, count) in [
        (format!("since={at}"), 5),
        (format!("until={at}"), 0),
        (format!("since={}", at + 3600), 0),
        (
            "since=2001-01-01T00:00:00Z&until=2002-01-01T00:00:00Z".to_owned(),
            0,
        ),
    ] {
        let list = admin.get(&format!("/v1/audit?{period}")).await.body;
        assert_eq!(list["items"].as_array().unwrap().len(), count, "{period}");
    }
    let bad = admin.get("/v1/audit?since=yesterday").await;
    bad.is(422, "invalid_query");
}

#[tokio::test]
async fn who_takes_a_back_up_is_recorded_before_it_begins() {
    let netmaster = Netmaster::start().await;
    let admin = netmaster.caller("admin:root");
    let taken = admin
        .request(Method::GET, "/v1/backup")
        .send()
        .await
        .unwrap();
    assert_eq!(taken.status(), 200);
    let text = taken.text().await.unwrap();
    assert!(text.contains("/v1/backup"), "the record is in it");
    let found = records(&netmaster, "identity=admin:root,result=done").await;
    let paths: Vec<_> = found
        .iter()
        .map(|one| one["path"].as_str().unwrap())
        .collect();
    assert_eq!(paths, ["/v1/backup"]);
}
