//! What reads bytes that others wrote, as plain functions: so that it can be tried with anything,
//! as `tests/fuzz` does. netmaster comes to the same code by requests, its store and its flags.
//!
//! What cannot be read is an error that says why. Nothing here panics, and nothing takes more
//! memory than a small multiple of what it is given.

use std::io::BufRead;

use trunkline_ipam::{Ledger, Object, Timestamp};

use crate::backup::{self, ReadError};
use crate::history::parse_time;
use crate::store::{self, StoreError};

pub use crate::routes::reading::{LISTS, Listed, Place, body, continue_token, list};

/// The object that is written as `value` under the key `path` of a store.
///
/// # Errors
///
/// [`StoreError::Damaged`] if there is none.
pub fn stored(path: &str, value: &[u8]) -> Result<Object, StoreError> {
    Ok(store::decode(path, value)?)
}

/// The key and the value that a store has for `object`.
///
/// # Errors
///
/// [`StoreError::Encode`] if it cannot be written as JSON.
pub fn written(object: &Object) -> Result<(String, Vec<u8>), StoreError> {
    store::encode(object)
}

/// The point in time that `?at=` of an address's history names.
#[must_use]
pub fn time(text: &str) -> Option<Timestamp> {
    parse_time(text)
}

/// What netmaster would begin with after a restore of the back-up that is read from `file`.
///
/// # Errors
///
/// [`ReadError`] if it is not as it was written.
pub fn backed_up(file: impl BufRead) -> Result<Ledger, ReadError> {
    backup::objects(file).map(Ledger::of)
}

/// The last line of a back-up whose other lines are `lines`, of which `entries` are entries.
#[must_use]
pub fn back_up_end(lines: &[u8], entries: u64, revision: u64) -> Vec<u8> {
    backup::end(lines, entries, revision)
}
