//! `/metrics`, and the measuring of all other routes.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;

use axum::extract::{MatchedPath, Request, State};
use axum::http::header;
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use tokio::task::spawn_blocking;
use trunkline_ipam::Policy;
use trunkline_netmaster_api::ErrorCode;

use crate::allocator::Allocator;
use crate::clock::now;
use crate::failure::{Failure, Refused};
use crate::metrics::{MEDIA_TYPE, Metrics, Present};
use crate::replica::Role;
use crate::sweeper::Heard;
use crate::tls::first_end;

pub(super) async fn show(
    State(metrics): State<Metrics>,
    State(allocator): State<Allocator>,
    State(heard): State<Heard>,
    State(policy): State<Arc<Policy>>,
) -> Result<Response, Failure> {
    let files = metrics.certificates();
    let certificates = spawn_blocking(move || ends(&files));
    // Without them the rest is worth something, too.
    let certificates = certificates.await.unwrap_or_default();
    let leading = *allocator.role().borrow() == Role::Leader;
    let now = now();
    let present = allocator.read(|catalog| {
        let nodes = catalog.nodes().map(AsRef::as_ref);
        // A follower hears of nodes only by what is stored.
        let (heard, silent) = match leading {
            true => heard.count(nodes, &policy, now),
            false => (0, 0),
        };
        Present {
            leading,
            revision: catalog.revision().number(),
            subscribers: allocator.feed().subscribers(),
            subnets: metrics.subnets(catalog, now),
            heard,
            silent,
            certificates,
        }
    });
    let text = metrics.exposition(&present).map_err(|_| {
        Failure::new(
            ErrorCode::Internal,
            "metrics have no written form: this is an error in netmaster, please report it",
        )
    })?;
    Ok(([(header::CONTENT_TYPE, MEDIA_TYPE)], text).into_response())
}

/// When the first certificate in each file ends.
fn ends(files: &[PathBuf]) -> Vec<(String, u64)> {
    let ends = files.iter().map(|file| {
        let end = first_end(file)?;
        Some((file.display().to_string(), end))
    });
    ends.flatten().collect()
}

/// Counts and times every request, by the route that it took.
pub(super) async fn measure(
    State(metrics): State<Metrics>,
    request: Request,
    next: Next,
) -> Response {
    let start = Instant::now();
    let method = request.method().clone();
    let route = request.extensions().get::<MatchedPath>().cloned();
    let response = next.run(request).await;
    // What has no route has no name either: names that callers make up would never end.
    let route = route.as_ref().map_or("none", MatchedPath::as_str);
    let method = if method.as_str().len() <= 7 {
        method.as_str()
    } else {
        "other"
    };
    let status = response.status().as_u16();
    metrics.request(method, route, status, start.elapsed());
    if let Some(refused) = Refused::of(&response) {
        metrics.refused(refused.problem().code);
    }
    response
}
