//! A client of the API.

mod backup;
mod error;

use std::time::Duration;

use reqwest::header::CONTENT_TYPE;
use reqwest::{Method, RequestBuilder, Response, Url};
use serde::Serialize;
use serde::de::DeserializeOwned;
use trunkline_types::{Attachment, Name};

use crate::{
    Endpoint, EndpointSpec, List, Network, NetworkSpec, Node, NodeSpec, Problem, Subnet, SubnetSpec,
};

pub use error::ClientError;

/// A netmaster, seen from elsewhere.
///
/// Every call has a deadline, and every call may be repeated when it failed with an error that
/// [is retryable](ClientError::is_retryable). Clones share their connections.
#[derive(Clone, Debug)]
pub struct Client {
    http: reqwest::Client,
    base: Url,
    deadline: Duration,
}

impl Client {
    /// How long a call may take, unless [`Client::with_deadline`] says otherwise.
    pub const DEADLINE: Duration = Duration::from_secs(10);

    /// The client of the netmaster at `base`, like `http://127.0.0.1:9630`. Nothing is sent yet.
    ///
    /// # Errors
    ///
    /// [`ClientError`] if `base` is no `http` URL.
    pub fn new(base: &str) -> Result<Self, ClientError> {
        let invalid = || ClientError::BaseUrl {
            url: base.to_owned(),
        };
        let base_url: Url = base.parse().map_err(|_| invalid())?;
        if base_url.scheme() != "http" || !base_url.has_host() {
            return Err(invalid());
        }
        let http = reqwest::Client::builder()
            // A proxy set for somebody's browser has no business between nodes and netmaster.
            .no_proxy()
            .build()
            .map_err(|source| ClientError::SetUp { source })?;
        Ok(Self {
            http,
            base: base_url,
            deadline: Self::DEADLINE,
        })
    }

    /// The same client, with another deadline for each call.
    #[must_use]
    pub fn with_deadline(self, deadline: Duration) -> Self {
        Self { deadline, ..self }
    }

    /// Asks whether netmaster serves requests.
    ///
    /// # Errors
    ///
    /// [`ClientError`] if it does not.
    pub async fn healthz(&self) -> Result<(), ClientError> {
        self.send(self.request(Method::GET, &["healthz"]))
            .await
            .map(drop)
    }

    /// Creates a network.
    ///
    /// # Errors
    ///
    /// [`ClientError`], as for every call.
    pub async fn create_network(&self, spec: &NetworkSpec) -> Result<Network, ClientError> {
        self.write(Method::POST, &["v1", "networks"], spec).await
    }

    /// All networks.
    ///
    /// # Errors
    ///
    /// [`ClientError`], as for every call.
    pub async fn networks(&self) -> Result<Vec<Network>, ClientError> {
        self.list(&["v1", "networks"]).await
    }

    /// One network.
    ///
    /// # Errors
    ///
    /// [`ClientError`], as for every call.
    pub async fn network(&self, name: &Name) -> Result<Network, ClientError> {
        self.read(&["v1", "networks", name.as_str()]).await
    }

    /// Deletes a network.
    ///
    /// # Errors
    ///
    /// [`ClientError`], as for every call.
    pub async fn delete_network(&self, name: &Name) -> Result<(), ClientError> {
        self.delete(&["v1", "networks", name.as_str()]).await
    }

    /// Creates a subnet.
    ///
    /// # Errors
    ///
    /// [`ClientError`], as for every call.
    pub async fn create_subnet(&self, spec: &SubnetSpec) -> Result<Subnet, ClientError> {
        self.write(Method::POST, &["v1", "subnets"], spec).await
    }

    /// All subnets.
    ///
    /// # Errors
    ///
    /// [`ClientError`], as for every call.
    pub async fn subnets(&self) -> Result<Vec<Subnet>, ClientError> {
        self.list(&["v1", "subnets"]).await
    }

    /// One subnet.
    ///
    /// # Errors
    ///
    /// [`ClientError`], as for every call.
    pub async fn subnet(&self, name: &Name) -> Result<Subnet, ClientError> {
        self.read(&["v1", "subnets", name.as_str()]).await
    }

    /// Deletes a subnet.
    ///
    /// # Errors
    ///
    /// [`ClientError`], as for every call.
    pub async fn delete_subnet(&self, name: &Name) -> Result<(), ClientError> {
        self.delete(&["v1", "subnets", name.as_str()]).await
    }

    /// Registers a node, or says again what it is.
    ///
    /// # Errors
    ///
    /// [`ClientError`], as for every call.
    pub async fn register_node(&self, name: &Name, spec: &NodeSpec) -> Result<Node, ClientError> {
        self.write(Method::PUT, &["v1", "nodes", name.as_str()], spec)
            .await
    }

    /// All nodes.
    ///
    /// # Errors
    ///
    /// [`ClientError`], as for every call.
    pub async fn nodes(&self) -> Result<Vec<Node>, ClientError> {
        self.list(&["v1", "nodes"]).await
    }

    /// One node.
    ///
    /// # Errors
    ///
    /// [`ClientError`], as for every call.
    pub async fn node(&self, name: &Name) -> Result<Node, ClientError> {
        self.read(&["v1", "nodes", name.as_str()]).await
    }

    /// Gets an attachment its address: a new one, or the one it has.
    ///
    /// # Errors
    ///
    /// [`ClientError`], as for every call.
    pub async fn allocate(&self, spec: &EndpointSpec) -> Result<Endpoint, ClientError> {
        self.write(Method::POST, &["v1", "endpoints"], spec).await
    }

    /// All endpoints.
    ///
    /// # Errors
    ///
    /// [`ClientError`], as for every call.
    pub async fn endpoints(&self) -> Result<Vec<Endpoint>, ClientError> {
        self.list(&["v1", "endpoints"]).await
    }

    /// One endpoint.
    ///
    /// # Errors
    ///
    /// [`ClientError`], as for every call.
    pub async fn endpoint(&self, attachment: &Attachment) -> Result<Endpoint, ClientError> {
        self.read(&endpoint_path(attachment)).await
    }

    /// Gives an attachment's addresses back; a success if it has none.
    ///
    /// # Errors
    ///
    /// [`ClientError`], as for every call.
    pub async fn release(&self, attachment: &Attachment) -> Result<(), ClientError> {
        self.delete(&endpoint_path(attachment)).await
    }

    async fn list<T: DeserializeOwned>(&self, path: &[&str]) -> Result<Vec<T>, ClientError> {
        self.read::<List<T>>(path).await.map(|list| list.items)
    }

    async fn read<T: DeserializeOwned>(&self, path: &[&str]) -> Result<T, ClientError> {
        let response = self.send(self.request(Method::GET, path)).await?;
        self.body(response).await
    }

    async fn write<T: DeserializeOwned>(
        &self,
        method: Method,
        path: &[&str],
        body: &impl Serialize,
    ) -> Result<T, ClientError> {
        let response = self.send(self.request(method, path).json(body)).await?;
        self.body(response).await
    }

    async fn delete(&self, path: &[&str]) -> Result<(), ClientError> {
        self.send(self.request(Method::DELETE, path))
            .await
            .map(drop)
    }

    fn request(&self, method: Method, path: &[&str]) -> RequestBuilder {
        let mut url = self.base.clone();
        // An `http` URL with a host always has segments; they are escaped as they are added.
        if let Ok(mut segments) = url.path_segments_mut() {
            segments.pop_if_empty().extend(path);
        }
        self.http.request(method, url).timeout(self.deadline)
    }

    async fn send(&self, request: RequestBuilder) -> Result<Response, ClientError> {
        let response = request
            .send()
            .await
            .map_err(|source| self.transport(source))?;
        let status = response.status();
        if status.is_success() {
            return Ok(response);
        }
        let is_problem = response
            .headers()
            .get(CONTENT_TYPE)
            .is_some_and(|kind| kind.as_bytes() == Problem::MEDIA_TYPE.as_bytes());
        let body = response
            .bytes()
            .await
            .map_err(|source| self.transport(source))?;
        Err(match serde_json::from_slice(&body) {
            Ok(problem) if is_problem => ClientError::Refused(problem),
            _ => ClientError::NotNetmaster {
                url: self.url(),
                status: status.as_u16(),
            },
        })
    }

    async fn body<T: DeserializeOwned>(&self, response: Response) -> Result<T, ClientError> {
        let body = response
            .bytes()
            .await
            .map_err(|source| self.transport(source))?;
        serde_json::from_slice(&body).map_err(|source| ClientError::Unreadable {
            url: self.url(),
            source,
        })
    }

    /// The base URL as it is written.
    fn url(&self) -> String {
        self.base.as_str().trim_end_matches('/').to_owned()
    }

    fn transport(&self, source: reqwest::Error) -> ClientError {
        let url = self.url();
        // The URL is in our own message.
        let source = source.without_url();
        if source.is_connect() {
            ClientError::Unreachable { url, source }
        } else {
            ClientError::Unanswered { url, source }
        }
    }
}

fn endpoint_path(attachment: &Attachment) -> [&str; 4] {
    [
        "v1",
        "endpoints",
        attachment.container.as_str(),
        attachment.ifname.as_str(),
    ]
}
