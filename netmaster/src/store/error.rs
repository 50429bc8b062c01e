//! Why a store does not do what it is asked to.

use std::error::Error;
use std::path::PathBuf;

use trunkline_ipam::{Inconsistency, Revision};

use super::Capacity;
use super::codec::{DecodeError, SCHEMA};

/// The largest request that etcd takes by default, in bytes: there is more in it than keys and
/// values.
const REQUEST_BYTES: usize = 3 << 19;

/// Why a store does not do what it is asked to.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The data directory cannot be made or used.
    #[error(
        "data directory `{}` cannot be created or used: choose another one with `--data-dir`",
        path.display()
    )]
    Directory {
        /// The directory.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// Another process has the store.
    #[error(
        "`{}` is in use by another netmaster: stop that one, or choose another directory with \
         `--data-dir`",
        path.display()
    )]
    Locked {
        /// The store's file.
        path: PathBuf,
    },
    /// The store's file cannot be opened.
    #[error("`{}` cannot be opened", path.display())]
    Open {
        /// The store's file.
        path: PathBuf,
        /// Why.
        source: Box<redb::Error>,
    },
    /// The store was written by a newer netmaster.
    #[error(
        "the store has schema version {found}, and this netmaster knows versions up to {SCHEMA}: \
         run a netmaster at least as new as the one that wrote it"
    )]
    NewerSchema {
        /// The store's version.
        found: u32,
    },
    /// There is data in it that is not netmaster's.
    #[error("the store has values but no `/trunkline/schema`: it was not written by netmaster")]
    Foreign,
    /// Replacing its content was interrupted.
    #[error("the store was being restored, and is incomplete: restore the back-up once more")]
    Incomplete,
    /// A value cannot be read.
    #[error("the store is damaged, or was altered by other hands: restore it from a back-up")]
    Damaged(#[from] DecodeError),
    /// The objects contradict each other.
    #[error(
        "the store's objects contradict each other, as after being altered by other hands: \
         restore it from a back-up"
    )]
    Inconsistent(#[from] Inconsistency),
    /// Somebody else wrote.
    #[error("the store is at revision {found}, not {expected}: somebody else wrote to it")]
    Stale {
        /// The revision that was expected.
        expected: Revision,
        /// The store's revision.
        found: Revision,
    },
    /// Another replica may write by now.
    #[error("this replica no longer leads: the leader key is gone or another replica's")]
    Deposed,
    /// Another replica leads, so that this process may not write.
    #[error("the replica at `{leader}` leads: stop all replicas first")]
    Led {
        /// Its URL.
        leader: String,
    },
    /// There is no space.
    #[error(
        "the store is full: free disk space or, with etcd, raise its quota or compact and \
         defragment it, then disarm its alarm with `etcdctl alarm disarm`"
    )]
    Full {
        /// What the disk or etcd said.
        source: Box<dyn Error + Send + Sync>,
    },
    /// A change that no transaction can hold.
    #[error(
        "a change of {operations} keys and {bytes} bytes is more than a transaction of this store \
         holds ({} keys, {} bytes): do it in smaller steps",
        most.operations,
        most.bytes
    )]
    TooLarge {
        /// How many keys it edits, the revision's included.
        operations: usize,
        /// The size of its keys and values.
        bytes: usize,
        /// What the store takes.
        most: Capacity,
    },
    /// Reading failed.
    #[error("the store cannot be read")]
    Read {
        /// Why.
        source: Box<redb::Error>,
    },
    /// Writing failed, and the outcome is not known.
    #[error("the store cannot be written")]
    Write {
        /// Why.
        source: Box<redb::Error>,
    },
    /// An object cannot be written as JSON.
    #[error("an object cannot be encoded")]
    Encode(#[from] serde_json::Error),
    /// No member of etcd answers.
    #[error(
        "etcd does not answer at `{endpoints}`: see that it runs, has a leader and can be reached; \
         with TLS, that `--etcd-ca` is its authority, and that its `--trusted-ca-file` is that of \
         `--etcd-cert`"
    )]
    Unreachable {
        /// What was asked.
        endpoints: String,
        /// What the last one did.
        source: Box<dyn Error + Send + Sync>,
    },
    /// etcd takes less at once than a batch may have.
    #[error(
        "etcd takes less in a transaction than the {} keys and {} bytes that netmaster may write at \
         once: start all its members with `--max-txn-ops={}` and `--max-request-bytes={}` or more, \
         or without these flags",
        Capacity::COMMON.operations,
        Capacity::COMMON.bytes,
        Capacity::COMMON.operations,
        REQUEST_BYTES
    )]
    Narrow {
        /// What it said.
        source: Box<dyn Error + Send + Sync>,
    },
    /// etcd says no.
    #[error(
        "etcd refuses: check `--etcd-user`, `--etcd-password-file`, what that user may do, and \
         the certificates"
    )]
    EtcdRefused {
        /// What it said.
        source: Box<dyn Error + Send + Sync>,
    },
    /// A write may have been made or not, and nobody can say which.
    #[error("a transaction was sent to etcd, and its outcome is not known")]
    Unsure,
    /// A task that reads or writes it broke off.
    #[error("a task of the store broke off: this is an error in netmaster, please report it")]
    Broken,
    /// A back-up cannot be read.
    #[error("the content to restore cannot be read")]
    Content {
        /// Why.
        source: Box<dyn Error + Send + Sync>,
    },
}

impl StoreError {
    /// The error of content that cannot be read.
    pub(crate) fn content(source: impl Error + Send + Sync + 'static) -> Self {
        Self::Content {
            source: Box::new(source),
        }
    }

    /// Whether space is short: the same may work later, and reading still does.
    #[must_use]
    pub fn is_full(&self) -> bool {
        matches!(self, Self::Full { .. })
    }

    /// Whether another replica may write instead of this one.
    #[must_use]
    pub fn is_deposed(&self) -> bool {
        matches!(self, Self::Deposed | Self::Led { .. })
    }

    /// Whether a watch that says this cannot go on: what it brings does not follow from what it
    /// brought before, or cannot be read.
    #[must_use]
    pub fn is_gap(&self) -> bool {
        matches!(self, Self::Stale { .. } | Self::Damaged(_))
    }
}

/// Why a watch has no next batch.
#[derive(Debug, thiserror::Error)]
pub enum WatchError {
    /// Batches that should come next are no longer there.
    #[error("the changes after revision {after} are no longer there: load everything again")]
    Compacted {
        /// The last revision that was seen.
        after: Revision,
    },
    /// The store fails.
    #[error(transparent)]
    Store(#[from] StoreError),
}
