//! `/v1/backup`: all that is in the store.

use axum::body::Body;
use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse as _, Response};
use tracing::info;

use crate::allocator::Allocator;
use crate::backup::{Header, stream};
use crate::clock::now;

pub(super) async fn show(State(allocator): State<Allocator>) -> Response {
    let header = allocator.read(|catalog| Header::of(catalog, now()));
    info!("back-up asked for");
    let body = Body::from_stream(stream(allocator.records().clone(), header));
    let kind = [(header::CONTENT_TYPE, "application/x-ndjson")];
    (kind, body).into_response()
}
