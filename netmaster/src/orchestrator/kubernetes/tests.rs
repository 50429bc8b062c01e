//! Against an API server of the test's own, over HTTP.

use std::collections::BTreeMap;
use std::io;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use axum::Router;
use axum::body::Body;
use axum::extract::{Query, State};
use axum::http::{StatusCode, Uri};
use axum::response::{IntoResponse as _, Response};
use futures_util::stream;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::watch::{Receiver, Sender};
use tokio::task::JoinHandle;

use super::*;
use crate::orchestrator::Facts;

/// Long enough for anything that happens at all.
const SOON: Duration = Duration::from_secs(20);

/// How many things a page of the server's lists has.
const PAGE: usize = 2;

/// An API server with what `/api/v1/pods`, `/api/v1/nodes` and others hold.
#[derive(Clone)]
struct Server {
    shared: Arc<Shared>,
}

struct Shared {
    state: Mutex<Objects>,
    /// Changes with everything that a watch has to look at.
    changed: Sender<u64>,
    lists: AtomicUsize,
    /// How often it was asked for one pod.
    shows: AtomicUsize,
}

#[derive(Default)]
struct Objects {
    /// By path and name.
    objects: BTreeMap<(String, String), Value>,
    revision: u64,
    /// What happened, with its path.
    log: Vec<(u64, String, Value)>,
    /// Up to here the log is compacted.
    floor: u64,
    /// What it answers instead, if it does.
    failing: Option<u16>,
    /// Counts how often all watches were cut.
    cuts: u64,
}

impl Server {
    async fn start() -> (Self, Kubernetes) {
        let server = Self {
            shared: Arc::new(Shared {
                state: Mutex::default(),
                changed: Sender::new(0),
                lists: AtomicUsize::new(0),
                shows: AtomicUsize::new(0),
            }),
        };
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let router = Router::new().fallback(answer).with_state(server.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        let config = Config::new(url.parse().unwrap());
        (server, Kubernetes::at(config).unwrap())
    }

    fn change<T>(&self, change: impl FnOnce(&mut Objects) -> T) -> T {
        let result = change(&mut self.shared.state.lock().unwrap());
        self.shared.changed.send_modify(|count| *count += 1);
        result
    }

    fn put(&self, path: &str, name: &str, object: Value) {
        self.change(|state| state.put(path, name, object));
    }

    fn delete(&self, path: &str, name: &str) {
        self.change(|state| {
            let mut object = state.objects.remove(&(path.into(), name.into())).unwrap();
            state.revision += 1;
            object["metadata"]["resourceVersion"] = state.revision.to_string().into();
            state.tell(path, "DELETED", object);
        });
    }

    fn put_pod(&self, name: &str, uid: &str, node: &str) {
        self.put("/api/v1/pods", name, pod(name, uid, node, "Running"));
    }

    fn put_node(&self, name: &str, taints: &[&str]) {
        let taints: Vec<_> = taints
            .iter()
            .map(|key| json!({"key": key, "effect": "NoExecute"}))
            .collect();
        let node = json!({"metadata": {"name": name}, "spec": {"taints": taints}});
        self.put("/api/v1/nodes", name, node);
    }

    fn shows(&self) -> usize {
        self.shared.shows.load(Ordering::SeqCst)
    }

    fn lists(&self) -> usize {
        self.shared.lists.load(Ordering::SeqCst)
    }
}

impl Objects {
    fn put(&mut self, path: &str, name: &str, mut object: Value) {
        self.revision += 1;
        object["metadata"]["resourceVersion"] = self.revision.to_string().into();
        let key = (path.to_owned(), name.to_owned());
        let kind = match self.objects.insert(key, object.clone()) {
            Some(_) => "MODIFIED",
            None => "ADDED",
        };
        self.tell(path, kind, object);
    }

    fn tell(&mut self, path: &str, kind: &str, object: Value) {
        let event = json!({"type": kind, "object": object});
        self.log.push((self.revision, path.to_owned(), event));
    }
}

fn pod(name: &str, uid: &str, node: &str, phase: &str) -> Value {
    json!({
        "metadata": {"name": name, "namespace": "shop", "uid": uid},
        "spec": {"nodeName": node, "containers": [{"name": "main", "image": "web"}]},
        "status": {"phase": phase, "podIP": "10.1.0.10"},
    })
}

fn failure(code: u16) -> Response {
    let reason = match code {
        404 => "NotFound",
        403 => "Forbidden",
        410 => "Expired",
        _ => "ServiceUnavailable",
    };
    let status = json!({"kind": "Status", "apiVersion": "v1", "status": "Failure", "code": code,
                        "reason": reason, "message": "as the test wants it"});
    let code = StatusCode::from_u16(code).unwrap();
    (code, status.to_string()).into_response()
}

async fn answer(
    State(server): State<Server>,
    Query(query): Query<BTreeMap<String, String>>,
    uri: Uri,
) -> Response {
    let path = uri.path().to_owned();
    let state = server.shared.state.lock().unwrap();
    if let Some(code) = state.failing {
        return failure(code);
    }
    if let Some(name) = path.strip_prefix("/api/v1/namespaces/shop/pods/") {
        server.shared.shows.fetch_add(1, Ordering::SeqCst);
        let key = ("/api/v1/pods".to_owned(), name.to_owned());
        return match state.objects.get(&key) {
            Some(object) => object.to_string().into_response(),
            None => failure(404),
        };
    }
    if path.starts_with("/apis/") {
        let (path, name) = path.rsplit_once('/').unwrap();
        return match state.objects.get(&(path.to_owned(), name.to_owned())) {
            Some(object) => object.to_string().into_response(),
            None => failure(404),
        };
    }
    if query.get("watch").is_some_and(|watch| watch == "true") {
        let after: u64 = query["resourceVersion"].parse().unwrap();
        if after < state.floor {
            return failure(410);
        }
        let cuts = state.cuts;
        drop(state);
        let changed = server.shared.changed.subscribe();
        return Body::from_stream(events(server, path, after, cuts, changed)).into_response();
    }
    server.shared.lists.fetch_add(1, Ordering::SeqCst);
    list(&state, &path, query.get("continue"))
}

fn list(state: &Objects, path: &str, token: Option<&String>) -> Response {
    let of_path = state.objects.iter().filter(|((other, _), _)| other == path);
    let later = of_path.filter(|((_, name), _)| token.is_none_or(|token| name > token));
    let mut page: Vec<_> = later.take(PAGE + 1).collect();
    let more = page.len() > PAGE;
    page.truncate(PAGE);
    let token = more.then(|| page.last().map(|((_, name), _)| name.clone()));
    let items: Vec<_> = page.into_iter().map(|(_, object)| object).collect();
    json!({
        "kind": "List",
        "apiVersion": "v1",
        "metadata": {"resourceVersion": state.revision.to_string(), "continue": token},
        "items": items,
    })
    .to_string()
    .into_response()
}

/// The events of `path` after a revision, until the watches are cut.
fn events(
    server: Server,
    path: String,
    after: u64,
    cuts: u64,
    changed: Receiver<u64>,
) -> impl futures_util::Stream<Item = io::Result<String>> {
    stream::unfold((after, changed), move |(after, mut changed)| {
        let (server, path) = (server.clone(), path.clone());
        async move {
            loop {
                changed.mark_unchanged();
                {
                    let state = server.shared.state.lock().unwrap();
                    if state.cuts != cuts {
                        return Some((Err(io::Error::other("cut")), (after, changed.clone())));
                    }
                    let next = state
                        .log
                        .iter()
                        .find(|(at, other, _)| *at > after && *other == path);
                    if let Some((at, _, event)) = next {
                        return Some((Ok(format!("{event}\n")), (*at, changed.clone())));
                    }
                }
                changed.changed().await.ok()?;
            }
        }
    })
}

/// A follower that ends with the test.
struct Following(JoinHandle<()>);

impl Drop for Following {
    fn drop(&mut self) {
        self.0.abort();
    }
}

fn follow(kubernetes: &Kubernetes) -> Following {
    Following(tokio::spawn(kubernetes.follow()))
}

fn name(text: &str) -> Name {
    text.parse().unwrap()
}

fn web(ordinal: u32) -> Pod {
    Pod {
        namespace: "shop".to_owned(),
        name: format!("web-{ordinal}"),
    }
}

fn there(uid: &str, node: &str) -> PodSeen {
    PodSeen::There {
        uid: uid.to_owned(),
        node: Some(node.to_owned()),
        ended: false,
    }
}

/// Waits until `look` sees what is expected.
async fn until<T: PartialEq + std::fmt::Debug>(look: impl Fn() -> T, expected: T) {
    let seen = timeout(SOON, async {
        while look() != expected {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    });
    assert!(seen.await.is_ok(), "{:?}, not {expected:?}", look());
}

#[tokio::test]
async fn pods_are_listed_page_by_page_and_then_followed() {
    let (server, kubernetes) = Server::start().await;
    for ordinal in 0..5 {
        server.put_pod(&format!("web-{ordinal}"), "u1", "n1");
    }
    assert_eq!(
        kubernetes.pod(&web(0)),
        PodSeen::Unknown,
        "nothing is known before the list"
    );
    let _following = follow(&kubernetes);
    until(|| kubernetes.pod(&web(4)), there("u1", "n1")).await;
    assert_eq!(kubernetes.pod(&web(0)), there("u1", "n1"));
    assert_eq!(kubernetes.pod(&web(5)), PodSeen::Absent);
    server.put_pod("web-5", "u2", "n2");
    until(|| kubernetes.pod(&web(5)), there("u2", "n2")).await;
    server.delete("/api/v1/pods", "web-0");
    until(|| kubernetes.pod(&web(0)), PodSeen::Absent).await;
    server.put(
        "/api/v1/pods",
        "web-1",
        pod("web-1", "u1", "n1", "Succeeded"),
    );
    let ended = PodSeen::There {
        uid: "u1".to_owned(),
        node: Some("n1".to_owned()),
        ended: true,
    };
    until(|| kubernetes.pod(&web(1)), ended).await;
}

#[tokio::test]
async fn a_watch_that_is_too_old_is_begun_anew_with_a_list() {
    let (server, kubernetes) = Server::start().await;
    server.put_pod("web-0", "u1", "n1");
    server.put_pod("web-1", "u1", "n1");
    let _following = follow(&kubernetes);
    until(|| kubernetes.pod(&web(0)), there("u1", "n1")).await;
    until(|| kubernetes.node(&name("n9")), NodeSeen::Unknown).await;
    let lists = server.lists();
    // What happens while the watch is cut is compacted away before it comes back.
    server.change(|state| {
        state.cuts += 1;
        state
            .objects
            .remove(&("/api/v1/pods".to_owned(), "web-0".to_owned()));
        state.revision += 10;
        state.floor = state.revision;
        state.log.clear();
    });
    until(|| kubernetes.pod(&web(0)), PodSeen::Absent).await;
    assert_eq!(kubernetes.pod(&web(1)), there("u1", "n1"));
    assert!(server.lists() > lists);
}

#[tokio::test]
async fn while_the_server_is_away_nothing_is_known_and_then_what_happened_meanwhile() {
    let (server, kubernetes) = Server::start().await;
    server.put_pod("web-0", "u1", "n1");
    let _following = follow(&kubernetes);
    until(|| kubernetes.pod(&web(0)), there("u1", "n1")).await;
    // A watch that shows a change is open.
    server.put_pod("web-1", "u1", "n1");
    until(|| kubernetes.pod(&web(1)), there("u1", "n1")).await;
    server.change(|state| {
        state.failing = Some(503);
        state.cuts += 1;
    });
    until(|| kubernetes.pod(&web(0)), PodSeen::Unknown).await;
    assert_eq!(
        kubernetes.pod(&web(7)),
        PodSeen::Unknown,
        "absence is not known either"
    );
    server.put_pod("web-7", "u7", "n1");
    server.change(|state| state.failing = None);
    until(|| kubernetes.pod(&web(7)), there("u7", "n1")).await;
    assert_eq!(kubernetes.pod(&web(0)), there("u1", "n1"));
}

#[tokio::test]
async fn a_node_is_gone_only_if_it_was_there_before() {
    let (server, kubernetes) = Server::start().await;
    server.put_node("n1", &[]);
    server.put_node("n2", &["node.kubernetes.io/unreachable"]);
    let _following = follow(&kubernetes);
    until(|| kubernetes.node(&name("n1")), NodeSeen::There).await;
    assert_eq!(
        kubernetes.node(&name("n2")),
        NodeSeen::There,
        "unreachable is not switched off"
    );
    assert_eq!(kubernetes.node(&name("elsewhere")), NodeSeen::Unknown);
    server.put_node("n2", &["node.kubernetes.io/out-of-service"]);
    until(|| kubernetes.node(&name("n2")), NodeSeen::OutOfService).await;
    server.delete("/api/v1/nodes", "n1");
    until(|| kubernetes.node(&name("n1")), NodeSeen::Gone).await;
    server.put_node("n1", &[]);
    until(|| kubernetes.node(&name("n1")), NodeSeen::There).await;
}

#[tokio::test]
async fn a_node_that_goes_while_the_watch_is_compacted_is_gone() {
    let (server, kubernetes) = Server::start().await;
    server.put_node("n1", &[]);
    let _following = follow(&kubernetes);
    until(|| kubernetes.node(&name("n1")), NodeSeen::There).await;
    server.change(|state| {
        state.cuts += 1;
        state.objects.clear();
        state.revision += 10;
        state.floor = state.revision;
        state.log.clear();
    });
    until(|| kubernetes.node(&name("n1")), NodeSeen::Gone).await;
}

#[tokio::test]
async fn a_holder_is_deleted_when_no_kind_has_it() {
    let (server, kubernetes) = Server::start().await;
    let holder = |name: &str| Workload {
        namespace: "shop".to_owned(),
        name: name.to_owned(),
    };
    let (web, db) = (
        Holder::Workload(holder("web")),
        Holder::StatefulSet(holder("db")),
    );
    let path = "/apis/apps/v1/namespaces/shop/daemonsets";
    let metadata = json!({"metadata": {"name": "web", "namespace": "shop"}});
    server.put(path, "web", metadata);
    assert_eq!(kubernetes.deleted(&web).await, Some(false));
    assert_eq!(kubernetes.deleted(&db).await, Some(true));
    server.delete(path, "web");
    assert_eq!(kubernetes.deleted(&web).await, Some(true));
    server.change(|state| state.failing = Some(403));
    let asked = kubernetes.deleted(&db);
    assert_eq!(asked.await, None, "that it does not say proves nothing");
}

#[tokio::test]
async fn where_a_pod_is_the_watch_says_and_else_the_server_is_asked() {
    let (server, kubernetes) = Server::start().await;
    server.put_pod("web-0", "u1", "n1");
    let _following = follow(&kubernetes);
    until(|| kubernetes.pod(&web(0)), there("u1", "n1")).await;
    let (own, other) = (name("n1"), name("n2"));
    let on = |place: Place| match place {
        Place::On { node, .. } => node,
        other => format!("{other:?}"),
    };
    for uid in [None, Some("u1")] {
        assert_eq!(on(kubernetes.place(&web(0), &own, uid).await), "n1");
    }
    assert_eq!(server.shows(), 0, "nobody is asked for what is known");
    assert_eq!(on(kubernetes.place(&web(0), &other, None).await), "n1");
    assert_eq!(on(kubernetes.place(&web(0), &own, Some("u9")).await), "n1");
    let nowhere = kubernetes.place(&web(1), &own, None).await;
    assert_eq!(nowhere, Place::Nowhere);
    server.put(
        "/api/v1/pods",
        "web-2",
        json!({"metadata": {"name": "web-2", "namespace": "shop", "uid": "u2"}, "spec": {}}),
    );
    let waiting = kubernetes.place(&web(2), &own, None).await;
    assert_eq!(waiting, Place::Waiting);
    assert_eq!(server.shows(), 4);
}

#[tokio::test]
async fn what_the_watch_has_told_of_a_pod_is_known_without_asking() {
    let (server, kubernetes) = Server::start().await;
    server.put_pod("web-0", "u1", "n1");
    let metadata = json!({"name": "web-1", "namespace": "shop", "uid": "u2",
                          "labels": {"app": "web"}});
    let waiting = json!({"metadata": metadata, "spec": {}});
    server.put("/api/v1/pods", "web-1", waiting);
    assert_eq!(kubernetes.known(&web(0)), Known::Unknown);
    let _following = follow(&kubernetes);
    until(|| kubernetes.pod(&web(0)), there("u1", "n1")).await;
    let node = |ordinal| match kubernetes.known(&web(ordinal)) {
        Known::There { node, .. } => node,
        other => panic!("{other:?}"),
    };
    assert_eq!(node(0).as_deref(), Some("n1"));
    // One that waits for a node has labels already.
    assert_eq!(node(1), None);
    let Known::There { facts, .. } = kubernetes.known(&web(1)) else {
        panic!("it is there");
    };
    assert_eq!(facts.labels.get("app").unwrap().as_str(), "web");
    assert_eq!(kubernetes.known(&web(2)), Known::Absent);
    assert_eq!(server.shows(), 0);
}

#[tokio::test]
async fn where_a_pod_is_can_be_asked_before_the_watch_and_not_while_the_server_is_away() {
    let (server, kubernetes) = Server::start().await;
    server.put_pod("web-0", "u1", "n1");
    let place = kubernetes.place(&web(0), &name("n1"), None).await;
    assert!(
        matches!(&place, Place::On { node, .. } if node == "n1"),
        "{place:?}"
    );
    server.change(|state| state.failing = Some(503));
    let place = kubernetes.place(&web(0), &name("n1"), None).await;
    assert_eq!(place, Place::Unknown);
}

/// What is known of a pod with this metadata, before the watch has told of it and afterwards.
async fn facts(metadata: Value) -> Facts {
    let (server, kubernetes) = Server::start().await;
    let mut object = pod("web-0", "u1", "n1", "Running");
    for (key, value) in metadata.as_object().unwrap() {
        object["metadata"][key] = value.clone();
    }
    server.put("/api/v1/pods", "web-0", object);
    let (web, node) = (web(0), name("n1"));
    let asked = kubernetes.place(&web, &node, None).await;
    let _following = follow(&kubernetes);
    until(|| kubernetes.pod(&web), there("u1", "n1")).await;
    let known = kubernetes.place(&web, &node, None).await;
    assert_eq!((known, server.shows()), (asked.clone(), 1));
    match asked {
        Place::On { facts, .. } => *facts,
        other => panic!("{other:?}"),
    }
}

fn owned_by(kind: &str, name: &str) -> Value {
    json!([{"apiVersion": "v1", "kind": "Other", "name": "other", "uid": "o0"},
           {"apiVersion": "apps/v1", "kind": kind, "name": name, "uid": "o1", "controller": true}])
}

#[tokio::test]
async fn what_decides_what_a_pod_gets_is_in_its_object() {
    let known = facts(json!({
        "labels": {"app": "web", "not ours!": "x"},
        "annotations": {"trunkline.io/pool": "front", "other": "x"},
        "ownerReferences": owned_by("StatefulSet", "web"),
    }))
    .await;
    assert_eq!(known.uid.as_deref(), Some("u1"));
    assert!(known.are_of(Some("u1")) && known.are_of(None) && !known.are_of(Some("u2")));
    let labels: Vec<_> = known.labels.iter().map(|(key, _)| key.as_str()).collect();
    assert_eq!(labels, ["app"]);
    let asks: Vec<_> = known.asks.into_iter().collect();
    assert_eq!(asks, [(Facts::POOL.to_owned(), "front".to_owned())]);
    let web = Workload {
        namespace: "shop".to_owned(),
        name: "web".to_owned(),
    };
    let workloads = [Holder::StatefulSet(web.clone()), Holder::Workload(web)];
    assert_eq!(known.workloads, workloads);
}

#[tokio::test]
async fn a_pod_is_of_the_deployment_behind_its_replica_set() {
    let names = async |metadata: Value| {
        let known = facts(metadata).await;
        let names = known.workloads.iter().map(|workload| match workload {
            Holder::Workload(one) => one.name.clone(),
            other => panic!("{other:?}"),
        });
        names.collect::<Vec<_>>()
    };
    let owners = owned_by("ReplicaSet", "web-7d4b9");
    let labels = json!({"pod-template-hash": "7d4b9"});
    let with = json!({"labels": labels, "ownerReferences": owners});
    assert_eq!(names(with).await, ["web", "web-7d4b9"]);
    let without = json!({"ownerReferences": owners});
    assert_eq!(names(without).await, ["web-7d4b9"]);
    let alone = names(json!({})).await;
    assert!(alone.is_empty(), "{alone:?}");
}

#[tokio::test]
async fn a_mirror_is_known_by_the_id_that_its_node_has_for_it() {
    let known = facts(json!({
        "annotations": {"kubernetes.io/config.mirror": "h1", "kubernetes.io/config.hash": "h1"},
        "ownerReferences": owned_by("Node", "n1"),
    }))
    .await;
    assert!(known.are_of(Some("h1")) && known.are_of(Some("u1")) && !known.are_of(Some("h2")));
    assert_eq!(known.uid, None, "the mirror may be made anew");
    assert!(known.workloads.is_empty());
}
