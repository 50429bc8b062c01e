//! Passing requests on to the leader.
//!
//! A follower serves reads and watches itself. What writes, and what is for the agents that are
//! connected to the leader, goes there as it is: headers, body and answer, piece by piece.

mod held;
mod report;

use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::header::{AUTHORIZATION, CONNECTION, HOST, HeaderMap, HeaderName, HeaderValue};
use axum::http::uri::Scheme;
use axum::http::{Method, Uri};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::time::timeout;
use tracing::{debug, warn};
use trunkline_ipam::Revision;
use trunkline_netmaster_api::{
    Credentials, CredentialsError, ErrorCode, NodeRequestSpec, header as own_header,
};
use trunkline_types::chain;

use crate::app::App;
use crate::connections::Peer;
use crate::failure::Failure;
use crate::identity::{Asking, Assertion, Identity, IdentityName};
use crate::replica::Role;
use held::Held;

pub(crate) use report::Undelivered;

/// How long the leader may take to begin its answer: a write waits for the store, which fails
/// within some four seconds, and may wait for the batch before its own to do the same. A leader that
/// hangs is given up sooner, when its lease has run out.
const DEADLINE: Duration = Duration::from_secs(10);

/// How long an answer may still come from a leader that has been replaced.
const LAST_WORDS: Duration = Duration::from_millis(500);

/// How long a check of everything may take: with a million objects, some seconds.
const CHECK: Duration = Duration::from_secs(120);

/// How long a connection may take to come about.
const CONNECT: Duration = Duration::from_secs(2);

/// How long a connection to the leader is kept without use; less than the leader keeps it.
const IDLE: Duration = Duration::from_secs(20);

/// How many connections to the leader are kept without use.
const SPARE: usize = 64;

/// How long a request waits until fewer others are with the leader.
const WAIT: Duration = Duration::from_secs(1);

/// Says that a request has been passed on. It is not passed on again: who led has stopped leading.
const FORWARDED: HeaderName = HeaderName::from_static("trunkline-forwarded");

/// What the follower that says it is there has seen. Not the header that every request may have:
/// that one makes who is asked wait until it has seen as much.
pub(crate) const SEEN: HeaderName = HeaderName::from_static("trunkline-seen");

/// Headers about one connection, not about the request (RFC 9110, 7.6.1).
const HOP_BY_HOP: [&str; 8] = [
    "connection",
    "keep-alive",
    "proxy-authenticate",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
];

/// Connections to the leader. Clones share them.
#[derive(Clone, Debug)]
pub(crate) struct Forwarder {
    client: Client<HttpsConnector<HttpConnector>, Body>,
    /// Each request that is with the leader has a connection of its own, and a file descriptor.
    places: Arc<Semaphore>,
}

impl Forwarder {
    /// Shows the leader what `credentials` say, and trusts whom they say. So many requests at a
    /// time are with the leader; an answer that goes on, as to an agent, counts until it ends.
    ///
    /// # Errors
    ///
    /// [`CredentialsError`] if their files cannot be used.
    pub(crate) fn with(
        credentials: &Credentials,
        at_once: usize,
    ) -> Result<Self, CredentialsError> {
        let mut connector = HttpConnector::new();
        connector.set_connect_timeout(Some(CONNECT));
        connector.set_nodelay(true);
        connector.enforce_http(false);
        let connector = HttpsConnectorBuilder::new()
            .with_tls_config(credentials.tls()?)
            .https_or_http()
            .enable_http1()
            .wrap_connector(connector);
        let client = Client::builder(TokioExecutor::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(IDLE)
            .pool_max_idle_per_host(SPARE)
            .build(connector);
        Ok(Self {
            client,
            places: Arc::new(Semaphore::new(at_once)),
        })
    }

    /// Tells the leader that this replica, which others reach at `own`, is there.
    pub(crate) async fn announce(
        &self,
        leader: &str,
        own: &str,
        seen: Revision,
    ) -> Result<(), Failure> {
        let uri = at(leader, "/v1/cluster")?;
        let request = Request::builder()
            .uri(uri)
            .header(own_header::REPLICA, own)
            .header(SEEN, seen.number())
            .body(Body::empty())
            // A URL that is no header is nothing to tell.
            .map_err(|_| no_leader())?;
        // It asks for itself, so its own certificate says who asks.
        self.send(request, leader).await.map(drop)
    }

    /// Passes `request` on to `leader`, and waits for its answer for as long as `role` names it.
    async fn pass_on(
        &self,
        request: Request,
        leader: &str,
        role: watch::Receiver<Role>,
    ) -> Result<Response, Failure> {
        let path = request.uri().path_and_query();
        let uri = at(leader, path.map_or("/", |path| path.as_str()))?;
        let (mut parts, body) = request.into_parts();
        remove_hop_by_hop(&mut parts.headers);
        parts.headers.remove(HOST);
        let peer = parts.extensions.get::<Peer>();
        let way = Way {
            came_encrypted: !peer.is_some_and(Peer::is_in_the_clear),
            goes_encrypted: uri.scheme() == Some(&Scheme::HTTPS),
        };
        // After what the sender's `connection` names is gone: it may name this header as well.
        vouch(&mut parts.headers, parts.extensions.get(), way)?;
        parts
            .headers
            .insert(FORWARDED, HeaderValue::from_static("1"));
        parts.uri = uri;
        let place = self.place().await?;
        // Nothing is lost when it is dropped: what the leader may have done is not known then.
        tokio::select! {
            answer = self.send(Request::from_parts(parts, body), leader) => {
                answer.map(|answer| answer.map(|body| Body::new(Held::new(body, place))))
            }
            () = replaced(role, leader) => {
                warn!(leader, "the leader does not answer, and leads no more");
                Err(unsure())
            }
        }
    }

    /// A place among the requests that are with the leader.
    async fn place(&self) -> Result<OwnedSemaphorePermit, Failure> {
        let place = timeout(WAIT, self.places.clone().acquire_owned()).await;
        // The semaphore is never closed.
        place.ok().and_then(Result::ok).ok_or_else(|| {
            warn!("no more requests are passed on: too many are with the leader");
            Failure::new(
                ErrorCode::NoLeader,
                "too many requests are with the replica that leads, so nothing was done: repeat \
                 the request, or ask another replica",
            )
        })
    }

    async fn send(&self, request: Request, leader: &str) -> Result<Response, Failure> {
        let deadline = deadline(request.uri().path());
        let answer = match timeout(deadline, self.client.request(request)).await {
            Ok(Ok(answer)) => answer,
            Ok(Err(error)) if error.is_connect() => {
                warn!(
                    leader,
                    error = chain(&error),
                    "the leader cannot be reached"
                );
                return Err(no_leader());
            }
            Ok(Err(error)) => {
                warn!(leader, error = chain(&error), "the leader broke off");
                return Err(unsure());
            }
            Err(_) => {
                warn!(leader, "the leader does not answer");
                return Err(unsure());
            }
        };
        debug!(leader, status = answer.status().as_u16(), "passed on");
        let mut answer = answer.map(Body::new);
        remove_hop_by_hop(answer.headers_mut());
        Ok(answer)
    }
}

/// Where `path`, with its query, is at `leader`.
fn at(leader: &str, path: &str) -> Result<Uri, Failure> {
    let url = format!("{}{path}", leader.trim_end_matches('/'));
    url.parse().map_err(|_| no_leader())
}

/// Returns when `leader` is no longer known to lead. It may have gone without a word, and nobody
/// else would end its connections.
async fn replaced(mut role: watch::Receiver<Role>, leader: &str) {
    let other = |role: &Role| match role {
        Role::Leader => true,
        Role::Follower { leader: known } => known.as_deref() != Some(leader),
    };
    // Without its sender netmaster ends, and the request with it.
    let _ = role.wait_for(other).await;
    // One that resigned has answered, and the answer is on its way.
    tokio::time::sleep(LAST_WORDS).await;
}

/// Passes on what only the leader can do, and what it knows better if there is one.
pub(crate) async fn forward(State(app): State<App>, request: Request, next: Next) -> Response {
    if is_better_known(request.method(), request.uri().path()) {
        return ask_leader_first(&app, request, next).await;
    }
    if !is_for_leader(request.method(), request.uri().path()) {
        return next.run(request).await;
    }
    let known = app.allocator.role();
    let role = known.borrow().clone();
    let leader = match role {
        Role::Leader => return next.run(request).await,
        Role::Follower { leader } => leader,
    };
    let outcome = match leader {
        Some(leader) if !request.headers().contains_key(FORWARDED) => {
            app.forwarder.pass_on(request, &leader, known).await
        }
        _ => Err(no_leader()),
    };
    outcome.unwrap_or_else(IntoResponse::into_response)
}

/// How the whole is the leader knows best; but it is asked all the more when nobody leads.
fn is_better_known(method: &Method, path: &str) -> bool {
    *method == Method::GET && path == "/v1/status"
}

async fn ask_leader_first(app: &App, request: Request, next: Next) -> Response {
    let known = app.allocator.role();
    let role = known.borrow().clone();
    if let Role::Follower { leader: Some(url) } = role
        && !request.headers().contains_key(FORWARDED)
    {
        let (parts, body) = request.into_parts();
        let copy = Request::from_parts(parts.clone(), Body::empty());
        if let Ok(answer) = app.forwarder.pass_on(copy, &url, known).await {
            return answer;
        }
        return next.run(Request::from_parts(parts, body)).await;
    }
    next.run(request).await
}

/// Whether others can read a request on its way.
#[derive(Clone, Copy, Debug)]
struct Way {
    /// To this replica.
    came_encrypted: bool,
    /// From here to the leader.
    goes_encrypted: bool,
}

/// Says in whose name a request is passed on: a leader with TLS believes that of this replica's
/// certificate. One without believes that everybody is an administrator, so it only gets what is
/// from one, or what brings its own proof; and no secret that came encrypted.
fn vouch(headers: &mut HeaderMap, asking: Option<&Asking>, way: Way) -> Result<(), Failure> {
    // Of what a caller says itself nothing may be left.
    headers.remove(own_header::IDENTITY);
    let Asking { identity, address } = asking.cloned().ok_or_else(unvouched)?;
    if !way.goes_encrypted {
        return match identity.as_ref().map(Identity::name) {
            Some(IdentityName::Local | IdentityName::Anonymous) => Ok(()),
            Some(IdentityName::Token(_)) if !way.came_encrypted => Ok(()),
            // Whoever joins has a token in the body.
            _ => Err(unvouched()),
        };
    }
    let address = address.ok_or_else(unvouched)?;
    // The token is told to nobody who need not know it. A node that joins is nobody yet; what is not
    // open to everybody has been refused by now.
    headers.remove(AUTHORIZATION);
    let assertion = Assertion { identity, address };
    let value = HeaderValue::from_str(&assertion.write()).map_err(|_| unvouched())?;
    headers.insert(own_header::IDENTITY, value);
    Ok(())
}

/// Whether a request writes, or is for an agent that only the leader is connected to.
fn is_for_leader(method: &Method, path: &str) -> bool {
    let Some(rest) = path.strip_prefix("/v1/") else {
        return false;
    };
    let mut segments = rest.split('/');
    let of_agent = segments.next() == Some("nodes") && segments.nth(1) == Some("requests");
    let reads = matches!(*method, Method::GET | Method::HEAD | Method::OPTIONS);
    // Only the leader hears what nodes hold, and records who took a back-up.
    of_agent || matches!(rest, "check" | "backup") || !(reads || rest == "explain")
}

/// How long the leader may take to begin its answer to a request at `path`.
fn deadline(path: &str) -> Duration {
    // What an agent answers is passed on as it comes, and answered itself at its end.
    if path.starts_with("/v1/check") {
        return CHECK;
    }
    if path.ends_with("/answer") {
        return DEADLINE + Duration::from_secs(NodeRequestSpec::MAX_DEADLINE.into());
    }
    DEADLINE
}

fn remove_hop_by_hop(headers: &mut HeaderMap) {
    let named: Vec<HeaderName> = headers
        .get_all(CONNECTION)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .filter_map(|name| name.trim().parse().ok())
        .collect();
    for name in named {
        headers.remove(name);
    }
    for name in HOP_BY_HOP {
        headers.remove(name);
    }
}

fn no_leader() -> Failure {
    Failure::new(
        ErrorCode::NoLeader,
        "no replica leads at the moment, or it cannot be reached, so nothing was done: repeat the \
         request",
    )
}

fn unvouched() -> Failure {
    warn!("the leader cannot be told who asks: serve all replicas with TLS, or none");
    Failure::new(
        ErrorCode::NoLeader,
        "the replica that leads cannot be told who asks, so nothing was done: serve all replicas \
         with TLS, or none",
    )
}

fn unsure() -> Failure {
    Failure::new(
        ErrorCode::StoreUnavailable,
        "the replica that leads did not answer, so nothing is sure: repeat the request",
    )
}

#[cfg(test)]
pub(crate) mod fixture;
#[cfg(test)]
mod tests;
