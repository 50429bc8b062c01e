//! A client of the API.

mod ask;
mod backup;
mod bulk;
mod credentials;
mod error;
mod exposed;
mod lines;
mod node;
mod operate;
mod query;
mod token;
mod watch;

use std::time::Duration;

use reqwest::header::CONTENT_TYPE;
use reqwest::redirect::Policy;
use reqwest::{Method, RequestBuilder, Response, Url};
use serde::Serialize;
use serde::de::DeserializeOwned;
use trunkline_types::Attachment;

use credentials::Token;

use crate::resource::Managed;
use crate::{
    Cluster, Endpoint, EndpointSpec, ExplainSpec, Explanation, List, Problem, Resource,
    ResourceKey, Update,
};

pub use ask::Answer;
pub use bulk::ApplyOptions;
pub use credentials::{Credentials, CredentialsError};
pub use error::ClientError;
pub use exposed::exposed;
pub use query::Query;
pub use watch::Watch;

/// A netmaster, seen from elsewhere.
///
/// Every call has a deadline, and every call may be repeated when it failed with an error that
/// [is retryable](ClientError::is_retryable). Clones share their connections.
#[derive(Clone, Debug)]
pub struct Client {
    http: reqwest::Client,
    base: Url,
    credentials: Credentials,
    /// Sent in place of that of the credentials' file.
    token: Option<Token>,
    deadline: Duration,
}

impl Client {
    /// How long a call may take, unless [`Client::with_deadline`] says otherwise.
    pub const DEADLINE: Duration = Duration::from_secs(10);

    /// How long a connection that is not used is kept; less than netmaster keeps it, so that no
    /// request is sent on one that is about to be closed.
    const IDLE: Duration = Duration::from_secs(20);

    /// How long an answer may stand still. A watch has a bookmark every 30 seconds.
    const SILENCE: Duration = Duration::from_secs(75);

    /// How many objects a page of a list has.
    const PAGE: usize = 1000;

    /// The client of the netmaster at `base`, like `http://127.0.0.1:9630`, that shows nothing and
    /// trusts nobody: for this machine. Nothing is sent yet.
    ///
    /// # Errors
    ///
    /// [`ClientError`] if `base` is no `http` URL.
    pub fn new(base: &str) -> Result<Self, ClientError> {
        Self::with(base, Credentials::default())
    }

    /// The client of the netmaster at `base`, like `https://10.0.0.11:9630`. Nothing is sent yet.
    ///
    /// # Errors
    ///
    /// [`ClientError`] if `base` is no `http` or `https` URL, or `credentials` cannot be used with
    /// it.
    pub fn with(base: &str, credentials: Credentials) -> Result<Self, ClientError> {
        let invalid = || ClientError::BaseUrl {
            url: base.to_owned(),
        };
        let base_url: Url = base.parse().map_err(|_| invalid())?;
        if !matches!(base_url.scheme(), "http" | "https") || !base_url.has_host() {
            return Err(invalid());
        }
        credentials.fit(&base_url)?;
        Ok(Self {
            http: Self::http(&credentials, Self::SILENCE)?,
            base: base_url,
            credentials,
            token: None,
            deadline: Self::DEADLINE,
        })
    }

    /// What connections are made with, on which an answer may stand still for so long.
    fn http(credentials: &Credentials, silence: Duration) -> Result<reqwest::Client, ClientError> {
        reqwest::Client::builder()
            // A proxy set for somebody's browser has no business between nodes and netmaster.
            .no_proxy()
            // netmaster sends nobody elsewhere, and a token is for nobody else.
            .redirect(Policy::none())
            .tls_backend_preconfigured(credentials.tls()?)
            .connect_timeout(Self::DEADLINE)
            .pool_idle_timeout(Self::IDLE)
            .read_timeout(silence)
            .build()
            .map_err(|source| ClientError::SetUp { source })
    }

    /// The same client, with another deadline for each call.
    #[must_use]
    pub fn with_deadline(self, deadline: Duration) -> Self {
        Self { deadline, ..self }
    }

    /// The same client, with a token that is in no file.
    ///
    /// # Errors
    ///
    /// [`ClientError`] if it cannot be one, or would be sent in the clear.
    pub fn with_token(self, token: &str) -> Result<Self, ClientError> {
        let token = Some(Token::for_url(token, &self.base)?);
        Ok(Self { token, ..self })
    }

    /// Asks whether the process answers.
    ///
    /// # Errors
    ///
    /// [`ClientError`] if it does not.
    pub async fn healthz(&self) -> Result<(), ClientError> {
        self.send(self.call(Method::GET, &["healthz"]))
            .await
            .map(drop)
    }

    /// Asks whether netmaster serves requests.
    ///
    /// # Errors
    ///
    /// [`ClientError`] if it does not.
    pub async fn readyz(&self) -> Result<(), ClientError> {
        self.send(self.call(Method::GET, &["readyz"]))
            .await
            .map(drop)
    }

    /// The cluster, and the replica that answers.
    ///
    /// # Errors
    ///
    /// [`ClientError`], as for every call.
    pub async fn cluster(&self) -> Result<Cluster, ClientError> {
        self.read(self.call(Method::GET, &["v1", "cluster"])).await
    }

    /// Creates an object.
    ///
    /// # Errors
    ///
    /// [`ClientError`], as for every call.
    pub async fn create<T: Managed>(&self, spec: &T::Spec) -> Result<T, ClientError> {
        self.read(self.call(Method::POST, &["v1", T::PATH]).json(spec))
            .await
    }

    /// Makes an object, which was seen at `revision`, what `spec` says.
    ///
    /// # Errors
    ///
    /// [`ClientError`], as for every call; it [is stale](ClientError::current_revision) if the
    /// object was changed since.
    pub async fn update<T: Managed>(
        &self,
        spec: &T::Spec,
        revision: u64,
    ) -> Result<T::Updated, ClientError> {
        let key = T::key_of(spec);
        let body = Update { revision, spec };
        self.read(self.object::<T>(Method::PUT, &key).json(&body))
            .await
    }

    /// Deletes an object, whatever its revision.
    ///
    /// # Errors
    ///
    /// [`ClientError`], as for every call.
    pub async fn delete<T: Managed>(&self, key: &T::Key) -> Result<(), ClientError> {
        self.send(self.object::<T>(Method::DELETE, key))
            .await
            .map(drop)
    }

    /// Deletes an object if it is still at `revision`.
    ///
    /// # Errors
    ///
    /// [`ClientError`], as for every call; it [is stale](ClientError::current_revision) if the
    /// object was changed since.
    pub async fn delete_at<T: Managed>(
        &self,
        key: &T::Key,
        revision: u64,
    ) -> Result<(), ClientError> {
        let request = self.object::<T>(Method::DELETE, key);
        self.send(request.query(&[("revision", revision)]))
            .await
            .map(drop)
    }

    /// One object.
    ///
    /// # Errors
    ///
    /// [`ClientError`], as for every call.
    pub async fn get<T: Resource>(&self, key: &T::Key) -> Result<T, ClientError> {
        self.read(self.object::<T>(Method::GET, key)).await
    }

    /// All objects of a kind that `query` asks for, page by page.
    ///
    /// # Errors
    ///
    /// [`ClientError`], as for every call.
    pub async fn list<T: Resource>(&self, query: &Query) -> Result<List<T>, ClientError> {
        let mut whole = self.page::<T>(query, None).await?;
        while let Some(next) = whole.next.take() {
            let page = self.page::<T>(query, Some(&next)).await?;
            whole.items.extend(page.items);
            whole.next = page.next;
        }
        Ok(whole)
    }

    async fn page<T: Resource>(
        &self,
        query: &Query,
        next: Option<&str>,
    ) -> Result<List<T>, ClientError> {
        let mut parameters = query.parameters();
        parameters.push(("limit", Self::PAGE.to_string()));
        parameters.extend(next.map(|next| ("continue", next.to_owned())));
        self.read(self.call(Method::GET, &["v1", T::PATH]).query(&parameters))
            .await
    }

    /// What changes about the objects of a kind that `query` asks for: after a revision, or first
    /// how they are. Nothing is sent yet.
    #[must_use]
    pub fn watch<T: Resource>(&self, query: &Query, after: Option<u64>) -> Watch<T> {
        Watch::new(self.clone(), query.clone(), after)
    }

    /// Gets an attachment its addresses: new ones, or those it has.
    ///
    /// # Errors
    ///
    /// [`ClientError`], as for every call.
    pub async fn allocate(&self, spec: &EndpointSpec) -> Result<Endpoint, ClientError> {
        self.read(self.call(Method::POST, &["v1", "endpoints"]).json(spec))
            .await
    }

    /// Gives an attachment's addresses back; a success if it has none.
    ///
    /// # Errors
    ///
    /// [`ClientError`], as for every call.
    pub async fn release(&self, attachment: &Attachment) -> Result<(), ClientError> {
        self.send(self.object::<Endpoint>(Method::DELETE, attachment))
            .await
            .map(drop)
    }

    /// Why a pod would be bound to what it would be bound to.
    ///
    /// # Errors
    ///
    /// [`ClientError`], as for every call.
    pub async fn explain(&self, spec: &ExplainSpec) -> Result<Explanation, ClientError> {
        self.read(self.call(Method::POST, &["v1", "explain"]).json(spec))
            .await
    }

    fn object<T: Resource>(&self, method: Method, key: &T::Key) -> RequestBuilder {
        let segments = key.segments();
        let mut path = vec!["v1", T::PATH];
        path.extend(segments.iter().map(String::as_str));
        self.call(method, &path)
    }

    fn call(&self, method: Method, path: &[&str]) -> RequestBuilder {
        self.request(method, path).timeout(self.deadline)
    }

    fn request(&self, method: Method, path: &[&str]) -> RequestBuilder {
        let mut url = self.base.clone();
        // Such a URL with a host always has segments; they are escaped as they are added.
        if let Ok(mut segments) = url.path_segments_mut() {
            segments.pop_if_empty().extend(path);
        }
        self.http.request(method, url)
    }

    async fn send(&self, request: RequestBuilder) -> Result<Response, ClientError> {
        let request = match (&self.token, self.credentials.token()?) {
            (Some(token), _) => request.bearer_auth(token.as_str()),
            (None, Some(token)) => request.bearer_auth(token),
            (None, None) => request,
        };
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
            Ok(problem) if is_problem => ClientError::Refused(Box::new(problem)),
            _ => ClientError::NotNetmaster {
                url: self.url(),
                status: status.as_u16(),
            },
        })
    }

    async fn read<T: DeserializeOwned>(&self, request: RequestBuilder) -> Result<T, ClientError> {
        let response = self.send(request).await?;
        let body = response
            .bytes()
            .await
            .map_err(|source| self.transport(source))?;
        self.parse(&body)
    }

    async fn tell(
        &self,
        request: RequestBuilder,
        body: &impl Serialize,
    ) -> Result<(), ClientError> {
        self.send(request.json(body)).await.map(drop)
    }

    fn parse<T: DeserializeOwned>(&self, text: &[u8]) -> Result<T, ClientError> {
        serde_json::from_slice(text).map_err(|source| ClientError::Unreadable {
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
