//! Tokens and certificates of nodes: who has one, and that they have no more once it is gone.

use std::time::Duration;

use axum::body::Body;
use axum::http::{HeaderMap, header};
use axum::response::Response;
use futures_util::StreamExt as _;
use tokio::time::sleep;
use trunkline_netmaster_api::ErrorCode;

use super::super::watch::MEDIA_TYPE as STREAM;
use crate::app::App;
use crate::clock::now;
use crate::failure::Failure;
use crate::identity::Identity;
use crate::tokens;

/// How often it is looked whether somebody who watches still may.
const INTERVAL: Duration = Duration::from_secs(2);

/// Who has the token of a request.
pub(super) fn token(app: &App, headers: &HeaderMap) -> Result<Identity, Failure> {
    app.allocator
        .read(|catalog| tokens::authenticate(catalog, headers, now()))
}

/// Refuses somebody whose token is gone, or whose certificate is void. Who passes a request on may
/// not have heard of that yet.
pub(super) fn check_current(app: &App, identity: Option<&Identity>) -> Result<(), Failure> {
    let Some(identity) = identity.filter(|identity| !is_current(app, identity)) else {
        return Ok(());
    };
    let name = identity.name();
    let why = match identity.node() {
        Some(node) => format!(
            "the certificate of `{name}` is void, for the node was removed or its certificates \
             were revoked: let node `{node}` join again by a new token, see `netctl token create`"
        ),
        None => format!("`{name}` has been deleted or has expired: use another token"),
    };
    Err(Failure::new(ErrorCode::Unauthenticated, why))
}

fn is_current(app: &App, identity: &Identity) -> bool {
    app.allocator.read(|catalog| {
        tokens::is_current(catalog, identity, now()) && !identity.is_locked_out(catalog)
    })
}

/// Returns when `identity` may ask no more; for most that is never.
async fn revoked(app: App, identity: Identity) {
    let mut lockouts = app.allocator.lockouts();
    while is_current(&app, &identity) {
        if identity.has_token() {
            // It may end by the clock.
            sleep(INTERVAL).await;
        } else if lockouts.changed().await.is_err() {
            // netmaster ends, and the answer with it.
            return;
        }
    }
}

/// An answer that ends when the token or the certificate of who asked does, if it is one that would
/// go on for ever.
pub(super) fn until_revoked(app: &App, identity: Option<Identity>, response: Response) -> Response {
    let kind = response.headers().get(header::CONTENT_TYPE);
    let streams = kind.is_some_and(|kind| kind.as_bytes() == STREAM.as_bytes());
    let ends = |identity: &Identity| identity.has_token() || identity.node().is_some();
    let Some(identity) = identity.filter(|identity| streams && ends(identity)) else {
        return response;
    };
    let ended = revoked(app.clone(), identity);
    response.map(|body| Body::from_stream(body.into_data_stream().take_until(Box::pin(ended))))
}

#[cfg(test)]
mod tests;
