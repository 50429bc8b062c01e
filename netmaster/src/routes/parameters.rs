//! What reading records has in common: parameters, and a store that does not answer.

use axum::extract::Query;
use axum::http::Uri;
use serde::de::DeserializeOwned;
use tracing::warn;
use trunkline_netmaster_api::ErrorCode;
use trunkline_types::chain;

use crate::allocator::{Unavailable, WriteError};
use crate::failure::Failure;
use crate::store::StoreError;

/// How many records a page has, if nothing is said, and at most.
const LIMIT: [usize; 2] = [500, 1000];

/// The parameters in `uri`.
pub(super) fn read<T: DeserializeOwned>(uri: &Uri) -> Result<Query<T>, Failure> {
    Query::try_from_uri(uri).map_err(|rejection| {
        Failure::new(
            ErrorCode::InvalidField,
            format!("the query is not valid: {}", rejection.body_text()),
        )
    })
}

/// How many records a page is to have.
pub(super) fn limit(given: Option<usize>) -> Result<usize, Failure> {
    let [default, max] = LIMIT;
    let limit = given.unwrap_or(default);
    if (1..=max).contains(&limit) {
        return Ok(limit);
    }
    Err(Failure::new(
        ErrorCode::InvalidField,
        format!("parameter `limit`: {limit} is out of range: use 1–{max}"),
    ))
}

/// The answer when the store cannot be read.
pub(super) fn unreadable(error: StoreError) -> Failure {
    warn!(error = chain(&error), "records cannot be read");
    WriteError::Unavailable(Unavailable::Store).into()
}
