//! `/v1/addresses/{ip}/history`: who held an address.

use std::net::IpAddr;

use axum::Json;
use axum::extract::{Path, Query, State};
use axum::http::Uri;
use serde::Deserialize;
use trunkline_ipam::{Revision, Timestamp};
use trunkline_netmaster_api::{AddressHistory, ErrorCode, Holding};

use super::parameters;
use crate::allocator::Allocator;
use crate::failure::Failure;
use crate::history::{parse_time, past, past_at, present, view};

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Parameters {
    /// Only who held it then.
    at: Option<String>,
    limit: Option<usize>,
    #[serde(rename = "continue")]
    after: Option<u64>,
}

pub(super) async fn show(
    State(allocator): State<Allocator>,
    Path(ip): Path<String>,
    uri: Uri,
) -> Result<Json<AddressHistory>, Failure> {
    let Query(parameters) = parameters::read::<Parameters>(&uri)?;
    let ip: IpAddr = ip.parse().map_err(|_| {
        let ip = ip.escape_debug();
        Failure::new(
            ErrorCode::InvalidPath,
            format!("`{ip}` is not an IP address: write it like `10.1.0.1`"),
        )
    })?;
    // First, so that a holding that ends meanwhile is told twice rather than not at all.
    let (present, revision) = allocator.read(|catalog| (present(catalog, ip), catalog.revision()));
    let (items, next) = match &parameters.at {
        Some(at) => (items_at(&allocator, ip, at, present).await?, None),
        None => items_after(&allocator, ip, &parameters, present).await?,
    };
    Ok(Json(AddressHistory {
        ip,
        items,
        next: next.map(|next| next.number().to_string()),
        revision: revision.number(),
    }))
}

async fn items_at(
    allocator: &Allocator,
    ip: IpAddr,
    at: &str,
    present: Option<Holding>,
) -> Result<Vec<Holding>, Failure> {
    let at: Timestamp = parse_time(at).ok_or_else(|| {
        let at = at.escape_debug();
        Failure::new(
            ErrorCode::InvalidField,
            format!(
                "parameter `at`: `{at}` is not a time: write seconds since 1970, or like \
                 `2026-05-01T12:00:00Z`"
            ),
        )
    })?;
    if present
        .as_ref()
        .is_some_and(|one| one.from <= at.unix_seconds())
    {
        return Ok(present.into_iter().collect());
    }
    let past = past_at(allocator.records(), ip, at)
        .await
        .map_err(parameters::unreadable)?;
    Ok(past.map(view).into_iter().collect())
}

async fn items_after(
    allocator: &Allocator,
    ip: IpAddr,
    parameters: &Parameters,
    present: Option<Holding>,
) -> Result<(Vec<Holding>, Option<Revision>), Failure> {
    let limit = parameters::limit(parameters.limit)?;
    let after = Revision::new(parameters.after.unwrap_or(0));
    let page = past(allocator.records(), ip, after, limit)
        .await
        .map_err(parameters::unreadable)?;
    let next = page.last().map(|last| last.revision);
    let next = next.filter(|_| page.len() == limit);
    let mut items: Vec<Holding> = page.into_iter().map(view).collect();
    if next.is_none() {
        let ended = |one: &Holding| items.iter().any(|past| past.from == one.from);
        items.extend(present.filter(|one| !ended(one)));
    }
    Ok((items, next))
}
