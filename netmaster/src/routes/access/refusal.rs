//! Saying no: to callers, and in the log.

use std::time::Duration;

use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse as _, Response};
use tokio::time::Instant;
use tracing::{debug, warn};
use trunkline_netmaster_api::ErrorCode;

use crate::app::App;
use crate::audit::{Trail, is_denial};
use crate::clock::now;
use crate::connections::Peer;
use crate::failure::{Failure, Refused};
use crate::identity::Asking;
use crate::limits::{Claimant, Pace};

/// Where a request is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// Before anybody looked what it is about. Who asks too often does not get that far.
    Door,
    /// By what handles it, or behind that: another object may be somebody else's.
    Inside,
}

/// Has the log and the audit say what `response` refuses, wherever that was decided.
pub(super) async fn settle(
    app: &App,
    place: Place,
    trail: &Trail,
    peer: Option<&Peer>,
    mut response: Response,
) -> Response {
    let Some(refused) = Refused::of(&response) else {
        return response;
    };
    let problem = refused.problem();
    let (code, why) = (problem.code, problem.detail.as_str());
    let is_no_entry = place == Place::Door || is_denial(code);
    if is_no_entry || is_odd(code) && peer.is_none_or(|peer| peer.notices.take()) {
        let (from, peer) = (trail.from(), peer.map(|peer| peer.address));
        // Of one that a replica passes on it is where that came from, and the replica is named.
        let replica = peer.filter(|_| peer != from);
        warn!(
            address = from.map(|address| address.to_string()),
            replica = replica.map(|address| address.to_string()),
            code = code.name(),
            why,
            "refused"
        );
    }
    if is_no_entry || response.status().is_client_error() && trail.has_refusals_recorded() {
        app.auditor
            .not_done(&app.allocator, trail, code, now())
            .await;
    }
    if code == ErrorCode::Unauthenticated {
        let how = HeaderValue::from_static("Bearer");
        response.headers_mut().insert(header::WWW_AUTHENTICATE, how);
    }
    response
}

/// Whether what was refused is nothing that proper clients send.
fn is_odd(code: ErrorCode) -> bool {
    matches!(
        code,
        ErrorCode::RequestTimeout | ErrorCode::BodyTooLarge | ErrorCode::InvalidPath
    )
}

/// Counts a request: as that of who asks, or of the address where nothing says who it is.
///
/// # Errors
///
/// How long the caller has to wait, if it asks too often.
pub(super) fn count(
    pace: &Pace,
    asking: Option<&Asking>,
    peer: Option<&Peer>,
) -> Result<(), Duration> {
    let identity = match asking {
        Some(asking) => asking.identity.as_ref(),
        // What it says of itself is wrong; by its certificate it is who it is all the same, and has
        // no second bucket.
        None => peer
            .and_then(|peer| peer.identity.as_ref())
            .filter(|identity| !identity.is_unlimited()),
    };
    // Of one that a replica passes on it is where that came from.
    let address = asking.and_then(|asking| asking.address);
    let address = address.or(peer.map(|peer| peer.address));
    let claimant = match (identity, address) {
        (Some(identity), _) if identity.is_unlimited() => return Ok(()),
        (Some(identity), _) => Claimant::Identity(identity.name().clone()),
        (None, Some(address)) => Claimant::at(address),
        (None, None) => return Ok(()),
    };
    pace.take(claimant, Instant::now())
}

/// Tells somebody to wait. The log has it only if it is asked for: they would fill it.
pub(super) fn too_often(wait: Duration) -> Response {
    let detail = format!(
        "that is more than `--max-rate` requests per second: repeat it in {:.1} s, or do several \
         things with one request",
        wait.as_secs_f32(),
    );
    debug!(detail, "refused");
    let mut response = Failure::new(ErrorCode::TooManyRequests, detail).into_response();
    // In whole seconds, and not before the time.
    let seconds = wait.as_secs().saturating_add(1);
    let headers = response.headers_mut();
    headers.insert(header::RETRY_AFTER, seconds.into());
    response
}
