//! Where objects are kept.
//!
//! A store keeps values under keys, makes batches of edits atomically and durably, and knows its
//! revision. It does not know what the values mean: [`keys`] and [`codec`] do, and
//! [`load_catalog`], [`Batch`] and [`StoredBatch::edits`] put the two together.
//!
//! It has two sides. [`Store`] is the writer's: there is one at a time. [`Reader`] can be cloned
//! and used beside it, by followers too.
//!
//! Keys under [`keys::RECORDS`] hold records (address history, events, the audit). They are written
//! in the same batches as everything else, but there are too many of them for memory:
//! [`Reader::load`] leaves them out, and [`Reader::scan`] reads them a page at a time.

mod batch;
mod codec;
mod embedded;
mod error;
mod etcd;
mod keys;
mod load;
mod reader;

use trunkline_ipam::{Object, Revision};

use crate::replica::Claim;

pub use batch::{Batch, Capacity, Room, StoredBatch};
pub use codec::DecodeError;
pub use embedded::Embedded;
pub use error::{StoreError, WatchError};
pub use etcd::{Etcd, EtcdConfig};
pub(crate) use keys::{AUDIT, EVENTS, HOLDINGS, is_own, is_record};
pub use load::load_catalog;
pub use reader::{Page, Reader, Space, Watch};

/// A moment in a store's history: all that is written up to it is known, and nothing after it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Position {
    revision: Revision,
    /// The store's own count, if it has one: etcd's revision. 0 in the embedded store.
    mark: i64,
}

impl Position {
    /// The number of the last change before it.
    #[must_use]
    pub fn revision(self) -> Revision {
        self.revision
    }
}

/// The writer's side of a store. Called from one thread, which it may block; every call has a
/// deadline.
pub trait Store: Send {
    /// Makes all edits of `batch` or none, and returns when they are durable.
    ///
    /// # Errors
    ///
    /// [`StoreError::Stale`] if the store is not at the revision that the batch starts from, and
    /// [`StoreError::Deposed`] if somebody else may write by now: then nothing happened. After any
    /// other error the outcome is unknown until the next [`Store::resume`].
    fn commit(&mut self, batch: &Batch) -> Result<Position, StoreError>;

    /// Whether, at some time after the call began, this was the one that may write, and the store
    /// was where its last commit left it.
    ///
    /// An answer that writes nothing needs it: else somebody who was paused and replaced would
    /// answer from the past.
    ///
    /// # Errors
    ///
    /// [`StoreError`] if not, or if that cannot be found out.
    fn check(&mut self) -> Result<(), StoreError>;

    /// Brings a store that failed back to work, and answers where it is. After an error of any
    /// call, this is the one to make next.
    ///
    /// # Errors
    ///
    /// [`StoreError::Deposed`] if somebody else may write by now; other errors if the store still
    /// fails.
    fn resume(&mut self) -> Result<Position, StoreError>;

    /// Puts `entries` in the place of all that is in the store, and sets its revision. An
    /// interruption leaves either the old content or a store that is refused as incomplete.
    ///
    /// # Errors
    ///
    /// [`StoreError`] if an entry cannot be had or written.
    fn replace(
        &mut self,
        revision: Revision,
        entries: &mut dyn Iterator<Item = Result<(String, Vec<u8>), StoreError>>,
    ) -> Result<Position, StoreError>;

    /// The side that only reads.
    fn reader(&self) -> Reader;

    /// How much one change may edit.
    fn capacity(&self) -> Capacity {
        Capacity::COMMON
    }
}

/// A store that is open, of either kind.
#[derive(Debug)]
pub enum Opened {
    /// A file of this process.
    Embedded(Embedded),
    /// In etcd.
    Etcd(Etcd),
}

/// A store of which this process is the only writer, while no replica runs: for restoring it.
pub(crate) struct Alone {
    /// The writer's side.
    pub(crate) store: Box<dyn Store>,
    claim: Option<Claim>,
}

impl Opened {
    /// The right to write, for as long as it is needed.
    ///
    /// # Errors
    ///
    /// [`StoreError::Led`] if a replica leads, and other errors if the store fails.
    pub(crate) async fn alone(self) -> Result<Alone, StoreError> {
        match self {
            Self::Embedded(store) => Ok(Alone {
                store: Box::new(store),
                claim: None,
            }),
            Self::Etcd(etcd) => {
                let term = etcd.lead_alone().await?;
                Ok(Alone {
                    store: term.store,
                    claim: Some(term.claim),
                })
            }
        }
    }
}

impl Alone {
    /// Gives the right up, so that a replica can lead at once.
    pub(crate) async fn resign(self) {
        drop(self.store);
        if let Some(claim) = self.claim {
            claim.resign().await;
        }
    }
}

impl From<Etcd> for Opened {
    fn from(store: Etcd) -> Self {
        Self::Etcd(store)
    }
}

impl From<Embedded> for Opened {
    fn from(store: Embedded) -> Self {
        Self::Embedded(store)
    }
}

/// The object that is written as `value` under `key`.
///
/// # Errors
///
/// [`DecodeError`] if it cannot be read.
pub(crate) fn decode(key: &str, value: &[u8]) -> Result<Object, DecodeError> {
    codec::decode(key, value)
}

/// The key and the value that are written for `object`.
///
/// # Errors
///
/// [`StoreError::Encode`] if it cannot be written as JSON.
pub(crate) fn encode(object: &Object) -> Result<(String, Vec<u8>), StoreError> {
    Ok((keys::path(&object.key()), codec::encode(object)?))
}

#[cfg(test)]
pub(crate) mod conformance;
#[cfg(test)]
mod tests;
