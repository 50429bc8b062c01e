//! `/v1/backup`: all that is in the store.

use axum::body::Body;
use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse as _, Response};
use tracing::info;

use super::signed::TrailOf;
use crate::allocator::Allocator;
use crate::audit;
use crate::backup::{Header, stream};
use crate::clock::now;
use crate::failure::Failure;

/// Answers everything, once it is recorded who has it.
pub(super) async fn show(
    State(allocator): State<Allocator>,
    TrailOf(trail): TrailOf,
) -> Result<Response, Failure> {
    audit::record(&allocator, trail.audit(now())).await?;
    let header = allocator.read(|catalog| Header::of(catalog, now()));
    info!("back-up asked for");
    let body = Body::from_stream(stream(allocator.records().clone(), header));
    let kind = [(header::CONTENT_TYPE, "application/x-ndjson")];
    Ok((kind, body).into_response())
}
