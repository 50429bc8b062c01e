//! Which pods are an agent's own, as Kubernetes says: over HTTP, on both sides.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::extract::State;
use axum::http::{StatusCode, Uri};
use axum::response::{IntoResponse as _, Response};
use reqwest::Method;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::net::TcpListener;
use trunkline_netmaster::{KubernetesArgs, Limits};

use crate::netmaster::{Answer, Netmaster};

/// The pods that an API server has, by name; none while it does not answer. It lists nothing, so
/// that it is asked each time.
type Pods = Arc<Mutex<Option<BTreeMap<String, Value>>>>;

async fn answer(State(pods): State<Pods>, uri: Uri) -> Response {
    let pods = pods.lock().unwrap();
    let name = uri.path().strip_prefix("/api/v1/namespaces/shop/pods/");
    let (Some(name), Some(pods)) = (name, pods.as_ref()) else {
        return failure(StatusCode::SERVICE_UNAVAILABLE);
    };
    match pods.get(name) {
        Some(pod) => pod.to_string().into_response(),
        None => failure(StatusCode::NOT_FOUND),
    }
}

fn failure(code: StatusCode) -> Response {
    let reason = match code {
        StatusCode::NOT_FOUND => "NotFound",
        _ => "ServiceUnavailable",
    };
    let status = json!({"kind": "Status", "apiVersion": "v1", "status": "Failure",
                        "code": code.as_u16(), "reason": reason, "message": "as wanted"});
    (code, status.to_string()).into_response()
}

fn pod(name: &str, node: &str, labels: &Value) -> (String, Value) {
    let metadata = json!({"name": name, "namespace": "shop", "uid": format!("uid-{name}"),
                          "labels": labels});
    let pod = json!({"metadata": metadata, "spec": {"nodeName": node}});
    (name.to_owned(), pod)
}

/// A netmaster that hears these pods, with groups that put those with the label `app=db` into pool
/// `safe`.
async fn scene(pods: &Pods) -> (Netmaster, TempDir) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let server = format!("http://{}", listener.local_addr().unwrap());
    let router = Router::new().fallback(answer).with_state(pods.clone());
    tokio::spawn(async move { axum::serve(listener, router).await });
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("kubeconfig");
    // YAML takes JSON.
    let config = json!({
        "apiVersion": "v1", "kind": "Config", "current-context": "c",
        "clusters": [{"name": "c", "cluster": {"server": server}}],
        "users": [{"name": "u", "user": {}}],
        "contexts": [{"name": "c", "context": {"cluster": "c", "user": "u"}}],
    });
    std::fs::write(&file, config.to_string()).unwrap();
    let kubernetes = KubernetesArgs {
        kubeconfig: Some(file),
        ..KubernetesArgs::default()
    };
    let netmaster = Netmaster::set_up(Limits::default(), kubernetes).await;
    let netmaster = netmaster.and_blue().await;
    let admin = netmaster.caller("admin:root");
    for (path, body) in [
        (
            "/v1/pools",
            json!({"subnet": "blue-r1", "name": "safe", "ranges": ["10.1.0.200-10.1.0.209"]}),
        ),
        (
            "/v1/groups",
            json!({"name": "db", "namespaces": ["shop"], "pods": "app=db", "network": "blue",
                   "pool": "safe"}),
        ),
    ] {
        let made = admin.ask(Method::POST, path, &body).await;
        assert_eq!(made.status, 201, "{path} {made:?}");
    }
    (netmaster, directory)
}

fn wish(container: &str, pod: &str) -> Value {
    json!({"attachment": format!("{container}/eth0"), "node": "n1",
           "pod": {"namespace": "shop", "name": pod}})
}

fn with(mut wish: Value, more: Value) -> Value {
    for (key, value) in more.as_object().unwrap() {
        wish[key] = value.clone();
    }
    wish
}

fn address(answer: &Answer) -> String {
    assert_eq!(answer.status, 201, "{answer:?}");
    answer.body["addresses"][0]["ip"]
        .as_str()
        .unwrap()
        .to_owned()
}

#[tokio::test]
async fn an_agent_gets_addresses_for_its_own_pods_as_kubernetes_knows_them() {
    let pods = [
        pod("web-0", "n1", &json!({"app": "web"})),
        pod("db-0", "n1", &json!({"app": "db"})),
        pod("far-0", "n2", &json!({"app": "db"})),
    ];
    let pods = Pods::new(Mutex::new(Some(pods.into())));
    let (netmaster, _directory) = scene(&pods).await;
    let agent = netmaster.caller("node:n1");
    let ask = async |body: Value| agent.ask(Method::POST, "/v1/endpoints", &body).await;
    let in_blue = json!({"network": "blue"});

    let far = ask(with(wish("c1", "far-0"), in_blue.clone())).await;
    far.is(403, "forbidden");
    let nobodys = ask(with(wish("c1", "none-0"), in_blue.clone())).await;
    nobodys.is(403, "forbidden");
    // Without a pod, everything could be named.
    for more in [
        json!({}),
        json!({"pool": "safe"}),
        json!({"pod_labels": {"app": "db"}}),
    ] {
        let body = json!({"attachment": "c1/eth0", "node": "n1", "network": "blue"});
        ask(with(body, more)).await.is(403, "forbidden");
    }
    // Nor does it name for its own pod what that does not have.
    for more in [
        json!({"pool": "safe"}),
        json!({"pod_uid": "uid-web-9"}),
        json!({"addresses": ["10.1.0.205"]}),
        json!({"mac": "02:00:00:00:00:01"}),
        json!({"workload": {"kind": "stateful_set", "namespace": "shop", "name": "db"}}),
    ] {
        let body = with(wish("c1", "web-0"), in_blue.clone());
        ask(with(body, more)).await.is(403, "forbidden");
    }
    let lying = with(wish("c1", "web-0"), json!({"pod_labels": {"app": "db"}}));
    let lying = ask(with(lying, in_blue)).await;
    assert!(!address(&lying).starts_with("10.1.0.20"), "{lying:?}");
    // What Kubernetes knows counts although nobody says it.
    let db = ask(wish("c2", "db-0")).await;
    assert!(address(&db).starts_with("10.1.0.20"), "{db:?}");
    assert_eq!(db.body["pod_uid"], "uid-db-0");
    netmaster.still_serves().await;
}

#[tokio::test]
async fn while_kubernetes_does_not_answer_agents_get_what_they_have_and_nothing_else() {
    let own = [
        pod("web-0", "n1", &json!({})),
        pod("web-1", "n1", &json!({})),
    ];
    let pods = Pods::new(Mutex::new(Some(own.into())));
    let (netmaster, _directory) = scene(&pods).await;
    let agent = netmaster.caller("node:n1");
    let in_blue = json!({"network": "blue"});
    let ask = async |container: &str, pod: &str| {
        let body = with(wish(container, pod), in_blue.clone());
        agent.ask(Method::POST, "/v1/endpoints", &body).await
    };
    let first = ask("c1", "web-0").await;
    let known = address(&first);
    *pods.lock().unwrap() = None;
    let other = ask("c2", "web-1").await;
    other.is(503, "orchestrator_unavailable");
    let again = ask("c1", "web-0").await;
    assert_eq!(again.status, 200, "{again:?}");
    assert_eq!(again.body["addresses"][0]["ip"], known);
    // Who is no agent is not asked about pods.
    let operator = netmaster.caller("operator:olga");
    let body = json!({"attachment": "c3/eth0", "node": "n1", "network": "blue"});
    let made = operator.ask(Method::POST, "/v1/endpoints", &body).await;
    assert_eq!(made.status, 201, "{made:?}");
}
