//! Clients of netmaster that know what they do not know.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use hyper::Method;
use serde_json::{Value, json};
use trunkline_netmaster_api::{Endpoint, ErrorCode, Problem};

use super::http::Connection;
use super::wait::wait_until;

/// The network, subnet and node that clients use unless they say otherwise.
pub const NETWORK: &str = "blue";
/// See [`NETWORK`].
pub const SUBNET: &str = "blue-1";
/// See [`NETWORK`].
pub const NODE: &str = "n1";

/// How long it may take until something can be written, at the start and after a crash.
const WRITABLE: Duration = Duration::from_secs(20);

/// Why a request was not answered as hoped.
#[derive(Debug)]
pub enum Failure {
    /// It was not even sent: nothing happened.
    NotSent(anyhow::Error),
    /// netmaster says no, for good: nothing happened.
    Refused(Box<Problem>),
    /// netmaster says that it may be repeated, or that its store is full. Whether it happened is not
    /// known.
    Unavailable(Box<Problem>),
    /// There was no answer, or none that makes sense. Whether it happened is not known.
    Unanswered(anyhow::Error),
}

impl Failure {
    /// Whether what was asked for may have happened all the same.
    pub fn is_unsure(&self) -> bool {
        matches!(self, Self::Unavailable(_) | Self::Unanswered(_))
    }

    /// Whether there is no address left.
    pub fn is_full(&self) -> bool {
        matches!(self, Self::Refused(problem) if problem.code == ErrorCode::SubnetFull)
    }
}

impl std::fmt::Display for Failure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::NotSent(error) => write!(f, "not sent: {error:#}"),
            Self::Unanswered(error) => write!(f, "unanswered: {error:#}"),
            Self::Refused(problem) | Self::Unavailable(problem) => {
                write!(f, "HTTP status {}: {}", problem.status, problem.detail)
            }
        }
    }
}

impl std::error::Error for Failure {}

/// A client with one connection, opened when needed.
#[derive(Debug)]
pub struct Client {
    address: SocketAddr,
    deadline: Duration,
    connection: Option<Connection>,
}

impl Client {
    /// The client of the netmaster at `address`. Nothing is sent yet.
    pub fn new(address: SocketAddr, deadline: Duration) -> Self {
        Self {
            address,
            deadline,
            connection: None,
        }
    }

    /// Where it asks.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Gets an attachment its address in [`NETWORK`] on [`NODE`].
    pub async fn allocate(&mut self, attachment: &str) -> Result<IpAddr, Failure> {
        self.allocate_in(attachment, NETWORK, NODE).await
    }

    /// Gets an attachment its address: a new one, or the one it has.
    pub async fn allocate_in(
        &mut self,
        attachment: &str,
        network: &str,
        node: &str,
    ) -> Result<IpAddr, Failure> {
        let wish = json!({"attachment": attachment, "network": network, "node": node});
        let body = self
            .send(Method::POST, "/v1/endpoints", Some(&wish))
            .await?;
        let endpoint: Endpoint = read(&body)?;
        match endpoint.addresses.first() {
            Some(address) => Ok(address.ip),
            None => Err(senseless("an endpoint without an address")),
        }
    }

    /// Gives an attachment's addresses back.
    pub async fn release(&mut self, attachment: &str) -> Result<(), Failure> {
        let path = format!("/v1/endpoints/{attachment}");
        self.send(Method::DELETE, &path, None).await.map(drop)
    }

    /// Every endpoint: attachment and first address.
    pub async fn endpoints(&mut self) -> Result<Vec<(String, IpAddr)>, Failure> {
        let mut found = Vec::new();
        for item in self.list("/v1/endpoints").await? {
            let endpoint: Endpoint =
                serde_json::from_value(item).map_err(|error| Failure::Unanswered(error.into()))?;
            let Some(address) = endpoint.addresses.first() else {
                return Err(senseless("an endpoint without an address"));
            };
            found.push((endpoint.attachment.to_string(), address.ip));
        }
        Ok(found)
    }

    /// All objects of a list, page by page.
    pub async fn list(&mut self, path: &str) -> Result<Vec<Value>, Failure> {
        let mut items = Vec::new();
        let mut page = path.to_owned();
        loop {
            let body = self.send(Method::GET, &page, None).await?;
            let mut list: Value = read(&body)?;
            match list["items"].take() {
                Value::Array(found) => items.extend(found),
                _ => return Err(senseless("a list without items")),
            }
            let Some(next) = list["continue"].as_str() else {
                return Ok(items);
            };
            page = format!("{path}?continue={}", escaped(next));
        }
    }

    /// Sends one request, and returns the body of its successful answer.
    pub async fn send(
        &mut self,
        method: Method,
        path: &str,
        body: Option<&Value>,
    ) -> Result<Vec<u8>, Failure> {
        let mut connection = match self.connection.take() {
            Some(connection) if !connection.is_closed() => connection,
            _ => Connection::open(self.address, self.deadline)
                .await
                .map_err(Failure::NotSent)?,
        };
        let body = body.map(|body| body.to_string().into_bytes());
        let reply = connection
            .call(method, path, body, self.deadline)
            .await
            .map_err(Failure::Unanswered)?;
        // Only after an answer is a connection fit for the next request.
        self.connection = Some(connection);
        if (200..300).contains(&reply.status) {
            return Ok(reply.body.into());
        }
        let problem: Problem = read(&reply.body)?;
        if problem.status != reply.status {
            return Err(senseless("a problem of another status than its answer's"));
        }
        Err(match reply.status {
            502..=504 | 507 => Failure::Unavailable(Box::new(problem)),
            500 => senseless(&problem.detail),
            _ => Failure::Refused(Box::new(problem)),
        })
    }
}

fn read<T: serde::de::DeserializeOwned>(body: &[u8]) -> Result<T, Failure> {
    serde_json::from_slice(body).map_err(|error| {
        let text = String::from_utf8_lossy(body);
        senseless(&format!("`{text}` cannot be read: {error}"))
    })
}

/// `text` as a value in a URL.
fn escaped(text: &str) -> String {
    let mut escaped = String::new();
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() {
            escaped.push(char::from(byte));
        } else {
            escaped.push_str(&format!("%{byte:02X}"));
        }
    }
    escaped
}

fn senseless(what: &str) -> Failure {
    Failure::Unanswered(anyhow::anyhow!("the answer makes no sense: {what}"))
}

/// Registers [`NODE`], as often as it takes until that is done: from then on there is somebody who
/// can write.
///
/// # Errors
///
/// It is not done by the deadline.
pub async fn wait_writable(address: SocketAddr) -> anyhow::Result<()> {
    wait_until("netmaster to write", WRITABLE, || async {
        let mut client = Client::new(address, WRITABLE);
        let node = json!({"rack": "r1"});
        let path = format!("/v1/nodes/{NODE}");
        client.send(Method::PUT, &path, Some(&node)).await
    })
    .await
    .map(drop)
}

/// Creates [`NETWORK`], [`SUBNET`] with `cidr`, and [`NODE`], at the netmaster at `address`.
///
/// # Errors
///
/// netmaster refuses.
pub async fn set_up(address: SocketAddr, cidr: &str, gateway: &str) -> anyhow::Result<()> {
    wait_writable(address).await?;
    let mut client = Client::new(address, WRITABLE);
    let network = json!({"name": NETWORK, "vlan": 100});
    client
        .send(Method::POST, "/v1/networks", Some(&network))
        .await?;
    let subnet = json!({"name": SUBNET, "network": NETWORK, "cidr": cidr, "gateway": gateway});
    client
        .send(Method::POST, "/v1/subnets", Some(&subnet))
        .await?;
    Ok(())
}
