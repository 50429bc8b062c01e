//! Telling the leader what this replica refused.

use axum::body::Body;
use axum::extract::Request;
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::http::uri::Scheme;
use trunkline_netmaster_api::{ErrorCode, Refusals};

use super::{FORWARDED, Forwarder, at};

/// Why the leader was not told something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Undelivered {
    /// It cannot be told at the moment.
    Later,
    /// It does not take it, or may have taken it.
    Never,
}

impl Forwarder {
    /// Has the leader record what this replica refused.
    ///
    /// # Errors
    ///
    /// [`Undelivered`] if it does not.
    pub(crate) async fn report(
        &self,
        leader: &str,
        refusals: &Refusals,
    ) -> Result<(), Undelivered> {
        let uri = at(leader, "/v1/cluster/refusals").map_err(|_| Undelivered::Never)?;
        // Without TLS it takes nobody for a replica.
        if uri.scheme() != Some(&Scheme::HTTPS) {
            return Err(Undelivered::Never);
        }
        let body = serde_json::to_vec(refusals).map_err(|_| Undelivered::Never)?;
        let request = Request::post(uri)
            .header(CONTENT_TYPE, "application/json")
            // Who leads no more has nothing to pass on.
            .header(FORWARDED, "1")
            .body(Body::from(body))
            .map_err(|_| Undelivered::Never)?;
        match self.send(request, leader).await {
            Ok(answer) if answer.status().is_success() => Ok(()),
            Ok(answer) if answer.status() == StatusCode::SERVICE_UNAVAILABLE => {
                Err(Undelivered::Later)
            }
            Err(failure) if failure.problem().code == ErrorCode::NoLeader => {
                Err(Undelivered::Later)
            }
            // It may have recorded them.
            Ok(_) | Err(_) => Err(Undelivered::Never),
        }
    }
}
