//! Several changes as one transaction.

use std::collections::BTreeMap;

use trunkline_ipam::{Change, Edit, Revision};

use super::{Position, StoreError, codec, encode, keys};

/// How much one change may edit in a store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Capacity {
    /// How many keys, the revision's among them.
    pub operations: usize,
    /// The size of its keys and values, in bytes.
    pub bytes: usize,
}

impl Capacity {
    /// What every store takes: as much as a batch of several changes has.
    pub const COMMON: Self = Self {
        operations: Batch::OPERATIONS,
        bytes: Batch::BYTES,
    };

    fn holds(self, operations: usize, bytes: usize) -> bool {
        operations <= self.operations && bytes <= self.bytes
    }
}

/// Edits of keys and values that are made together. No key is edited twice.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Batch {
    /// How much a change may edit that is alone in it.
    capacity: Capacity,
    from: Revision,
    to: Revision,
    entries: BTreeMap<String, Entry>,
    /// What will be written under the revision's key.
    counter: Vec<u8>,
    /// The size of all keys and values but the revision's.
    bytes: usize,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Entry {
    edit: Edit,
    /// What is written; `None` if the key goes.
    value: Option<Vec<u8>>,
}

impl Entry {
    fn bytes(&self, key: &str) -> usize {
        key.len() + self.value.as_ref().map_or(0, Vec::len)
    }
}

/// Whether a batch has taken a change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Room {
    /// It has.
    Taken,
    /// It has not: the change belongs into the next batch.
    Full,
}

impl Batch {
    /// How many keys a batch of several changes edits at most, the revision's among them. It is
    /// what etcd takes by default (`--max-txn-ops`).
    pub const OPERATIONS: usize = 128;
    /// The size of the keys and values of such a batch at most, in bytes. It leaves room below
    /// what etcd takes by default (`--max-request-bytes`, 1.5 MiB).
    pub const BYTES: usize = 1 << 20;

    /// A batch with nothing in it yet, on top of `from`, for any store.
    #[must_use]
    pub fn on(from: Revision) -> Self {
        Self::within(Capacity::COMMON, from)
    }

    /// The same for a store that takes changes of this size. What is larger than a batch of several
    /// changes has one of its own.
    #[must_use]
    pub fn within(capacity: Capacity, from: Revision) -> Self {
        Self {
            capacity,
            from,
            to: from,
            entries: BTreeMap::new(),
            counter: Vec::new(),
            bytes: 0,
        }
    }

    /// Takes `change`, which follows the last one, if there is room.
    ///
    /// # Errors
    ///
    /// [`StoreError::TooLarge`] if no batch has room for it.
    pub fn add(&mut self, change: &Change) -> Result<Room, StoreError> {
        let mut entries = BTreeMap::new();
        for edit in change.edits() {
            let (key, value) = match edit {
                Edit::Put(object) => {
                    let (key, value) = encode(object)?;
                    (key, Some(value))
                }
                Edit::Delete(key) => (keys::path(key), None),
            };
            let edit = edit.clone();
            entries.insert(key, Entry { edit, value });
        }
        let counter = codec::encode_revision(change.revision())?;
        let overhead = keys::REVISION.len() + counter.len();
        let bytes: usize = entries.iter().map(|(key, entry)| entry.bytes(key)).sum();
        if !self.capacity.holds(entries.len() + 1, bytes + overhead) {
            return Err(StoreError::TooLarge {
                operations: entries.len() + 1,
                bytes: bytes + overhead,
                most: self.capacity,
            });
        }
        let replaced = |key: &String| Some(self.entries.get(key)?.bytes(key));
        let replaced: Vec<usize> = entries.keys().filter_map(replaced).collect();
        let operations = self.entries.len() + entries.len() - replaced.len();
        let bytes = self.bytes + bytes - replaced.iter().sum::<usize>();
        let has_room = Capacity::COMMON.holds(operations + 1, bytes + overhead);
        if !has_room && !self.is_empty() {
            return Ok(Room::Full);
        }
        self.entries.append(&mut entries);
        self.bytes = bytes;
        self.counter = counter;
        self.to = change.revision();
        Ok(Room::Taken)
    }

    /// Whether nothing changes.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// The revision that the store must be at.
    #[must_use]
    pub fn from(&self) -> Revision {
        self.from
    }

    /// The revision that the store will be at.
    #[must_use]
    pub fn to(&self) -> Revision {
        self.to
    }

    /// Keys with their new values; with `None`, the key goes. The revision's comes last.
    pub fn values(&self) -> impl Iterator<Item = (&str, Option<&[u8]>)> {
        let entries = self.entries.iter();
        entries
            .map(|(key, entry)| (key.as_str(), entry.value.as_deref()))
            .chain([(keys::REVISION, Some(self.counter.as_slice()))])
    }

    /// The edits of the objects, each once, in the order of their keys in the store: as a
    /// follower learns of them.
    pub fn edits(&self) -> impl Iterator<Item = &Edit> {
        self.entries.values().map(|entry| &entry.edit)
    }
}

/// A batch as a watch sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredBatch {
    /// The revision before it.
    pub from: Revision,
    /// Where the store is after it.
    pub to: Position,
    /// Keys with their new values, in order, without the revision's; with `None`, the key went.
    pub values: Vec<(String, Option<Vec<u8>>)>,
}

impl StoredBatch {
    /// What it does to the objects.
    ///
    /// # Errors
    ///
    /// [`StoreError::Damaged`] if a key or value cannot be read.
    pub fn edits(&self) -> Result<Vec<Edit>, StoreError> {
        let edits = self.values.iter().map(|(key, value)| match value {
            Some(value) => Ok(Edit::Put(codec::decode(key, value)?)),
            None => Ok(Edit::Delete(codec::decode_key(key)?)),
        });
        edits.collect()
    }
}
