//! Passing requests on to the leader.
//!
//! A follower serves reads and watches itself. What writes, and what is for the agents that are
//! connected to the leader, goes there as it is: headers, body and answer, piece by piece.

use std::time::Duration;

use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::header::{CONNECTION, HOST, HeaderMap, HeaderName, HeaderValue};
use axum::http::{Method, Uri};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use tokio::sync::watch;
use tracing::{debug, warn};
use trunkline_netmaster_api::{ErrorCode, NodeRequestSpec};
use trunkline_types::chain;

use crate::app::App;
use crate::failure::Failure;
use crate::replica::Role;

/// How long the leader may take to begin its answer: a write waits for the store, which fails
/// within some four seconds, and may wait for the batch before its own to do the same. A leader that
/// hangs is given up sooner, when its lease has run out.
const DEADLINE: Duration = Duration::from_secs(10);

/// How long an answer may still come from a leader that has been replaced.
const LAST_WORDS: Duration = Duration::from_millis(500);

/// How long a connection may take to come about.
const CONNECT: Duration = Duration::from_secs(2);

/// How long a connection to the leader is kept without use; less than the leader keeps it.
const IDLE: Duration = Duration::from_secs(20);

/// Says that a request has been passed on. It is not passed on again: who led has stopped leading.
const FORWARDED: HeaderName = HeaderName::from_static("trunkline-forwarded");

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
    client: Client<HttpConnector, Body>,
}

impl Forwarder {
    pub(crate) fn new() -> Self {
        let mut connector = HttpConnector::new();
        connector.set_connect_timeout(Some(CONNECT));
        connector.set_nodelay(true);
        let client = Client::builder(TokioExecutor::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(IDLE)
            .build(connector);
        Self { client }
    }

    /// Passes `request` on to `leader`, and waits for its answer for as long as `role` names it.
    async fn pass_on(
        &self,
        request: Request,
        leader: &str,
        role: watch::Receiver<Role>,
    ) -> Result<Response, Failure> {
        let deadline = deadline(request.uri().path());
        let path = request.uri().path_and_query();
        let path = path.map_or("/", |path| path.as_str());
        let url = format!("{}{path}", leader.trim_end_matches('/'));
        let uri: Uri = url.parse().map_err(|_| no_leader())?;
        let (mut parts, body) = request.into_parts();
        remove_hop_by_hop(&mut parts.headers);
        parts.headers.remove(HOST);
        parts
            .headers
            .insert(FORWARDED, HeaderValue::from_static("1"));
        parts.uri = uri;
        let answer = self.client.request(Request::from_parts(parts, body));
        // Nothing is lost when it is dropped: what the leader may have done is not known then.
        let answer = tokio::select! {
            answer = tokio::time::timeout(deadline, answer) => answer,
            () = replaced(role, leader) => {
                warn!(leader, "the leader does not answer, and leads no more");
                return Err(unsure());
            }
        };
        let answer = match answer {
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

/// Passes on what only the leader can do.
pub(crate) async fn forward(State(app): State<App>, request: Request, next: Next) -> Response {
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

/// Whether a request writes, or is for an agent that only the leader is connected to.
fn is_for_leader(method: &Method, path: &str) -> bool {
    let Some(rest) = path.strip_prefix("/v1/") else {
        return false;
    };
    let mut segments = rest.split('/');
    let of_agent = segments.next() == Some("nodes") && segments.nth(1) == Some("requests");
    let reads = matches!(*method, Method::GET | Method::HEAD | Method::OPTIONS);
    of_agent || !(reads || rest == "explain")
}

/// How long the leader may take to begin its answer to a request at `path`.
fn deadline(path: &str) -> Duration {
    // What an agent answers is passed on as it comes, and answered itself at its end.
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

fn unsure() -> Failure {
    Failure::new(
        ErrorCode::StoreUnavailable,
        "the replica that leads did not answer, so nothing is sure: repeat the request",
    )
}

#[cfg(test)]
mod tests;
