//! `/v1/events`

use axum::Json;
use axum::extract::{Query, State};
use axum::http::Uri;
use serde::Deserialize;
use trunkline_ipam::Revision;
use trunkline_netmaster_api::{Event, List};

use super::parameters;
use crate::allocator::Allocator;
use crate::events::{after, view};
use crate::failure::Failure;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Parameters {
    limit: Option<usize>,
    #[serde(rename = "continue")]
    after: Option<u64>,
}

pub(super) async fn list(
    State(allocator): State<Allocator>,
    uri: Uri,
) -> Result<Json<List<Event>>, Failure> {
    let Query(parameters) = parameters::read::<Parameters>(&uri)?;
    let limit = parameters::limit(parameters.limit)?;
    let revision = allocator.read(|catalog| catalog.revision());
    let from = Revision::new(parameters.after.unwrap_or(0));
    let page = after(allocator.records(), from, limit)
        .await
        .map_err(parameters::unreadable)?;
    let next = page.last().map(|last| last.revision.number().to_string());
    Ok(Json(List {
        next: next.filter(|_| page.len() == limit),
        items: page.iter().map(view).collect(),
        revision: revision.number(),
    }))
}
