//! `/v1/addresses/{ip}/history`: who held an address.

use std::net::IpAddr;

use axum::Json;
use axum::extract::State;
use trunkline_ipam::{Key, Revision, Timestamp};
use trunkline_netmaster_api::{AddressHistory, Holding};

use super::access::Caller;
use super::extract::PathAddress;
use super::query::Parameters;
use crate::allocator::Allocator;
use crate::failure::Failure;
use crate::history::{parse_time, past, past_at, present, view};

pub(super) async fn show(
    State(allocator): State<Allocator>,
    caller: Caller,
    PathAddress(ip): PathAddress,
    mut parameters: Parameters,
) -> Result<Json<AddressHistory>, Failure> {
    let at = parameters.take("at");
    let limit = parameters.limit()?;
    let after = parameters.number("continue")?.map(Revision::new);
    parameters.only(&["at", "limit", "continue"])?;
    if let Some(network) = allocator.read(|catalog| Some(catalog.subnet_of(ip)?.network.clone())) {
        caller.reaches(&Key::Address(ip), Some(&network))?;
    }
    // It may have been of another network before.
    let networks = caller.networks();
    let is_own = |holding: &Holding| {
        let networks = networks.as_ref();
        networks.is_none_or(|networks| networks.contains(&holding.network))
    };
    // First, so that a holding that ends meanwhile is told twice rather than not at all.
    let (present, revision) = allocator.read(|catalog| (present(catalog, ip), catalog.revision()));
    let (mut items, next) = match at {
        Some(at) => (items_at(&allocator, ip, &at, present).await?, None),
        None => {
            let mut after = after.unwrap_or_default();
            loop {
                let present = present.clone();
                let page = items_after(&allocator, ip, (after, limit), present).await?;
                let (mut items, next) = page;
                items.retain(is_own);
                match next {
                    // An empty page would tell how many others there were, and when.
                    Some(next) if items.is_empty() => after = next,
                    next => break (items, next),
                }
            }
        }
    };
    items.retain(is_own);
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
        let why = format!(
            "`{at}` is not a time: write seconds since 1970, or like `2026-05-01T12:00:00Z`"
        );
        Failure::parameter("at", &why)
    })?;
    if present
        .as_ref()
        .is_some_and(|one| one.from <= at.unix_seconds())
    {
        return Ok(present.into_iter().collect());
    }
    let past = past_at(allocator.records(), ip, at)
        .await
        .map_err(|error| Failure::unreadable(&error))?;
    Ok(past.map(view).into_iter().collect())
}

async fn items_after(
    allocator: &Allocator,
    ip: IpAddr,
    (after, limit): (Revision, usize),
    present: Option<Holding>,
) -> Result<(Vec<Holding>, Option<Revision>), Failure> {
    let page = past(allocator.records(), ip, after, limit)
        .await
        .map_err(|error| Failure::unreadable(&error))?;
    let next = page.last().map(|last| last.revision);
    let next = next.filter(|_| page.len() == limit);
    let mut items: Vec<Holding> = page.into_iter().map(view).collect();
    if next.is_none() {
        let ended = |one: &Holding| {
            let mut past = items.iter();
            past.any(|past| past.attachment == one.attachment && past.from == one.from)
        };
        items.extend(present.filter(|one| !ended(one)));
    }
    Ok((items, next))
}
