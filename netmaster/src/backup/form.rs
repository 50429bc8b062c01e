//! The lines of a back-up.

use ring::digest::{Context, Digest, SHA256};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use trunkline_ipam::Revision;

/// The version of the form.
pub(super) const VERSION: u32 = 1;

/// The first line.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Header {
    /// The version of the form.
    pub(super) trunkline_backup: u32,
    /// When it was made, in seconds since 1970-01-01 00:00:00 UTC.
    pub(super) made: u64,
    /// The version of the netmaster that made it.
    pub(super) by: String,
    /// The id of the cluster it is of.
    pub(super) cluster: String,
    /// The epoch it was made in.
    pub(super) epoch: u64,
}

/// A line in between.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Entry<'a> {
    /// The key in the store.
    pub(super) key: &'a str,
    /// What is written there.
    #[serde(borrow)]
    pub(super) value: &'a RawValue,
}

/// The last line. A file without one is not whole.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Trailer {
    /// How many lines are in between.
    pub(super) entries: u64,
    /// The number of the last change that is in it.
    pub(super) revision: Revision,
    /// The SHA-256 digest of all bytes before this line, in hexadecimal.
    pub(super) sha256: String,
}

/// The digest of what has been written or read so far.
#[derive(Clone)]
pub(super) struct Checksum(Context);

impl Checksum {
    pub(super) fn new() -> Self {
        Self(Context::new(&SHA256))
    }

    pub(super) fn add(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    pub(super) fn hex(self) -> String {
        let digest: Digest = self.0.finish();
        let bytes = digest.as_ref().iter();
        bytes.map(|byte| format!("{byte:02x}")).collect()
    }
}
