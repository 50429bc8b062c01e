//! The lines of a back-up.

use ring::digest::{Context, Digest, SHA256};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use trunkline_ipam::Revision;

use crate::store::Batch;

/// The version of the form.
pub(super) const VERSION: u32 = 1;

/// How long a line is at most, in bytes: no key with its value is longer than a batch, but for the
/// record of an apply of thousands of objects, and the rest is for what the line has around them.
/// etcd takes all of it in one request (`--max-request-bytes`, 1.5 MiB).
pub(super) const LINE: usize = Batch::BYTES + Batch::BYTES / 4;

/// The last change of a back-up has this number at most. It is far beyond all that is ever
/// reached, and leaves room for as many restores, which each leap ahead.
pub(super) const LAST: Revision = Revision::new(1 << 53);

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

/// The last line, but for its digest. A file without one is not whole.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub(super) struct Trailer {
    /// How many lines are in between.
    pub(super) entries: u64,
    /// The number of the last change that is in it.
    pub(super) revision: Revision,
}

impl Trailer {
    /// The line, behind lines of which `before` is the checksum. It ends with the SHA-256 digest of
    /// all bytes before that, in hexadecimal, so that no byte of the file can change unnoticed.
    pub(super) fn line(&self, mut before: Checksum) -> String {
        let Self { entries, revision } = self;
        let begin = format!("{{\"entries\":{entries},\"revision\":{revision},\"sha256\":\"");
        before.add(begin.as_bytes());
        format!("{begin}{}\"}}\n", before.hex())
    }
}

/// The last line behind `lines`, as [`crate::reading`] has it.
pub(crate) fn end(lines: &[u8], entries: u64, revision: u64) -> Vec<u8> {
    let mut checksum = Checksum::new();
    checksum.add(lines);
    let revision = Revision::new(revision);
    Trailer { entries, revision }.line(checksum).into_bytes()
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
