//! A netmaster with TLS, and those who ask it.

use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use reqwest::{Method, RequestBuilder, StatusCode};
use serde_json::{Map, Value, json};
use tempfile::TempDir;
use tokio::net::{TcpSocket, TcpStream};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use trunkline_netmaster::{
    Embedded, KubernetesArgs, Limits, NodeAuthority, ServeOptions, Server, SweeperConfig, TlsFiles,
};
use trunkline_netmaster_api::{Client, Credentials, Secret};

use crate::authority::{Authority, Pair, Wish, replace};
use crate::log;

/// Long enough for anything that happens at all.
pub(crate) const SOON: Duration = Duration::from_secs(20);

/// How often certificates are looked at.
pub(crate) const LOOK: Duration = Duration::from_millis(500);

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
        Self::set_up(limits, KubernetesArgs::default()).await
    }

    pub(crate) async fn set_up(limits: Limits, kubernetes: KubernetesArgs) -> Self {
        log::keep();
        let authority = Authority::new("the authority");
        let directory = tempfile::tempdir().unwrap();
        replace(&directory.path().join("ca.pem"), &authority.pem);
        replace(&directory.path().join("ca.key"), &authority.key);
        replace(&directory.path().join("ca.crl"), &authority.revoke(&[]));
        let own = authority.sign(&Wish::replica("replica:netmaster-1"));
        let (certificate, key) = own.write(directory.path(), "server");
        let tls = TlsFiles {
            certificate,
            key,
            client_ca: directory.path().join("ca.pem"),
            crl: Some(directory.path().join("ca.crl")),
            look: LOOK,
        };
        let options = ServeOptions {
            limits,
            kubernetes,
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
        let replica = netmaster.caller("replica:netmaster-2");
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
        Self::within(limits).await.and_blue().await
    }

    /// The same of one that is there.
    pub(crate) async fn and_blue(self) -> Self {
        let netmaster = self;
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

    /// A connection from one of the machine's own addresses, of which there are many.
    pub(crate) async fn connect_from(&self, last: u8) -> TcpStream {
        let socket = TcpSocket::new_v4().unwrap();
        let from = SocketAddr::from(([127, 0, 0, last], 0));
        socket.bind(from).unwrap();
        socket.connect(self.address).await.unwrap()
    }

    /// The same with TLS, showing nothing.
    pub(crate) async fn whisper_from(&self, last: u8) -> TlsStream<TcpStream> {
        let credentials = Credentials {
            ca: Some(self.ca()),
            ..Credentials::default()
        };
        let connector = TlsConnector::from(Arc::new(credentials.tls().unwrap()));
        let name = "localhost".to_owned().try_into().unwrap();
        let stream = self.connect_from(last).await;
        connector.connect(name, stream).await.unwrap()
    }

    /// A connection with TLS and this certificate, with little room for what comes.
    pub(crate) async fn narrow_from(&self, last: u8, pair: &Pair) -> TlsStream<TcpStream> {
        let name = format!("client-{}", pair.serial);
        let credentials = pair.credentials(self.directory.path(), &name, &self.ca());
        let connector = TlsConnector::from(Arc::new(credentials.tls().unwrap()));
        let socket = TcpSocket::new_v4().unwrap();
        socket.set_recv_buffer_size(32 << 10).unwrap();
        let from = SocketAddr::from(([127, 0, 0, last], 0));
        socket.bind(from).unwrap();
        let stream = socket.connect(self.address).await.unwrap();
        let name = "localhost".to_owned().try_into().unwrap();
        connector.connect(name, stream).await.unwrap()
    }

    /// Somebody with this certificate, at one of the machine's own addresses.
    pub(crate) fn caller_from(&self, last: u8, pair: &Pair) -> Caller {
        let name = format!("client-{}", pair.serial);
        let credentials = pair.credentials(self.directory.path(), &name, &self.ca());
        let caller = Caller::with(&self.url(), credentials.clone());
        let http = http(&credentials).local_address(IpAddr::from([127, 0, 0, last]));
        Caller {
            http: http.build().unwrap(),
            ..caller
        }
    }

    /// So many objects that the kernel does not take all of a list for somebody who does not read:
    /// more than eight million bytes.
    pub(crate) async fn fill(&self) {
        let admin = self.caller("admin:root");
        let labels = (0..64).map(|label| (format!("{label:063}"), json!("a".repeat(63))));
        let labels: Map<String, Value> = labels.collect();
        for batch in 0..10 {
            let networks = (1..=100).map(|number| {
                let vlan = 100 * batch + number;
                json!({"kind": "network", "name": format!("net{vlan}"), "vlan": vlan, "labels": labels})
            });
            let list = json!({"objects": networks.collect::<Vec<_>>()});
            let answer = admin.ask(Method::POST, "/v1/apply", &list).await;
            assert_eq!(answer.status, 200, "{}", answer.body["detail"]);
        }
    }

    /// It still works for those whom it should.
    pub(crate) async fn still_serves(&self) {
        self.caller("viewer:vera").client.cluster().await.unwrap();
    }
}

fn http(credentials: &Credentials) -> reqwest::ClientBuilder {
    reqwest::Client::builder()
        .no_proxy()
        .tls_backend_preconfigured(credentials.tls().unwrap())
}

impl Caller {
    pub(crate) fn with(url: &str, credentials: Credentials) -> Self {
        let http = http(&credentials).build().unwrap();
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
