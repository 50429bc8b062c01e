//! A netmaster to ask, with its data on disk.

use std::net::SocketAddr;
use std::path::Path;
use std::process::{Command, Output};
use std::time::Duration;

use reqwest::header::HeaderMap;
use reqwest::{Method, RequestBuilder, StatusCode};
use serde_json::{Value, json};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use trunkline_ipam::Policy;
use trunkline_netmaster::{Embedded, ServeOptions, Server, ServerError};
use trunkline_netmaster_api::Credentials;

/// Long enough for anything that happens at all.
const SOON: Duration = Duration::from_secs(30);

/// A server on a free port.
pub(crate) struct Netmaster {
    http: reqwest::Client,
    pub(crate) url: String,
    stop: oneshot::Sender<()>,
    running: JoinHandle<Result<(), ServerError>>,
}

/// A status, headers, and a JSON body.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) text: String,
    pub(crate) body: Value,
}

impl Answer {
    /// The code of a problem document.
    pub(crate) fn code(&self) -> &str {
        self.body["code"].as_str().unwrap_or_default()
    }
}

impl Netmaster {
    /// With its data in `directory`. Nothing waits for time to pass: addresses do not cool, and
    /// after a restore only reports are waited for.
    pub(crate) async fn start(directory: &Path) -> Self {
        let any_port: SocketAddr = "127.0.0.1:0".parse().unwrap();
        let options = ServeOptions {
            policy: Policy {
                cool_down: Duration::ZERO,
                restore_hold: Duration::ZERO,
                ..Policy::default()
            },
            ..ServeOptions::default()
        };
        let store = Embedded::open(directory).unwrap();
        let server = Server::bind(&[any_port], store, options).await.unwrap();
        let url = format!("http://{}", server.addresses().next().unwrap());
        let (stop, stopped) = oneshot::channel();
        let running = tokio::spawn(server.run(async {
            let _ = stopped.await;
        }));
        let netmaster = Self {
            http: plain_http(),
            url,
            stop,
            running,
        };
        netmaster.until_founded().await;
        netmaster
    }

    async fn until_founded(&self) {
        let founded = async {
            while !self.get("/v1/cluster").await.status.is_success() {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        tokio::time::timeout(SOON, founded).await.unwrap();
    }

    /// With network `blue`, and for each of racks `r1` and `r2` a subnet of it and a node.
    pub(crate) async fn with_blue(directory: &Path) -> Self {
        let netmaster = Self::start(directory).await;
        let network = json!({"name": "blue", "vlan": 100});
        netmaster.done(Method::POST, "/v1/networks", &network).await;
        for rack in [1, 2] {
            let subnet = json!({
                "name": format!("blue-r{rack}"), "network": "blue", "rack": format!("r{rack}"),
                "cidr": format!("10.{rack}.0.0/16"), "gateway": format!("10.{rack}.0.1"),
                "ranges": [format!("10.{rack}.0.10-10.{rack}.1.200")],
            });
            netmaster.done(Method::POST, "/v1/subnets", &subnet).await;
            netmaster.register(&format!("n{rack}"), rack).await;
        }
        netmaster
    }

    /// Registers a node, and answers what netmaster says.
    pub(crate) async fn register(&self, node: &str, rack: u32) -> Value {
        let path = format!("/v1/nodes/{node}");
        let spec = json!({"rack": format!("r{rack}")});
        self.done(Method::PUT, &path, &spec).await
    }

    pub(crate) fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.http.request(method, format!("{}{path}", self.url))
    }

    pub(crate) async fn send(&self, request: RequestBuilder) -> Answer {
        let response = request.timeout(SOON).send().await.unwrap();
        let (status, headers) = (response.status(), response.headers().clone());
        let text = response.text().await.unwrap();
        Answer {
            status,
            headers,
            body: serde_json::from_str(&text).unwrap_or_default(),
            text,
        }
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.send(self.request(Method::GET, path)).await
    }

    pub(crate) async fn ask(&self, method: Method, path: &str, body: &Value) -> Answer {
        self.send(self.request(method, path).json(body)).await
    }

    /// Asks for something that succeeds.
    pub(crate) async fn done(&self, method: Method, path: &str, body: &Value) -> Value {
        let answer = self.ask(method, path, body).await;
        assert!(answer.status.is_success(), "{path}: {answer:?}");
        answer.body
    }

    pub(crate) async fn add(&self, node: &str, attachment: &str) -> Answer {
        let wish = json!({
            "attachment": attachment, "network": "blue", "node": node,
            "pod": {"namespace": "shop", "name": attachment.replace('/', "-")},
        });
        self.ask(Method::POST, "/v1/endpoints", &wish).await
    }

    /// Gets an attachment its address.
    pub(crate) async fn added(&self, node: &str, attachment: &str) -> String {
        let answer = self.add(node, attachment).await;
        assert!(answer.status.is_success(), "{answer:?}");
        answer.body["addresses"][0]["ip"]
            .as_str()
            .unwrap()
            .to_owned()
    }

    pub(crate) async fn delete(&self, path: &str) {
        let answer = self.send(self.request(Method::DELETE, path)).await;
        assert!(answer.status.is_success(), "{path}: {answer:?}");
    }

    pub(crate) async fn stop(self) {
        let _ = self.stop.send(());
        self.running.await.unwrap().unwrap();
    }
}

/// Runs the executable to its end.
pub(crate) async fn run(arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_netmaster"));
    command
        .args(arguments)
        .env_remove("TRUNKLINE_LOG")
        .env_remove("NETMASTER");
    tokio::task::spawn_blocking(move || command.output().unwrap())
        .await
        .unwrap()
}

/// A client that asks what a test wants it to, without TLS.
fn plain_http() -> reqwest::Client {
    reqwest::Client::builder()
        .no_proxy()
        .tls_backend_preconfigured(Credentials::default().tls().unwrap())
        .build()
        .unwrap()
}
