//! The API's routes, one file per noun.

mod endpoints;
mod extract;
mod networks;
mod nodes;
mod subnets;

use axum::Router;
use axum::extract::{DefaultBodyLimit, Request};
use axum::http::{Method, Uri};
use axum::middleware::{Next, from_fn};
use axum::response::Response;
use axum::routing::get;
use tracing::{Instrument as _, debug, info_span};
use trunkline_netmaster_api::ErrorCode;

use crate::allocator::Allocator;
use crate::failure::Failure;

/// The largest body of a request, in bytes.
const BODY_LIMIT: usize = 1 << 20;

/// All routes.
pub(crate) fn router(allocator: Allocator) -> Router {
    Router::new()
        .route("/healthz", get(healthz))
        .route("/v1/networks", get(networks::list).post(networks::create))
        .route(
            "/v1/networks/{name}",
            get(networks::show).delete(networks::delete),
        )
        .route("/v1/subnets", get(subnets::list).post(subnets::create))
        .route(
            "/v1/subnets/{name}",
            get(subnets::show).delete(subnets::delete),
        )
        .route("/v1/nodes", get(nodes::list))
        .route("/v1/nodes/{name}", get(nodes::show).put(nodes::register))
        .route(
            "/v1/endpoints",
            get(endpoints::list).post(endpoints::allocate),
        )
        .route(
            "/v1/endpoints/{container}/{ifname}",
            get(endpoints::show).delete(endpoints::release),
        )
        .fallback(no_such_route)
        .method_not_allowed_fallback(no_such_method)
        .layer(from_fn(in_span))
        .layer(DefaultBodyLimit::max(BODY_LIMIT))
        .with_state(allocator)
}

async fn healthz() -> &'static str {
    "ok\n"
}

async fn no_such_route(uri: Uri) -> Failure {
    Failure::new(
        ErrorCode::RouteNotFound,
        format!(
            "there is nothing at `{}`: the API is under `/v1/`, with `networks`, `subnets`, \
             `nodes` and `endpoints`",
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
