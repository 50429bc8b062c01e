use std::collections::BTreeSet;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::to_bytes;
use axum::http::StatusCode;
use rcgen::{CertificateParams, KeyPair};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::watch;
use trunkline_ipam::{Catalog, Policy, Revision, Timestamp, found_cluster};
use trunkline_netmaster_api::{Audit, Client, Query};

use super::*;
use crate::allocator::{Allocator, Gate, Unavailable};
use crate::audit::Auditor;
use crate::certs::fixture::Scene;
use crate::connections::{Connections, Door, Places};
use crate::feed::Published;
use crate::identity::Scope;
use crate::join::NodeAuthority;
use crate::limits::{Pace, Rate};
use crate::metrics::Metrics;
use crate::orchestrator::{Claims, Nobody, Pods};
use crate::replicas::Replicas;
use crate::requests::Relay;
use crate::routes::{Watches, router};
use crate::server::{ServeOptions, Server};
use crate::store::{Batch, Embedded, Store as _, load_catalog};
use crate::sweeper::{Heard, Reports};
use crate::tasks::Services;
use crate::tls::{Keeper, TlsFiles};
use crate::usage::Usage;

#[test]
fn only_what_writes_or_is_for_agents_goes_to_the_leader() {
    for (method, path) in [
        (Method::POST, "/v1/networks"),
        (Method::PUT, "/v1/networks/blue"),
        (Method::PATCH, "/v1/nodes/n1"),
        (Method::DELETE, "/v1/endpoints/c1/eth0"),
        (Method::GET, "/v1/nodes/n1/requests"),
        (Method::POST, "/v1/nodes/n1/requests/7/answer"),
        (Method::POST, "/v1/apply"),
        (Method::POST, "/v1/import"),
        (Method::GET, "/v1/check"),
        (Method::GET, "/v1/backup"),
        (Method::POST, "/v1/check/repair"),
    ] {
        assert!(is_for_leader(&method, path), "{method} {path}");
    }
    for (method, path) in [
        (Method::GET, "/v1/networks"),
        (Method::HEAD, "/v1/networks/blue"),
        (Method::GET, "/v1/nodes/requests"),
        (Method::POST, "/v1/explain"),
        (Method::POST, "/healthz"),
        (Method::GET, "/metrics"),
        (Method::GET, "/v1/export"),
        (Method::GET, "/v1/status"),
        (Method::GET, "/v1/usage"),
    ] {
        assert!(!is_for_leader(&method, path), "{method} {path}");
    }
}

#[test]
fn headers_of_one_connection_stay_on_it() {
    let mut headers = HeaderMap::new();
    for (name, value) in [
        ("connection", "close, x-once"),
        ("x-once", "1"),
        ("transfer-encoding", "chunked"),
        ("content-type", "application/json"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    remove_hop_by_hop(&mut headers);
    assert_eq!(headers.len(), 1);
    assert!(headers.contains_key("content-type"));
}

/// Where the follower is said to be reached.
const OWN: &str = "http://follower.example:9630";

/// A follower that is served, and what it takes for the leader.
struct Follower {
    url: String,
    role: watch::Sender<Role>,
    published: Arc<Published>,
    _gate: watch::Sender<Gate>,
    _stopping: watch::Sender<bool>,
}

impl Follower {
    async fn of(leader: Option<String>) -> Self {
        Self::asked_by(Identity::local(), leader, &Credentials::default()).await
    }

    /// Whoever comes is `identity`, and the leader is shown `credentials`.
    async fn asked_by(
        identity: Identity,
        leader: Option<String>,
        credentials: &Credentials,
    ) -> Self {
        Self::behind(Door::Plain(identity), leader, credentials).await
    }

    /// Whoever comes through `door`, and the leader is shown `credentials`.
    async fn behind(door: Door, leader: Option<String>, credentials: &Credentials) -> Self {
        let mut store = Embedded::in_memory().unwrap();
        let mut batch = Batch::on(Revision::ZERO);
        let founded = found_cluster(&Catalog::default(), "c-1", Timestamp::default());
        batch.add(&founded).unwrap();
        store.commit(&batch).unwrap();
        let reader = store.reader();
        let (catalog, position) = load_catalog(&reader).unwrap();
        let published = Arc::new(Published::new(catalog, position));
        let gate = watch::Sender::new(Gate::Shut(Unavailable::NotLeading));
        let role = watch::Sender::new(Role::Follower { leader });
        let allocator = Allocator::new(
            gate.subscribe(),
            role.subscribe(),
            published.clone(),
            reader,
        );
        let metrics = Metrics::new(Policy::default());
        let services = Services {
            allocator,
            relay: Relay::new(metrics.clone()),
            metrics,
            reports: Reports::default(),
            heard: Heard::default(),
            policy: Arc::default(),
            pods: Pods::of(Arc::new(Nobody)),
            usage: Usage::default(),
            claims: Claims::by(Arc::new(Nobody)),
            auditor: Auditor::default(),
        };
        let (stopping, stopped) = watch::channel(false);
        let forwarder = Forwarder::with(credentials, 10).unwrap();
        tokio::spawn(services.auditor.clone().report(
            forwarder.clone(),
            services.allocator.clone(),
            services.metrics.clone(),
            stopped.clone(),
        ));
        let app = App::new(
            services,
            None,
            Watches::up_to(10, 10),
            Pace::of(Rate::per_second(100, 100)),
            forwarder,
            Replicas::at(OWN),
            stopped.clone(),
        );
        let (listener, mut url) = listen().await;
        if matches!(door, Door::Tls(_)) {
            url = url.replace("http", "https");
        }
        let connections = Connections::new(router(app), Places::up_to(10, 10), stopped);
        tokio::spawn(connections.serve(listener, door));
        Self {
            url,
            role,
            published,
            _gate: gate,
            _stopping: stopping,
        }
    }

    async fn send(&self, method: Method, path: &str, body: Value) -> StatusCode {
        let request = http().request(method, format!("{}{path}", self.url));
        request.json(&body).send().await.unwrap().status()
    }

    async fn post(&self, headers: &[(&str, &str)]) -> (StatusCode, String) {
        let mut request = http().post(format!("{}/v1/networks?x=1", self.url));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let answer = request.body("a body").send().await.unwrap();
        (answer.status(), answer.text().await.unwrap())
    }
}

fn http() -> reqwest::Client {
    reqwest::Client::builder()
        .no_proxy()
        .tls_backend_preconfigured(Credentials::default().tls().unwrap())
        .build()
        .unwrap()
}

/// Asks `url` as somebody who has seen `revision`.
async fn get(url: String, revision: u64) -> (StatusCode, String) {
    let request = http().get(url).header("trunkline-revision", revision);
    let answer = request.send().await.unwrap();
    let status = answer.status();
    // A watch does not end.
    let text = match status {
        StatusCode::OK => String::new(),
        _ => answer.text().await.unwrap(),
    };
    (status, text)
}

async fn listen() -> (TcpListener, String) {
    let any_port: SocketAddr = "127.0.0.1:0".parse().unwrap();
    let listener = TcpListener::bind(any_port).await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    (listener, url)
}

#[track_caller]
fn is_problem(answer: &(StatusCode, String), code: &str) {
    assert_eq!(answer.0, StatusCode::SERVICE_UNAVAILABLE, "{answer:?}");
    let body: Value = serde_json::from_str(&answer.1).unwrap();
    assert_eq!(body["code"], code, "{answer:?}");
}

#[tokio::test]
async fn a_write_goes_to_the_leader_and_its_answer_comes_back() {
    let seen = Arc::new(Mutex::new(None));
    let record = seen.clone();
    let leader = Router::new().fallback(async move |request: Request| {
        let (parts, body) = request.into_parts();
        let body = to_bytes(body, 1000).await.unwrap();
        *record.lock().unwrap() = Some((parts, body));
        let headers = [("keep-alive", "timeout=5"), ("x-leader", "yes")];
        (StatusCode::IM_A_TEAPOT, headers, "an answer")
    });
    let (listener, url) = listen().await;
    tokio::spawn(async move { axum::serve(listener, leader).await });
    let follower = Follower::of(Some(url.clone())).await;

    let answer = follower.post(&[("x-own", "1"), ("te", "trailers")]).await;
    assert_eq!(answer, (StatusCode::IM_A_TEAPOT, "an answer".to_owned()));
    let (parts, body) = seen.lock().unwrap().take().unwrap();
    assert_eq!(parts.method, Method::POST);
    assert_eq!(parts.uri.path_and_query().unwrap(), "/v1/networks?x=1");
    assert_eq!(body, "a body");
    assert_eq!(parts.headers["x-own"], "1");
    assert!(!parts.headers.contains_key("te"));
    assert_eq!(parts.headers[FORWARDED], "1");
    assert_eq!(parts.headers[HOST], url.trim_start_matches("http://"));
}

#[tokio::test]
async fn without_a_leader_writes_are_refused_and_reads_served() {
    let follower = Follower::of(None).await;
    is_problem(&follower.post(&[]).await, "no_leader");
    let list = http()
        .get(format!("{}/v1/networks", follower.url))
        .send()
        .await
        .unwrap();
    assert_eq!(list.status(), StatusCode::OK);
    let ready = http()
        .get(format!("{}/readyz", follower.url))
        .send()
        .await
        .unwrap();
    assert_eq!(ready.status(), StatusCode::SERVICE_UNAVAILABLE);
    let leader = Some("http://127.0.0.1:9".to_owned());
    follower.role.send_replace(Role::Follower { leader });
    let ready = http()
        .get(format!("{}/readyz", follower.url))
        .send()
        .await
        .unwrap();
    assert_eq!(ready.status(), StatusCode::OK);
}

#[tokio::test]
async fn a_request_is_not_passed_on_twice() {
    let (listener, url) = listen().await;
    let follower = Follower::of(Some(url)).await;
    let answer = follower.post(&[("trunkline-forwarded", "1")]).await;
    is_problem(&answer, "no_leader");
    // Nobody came.
    let nobody = timeout(Duration::from_millis(50), listener.accept()).await;
    assert!(nobody.is_err());
}

#[tokio::test]
async fn a_leader_that_is_gone_did_nothing_and_one_that_breaks_off_may_have() {
    let (listener, url) = listen().await;
    let follower = Follower::of(Some(url)).await;
    let broken = tokio::spawn(async move {
        let (connection, _) = listener.accept().await.unwrap();
        drop(connection);
        // With the listener the address goes as well.
    });
    is_problem(&follower.post(&[]).await, "store_unavailable");
    broken.await.unwrap();
    is_problem(&follower.post(&[]).await, "no_leader");
}

#[tokio::test]
async fn the_leader_is_asked_how_the_whole_is_for_as_long_as_there_is_one() {
    let leader = Router::new().fallback(async || "from the leader");
    let (listener, url) = listen().await;
    tokio::spawn(async move { axum::serve(listener, leader).await });
    let follower = Follower::of(Some(url)).await;
    let status = async || {
        let answer = http().get(format!("{}/v1/status", follower.url)).send();
        answer.await.unwrap().text().await.unwrap()
    };
    assert_eq!(status().await, "from the leader");
    let leader = Some("http://127.0.0.1:9".to_owned());
    follower.role.send_replace(Role::Follower { leader });
    // That one is gone, and the follower says what it knows itself.
    let own: Value = serde_json::from_str(&status().await).unwrap();
    assert_eq!(own["cluster"], "c-1");
    assert_eq!(own["leading"], false);
}

#[tokio::test]
async fn a_follower_tells_the_leader_that_it_is_there() {
    let seen = Arc::new(Mutex::new(None));
    let record = seen.clone();
    let leader = Router::new().fallback(async move |request: Request| {
        *record.lock().unwrap() = Some(request.into_parts().0);
    });
    let (listener, url) = listen().await;
    tokio::spawn(async move { axum::serve(listener, leader).await });
    let forwarder = Forwarder::with(&Credentials::default(), 10).unwrap();
    forwarder
        .announce(&url, OWN, Revision::new(7))
        .await
        .unwrap();
    let parts = seen.lock().unwrap().take().unwrap();
    assert_eq!(parts.uri.path(), "/v1/cluster");
    assert_eq!(parts.headers[own_header::REPLICA], OWN);
    assert_eq!(parts.headers[SEEN], "7");
}

/// What a replica shows that has the certificate of this name.
fn credentials(certs: &Scene, name: &str) -> Credentials {
    let file = |kind: &str| certs.path(&format!("{name}.{kind}"));
    Credentials {
        ca: Some(certs.path("ca.pem")),
        certificate: Some((file("pem"), file("key"))),
        token: None,
    }
}

#[tokio::test]
async fn a_leader_that_hangs_is_given_up_when_it_leads_no_more() {
    for now in [
        Role::Leader,
        Role::Follower { leader: None },
        Role::Follower {
            leader: Some("http://127.0.0.1:9".to_owned()),
        },
    ] {
        let (listener, url) = listen().await;
        let follower = Follower::of(Some(url)).await;
        let role = follower.role.clone();
        let deposed = tokio::spawn(async move {
            // The request has come, and is never answered.
            let connection = listener.accept().await.unwrap();
            role.send_replace(now);
            connection
        });
        let answer = timeout(DEADLINE / 2, follower.post(&[])).await;
        is_problem(
            &answer.expect("long before its deadline"),
            "store_unavailable",
        );
        deposed.await.unwrap();
    }
}

/// Certificates, and the URL of a leader that is served with one of them.
async fn leader_with_tls() -> (Scene, String) {
    let certs = Scene::with_authority();
    certs.run("issue replica:m1 --san 127.0.0.1").unwrap();
    certs.run("issue replica:m2 --san 127.0.0.1").unwrap();
    let options = ServeOptions {
        tls: Some(files(&certs, "replica-m1")),
        ..ServeOptions::default()
    };
    let any_port = "127.0.0.1:0".parse().unwrap();
    let store = Embedded::in_memory().unwrap();
    let leader = Server::bind(&[any_port], store, options).await.unwrap();
    let url = leader.urls().next().unwrap();
    tokio::spawn(leader.run(std::future::pending()));
    (certs, url)
}

#[tokio::test]
async fn a_leader_with_tls_is_told_who_asked_and_decides_by_that() {
    let (certs, url) = leader_with_tls().await;
    let agent = Identity::of_certificate("node:n1").unwrap();
    let shown = credentials(&certs, "replica-m2");
    let follower = Follower::asked_by(agent, Some(url.clone()), &shown).await;
    let register = || follower.send(Method::PUT, "/v1/nodes/n1", json!({"rack": "r1"}));
    // The cluster is founded beside the serving.
    let registered = async {
        while register().await == StatusCode::SERVICE_UNAVAILABLE {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        register().await
    };
    let registered = timeout(Duration::from_secs(20), registered).await;
    // No replica may do that by itself.
    assert_eq!(registered.unwrap(), StatusCode::OK);
    let wish = |node: &str| json!({"attachment": "c1/eth0", "node": node, "network": "blue"});
    let own = follower
        .send(Method::POST, "/v1/endpoints", wish("n1"))
        .await;
    assert_eq!(own, StatusCode::NOT_FOUND);
    let other = follower
        .send(Method::POST, "/v1/endpoints", wish("n2"))
        .await;
    assert_eq!(other, StatusCode::FORBIDDEN);

    // Without a certificate it could be anybody.
    let shown = Credentials {
        certificate: None,
        ..shown
    };
    let stranger = Follower::asked_by(Identity::local(), Some(url), &shown).await;
    let answer = stranger
        .send(Method::PUT, "/v1/nodes/n1", json!({"rack": "r1"}))
        .await;
    assert_eq!(answer, StatusCode::FORBIDDEN);
}

/// What a replica with that certificate serves with.
fn files(certs: &Scene, name: &str) -> TlsFiles {
    TlsFiles {
        certificate: certs.path(&format!("{name}.pem")),
        key: certs.path(&format!("{name}.key")),
        client_ca: certs.path("ca.pem"),
        crl: None,
    }
}

/// Asks from an address that no replica has.
async fn ask_from_afar(
    shown: &Credentials,
    method: Method,
    url: String,
    body: &Value,
) -> (StatusCode, Value) {
    let client = reqwest::Client::builder()
        .no_proxy()
        .local_address(IpAddr::from([127, 0, 0, 2]))
        .tls_backend_preconfigured(shown.tls().unwrap())
        .build()
        .unwrap();
    let answer = client.request(method, url).json(body).send().await.unwrap();
    let status = answer.status();
    let bytes = answer.bytes().await.unwrap();
    (status, serde_json::from_slice(&bytes).unwrap_or_default())
}

#[tokio::test]
async fn a_node_joins_and_renews_through_a_follower_and_is_recorded_as_from_where_it_came() {
    let certs = Scene::with_authority();
    for replica in ["m1", "m2"] {
        let issue = format!("issue replica:{replica} --san 127.0.0.1");
        certs.run(&issue).unwrap();
    }
    certs.run("issue admin:root").unwrap();
    let options = ServeOptions {
        tls: Some(files(&certs, "replica-m1")),
        authority: Some(NodeAuthority {
            certificate: certs.path("ca.pem"),
            key: certs.path("ca.key"),
            life: Duration::from_secs(3600),
        }),
        ..ServeOptions::default()
    };
    let any_port = "127.0.0.1:0".parse().unwrap();
    let store = Embedded::in_memory().unwrap();
    let leader = Server::bind(&[any_port], store, options).await.unwrap();
    let url = leader.urls().next().unwrap();
    tokio::spawn(leader.run(std::future::pending()));
    let keeper = Keeper::start(files(&certs, "replica-m2")).unwrap();
    let own = credentials(&certs, "replica-m2");
    let door = Door::Tls(keeper.loaded());
    let follower = Follower::behind(door, Some(url.clone()), &own).await;
    let at = |path: &str| format!("{}{path}", follower.url);

    let admin = credentials(&certs, "admin-root");
    let spec = json!({"name": "rack", "role": "node", "nodes": ["n1"]});
    let made = async {
        loop {
            let made = ask_from_afar(&admin, Method::POST, at("/v1/tokens"), &spec).await;
            // The cluster is founded beside the serving.
            if made.0 != StatusCode::SERVICE_UNAVAILABLE {
                return made;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    let made = timeout(Duration::from_secs(20), made).await;
    let (status, token) = made.unwrap();
    assert_eq!(status, StatusCode::CREATED, "{token}");

    let key = KeyPair::generate().unwrap();
    let request = CertificateParams::default().serialize_request(&key);
    let request = request.unwrap().pem().unwrap();
    let nobody = Credentials {
        certificate: None,
        ..admin.clone()
    };
    let spec = json!({"node": "n1", "token": token["secret"], "request": request});
    let joined = ask_from_afar(&nobody, Method::POST, at("/v1/join"), &spec).await;
    assert_eq!(joined.0, StatusCode::OK, "{}", joined.1);
    let certificate = joined.1["certificate"].as_str().unwrap();
    std::fs::write(certs.path("joined.pem"), certificate).unwrap();
    std::fs::write(certs.path("joined.key"), key.serialize_pem()).unwrap();
    let agent = credentials(&certs, "joined");
    let rack = json!({"rack": "r1"});
    let registered = ask_from_afar(&agent, Method::PUT, at("/v1/nodes/n1"), &rack).await;
    assert_eq!(registered.0, StatusCode::OK, "{}", registered.1);
    let path = at("/v1/nodes/n1/certificate");
    let renewed = ask_from_afar(&agent, Method::POST, path, &json!({"request": request})).await;
    assert_eq!(renewed.0, StatusCode::OK, "{}", renewed.1);

    let audit = format!("{url}/v1/audit?fieldSelector=name=n1");
    let (_, records) = ask_from_afar(&admin, Method::GET, audit, &json!({})).await;
    let records = records["items"].as_array().unwrap().iter();
    let told = |record: &Value| {
        let text = |key: &str| record[key].as_str().unwrap_or_default().to_owned();
        (text("path"), text("identity"), text("from"))
    };
    let told: BTreeSet<_> = records.map(told).collect();
    let expected = [
        ("/v1/join", "token:rack", "127.0.0.2"),
        ("/v1/nodes/n1/certificate", "node:n1", "127.0.0.2"),
    ];
    let expected = expected.map(|(path, who, from)| (path.into(), who.into(), from.into()));
    assert_eq!(told, BTreeSet::<(String, String, String)>::from(expected));

    // Neither the removed node's certificate nor its token is good at the leader any more, although
    // this follower has not heard of it.
    let removed = ask_from_afar(&admin, Method::DELETE, at("/v1/nodes/n1"), &json!({})).await;
    assert_eq!(removed.0, StatusCode::NO_CONTENT, "{}", removed.1);
    let again = ask_from_afar(&agent, Method::PUT, at("/v1/nodes/n1"), &rack).await;
    assert_eq!(again.0, StatusCode::UNAUTHORIZED, "{}", again.1);
}

#[tokio::test]
async fn a_leader_without_tls_gets_nothing_that_it_would_take_for_an_administrators() {
    let (listener, url) = listen().await;
    let viewer = Identity::of_certificate("operator:olga").unwrap();
    let follower = Follower::asked_by(viewer, Some(url), &Credentials::default()).await;
    is_problem(&follower.post(&[]).await, "no_leader");
    // Nobody came.
    let nobody = timeout(Duration::from_millis(50), listener.accept()).await;
    assert!(nobody.is_err());
}

#[test]
fn a_token_goes_no_further_than_it_has_to() {
    let address = Some("10.0.0.7".parse().unwrap());
    let name = IdentityName::Token("ci".parse().unwrap());
    let identity = Identity::new(
        name,
        trunkline_netmaster_api::Role::Operator,
        Scope::Everything,
    );
    let asking = Asking {
        identity: Some(identity),
        address,
    };
    let headers = || {
        let mut headers = HeaderMap::new();
        headers.insert(AUTHORIZATION, HeaderValue::from_static("Bearer s3cret"));
        headers.insert(own_header::IDENTITY, HeaderValue::from_static("smuggled"));
        headers
    };
    let mut encrypted = headers();
    let way = |came_encrypted, goes_encrypted| Way {
        came_encrypted,
        goes_encrypted,
    };
    vouch(&mut encrypted, Some(&asking), way(true, true)).unwrap();
    assert!(!encrypted.contains_key(AUTHORIZATION));
    let said = encrypted[own_header::IDENTITY].to_str().unwrap();
    assert_eq!(
        said,
        r#"{"name":"token:ci","role":"operator","address":"10.0.0.7"}"#
    );
    let mut plain = headers();
    vouch(&mut plain, Some(&asking), way(false, false)).unwrap();
    assert!(plain.contains_key(AUTHORIZATION) && !plain.contains_key(own_header::IDENTITY));
    // What came encrypted does not go on in the clear.
    assert!(vouch(&mut headers(), Some(&asking), way(true, false)).is_err());
    assert!(vouch(&mut headers(), None, way(true, true)).is_err());
    // Who joins is nobody, and proves by what is in the body that it may.
    let nobody = Asking {
        identity: None,
        address,
    };
    let mut joins = headers();
    vouch(&mut joins, Some(&nobody), way(true, true)).unwrap();
    assert!(!joins.contains_key(AUTHORIZATION));
    assert_eq!(joins[own_header::IDENTITY], r#"{"address":"10.0.0.7"}"#);
    assert!(vouch(&mut headers(), Some(&nobody), way(true, false)).is_err());
}

#[tokio::test]
async fn a_follower_that_is_behind_says_so_whoever_leads() {
    let follower = Follower::of(Some("http://127.0.0.1:9".to_owned())).await;
    let list = get(format!("{}/v1/networks", follower.url), 7);
    let watch = get(format!("{}/v1/networks?watch&after=7", follower.url), 0);
    for answer in <[_; 2]>::from(tokio::join!(list, watch)) {
        is_problem(&answer, "not_ready");
        assert!(
            answer.1.contains("up to revision 1") && answer.1.contains("up to revision 7"),
            "{answer:?}"
        );
    }
}

#[tokio::test]
async fn a_follower_that_is_a_moment_behind_waits_before_it_begins_a_watch() {
    let follower = Follower::of(Some("http://127.0.0.1:9".to_owned())).await;
    let url = format!("{}/v1/networks?watch&after=2", follower.url);
    let watch = tokio::spawn(get(url, 0));
    tokio::time::sleep(Duration::from_millis(50)).await;
    assert!(!watch.is_finished());
    let mut ahead = Embedded::in_memory().unwrap();
    let position = ahead
        .replace(Revision::new(2), &mut std::iter::empty())
        .unwrap();
    follower
        .published
        .publish(Revision::new(1), position, Vec::new());
    assert_eq!(watch.await.unwrap().0, StatusCode::OK);
}

#[tokio::test]
async fn so_many_requests_are_with_the_leader_and_one_more_is_told_to_come_again() {
    // Of its answers the beginning comes, as to agents that wait for requests.
    let endless = async || {
        let nothing = futures_util::stream::pending::<Result<axum::body::Bytes, std::io::Error>>();
        Body::from_stream(nothing)
    };
    let leader = Router::new().fallback(endless);
    let (listener, url) = listen().await;
    tokio::spawn(async move { axum::serve(listener, leader).await });
    let forwarder = Forwarder::with(&Credentials::default(), 1).unwrap();
    let role = watch::Sender::new(Role::Follower {
        leader: Some(url.clone()),
    });
    let ask = async || {
        let mut request = Request::new(Body::empty());
        *request.uri_mut() = "/v1/nodes/n1/requests".parse().unwrap();
        request.extensions_mut().insert(Asking {
            identity: Some(Identity::local()),
            address: Some("127.0.0.1".parse().unwrap()),
        });
        forwarder.pass_on(request, &url, role.subscribe()).await
    };
    let first = ask().await.unwrap();
    let refused = ask().await.unwrap_err();
    assert_eq!(refused.problem().code, ErrorCode::NoLeader);
    assert!(refused.problem().code.is_retryable());
    assert!(refused.problem().detail.contains("too many"), "{refused:?}");
    drop(first);
    ask().await.unwrap();
}

#[tokio::test]
async fn what_a_follower_refuses_is_in_the_leaders_audit() {
    let (certs, url) = leader_with_tls().await;
    certs.run("issue admin:root").unwrap();
    let viewer = Identity::of_certificate("viewer:vera").unwrap();
    let shown = credentials(&certs, "replica-m2");
    let follower = Follower::asked_by(viewer, Some(url.clone()), &shown).await;
    let denied = follower
        .send(Method::PUT, "/v1/networks/blue", json!({}))
        .await;
    assert_eq!(denied, StatusCode::FORBIDDEN);
    let admin = Client::with(&url, credentials(&certs, "admin-root")).unwrap();
    let recorded = async {
        loop {
            let list = admin.list::<Audit>(&Query::default()).await;
            let records = list.map(|list| list.items).unwrap_or_default();
            if let Some(record) = records.into_iter().next() {
                return record;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    };
    let record = timeout(Duration::from_secs(20), recorded).await;
    let record = record.unwrap();
    assert_eq!(record.identity.as_deref(), Some("viewer:vera"));
    assert_eq!(
        (record.path.as_str(), record.result.as_str()),
        ("/v1/networks/blue", "denied")
    );
    assert_eq!(record.from, Some("127.0.0.1".parse().unwrap()));
}
