//! Why a store does not do what it is asked to.

use std::path::PathBuf;

use trunkline_ipam::{Inconsistency, Revision};

use super::codec::{DecodeError, SCHEMA};

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
        /// The revision that the batch starts from.
        expected: Revision,
        /// The store's revision.
        found: Revision,
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
}
