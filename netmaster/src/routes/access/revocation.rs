//! Tokens: who has one, and that they have no more once it is gone.

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

/// Refuses somebody whose token is gone. Who passes a request on may not have heard of that yet.
pub(super) fn check_current(app: &App, identity: &Identity) -> Result<(), Failure> {
    if is_current(app, identity) {
        return Ok(());
    }
    let why = format!(
        "`{}` has been deleted or has expired: use another token",
        identity.name()
    );
    Err(Failure::new(ErrorCode::Unauthenticated, why))
}

fn is_current(app: &App, identity: &Identity) -> bool {
    app.allocator
        .read(|catalog| tokens::is_current(catalog, identity, now()))
}

/// An answer that ends when the token of who asked does, if it is one that would go on for ever.
pub(super) fn until_revoked(app: &App, identity: Option<Identity>, response: Response) -> Response {
    let kind = response.headers().get(header::CONTENT_TYPE);
    let streams = kind.is_some_and(|kind| kind.as_bytes() == STREAM.as_bytes());
    let Some(identity) = identity.filter(|identity| streams && identity.has_token()) else {
        return response;
    };
    let app = app.clone();
    let ended = async move {
        while is_current(&app, &identity) {
            sleep(INTERVAL).await;
        }
    };
    response.map(|body| Body::from_stream(body.into_data_stream().take_until(Box::pin(ended))))
}
