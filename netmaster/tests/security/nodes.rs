//! An agent, and what is of other nodes.

use reqwest::Method;
use serde_json::{Value, json};
use trunkline_netmaster::Limits;

use crate::netmaster::Netmaster;

/// Everything that there is, as an administrator sees it.
async fn everything(netmaster: &Netmaster) -> Vec<Value> {
    let admin = netmaster.caller("admin:root");
    let mut lists = Vec::new();
    for kind in ["nodes", "endpoints", "addresses"] {
        let mut list = admin.get(&format!("/v1/{kind}")).await.body;
        list["revision"] = Value::Null;
        lists.push(list);
    }
    lists
}

#[tokio::test]
async fn an_agent_does_its_work_for_its_own_node() {
    let netmaster = Netmaster::with_blue(Limits::default()).await;
    let agent = netmaster.caller("node:n1");
    let registered = agent
        .ask(Method::PUT, "/v1/nodes/n1", &json!({"rack": "r1"}))
        .await;
    assert_eq!(registered.status, 200, "{registered:?}");
    let fence = registered.body["fence"].as_u64().unwrap();
    let spec = json!({"fence": fence, "network": "blue", "count": 2});
    let leased = agent.ask(Method::POST, "/v1/nodes/n1/reserve", &spec).await;
    assert_eq!(leased.status, 200, "{leased:?}");
    let ip = &leased.body["slots"][0]["addresses"][0]["ip"];
    let conflict = format!("/v1/addresses/{}/conflict", ip.as_str().unwrap());
    let report = json!({"mac": "02:00:00:00:00:01", "node": "n1"});
    let reported = agent.ask(Method::POST, &conflict, &report).await;
    assert_eq!(reported.status, 204, "{reported:?}");
    let wish = json!({"attachment": "c1/eth0", "node": "n1", "network": "blue"});
    let made = agent.ask(Method::POST, "/v1/endpoints", &wish).await;
    assert_eq!(made.status, 201, "{made:?}");
    for path in [
        "/v1/endpoints?fieldSelector=node=n1",
        "/v1/endpoints/c1/eth0",
        "/v1/nodes/n1",
        "/v1/networks",
        "/v1/cluster",
    ] {
        let seen = agent.get(path).await;
        assert_eq!(seen.status, 200, "{path} {seen:?}");
    }
    let path = "/v1/endpoints/c1/eth0";
    let gone = agent.ask(Method::DELETE, path, &json!({})).await;
    assert_eq!(gone.status, 204, "{gone:?}");
}

#[tokio::test]
async fn an_agent_does_not_touch_what_is_of_another_node() {
    let netmaster = Netmaster::with_blue(Limits::default()).await;
    let (one, two) = (netmaster.caller("node:n1"), netmaster.caller("node:n2"));
    let wish = json!({"attachment": "c2/eth0", "node": "n2", "network": "blue"});
    let made = two.ask(Method::POST, "/v1/endpoints", &wish).await;
    assert_eq!(made.status, 201, "{made:?}");
    let bound = made.body["addresses"][0]["ip"].as_str().unwrap();
    let node = two.get("/v1/nodes/n2").await;
    let fence = node.body["fence"].as_u64().unwrap();
    let spec = json!({"fence": fence, "network": "blue", "count": 1});
    let leased = two.ask(Method::POST, "/v1/nodes/n2/reserve", &spec).await;
    let leased = &leased.body["slots"][0]["addresses"][0]["ip"];
    let leased = leased.as_str().unwrap();
    let before = everything(&netmaster).await;
    for (method, path, body) in [
        (Method::PUT, "/v1/nodes/n2", json!({"rack": "r9"})),
        (Method::POST, "/v1/nodes/n2/reserve", spec.clone()),
        (
            Method::POST,
            "/v1/nodes/n2/reserve/return",
            json!({"fence": fence, "addresses": [leased]}),
        ),
        (
            Method::PUT,
            "/v1/nodes/n2/holdings",
            json!({"fence": fence, "epoch": 0, "ovsdb": []}),
        ),
        (
            Method::POST,
            "/v1/nodes/n2/farewell",
            json!({"fence": fence}),
        ),
        // However it is written.
        (
            Method::POST,
            "/v1/nodes/%6e2/farewell",
            json!({"fence": fence}),
        ),
        (Method::POST, "/v1/endpoints", wish.clone()),
        (
            Method::POST,
            "/v1/endpoints",
            json!({"attachment": "c9/eth0", "node": "n2", "network": "blue"}),
        ),
        (Method::DELETE, "/v1/endpoints/c2/eth0", json!({})),
        (
            Method::POST,
            &format!("/v1/addresses/{bound}/conflict"),
            json!({"mac": "02:00:00:00:00:01", "node": "n1"}),
        ),
        (
            Method::POST,
            &format!("/v1/addresses/{leased}/conflict"),
            json!({"mac": "02:00:00:00:00:01", "node": "n1"}),
        ),
        (
            Method::POST,
            &format!("/v1/addresses/{leased}/conflict"),
            json!({"mac": "02:00:00:00:00:01", "node": "n2"}),
        ),
        (Method::POST, "/v1/nodes/n2/requests/1/answer", json!({})),
    ] {
        let answer = one.ask(method.clone(), path, &body).await;
        assert_eq!(answer.status, 403, "{method} {path} {answer:?}");
        answer.is(403, "forbidden");
    }
    for path in [
        "/v1/nodes/n2",
        "/v1/nodes/n2/requests",
        "/v1/nodes",
        "/v1/endpoints",
        "/v1/endpoints?fieldSelector=node=n2",
        "/v1/endpoints?fieldSelector=node!=n1",
        "/v1/endpoints?watch=true",
        "/v1/endpoints/c2/eth0",
    ] {
        one.get(path).await.is(403, "forbidden");
    }
    assert_eq!(everything(&netmaster).await, before);
}

#[tokio::test]
async fn names_do_not_lead_out_of_their_place() {
    let netmaster = Netmaster::with_blue(Limits::default()).await;
    let agent = netmaster.caller("node:n1");
    for path in [
        "/v1/nodes/n1%2f..%2fn2",
        "/v1/nodes/..%2fnodes%2fn2",
        "/v1/nodes/n1%00",
        "/v1/nodes/N1",
    ] {
        let answer = agent.get(path).await;
        assert_eq!(answer.status, 403, "{path} {answer:?}");
    }
    let admin = netmaster.caller("admin:root");
    for path in ["/v1/networks/..%2fnodes%2fn1", "/v1/nodes/n1%2freserve"] {
        let answer = admin.get(path).await;
        answer.is(422, "invalid_path");
    }
}

#[tokio::test]
async fn an_agent_takes_no_addresses_out_of_circulation_that_are_not_near_it() {
    let netmaster = Netmaster::with_blue(Limits::default()).await;
    let far = json!({"name": "blue-r2", "network": "blue", "rack": "r2", "cidr": "10.2.0.0/24",
                     "gateway": "10.2.0.1"});
    let admin = netmaster.caller("admin:root");
    let made = admin.ask(Method::POST, "/v1/subnets", &far).await;
    assert_eq!(made.status, 201, "{made:?}");
    let agent = netmaster.caller("node:n1");
    let report = json!({"mac": "02:00:00:00:00:01", "node": "n1"});
    let say = async |ip: &str| {
        let path = format!("/v1/addresses/{ip}/conflict");
        agent.ask(Method::POST, &path, &report).await
    };
    say("10.2.0.9").await.is(403, "forbidden");
    let mut taken = 0;
    for host in 2..100 {
        let answer = say(&format!("10.1.0.{host}")).await;
        if answer.status != 204 {
            answer.is(403, "forbidden");
            break;
        }
        taken += 1;
    }
    assert_eq!(taken, 32);
    let events = admin.get("/v1/events").await.body;
    assert!(
        events.to_string().contains("no more are taken from it"),
        "{events}"
    );
    // An operator is believed.
    let operator = netmaster.caller("operator:olga");
    let path = "/v1/addresses/10.2.0.9/conflict";
    let said = operator.ask(Method::POST, path, &report).await;
    assert_eq!(said.status, 204, "{said:?}");
}

#[tokio::test]
async fn an_agents_report_touches_nothing_of_other_nodes_and_racks() {
    let netmaster = Netmaster::with_blue(Limits::default()).await;
    let admin = netmaster.caller("admin:root");
    let far = json!({"name": "blue-r2", "network": "blue", "rack": "r2", "cidr": "10.2.0.0/24",
                     "gateway": "10.2.0.1"});
    let made = admin.ask(Method::POST, "/v1/subnets", &far).await;
    assert_eq!(made.status, 201, "{made:?}");
    let (one, two) = (netmaster.caller("node:n1"), netmaster.caller("node:n2"));
    let wish = json!({"attachment": "c2/eth0", "node": "n2", "network": "blue"});
    let bound = two.ask(Method::POST, "/v1/endpoints", &wish).await;
    let fence = two.get("/v1/nodes/n2").await.body["fence"].clone();
    let spec = json!({"fence": fence, "network": "blue", "count": 2});
    let leased = two.ask(Method::POST, "/v1/nodes/n2/reserve", &spec).await;
    let own = one.get("/v1/nodes/n1").await.body;
    let report = async |held: Vec<Value>| {
        let report = json!({"fence": own["fence"], "epoch": 0, "ovsdb": held});
        one.ask(Method::PUT, "/v1/nodes/n1/holdings", &report).await
    };
    let held = |attachment: &str, addresses: &[&Value]| {
        json!({"attachment": attachment, "network": "blue", "mac": "02:00:00:00:00:09",
               "addresses": addresses})
    };
    let before = everything_but(&netmaster, "n1").await;

    // Addresses of another rack that do not go together, as many as it likes.
    let pairs = (10..110).map(|host| {
        let ips = [
            json!(format!("10.2.0.{host}")),
            json!(format!("10.2.0.{}", host + 100)),
        ];
        held(&format!("x{host}/eth0"), &[&ips[0], &ips[1]])
    });
    let refused = report(pairs.collect()).await;
    refused.is(422, "invalid_field");
    assert_eq!(refused.body["field"], "ovsdb[0].addresses");

    // What another node has in reserve, and what its pod has.
    let theirs = [
        &leased.body["slots"][0]["addresses"][0]["ip"],
        &leased.body["slots"][1]["addresses"][0]["ip"],
        &bound.body["addresses"][0]["ip"],
    ];
    let theirs = theirs.iter().enumerate();
    let theirs: Vec<_> = theirs
        .map(|(number, ip)| held(&format!("y{number}/eth0"), &[*ip]))
        .collect();
    for _ in 0..3 {
        let taken = report(theirs.clone()).await;
        assert_eq!(taken.status, 204, "{taken:?}");
    }

    // Free addresses of another rack, by way of an interface that is another node's.
    let free = (2..250).map(|host| held("c2/eth0", &[&json!(format!("10.2.0.{host}"))]));
    assert_eq!(report(free.collect()).await.status, 204);
    assert_eq!(everything_but(&netmaster, "n1").await, before);
    let events = admin.get("/v1/events").await.body;
    let events = events["items"].as_array().unwrap();
    assert_eq!(events.len(), 1, "an hour has one: {events:?}");
    assert_eq!(events[0]["kind"], "report_contradicted");

    // Of those near it, it withholds as many as by what it says that it sees.
    let near = (2..250).map(|host| held("c2/eth0", &[&json!(format!("10.1.0.{host}"))]));
    assert_eq!(report(near.collect()).await.status, 204);
    let list = admin
        .get("/v1/addresses?fieldSelector=state=conflict")
        .await;
    let withheld = list.body["items"].as_array().unwrap();
    assert_eq!(withheld.len(), 32, "{list:?}");
    for address in before[2]["items"].as_array().unwrap() {
        let ip = &address["ip"];
        assert!(withheld.iter().all(|one| one["ip"] != *ip), "{address}");
    }
}

/// Everything that there is, but for the node of this name.
async fn everything_but(netmaster: &Netmaster, node: &str) -> Vec<Value> {
    let mut lists = everything(netmaster).await;
    let nodes = lists[0]["items"].as_array_mut().unwrap();
    nodes.retain(|one| one["name"] != node);
    lists
}
