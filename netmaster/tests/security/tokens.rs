//! Tokens, and what they are good for.

use reqwest::Method;
use serde_json::{Value, json};
use trunkline_netmaster::Limits;
use trunkline_netmaster_api::Secret;

use crate::netmaster::{Answer, Netmaster, SOON};

/// With networks `blue` and `green`, each with a subnet, a pool, a reservation and an endpoint.
pub(crate) async fn with_two_networks() -> Netmaster {
    let netmaster = Netmaster::with_blue(Limits::default()).await;
    let admin = netmaster.caller("admin:root");
    for (path, body) in [
        ("/v1/networks", json!({"name": "green", "vlan": 200})),
        (
            "/v1/subnets",
            json!({
                "name": "green-r1", "network": "green", "rack": "r1",
                "cidr": "10.2.0.0/24", "gateway": "10.2.0.1",
            }),
        ),
    ] {
        let made = admin.ask(Method::POST, path, &body).await;
        assert_eq!(made.status, 201, "{made:?}");
    }
    for (number, network) in [(1, "blue"), (2, "green")] {
        for (path, body) in [
            (
                "/v1/pools",
                json!({
                    "subnet": format!("{network}-r1"), "name": "web",
                    "ranges": [format!("10.{number}.0.200-10.{number}.0.209")],
                }),
            ),
            (
                "/v1/reservations",
                json!({
                    "name": format!("{network}-db"), "network": network,
                    "holder": {"kind": "pod", "namespace": "shop", "name": network},
                    "addresses": [{"ip": format!("10.{number}.0.50")}],
                }),
            ),
            (
                "/v1/endpoints",
                json!({
                    "attachment": format!("{network}/eth0"), "node": "n1", "network": network,
                }),
            ),
        ] {
            let made = admin.ask(Method::POST, path, &body).await;
            assert_eq!(made.status, 201, "{made:?}");
        }
    }
    netmaster
}

/// Every list that an administrator sees, but for the audit.
pub(crate) async fn everything(netmaster: &Netmaster) -> Vec<Value> {
    let admin = netmaster.caller("admin:root");
    let mut lists = Vec::new();
    for kind in [
        "networks",
        "subnets",
        "pools",
        "groups",
        "profiles",
        "reservations",
        "nodes",
        "addresses",
        "endpoints",
        "tokens",
    ] {
        let mut list = admin.get(&format!("/v1/{kind}")).await.body;
        list["revision"] = Value::Null;
        lists.push(list);
    }
    lists
}

#[tokio::test]
async fn a_token_is_good_for_its_role_until_it_is_deleted() {
    let netmaster = Netmaster::start().await;
    let admin = netmaster.caller("admin:root");
    let viewer = netmaster
        .bearer(json!({"name": "grafana", "role": "viewer"}))
        .await;
    assert_eq!(viewer.get("/v1/networks").await.status, 200);
    let body = json!({"name": "blue", "vlan": 1});
    let denied = viewer.ask(Method::POST, "/v1/networks", &body).await;
    denied.is(403, "forbidden");
    let detail = denied.body["detail"].as_str().unwrap();
    assert!(detail.contains("`token:grafana`"), "{detail}");
    let again = json!({"name": "grafana", "role": "admin"});
    let taken = admin.ask(Method::POST, "/v1/tokens", &again).await;
    taken.is(409, "name_in_use");
    assert_eq!(admin.delete("/v1/tokens/grafana").await.status, 204);
    viewer.get("/v1/networks").await.is(401, "unauthenticated");
    admin
        .delete("/v1/tokens/grafana")
        .await
        .is(404, "token_not_found");
}

#[tokio::test]
async fn a_secret_is_told_once_and_is_nowhere_afterwards() {
    let netmaster = Netmaster::start().await;
    let admin = netmaster.caller("admin:root");
    let spec = json!({"name": "ci", "role": "operator", "lifetime_seconds": 3600});
    let made = admin.ask(Method::POST, "/v1/tokens", &spec).await;
    assert_eq!(made.status, 201, "{made:?}");
    let secret = made.body["secret"].as_str().unwrap();
    assert_eq!(secret.len(), "trunkline_".len() + 64);
    let token = &made.body["token"];
    let life = token["expires"].as_u64().unwrap() - token["created"].as_u64().unwrap();
    assert_eq!(life, 3600);
    let shown = admin.get("/v1/tokens/ci").await.body;
    assert_eq!(shown, *token);
    let names: Vec<_> = shown.as_object().unwrap().keys().collect();
    assert_eq!(names, ["created", "expires", "name", "revision", "role"]);
    for path in ["/v1/tokens", "/v1/tokens/ci", "/v1/audit", "/v1/backup"] {
        let answer = admin.request(Method::GET, path).send().await.unwrap();
        let text = answer.text().await.unwrap();
        assert!(text.contains("ci") && !text.contains(secret), "{path}");
        // The digest is in back-ups, and nothing can be done with it.
        assert_eq!(text.contains("digest"), path == "/v1/backup", "{path}");
    }
}

#[tokio::test]
async fn what_is_no_token_lets_nobody_in() {
    let netmaster = Netmaster::start().await;
    let good = netmaster
        .token(json!({"name": "ci", "role": "admin"}))
        .await;
    let unknown = format!("trunkline_{}", "0".repeat(64));
    let join = json!({"name": "join", "role": "node", "nodes": ["n1"]});
    let join = netmaster.token(join).await;
    let bearer = |text: &str| format!("Bearer {text}");
    for value in [
        bearer(&unknown),
        bearer(join.expose()),
        bearer(&good.expose()[1..]),
        bearer(&format!("{} ", good.expose().to_uppercase())),
        format!("Basic {}", good.expose()),
        good.expose().to_owned(),
        "Bearer".to_owned(),
        String::new(),
    ] {
        // Not even with a good certificate beside it: what a request says itself counts.
        for caller in [netmaster.nobody(), netmaster.caller("admin:root")] {
            let request = caller.request(Method::GET, "/v1/networks");
            let answer = Answer::to(request.header("authorization", &value)).await;
            answer.is(401, "unauthenticated");
            let detail = answer.body["detail"].as_str().unwrap();
            assert!(!detail.contains(good.expose()), "{detail}");
        }
    }
    let twice = netmaster.nobody().request(Method::GET, "/v1/networks");
    let twice = twice.bearer_auth(good.expose()).bearer_auth(good.expose());
    Answer::to(twice).await.is(401, "unauthenticated");
    let once = netmaster.with_secret(good);
    assert_eq!(once.get("/v1/networks").await.status, 200);
}

#[tokio::test]
async fn a_scoped_token_sees_its_networks_only() {
    let netmaster = with_two_networks().await;
    let blue = json!({"name": "blue-ci", "role": "operator", "networks": ["blue"]});
    let caller = netmaster.bearer(blue).await;
    for (kind, of_blue, of_green) in [
        ("networks", "blue", "green"),
        ("subnets", "blue-r1", "green-r1"),
        ("pools", "blue-r1/web", "green-r1/web"),
        ("reservations", "blue-db", "green-db"),
        ("addresses", "10.1.0.2", "10.2.0.2"),
        ("endpoints", "blue/eth0", "green/eth0"),
    ] {
        let list = caller.get(&format!("/v1/{kind}")).await.body;
        let text = list["items"].to_string();
        assert_eq!(list["items"].as_array().unwrap().len(), 1, "{kind} {list}");
        assert!(
            text.contains("blue") && !text.contains("green"),
            "{kind} {text}"
        );
        let watch = format!("/v1/{kind}?watch=true");
        let watch = caller.request(Method::GET, &watch).send().await.unwrap();
        let lines = first_list(watch).await;
        assert!(
            lines.contains("blue") && !lines.contains("green"),
            "{kind} {lines}"
        );
        let shown = caller.get(&format!("/v1/{kind}/{of_blue}")).await;
        assert_eq!(shown.status, 200, "{kind} {shown:?}");
        let hidden = caller.get(&format!("/v1/{kind}/{of_green}")).await;
        hidden.is(403, "forbidden");
        let detail = hidden.body["detail"].as_str().unwrap();
        assert!(
            detail.contains("is for network `blue` only"),
            "{kind} {detail}"
        );
    }
    let history = caller.get("/v1/addresses/10.2.0.2/history").await;
    history.is(403, "forbidden");
    for path in [
        "/v1/groups",
        "/v1/nodes",
        "/v1/events",
        "/v1/audit",
        "/v1/tokens",
        "/v1/explain",
        "/v1/backup",
        "/v1/status",
        "/v1/check",
        "/metrics",
    ] {
        caller.get(path).await.is(403, "forbidden");
    }
    assert_eq!(caller.get("/v1/cluster").await.status, 200);
}

/// What a watch says before its first bookmark.
async fn first_list(mut watch: reqwest::Response) -> String {
    let mut text = String::new();
    while !text.contains("\"bookmark\"") {
        let chunk = tokio::time::timeout(SOON, watch.chunk()).await.unwrap();
        text.push_str(std::str::from_utf8(&chunk.unwrap().unwrap()).unwrap());
    }
    text
}

#[tokio::test]
async fn a_scoped_token_changes_its_networks_only() {
    let netmaster = with_two_networks().await;
    let admin = netmaster.caller("admin:root");
    // Nothing is on it that would keep its VLAN as it is.
    let cyan = json!({"name": "cyan", "vlan": 400});
    let cyan = admin.ask(Method::POST, "/v1/networks", &cyan).await;
    let cyan = cyan.body["revision"].as_u64().unwrap();
    let spec = json!({"name": "blue-ci", "role": "admin", "networks": ["blue", "cyan"]});
    let caller = netmaster.bearer(spec).await;
    let before = everything(&netmaster).await;
    let subnet = |name: &str, network: &str| {
        json!({
            "name": name, "network": network, "cidr": "10.9.0.0/24", "gateway": "10.9.0.1",
        })
    };
    let update = |mut spec: Value, revision: u64| {
        spec["revision"] = json!(revision);
        spec
    };
    let revision = |path: &str| {
        let path = path.to_owned();
        let admin = &admin;
        async move { admin.get(&path).await.body["revision"].as_u64().unwrap() }
    };
    let (blue, green) = (
        revision("/v1/networks/blue").await,
        revision("/v1/networks/green").await,
    );
    let refused = [
        (
            Method::POST,
            "/v1/networks",
            json!({"name": "red", "vlan": 300}),
        ),
        (
            Method::PUT,
            "/v1/networks/green",
            update(json!({"name": "green", "vlan": 200, "mtu": 9000}), green),
        ),
        // Another VLAN may be another network's, in another fabric.
        (
            Method::PUT,
            "/v1/networks/cyan",
            update(json!({"name": "cyan", "vlan": 101}), cyan),
        ),
        (
            Method::PUT,
            "/v1/networks/cyan",
            update(
                json!({"name": "cyan", "vlan": 400, "labels": {"fabric": "x"}}),
                cyan,
            ),
        ),
        (Method::DELETE, "/v1/networks/green", json!({})),
        (Method::POST, "/v1/subnets", subnet("other", "green")),
        (Method::DELETE, "/v1/subnets/green-r1", json!({})),
        (
            Method::POST,
            "/v1/pools",
            json!({"subnet": "green-r1", "name": "x", "ranges": ["10.2.0.100"]}),
        ),
        (Method::DELETE, "/v1/pools/green-r1/web", json!({})),
        (
            Method::POST,
            "/v1/reservations",
            json!({
                "name": "x", "network": "green", "addresses": [{"ip": "10.2.0.60"}],
                "holder": {"kind": "pod", "namespace": "shop", "name": "x"},
            }),
        ),
        (Method::DELETE, "/v1/reservations/green-db", json!({})),
        (
            Method::POST,
            "/v1/endpoints",
            json!({"attachment": "c9/eth0", "node": "n1", "network": "green"}),
        ),
        // Whose it is already.
        (
            Method::POST,
            "/v1/endpoints",
            json!({"attachment": "green/eth0", "node": "n1", "network": "green"}),
        ),
        (Method::DELETE, "/v1/endpoints/green/eth0", json!({})),
        (
            Method::POST,
            "/v1/addresses/10.2.0.2/release",
            json!({"reason": "mine", "force": true}),
        ),
        (
            Method::POST,
            "/v1/addresses/10.2.0.2/conflict",
            json!({"mac": "02:00:00:00:00:01", "node": "n1"}),
        ),
        (
            Method::POST,
            "/v1/groups",
            json!({"name": "all", "namespaces": ["shop"], "network": "blue"}),
        ),
        (
            Method::POST,
            "/v1/profiles",
            json!({"name": "gold", "dscp": 46}),
        ),
        (Method::DELETE, "/v1/nodes/n2", json!({})),
        (Method::PUT, "/v1/nodes/n2", json!({"rack": "r2"})),
        (
            Method::POST,
            "/v1/tokens",
            json!({"name": "more", "role": "admin"}),
        ),
        (Method::DELETE, "/v1/tokens/blue-ci", json!({})),
    ];
    for (method, path, body) in refused {
        let what = format!("{method} {path} {body}");
        let answer = caller.ask(method, path, &body).await;
        assert_eq!(answer.status, 403, "{what}: {answer:?}");
    }
    assert_eq!(everything(&netmaster).await, before);
    for (method, path, body, status) in [
        (
            Method::PUT,
            "/v1/networks/blue",
            update(json!({"name": "blue", "vlan": 100, "mtu": 9000}), blue),
            200,
        ),
        (Method::POST, "/v1/subnets", subnet("more", "blue"), 201),
        (Method::DELETE, "/v1/subnets/more", json!({}), 204),
        (
            Method::POST,
            "/v1/endpoints",
            json!({"attachment": "c9/eth0", "node": "n1", "network": "blue"}),
            201,
        ),
        (Method::DELETE, "/v1/endpoints/c9/eth0", json!({}), 204),
    ] {
        let what = format!("{method} {path} {body}");
        let answer = caller.ask(method, path, &body).await;
        assert_eq!(answer.status.as_u16(), status, "{what}: {answer:?}");
    }
}

#[tokio::test]
async fn a_refusal_tells_a_scoped_token_nothing_of_other_networks() {
    let netmaster = with_two_networks().await;
    // Nothing is on it that would keep its VLAN as it is.
    let cyan = json!({"name": "cyan", "vlan": 400});
    let admin = netmaster.caller("admin:root");
    let cyan = admin.ask(Method::POST, "/v1/networks", &cyan).await;
    let spec = json!({"name": "blue-ci", "role": "operator", "networks": ["blue", "cyan"]});
    let caller = netmaster.bearer(spec).await;
    let subnet = json!({"name": "more", "network": "blue", "cidr": "10.2.0.0/25",
                        "gateway": "10.2.0.1"});
    let network = json!({"name": "cyan", "vlan": 200});
    let listed = |kind: &str, spec: &Value| {
        let mut object = spec.clone();
        object["kind"] = json!(kind);
        json!({"objects": [object]})
    };
    let mut update = network.clone();
    update["revision"] = cyan.body["revision"].clone();
    for (method, path, body, code) in [
        (
            Method::POST,
            "/v1/subnets",
            subnet.clone(),
            "address_overlap",
        ),
        (Method::PUT, "/v1/networks/cyan", update, "vlan_in_use"),
        (
            Method::POST,
            "/v1/apply",
            listed("subnet", &subnet),
            "address_overlap",
        ),
        (
            Method::POST,
            "/v1/apply",
            listed("network", &network),
            "vlan_in_use",
        ),
    ] {
        let refused = caller.ask(method, path, &body).await;
        refused.is(409, code);
        let said = refused.body.to_string();
        assert!(!said.contains("green"), "{path} {said}");
        assert!(said.contains("`cyan` only, and its"), "{path} {said}");
    }
    // Somebody else is told what is in the way.
    let olga = netmaster.caller("operator:olga");
    let refused = olga.ask(Method::POST, "/v1/subnets", &subnet).await;
    refused.is(409, "address_overlap");
    assert!(refused.body.to_string().contains("green-r1"), "{refused:?}");
    // Whose an interface is comes before what is on it.
    let adopted = json!({"addresses": [
        {"ip": "10.1.0.70", "attachment": "green/eth0", "node": "n1"}]});
    let refused = caller.ask(Method::POST, "/v1/import", &adopted).await;
    refused.is(403, "forbidden");
    let taken = json!({"attachment": "green/eth0", "node": "n1", "network": "blue"});
    let refused = caller.ask(Method::POST, "/v1/endpoints", &taken).await;
    refused.is(403, "forbidden");
    assert!(!refused.body.to_string().contains("10.2.0."), "{refused:?}");
}

#[tokio::test]
async fn a_refusal_names_no_group_to_a_scoped_token_and_no_network_but_its_own() {
    let netmaster = with_two_networks().await;
    let admin = netmaster.caller("admin:root");
    for (path, body) in [
        ("/v1/networks", json!({"name": "cyan", "vlan": 400})),
        (
            "/v1/pools",
            json!({"subnet": "blue-r1", "name": "api", "ranges": ["10.1.0.210-10.1.0.219"]}),
        ),
        (
            "/v1/groups",
            json!({"name": "secret-one", "namespaces": ["shop"], "network": "cyan"}),
        ),
        (
            "/v1/groups",
            json!({"name": "secret-two", "namespaces": ["web"], "network": "blue", "pool": "api"}),
        ),
    ] {
        let made = admin.ask(Method::POST, path, &body).await;
        assert_eq!(made.status, 201, "{made:?}");
    }
    let spec = json!({"name": "blue-ci", "role": "operator", "networks": ["blue", "cyan"]});
    let caller = netmaster.bearer(spec).await;
    let subnet = json!({"name": "green-r1", "network": "blue", "cidr": "10.9.0.0/24",
                        "gateway": "10.9.0.1"});
    let reservation = json!({"name": "r", "network": "blue", "subnets": ["green-r1"], "count": 1,
                             "holder": {"kind": "pod", "namespace": "shop", "name": "x"}});
    let endpoint = json!({"attachment": "c9/eth0", "node": "n1"});
    for (method, path, body, status) in [
        (Method::DELETE, "/v1/networks/cyan", json!({}), 409),
        (Method::DELETE, "/v1/pools/blue-r1/api", json!({}), 409),
        (Method::POST, "/v1/subnets", subnet, 403),
        (Method::POST, "/v1/reservations", reservation, 422),
        (Method::POST, "/v1/endpoints", endpoint, 403),
        (Method::GET, "/v1/pools/green-r1/web", json!({}), 403),
    ] {
        let refused = caller.ask(method, path, &body).await;
        assert_eq!(refused.status, status, "{path} {refused:?}");
        let said = refused.body["detail"].as_str().unwrap();
        assert!(said.contains("`blue`, `cyan` only, and "), "{path} {said}");
        for elsewhere in ["secret", "`green`", "10.2."] {
            assert!(!said.contains(elsewhere), "{path} {said}");
        }
    }
    // Somebody else is told which groups they are.
    let refused = admin.delete("/v1/networks/cyan").await;
    refused.is(409, "network_in_use");
    assert!(
        refused.body.to_string().contains("secret-one"),
        "{refused:?}"
    );
}

#[tokio::test]
async fn what_is_done_to_foreign_addresses_is_refused_before_it_is_looked_at() {
    let netmaster = with_two_networks().await;
    let admin = netmaster.caller("admin:root");
    let green = admin.get("/v1/endpoints/green/eth0").await.body;
    let ip = green["addresses"][0]["ip"].as_str().unwrap();
    let spec = json!({"name": "blue-ci", "role": "operator", "networks": ["blue"]});
    let caller = netmaster.bearer(spec).await;
    let before = everything(&netmaster).await;
    let release = json!({"reason": "mine", "force": false});
    let rightful = json!({"mac": green["mac"], "node": "n1"});
    let mine = json!({"attachment": "green/eth0", "node": "n1", "network": "blue"});
    for (method, path, body) in [
        (
            Method::POST,
            format!("/v1/addresses/{ip}/release"),
            &release,
        ),
        (
            Method::POST,
            "/v1/addresses/10.2.0.99/release".to_owned(),
            &release,
        ),
        (
            Method::POST,
            format!("/v1/addresses/{ip}/conflict"),
            &rightful,
        ),
        (
            Method::DELETE,
            format!("/v1/addresses/{ip}/conflict"),
            &json!({}),
        ),
        (
            Method::DELETE,
            "/v1/endpoints/green/eth0?revision=1".to_owned(),
            &json!({}),
        ),
        (Method::POST, "/v1/endpoints".to_owned(), &mine),
        (
            Method::DELETE,
            "/v1/reservations/green-db?revision=1".to_owned(),
            &json!({}),
        ),
    ] {
        let refused = caller.ask(method.clone(), &path, body).await;
        assert_eq!(refused.status, 403, "{method} {path} {refused:?}");
        let said = refused.body["detail"].as_str().unwrap();
        assert!(
            said.contains("`blue` only") && !said.contains("`n1`") && !said.contains("shop"),
            "{method} {path} {said}"
        );
    }
    assert_eq!(everything(&netmaster).await, before);
}

#[tokio::test]
async fn a_watch_ends_when_its_token_is_deleted() {
    let netmaster = Netmaster::start().await;
    let viewer = netmaster
        .bearer(json!({"name": "grafana", "role": "viewer"}))
        .await;
    let path = "/v1/networks?watch=true&after=1";
    let mut watch = viewer.request(Method::GET, path).send().await.unwrap();
    assert_eq!(watch.status(), 200);
    let other = netmaster.caller("viewer:vera");
    let mut stays = other.request(Method::GET, path).send().await.unwrap();
    let admin = netmaster.caller("admin:root");
    assert_eq!(admin.delete("/v1/tokens/grafana").await.status, 204);
    let ended = async { while watch.chunk().await.unwrap().is_some() {} };
    tokio::time::timeout(SOON, ended).await.unwrap();
    let body = json!({"name": "blue", "vlan": 1});
    let made = admin.ask(Method::POST, "/v1/networks", &body).await;
    assert_eq!(made.status, 201);
    let line = tokio::time::timeout(SOON, stays.chunk()).await.unwrap();
    assert!(line.unwrap().is_some());
}

#[tokio::test]
async fn a_token_that_makes_no_sense_is_not_made() {
    let netmaster = Netmaster::with_blue(Limits::default()).await;
    let admin = netmaster.caller("admin:root");
    for (spec, status, code) in [
        (json!({"name": "t", "role": "root"}), 422, "invalid_field"),
        (json!({"name": "t", "role": "node"}), 422, "invalid_field"),
        (
            json!({"name": "t", "role": "node", "nodes": ["n1"], "networks": ["blue"]}),
            422,
            "invalid_field",
        ),
        (
            json!({"name": "t", "role": "viewer", "nodes": ["n1"]}),
            422,
            "invalid_field",
        ),
        (
            json!({"name": "t", "role": "viewer", "reusable": true}),
            422,
            "invalid_field",
        ),
        (
            json!({"name": "t", "role": "cluster", "networks": ["blue"]}),
            422,
            "invalid_field",
        ),
        (
            json!({"name": "t", "role": "viewer", "lifetime_seconds": 31_622_401}),
            422,
            "invalid_field",
        ),
        (
            json!({"name": "t", "role": "viewer", "networks": ["violet"]}),
            404,
            "network_not_found",
        ),
    ] {
        let answer = admin.ask(Method::POST, "/v1/tokens", &spec).await;
        assert_eq!(answer.status.as_u16(), status, "{spec} {answer:?}");
        answer.is(status, code);
    }
    assert_eq!(admin.get("/v1/tokens").await.body["items"], json!([]));
    // Nobody makes a token who is not an administrator without limits.
    let operator = netmaster.caller("operator:olga");
    let spec = json!({"name": "t", "role": "viewer"});
    let denied = operator.ask(Method::POST, "/v1/tokens", &spec).await;
    denied.is(403, "forbidden");
    let secret = Secret::new("nothing");
    assert!(!format!("{secret:?}").contains("nothing"));
}
