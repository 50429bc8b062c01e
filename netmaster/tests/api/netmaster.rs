//! A netmaster to ask.

use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use trunkline_ipam::Policy;
use trunkline_netmaster::{Embedded, Limits, ServeOptions, Server, ServerError, SweeperConfig};
use trunkline_netmaster_api::{Client, Credentials, EndpointSpec};

const HOURS: Duration = Duration::from_secs(24 * 3600);

/// Every kind of object.
pub(crate) const KINDS: [&str; 11] = [
    "networks",
    "subnets",
    "pools",
    "groups",
    "profiles",
    "reservations",
    "nodes",
    "addresses",
    "endpoints",
    "events",
    "tokens",
];

/// A server on a free port, with a store in memory.
pub(crate) struct Netmaster {
    pub(crate) client: Client,
    pub(crate) http: reqwest::Client,
    pub(crate) url: String,
    stop: oneshot::Sender<()>,
    running: JoinHandle<Result<(), ServerError>>,
}

/// A status and a JSON body.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) kind: String,
    pub(crate) body: Value,
}

impl Netmaster {
    pub(crate) async fn start() -> Self {
        Self::within(Limits::default()).await
    }

    pub(crate) async fn within(limits: Limits) -> Self {
        Self::on(Embedded::in_memory().unwrap(), limits, Policy::default()).await
    }

    /// One that believes a node's report of what it was given a moment ago.
    pub(crate) async fn credulous() -> Self {
        let policy = Policy {
            sweep_gap: Duration::ZERO,
            ..Policy::default()
        };
        let store = Embedded::in_memory().unwrap();
        Self::on(store, Limits::default(), policy).await
    }

    /// With a store that outlives it.
    pub(crate) async fn on_disk(directory: &Path) -> Self {
        let store = Embedded::open(directory).unwrap();
        Self::on(store, Limits::default(), Policy::default()).await
    }

    async fn on(store: Embedded, limits: Limits, policy: Policy) -> Self {
        let any_port: SocketAddr = "127.0.0.1:0".parse().unwrap();
        let options = ServeOptions {
            limits,
            policy,
            // Nothing happens but what a test does.
            sweeper: SweeperConfig {
                collect: HOURS,
                steps: HOURS,
                nodes: HOURS,
                recall: HOURS,
                reservations: HOURS,
                conflicts: HOURS,
                prune: HOURS,
                audit: HOURS,
                ..SweeperConfig::default()
            },
            ..ServeOptions::default()
        };
        let server = Server::bind(&[any_port], store, options).await.unwrap();
        let url = format!("http://{}", server.addresses().next().unwrap());
        let (stop, stopped) = oneshot::channel();
        let running = tokio::spawn(server.run(async {
            let _ = stopped.await;
        }));
        let netmaster = Self {
            client: Client::new(&url).unwrap(),
            http: plain_http(),
            url,
            stop,
            running,
        };
        // The cluster is founded beside the serving, and is the first change.
        netmaster.until_founded().await;
        netmaster
    }

    async fn until_founded(&self) {
        let founded = async {
            while self.client.cluster().await.is_err() {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(20), founded)
            .await
            .unwrap();
    }

    /// With network `blue`, a subnet of three addresses for rack `r1`, and node `n1` in it.
    pub(crate) async fn with_blue() -> Self {
        let netmaster = Self::start().await;
        for (path, body) in [
            ("/v1/networks", json!({"name": "blue", "vlan": 100})),
            (
                "/v1/subnets",
                json!({
                    "name": "blue-r1", "network": "blue", "rack": "r1",
                    "cidr": "10.1.0.0/24", "gateway": "10.1.0.1",
                    "ranges": ["10.1.0.10-10.1.0.12"],
                }),
            ),
        ] {
            let answer = netmaster.ask(Method::POST, path, &body).await;
            assert_eq!(answer.status, StatusCode::CREATED, "{answer:?}");
        }
        let node = json!({"rack": "r1"});
        let answer = netmaster.ask(Method::PUT, "/v1/nodes/n1", &node).await;
        assert_eq!(answer.status, StatusCode::OK, "{answer:?}");
        netmaster
    }

    pub(crate) async fn ask(&self, method: Method, path: &str, body: &Value) -> Answer {
        let text = body.to_string();
        self.send(method, path, Some("application/json"), text.into_bytes())
            .await
    }

    pub(crate) async fn ask_without_body(&self, method: Method, path: &str) -> Answer {
        self.send(method, path, None, Vec::new()).await
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.ask_without_body(Method::GET, path).await
    }

    pub(crate) async fn delete(&self, path: &str) -> Answer {
        self.ask_without_body(Method::DELETE, path).await
    }

    pub(crate) async fn send(
        &self,
        method: Method,
        path: &str,
        kind: Option<&str>,
        body: Vec<u8>,
    ) -> Answer {
        let mut request = self.http.request(method, format!("{}{path}", self.url));
        if let Some(kind) = kind {
            request = request.header("content-type", kind);
        }
        let response = request.body(body).send().await.unwrap();
        let kind = response.headers().get("content-type");
        Answer {
            status: response.status(),
            kind: kind
                .map(|kind| kind.to_str().unwrap().to_owned())
                .unwrap_or_default(),
            body: serde_json::from_slice(&response.bytes().await.unwrap()).unwrap_or_default(),
        }
    }

    /// Allocates for network `blue` on node `n1`, and answers the address.
    pub(crate) async fn allocate(&self, attachment: &str) -> String {
        let endpoint = self.client.allocate(&wish(attachment)).await.unwrap();
        endpoint.addresses[0].ip.to_string()
    }

    /// Everything that can be listed but the audit, which has what is refused too.
    pub(crate) async fn everything(&self) -> Vec<Value> {
        let mut lists = Vec::new();
        for kind in KINDS {
            let mut list = self.get(&format!("/v1/{kind}")).await.body;
            // A record of the audit is a change too.
            list["revision"] = Value::Null;
            lists.push(list);
        }
        lists
    }

    /// Creates an object, and answers how it is.
    pub(crate) async fn create(&self, path: &str, body: &Value) -> Value {
        let answer = self.ask(Method::POST, path, body).await;
        assert_eq!(answer.status, StatusCode::CREATED, "{body} {answer:?}");
        answer.body
    }

    /// Stops it, and answers a client that has nobody to ask.
    pub(crate) async fn stop(self) -> Client {
        self.stop.send(()).unwrap();
        self.running.await.unwrap().unwrap();
        self.client
    }
}

impl Answer {
    #[track_caller]
    pub(crate) fn is(&self, status: StatusCode, body: &Value) {
        assert_eq!((self.status, &self.body), (status, body));
        assert_eq!(self.kind, "application/json");
    }

    #[track_caller]
    pub(crate) fn is_problem(&self, status: u16, code: &str, detail: &str) {
        assert_eq!(self.status.as_u16(), status, "{self:?}");
        assert_eq!(self.kind, "application/problem+json", "{self:?}");
        assert_eq!(self.body["status"], status, "{self:?}");
        assert_eq!(self.body["code"], code, "{self:?}");
        assert_eq!(self.body["type"], format!("urn:trunkline:problem:{code}"));
        let text = self.body["detail"].as_str().unwrap();
        assert!(text.contains(detail), "`{text}` lacks `{detail}`");
    }
}

/// For network `blue`, on node `n1`.
pub(crate) fn wish(attachment: &str) -> EndpointSpec {
    EndpointSpec {
        network: Some("blue".parse().unwrap()),
        ..EndpointSpec::new(attachment.parse().unwrap(), "n1".parse().unwrap())
    }
}

/// A client that asks what a test wants it to, without TLS.
fn plain_http() -> reqwest::Client {
    reqwest::Client::builder()
        .no_proxy()
        .tls_backend_preconfigured(Credentials::default().tls().unwrap())
        .build()
        .unwrap()
}
