//! The API's routes, one file per noun.
//!
//! [`operations`] is the one table of them: the router is built from it, and so is the document at
//! `/openapi.json`.

mod access;
mod addresses;
mod audit;
mod backup;
mod bulk;
mod check;
mod cluster;
mod endpoints;
mod events;
mod explain;
mod extract;
mod field;
mod groups;
mod health;
mod history;
mod join;
mod list;
mod manifest;
mod metrics;
mod networks;
mod nodes;
mod noun;
mod openapi;
mod operation;
mod parameter;
mod pools;
mod profiles;
mod query;
mod reached;
pub(crate) mod reading;
mod records;
mod requests;
mod reservations;
mod room;
mod scope;
mod signed;
mod status;
mod subnets;
mod table;
mod tokens;
mod watch;

use std::future::ready;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::extract::{DefaultBodyLimit, Request};
use axum::http::{Method, Uri, header};
use axum::middleware::{Next, from_fn, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Extension, Router};
use bytes::Bytes;
use tracing::{Instrument as _, debug, info_span};
use trunkline_netmaster_api::ErrorCode;

use crate::app::App;
use crate::failure::Failure;
use crate::forward::forward;

use access::{Access, Guard, Permissions, admit};
use room::{AnswerRoom, BodyRoom, keep_answer};

pub(crate) use noun::Scene;
pub(crate) use watch::Watches;

/// Where the API is described. It is no secret: it is the same everywhere.
const DOCUMENT: &str = "/openapi.json";

/// The largest body of a request, in bytes.
const BODY_LIMIT: usize = 1 << 20;

/// All routes. A request's body may take `patience` to come.
pub(crate) fn router(app: App, patience: Duration) -> Router {
    let operations = table::operations();
    let document = Bytes::from(openapi::document(&operations));
    let permissions = Permissions::of(&operations).and(Method::GET, DOCUMENT, Access::Open);
    let guard = Guard {
        app: app.clone(),
        permissions: Arc::new(permissions),
    };
    let mut router = Router::new();
    for operation in operations {
        router = router.route(&operation.path, operation.handler);
    }
    router
        .route(DOCUMENT, get(move || ready(served(document.clone()))))
        .fallback(no_such_route)
        .method_not_allowed_fallback(no_such_method)
        .layer(from_fn_with_state(AnswerRoom::default(), keep_answer))
        .layer(from_fn_with_state(app.clone(), forward))
        .layer(from_fn_with_state(app.clone(), cluster::same_cluster))
        .layer(from_fn_with_state(guard, admit))
        .layer(from_fn_with_state(app.clone(), metrics::measure))
        .layer(from_fn(in_span))
        .layer(DefaultBodyLimit::max(BODY_LIMIT))
        .layer(Extension(BodyRoom::with(patience)))
        .with_state(app)
}

fn served(document: Bytes) -> Response {
    let kind = [(header::CONTENT_TYPE, "application/json")];
    (kind, Body::from(document)).into_response()
}

async fn no_such_route(uri: Uri) -> Failure {
    Failure::new(
        ErrorCode::RouteNotFound,
        format!(
            "there is nothing at `{}`: the API is under `/v1/`, and described at `/openapi.json`",
            uri.path()
        ),
    )
}

async fn no_such_method(method: Method, uri: Uri) -> Failure {
    Failure::new(
        ErrorCode::MethodNotAllowed,
        format!(
            "`{method}` is not possible at `{}`: the `allow` header says what is",
            uri.path()
        ),
    )
}

async fn in_span(request: Request, next: Next) -> Response {
    let span = info_span!("request", method = %request.method(), path = request.uri().path());
    async {
        let response = next.run(request).await;
        debug!(status = response.status().as_u16(), "answered");
        response
    }
    .instrument(span)
    .await
}
