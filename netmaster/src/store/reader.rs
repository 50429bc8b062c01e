//! The side of a store that only reads.

use super::{Capacity, Position, StoreError, StoredBatch, WatchError, embedded, etcd};

/// Keys with their values, in the order of keys.
pub type Page = Vec<(String, Vec<u8>)>;

/// How much space a store takes, in bytes; what is not known is none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Space {
    /// What it takes.
    pub size: Option<u64>,
    /// What there is beside.
    pub free: Option<u64>,
}

/// Reads a store, beside its writer. Clones are cheap.
#[derive(Clone, Debug)]
pub enum Reader {
    /// Of the embedded store.
    Embedded(embedded::Reader),
    /// Of the store in etcd.
    Etcd(etcd::Reader),
}

impl Reader {
    /// Calls `visit` with every key and value that is kept in memory, in the order of keys, as
    /// they were at one moment. Blocks.
    ///
    /// # Errors
    ///
    /// [`StoreError`] if they cannot be read.
    pub fn load(&self, visit: &mut dyn FnMut(&str, &[u8])) -> Result<Position, StoreError> {
        match self {
            Self::Embedded(reader) => reader.load(visit),
            Self::Etcd(reader) => reader.load(visit),
        }
    }

    /// As [`Reader::load`], with the records as well: all that a back-up needs. Blocks.
    ///
    /// # Errors
    ///
    /// [`StoreError`] if they cannot be read.
    pub fn dump(&self, visit: &mut dyn FnMut(&str, &[u8])) -> Result<Position, StoreError> {
        match self {
            Self::Embedded(reader) => reader.dump(visit),
            Self::Etcd(reader) => reader.dump(visit),
        }
    }

    /// The first `limit` keys that begin with `prefix` and follow `after`.
    ///
    /// # Errors
    ///
    /// [`StoreError`] if they cannot be read.
    pub async fn scan(
        &self,
        prefix: &str,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Page, StoreError> {
        match self {
            Self::Embedded(reader) => reader.scan(prefix, after, limit).await,
            Self::Etcd(reader) => reader.scan(prefix, after, limit).await,
        }
    }

    /// What kind of store it is.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Embedded(_) => "embedded",
            Self::Etcd(_) => "etcd",
        }
    }

    /// How much one change may edit in the store.
    #[must_use]
    pub fn capacity(&self) -> Capacity {
        match self {
            Self::Embedded(_) => embedded::Reader::CAPACITY,
            Self::Etcd(_) => Capacity::COMMON,
        }
    }

    /// How much space the store takes, and how much there is.
    ///
    /// # Errors
    ///
    /// [`StoreError`] if that cannot be found out.
    pub async fn space(&self) -> Result<Space, StoreError> {
        match self {
            Self::Embedded(reader) => reader.space().await,
            Self::Etcd(reader) => reader.space().await,
        }
    }

    /// All batches that are written after `position`, those to come as well.
    #[must_use]
    pub fn watch(&self, position: Position) -> Watch {
        match self {
            Self::Embedded(reader) => Watch::Embedded(reader.watch(position)),
            Self::Etcd(reader) => Watch::Etcd(Box::new(reader.watch(position))),
        }
    }
}

/// Batches as they are written.
#[derive(Debug)]
pub enum Watch {
    /// Of the embedded store.
    Embedded(embedded::Watch),
    /// Of the store in etcd.
    Etcd(Box<etcd::Watch>),
}

impl Watch {
    /// Waits for the next batch. Cancel-safe: a batch is either returned or comes again.
    ///
    /// # Errors
    ///
    /// [`WatchError::Compacted`] if batches that should come next are no longer there: load
    /// everything again. [`WatchError::Store`] if the store cannot be reached; the same watch may
    /// be asked again.
    pub async fn next(&mut self) -> Result<StoredBatch, WatchError> {
        match self {
            Self::Embedded(watch) => watch.next().await,
            Self::Etcd(watch) => watch.next().await,
        }
    }
}
