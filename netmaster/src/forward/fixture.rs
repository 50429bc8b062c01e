//! A replica that is served, and led by somebody else.

use std::net::SocketAddr;
use std::sync::Arc;

use axum::http::{Method, StatusCode};
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::sync::watch;
use trunkline_ipam::{Catalog, Ledger, Policy, Revision, Timestamp, found_cluster, register_node};
use trunkline_netmaster_api::Credentials;

use super::Forwarder;
use crate::allocator::{Allocator, Gate, Unavailable};
use crate::app::App;
use crate::audit::Auditor;
use crate::connections::{Connections, Deadlines, Door, Places};
use crate::feed::Published;
use crate::identity::Identity;
use crate::limits::{Pace, Rate};
use crate::metrics::Metrics;
use crate::orchestrator::{Claims, Nobody, Pods};
use crate::replica::Role;
use crate::replicas::Replicas;
use crate::requests::Relay;
use crate::routes::{Watches, router};
use crate::store::conformance::node;
use crate::store::{Batch, Embedded, Store as _, load_catalog};
use crate::sweeper::{Heard, Reports};
use crate::tasks::Services;
use crate::usage::Usage;

/// Where the follower is said to be reached.
pub(crate) const OWN: &str = "http://follower.example:9630";

/// A follower that is served, and what it takes for the leader.
pub(crate) struct Follower {
    pub(crate) url: String,
    pub(crate) role: watch::Sender<Role>,
    pub(crate) published: Arc<Published>,
    gate: watch::Sender<Gate>,
    _stopping: watch::Sender<bool>,
}

impl Follower {
    pub(crate) async fn of(leader: Option<String>) -> Self {
        Self::asked_by(Identity::local(), leader, &Credentials::default()).await
    }

    /// Whoever comes is `identity`, and the leader is shown `credentials`.
    pub(crate) async fn asked_by(
        identity: Identity,
        leader: Option<String>,
        credentials: &Credentials,
    ) -> Self {
        Self::behind(Door::Plain(identity), leader, credentials).await
    }

    /// Whoever comes through `door`, and the leader is shown `credentials`.
    pub(crate) async fn behind(
        door: Door,
        leader: Option<String>,
        credentials: &Credentials,
    ) -> Self {
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
        let deadlines = Deadlines::default();
        let router = router(app, deadlines.body);
        let connections = Connections::new(router, Places::up_to(10, 10), deadlines, stopped);
        tokio::spawn(connections.serve(listener, door));
        Self {
            url,
            role,
            published,
            gate,
            _stopping: stopping,
        }
    }

    pub(crate) async fn ask(
        &self,
        method: Method,
        path: &str,
        body: Value,
    ) -> (StatusCode, String) {
        let request = http().request(method, format!("{}{path}", self.url));
        let answer = request.json(&body).send().await.unwrap();
        (answer.status(), answer.text().await.unwrap())
    }

    pub(crate) async fn send(&self, method: Method, path: &str, body: Value) -> StatusCode {
        self.ask(method, path, body).await.0
    }

    /// Makes it the leader of a store that takes nothing more; node `n1` is in it.
    pub(crate) fn leads_in_vain(&self) {
        let ledger = Ledger::of(self.published.read(Catalog::clone));
        let (policy, now) = (Policy::default(), Timestamp::default());
        let change = register_node(&ledger, &node("n1"), &policy, now)
            .unwrap()
            .change;
        let before = ledger.catalog().revision();
        let mut ahead = Embedded::in_memory().unwrap();
        let position = ahead
            .replace(change.revision(), &mut std::iter::empty())
            .unwrap();
        self.published
            .publish(before, position, change.edits().to_vec());
        self.gate.send_replace(Gate::Shut(Unavailable::Store));
        self.role.send_replace(Role::Leader);
    }

    pub(crate) async fn post(&self, headers: &[(&str, &str)]) -> (StatusCode, String) {
        let mut request = http().post(format!("{}/v1/networks?x=1", self.url));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let answer = request.body("a body").send().await.unwrap();
        (answer.status(), answer.text().await.unwrap())
    }
}

pub(crate) fn http() -> reqwest::Client {
    reqwest::Client::builder()
        .no_proxy()
        .tls_backend_preconfigured(Credentials::default().tls().unwrap())
        .build()
        .unwrap()
}

pub(crate) async fn listen() -> (TcpListener, String) {
    let any_port: SocketAddr = "127.0.0.1:0".parse().unwrap();
    let listener = TcpListener::bind(any_port).await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    (listener, url)
}

#[track_caller]
pub(crate) fn is_problem(answer: &(StatusCode, String), code: &str) {
    assert_eq!(answer.0, StatusCode::SERVICE_UNAVAILABLE, "{answer:?}");
    let body: Value = serde_json::from_str(&answer.1).unwrap();
    assert_eq!(body["code"], code, "{answer:?}");
}
