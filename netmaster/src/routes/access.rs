//! Who may do what: the one place where callers are told apart, let in or refused.
//!
//! Each operation of the table says which roles may call it. What it does not say is refused.

mod host;
mod refusal;
mod revocation;
mod roles;

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use axum::extract::{FromRequestParts, MatchedPath, RawPathParams, Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, Method, header};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use trunkline_netmaster_api::{ErrorCode, Role, header as own_header};
use trunkline_types::{Name, chain};

use super::operation::Operation;
use super::scope::check_operation;
use crate::app::App;
use crate::audit::Trail;
use crate::connections::Peer;
use crate::failure::Failure;
use crate::identity::{Asking, Assertion, Identity, IdentityName};
use host::check_browser;
use refusal::{Place, count, settle, too_often};
use revocation::{check_current, token, until_revoked};

pub(super) use roles::{
    ADMINS, AGENTS, AGENTS_AND_OPERATORS, ONLY_AGENTS, OPERATORS, PEOPLE, READERS,
    READERS_AND_AGENTS,
};

/// Who may call an operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Access {
    /// Everybody, even if nothing says who it is.
    Open,
    /// These roles; an agent only for its own node, where the URL names one.
    Roles(&'static [Role]),
    /// Replicas, by their certificates: no other part of the control plane, whatever its role.
    Replicas,
}

/// Who may call which operation, by method and path.
#[derive(Debug, Default)]
pub(super) struct Permissions {
    accesses: HashMap<(Method, String), Access>,
    /// Those that are for tokens of some networks too.
    of_networks: HashSet<(Method, String)>,
}

impl Permissions {
    pub(super) fn of(operations: &[Operation]) -> Self {
        let accesses = operations.iter().map(|operation| {
            let at = (operation.method.clone(), operation.path.clone());
            // Nobody may do what nothing is said of.
            (at, operation.access.unwrap_or(Access::Roles(&[])))
        });
        let of_networks = operations.iter().filter(|operation| operation.of_networks);
        let of_networks = of_networks.map(|one| (one.method.clone(), one.path.clone()));
        Self {
            accesses: accesses.collect(),
            of_networks: of_networks.collect(),
        }
    }

    /// The same, with something that is not in the table.
    pub(super) fn and(mut self, method: Method, path: &str, access: Access) -> Self {
        self.accesses.insert((method, path.to_owned()), access);
        self
    }

    /// Who may call an operation; none if there is no such operation.
    fn access(&self, method: &Method, path: &str) -> Option<Access> {
        self.accesses.get(&operation(method, path)).copied()
    }

    /// Whether what `identity` does by an operation has a place in the audit: what changes
    /// something, except by agents. Without identities nobody knows who is an agent, so what agents
    /// may do counts as theirs.
    fn is_recorded(&self, method: &Method, path: Option<&str>, identity: &Identity) -> bool {
        let Some(path) = path.filter(|path| *path != "/v1/explain") else {
            return false;
        };
        if matches!(*method, Method::GET | Method::HEAD | Method::OPTIONS) {
            return false;
        }
        let of_agents = match self.access(method, path) {
            Some(Access::Roles(roles)) => roles.contains(&Role::Node),
            _ => false,
        };
        let nameless = matches!(
            identity.name(),
            IdentityName::Local | IdentityName::Anonymous
        );
        identity.role() != Role::Node && !(of_agents && nameless)
    }
}

/// The name of an operation. What answers GET answers HEAD.
fn operation(method: &Method, path: &str) -> (Method, String) {
    let method = match *method {
        Method::HEAD => Method::GET,
        _ => method.clone(),
    };
    (method, path.to_owned())
}

/// What the check needs.
#[derive(Clone, Debug)]
pub(super) struct Guard {
    pub(super) app: App,
    pub(super) permissions: Arc<Permissions>,
}

/// Finds out who asks, and refuses what they may not ask.
pub(super) async fn admit(
    State(guard): State<Guard>,
    path: Option<MatchedPath>,
    request: Request,
    next: Next,
) -> Response {
    let (mut parts, body) = request.into_parts();
    let peer = parts.extensions.get::<Peer>().cloned();
    let identified = check_browser(&parts, peer.as_ref())
        .and_then(|()| identify(&guard.app, &parts.headers, peer.as_ref()));
    if let Err(wait) = count(&guard.app.pace, identified.as_ref().ok(), peer.as_ref()) {
        return too_often(wait);
    }
    let path = path.as_ref().map(MatchedPath::as_str);
    let trail = trail(&guard.permissions, &parts, path, identified.as_ref().ok());
    let admitted = match identified {
        Ok(caller) => {
            let named = node_of(&mut parts, path).await;
            check_current(&guard.app, caller.identity.as_ref())
                .and_then(|()| check(&guard.permissions, &parts.method, path, &caller, named))
                .map(|()| caller)
        }
        Err(failure) => Err(failure),
    };
    match admitted {
        Ok(caller) => {
            parts.headers.remove(own_header::IDENTITY);
            let identity = caller.identity.clone();
            parts.extensions.insert(caller);
            parts.extensions.insert(trail.clone());
            let response = next.run(Request::from_parts(parts, body)).await;
            let response = settle(&guard.app, Place::Inside, &trail, peer.as_ref(), response).await;
            until_revoked(&guard.app, identity, response)
        }
        Err(failure) => {
            let response = failure.into_response();
            settle(&guard.app, Place::Door, &trail, peer.as_ref(), response).await
        }
    }
}

/// What the audit will say of a request.
fn trail(
    permissions: &Permissions,
    parts: &Parts,
    path: Option<&str>,
    asking: Option<&Asking>,
) -> Trail {
    let who = asking.and_then(|asking| asking.identity.as_ref());
    let peer = parts.extensions.get::<Peer>().map(|peer| peer.address);
    Trail::new(
        who.map(|who| who.name().to_string()),
        asking.map_or(peer, |asking| asking.address),
        &parts.method,
        parts.uri.path(),
        who.is_some_and(|who| permissions.is_recorded(&parts.method, path, who)),
    )
}

/// Who asks. What a request says itself counts more than the connection that it comes on.
fn identify(app: &App, headers: &HeaderMap, peer: Option<&Peer>) -> Result<Asking, Failure> {
    let shown = peer.and_then(|peer| peer.identity.clone());
    let address = peer.map(|peer| peer.address);
    if headers.contains_key(own_header::IDENTITY) {
        let assertion = asserted(headers, shown.as_ref())?;
        return Ok(Asking {
            identity: assertion.identity,
            address: Some(assertion.address),
        });
    }
    let identity = match headers.get(header::AUTHORIZATION) {
        Some(_) => {
            let identity = token(app, headers)?;
            if let Some(introduction) = peer.and_then(|peer| peer.introduction.as_ref()) {
                introduction.known(&identity);
            }
            Some(identity)
        }
        None => shown,
    };
    Ok(Asking { identity, address })
}

/// Whose request a replica passes on.
fn asserted(headers: &HeaderMap, shown: Option<&Identity>) -> Result<Assertion, Failure> {
    let name = own_header::IDENTITY;
    if !shown.is_some_and(Identity::is_replica) {
        let who = shown.map_or_else(|| "nobody".to_owned(), |who| who.name().to_string());
        let detail = format!(
            "`{who}` may not say on whose behalf it asks, which only a replica's certificate may: \
             leave header `{name}` out"
        );
        return Err(Failure::new(ErrorCode::Forbidden, detail));
    }
    let mut values = headers.get_all(name).iter();
    let (Some(value), None) = (values.next(), values.next()) else {
        return Err(Failure::header(name, "it is there twice: leave one out"));
    };
    let text = String::from_utf8_lossy(value.as_bytes());
    Assertion::read(&text).map_err(|error| Failure::header(name, &chain(&error)))
}

/// The node that a request's URL is about.
async fn node_of(parts: &mut Parts, path: Option<&str>) -> Option<String> {
    if !path?.starts_with("/v1/nodes/{name}") {
        return None;
    }
    let segments = RawPathParams::from_request_parts(parts, &()).await;
    let name = segments.ok().and_then(|segments| {
        let name = segments.iter().find(|(name, _)| *name == "name");
        name.map(|(_, value)| value.to_owned())
    });
    // What cannot be read is no agent's own.
    Some(name.unwrap_or_default())
}

fn check(
    permissions: &Permissions,
    method: &Method,
    path: Option<&str>,
    asking: &Asking,
    node: Option<String>,
) -> Result<(), Failure> {
    let access = path.and_then(|path| permissions.access(method, path));
    if access == Some(Access::Open) {
        return Ok(());
    }
    let identity = asking.identity.as_ref().ok_or_else(unauthenticated)?;
    let roles = match access {
        Some(Access::Roles(roles)) => roles,
        Some(Access::Replicas) if !identity.is_replica() => return Err(no_replica(identity)),
        // Of what is not there it will be told that there is no such thing.
        Some(Access::Replicas | Access::Open) | None => return Ok(()),
    };
    if !roles.contains(&identity.role()) {
        return Err(denied(identity, roles));
    }
    let of_networks =
        path.is_some_and(|path| permissions.of_networks.contains(&operation(method, path)));
    check_operation(identity, of_networks)?;
    match (identity.role(), node) {
        (Role::Node, Some(named)) => match identity.node() {
            Some(own) if own.as_str() == named => Ok(()),
            _ => Err(foreign(identity, &named)),
        },
        _ => Ok(()),
    }
}

fn unauthenticated() -> Failure {
    Failure::new(
        ErrorCode::Unauthenticated,
        "nothing says who asks: show a client certificate, or send a token as `Authorization: \
         Bearer <token>`",
    )
}

fn denied(identity: &Identity, roles: &[Role]) -> Failure {
    let roles: Vec<_> = roles.iter().map(|role| format!("`{role}`")).collect();
    let detail = format!(
        "`{}` has the role `{}`, and this takes {}: ask somebody who has it",
        identity.name(),
        identity.role(),
        roles.join(" or "),
    );
    Failure::new(ErrorCode::Forbidden, detail)
}

fn no_replica(identity: &Identity) -> Failure {
    let detail = format!(
        "`{}` is no replica, and this is for replicas among themselves: they have certificates for \
         `replica:<name>`",
        identity.name(),
    );
    Failure::new(ErrorCode::Forbidden, detail)
}

fn foreign(identity: &Identity, node: &str) -> Failure {
    let detail = format!(
        "`{}` may not touch what is of node `{}`: an agent acts for its own node only",
        identity.name(),
        node.escape_debug(),
    );
    Failure::new(ErrorCode::Forbidden, detail)
}

/// Who asks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Caller(pub(crate) Identity);

impl Caller {
    /// Refuses an agent that asks for another node than its own.
    pub(super) fn acts_for(&self, node: &Name) -> Result<(), Failure> {
        let Self(identity) = self;
        match identity.role() {
            Role::Node if identity.node() != Some(node) => Err(foreign(identity, node.as_str())),
            _ => Ok(()),
        }
    }

    /// Refuses an agent that wants to see what is not of its own node; `node` is whose it is, if
    /// that is anybody's.
    pub(super) fn sees(&self, what: &str, node: Option<&str>) -> Result<(), Failure> {
        let Self(identity) = self;
        let own = identity.node().map(Name::as_str);
        if identity.role() != Role::Node || (own.is_some() && own == node) {
            return Ok(());
        }
        let detail = format!(
            "`{}` may see {what} of its own node only: ask for them with `fieldSelector=node={}`",
            identity.name(),
            own.unwrap_or_default(),
        );
        Err(Failure::new(ErrorCode::Forbidden, detail))
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Caller {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Failure> {
        let asking = parts.extensions.get::<Asking>();
        let identity = asking.and_then(|asking| asking.identity.clone());
        identity.map(Self).ok_or_else(unauthenticated)
    }
}

#[cfg(test)]
mod tests;
