//! A netmaster with TLS, and those who ask it.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use reqwest::{Method, RequestBuilder, StatusCode};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::net::TcpStream;
use trunkline_netmaster::{
    Embedded, Limits, NodeAuthority, ServeOptions, Server, SweeperConfig, TlsFiles,
};
use trunkline_netmaster_api::{Client, Credentials, Secret};

use crate::authority::{Authority, Pair, Wish, replace};

/// Long enough for anything that happens at all.
pub(crate) const SOON: Duration = Duration::from_secs(20);

const HOURS: Duration = Duration::from_secs(24 * 3600);

/// A server on a free port, with a store in memory.
pub(crate) struct Netmaster {
    pub(crate) authority: Authority,
    pub(crate) directory: TempDir,
    pub(crate) address: SocketAddr,
}

/// Somebody who asks.
pub(crate) struct Caller {
    pub(crate) client: Client,
    http: reqwest::Client,
    url: String,
    /// The secret of the token that it shows, if it has one.
    token: Option<Secret>,
}

/// A status and a body.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) retry_after: Option<String>,
    pub(crate) body: Value,
}

impl Netmaster {
    pub(crate) async fn start() -> Self {
        Self::within(Limits::default()).await
    }

    pub(crate) async fn within(limits: Limits) -> Self {
        let authority = Authority::new("the authority");
        let directory = tempfile::tempdir().unwrap();
        replace(&directory.path().join("ca.pem"), &authority.pem);
        replace(&directory.path().join("ca.key"), &authority.key);
        replace(&directory.path().join("ca.crl"), &authority.revoke(&[]));
        let own = authority.sign(&Wish::replica("cluster:netmaster-1"));
        let (certificate, key) = own.write(directory.path(), "server");
        let tls = TlsFiles {
            certificate,
            key,
            client_ca: directory.path().join("ca.pem"),
            crl: Some(directory.path().join("ca.crl")),
        };
        let options = ServeOptions {
            limits,
            tls: Some(tls),
            authority: Some(NodeAuthority {
                certificate: directory.path().join("ca.pem"),
                key: directory.path().join("ca.key"),
                life: HOURS,
            }),
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
        let any_port: SocketAddr = "127.0.0.1:0".parse().unwrap();
        let store = Embedded::in_memory().unwrap();
        let server = Server::bind(&[any_port], store, options).await.unwrap();
        let address = server.addresses().next().unwrap();
        tokio::spawn(server.run(std::future::pending()));
        let netmaster = Self {
            authority,
            directory,
            address,
        };
        // It may ask as often as it likes.
        let replica = netmaster.caller("cluster:netmaster-2");
        let founded = async {
            while replica.client.cluster().await.is_err() {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        tokio::time::timeout(SOON, founded).await.unwrap();
        netmaster
    }

    /// With network `blue`, a subnet of it for rack `r1`, and nodes `n1` and `n2` in that.
    pub(crate) async fn with_blue(limits: Limits) -> Self {
        let netmaster = Self::within(limits).await;
        let admin = netmaster.caller("admin:root");
        for (method, path, body) in [
            (
                Method::POST,
                "/v1/networks",
                json!({"name": "blue", "vlan": 100}),
            ),
            (
                Method::POST,
                "/v1/subnets",
                json!({
                    "name": "blue-r1", "network": "blue", "rack": "r1",
                    "cidr": "10.1.0.0/24", "gateway": "10.1.0.1",
                }),
            ),
            (Method::PUT, "/v1/nodes/n1", json!({"rack": "r1"})),
            (Method::PUT, "/v1/nodes/n2", json!({"rack": "r1"})),
        ] {
            let answer = admin.ask(method, path, &body).await;
            assert!(answer.status.is_success(), "{path} {answer:?}");
        }
        netmaster
    }

    pub(crate) fn url(&self) -> String {
        format!("https://{}", self.address)
    }

    pub(crate) fn ca(&self) -> PathBuf {
        self.directory.path().join("ca.pem")
    }

    /// Somebody with a proper certificate.
    pub(crate) fn caller(&self, common_name: &str) -> Caller {
        let pair = self.authority.sign(&Wish::client(common_name));
        self.caller_with(&pair)
    }

    /// Somebody with this certificate.
    pub(crate) fn caller_with(&self, pair: &Pair) -> Caller {
        let name = format!("client-{}", pair.serial);
        Caller::with(
            &self.url(),
            pair.credentials(self.directory.path(), &name, &self.ca()),
        )
    }

    /// Somebody who shows nothing.
    pub(crate) fn nobody(&self) -> Caller {
        let credentials = Credentials {
            ca: Some(self.ca()),
            ..Credentials::default()
        };
        Caller::with(&self.url(), credentials)
    }

    /// Somebody with a token that was made like this.
    pub(crate) async fn bearer(&self, spec: Value) -> Caller {
        let token = self.token(spec).await;
        self.with_secret(token)
    }

    /// Somebody who shows this as a token.
    pub(crate) fn with_secret(&self, token: Secret) -> Caller {
        Caller {
            token: Some(token),
            ..self.nobody()
        }
    }

    /// The secret of a new token.
    pub(crate) async fn token(&self, spec: Value) -> Secret {
        let admin = self.caller("admin:root");
        let spec = serde_json::from_value(spec).unwrap();
        admin.client.create_token(&spec).await.unwrap().secret
    }

    pub(crate) async fn connect(&self) -> TcpStream {
        TcpStream::connect(self.address).await.unwrap()
    }

    /// It still works for those whom it should.
    pub(crate) async fn still_serves(&self) {
        self.caller("viewer:vera").client.cluster().await.unwrap();
    }
}

impl Caller {
    pub(crate) fn with(url: &str, credentials: Credentials) -> Self {
        let http = reqwest::Client::builder()
            .no_proxy()
            .tls_backend_preconfigured(credentials.tls().unwrap())
            .build()
            .unwrap();
        Self {
            client: Client::with(url, credentials).unwrap(),
            http,
            url: url.to_owned(),
            token: None,
        }
    }

    pub(crate) fn request(&self, method: Method, path: &str) -> RequestBuilder {
        let request = self.http.request(method, format!("{}{path}", self.url));
        match &self.token {
            Some(token) => request.bearer_auth(token.expose()),
            None => request,
        }
    }

    pub(crate) async fn delete(&self, path: &str) -> Answer {
        Answer::to(self.request(Method::DELETE, path)).await
    }

    pub(crate) async fn ask(&self, method: Method, path: &str, body: &Value) -> Answer {
        Answer::to(self.request(method, path).json(body)).await
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        Answer::to(self.request(Method::GET, path)).await
    }
}

impl Answer {
    pub(crate) async fn to(request: RequestBuilder) -> Self {
        let answer = request.send().await.unwrap();
        let retry_after = answer.headers().get("retry-after");
        Self {
            status: answer.status(),
            retry_after: retry_after.map(|value| value.to_str().unwrap().to_owned()),
            body: serde_json::from_slice(&answer.bytes().await.unwrap()).unwrap_or_default(),
        }
    }

    #[track_caller]
    pub(crate) fn is(&self, status: u16, code: &str) {
        assert_eq!(self.status.as_u16(), status, "{self:?}");
        assert_eq!(self.body["code"], code, "{self:?}");
    }
}
