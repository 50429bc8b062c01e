//! The embedded store: one file, or memory for tests, by way of redb.

mod file;
mod recent;

use std::ops::Bound;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};

use redb::{Database, ReadableDatabase as _, ReadableTable as _};
use tokio::sync::watch;
use trunkline_ipam::Revision;

use super::{Batch, Capacity, Page, Position, Space, Store, StoreError, StoredBatch, codec, keys};
use file::{Place, TABLE, begin, read_error, sync_names, write_error};
use recent::Recent;

pub use recent::Watch;

/// A store in one file, which no second process can open.
///
/// A commit returns when the file system has the data on stable storage; what is torn by a crash
/// is undone when the file is opened again.
#[derive(Debug)]
// Tests have two replicas share one store.
#[cfg_attr(test, derive(Clone))]
pub struct Embedded {
    shared: Arc<Shared>,
}

/// Reads the embedded store, beside its writer.
#[derive(Clone, Debug)]
pub struct Reader {
    shared: Arc<Shared>,
}

/// Where keys begin and end.
type Range<'a> = (Bound<&'a str>, Bound<&'a str>);

#[derive(Debug)]
struct Shared {
    place: Place,
    /// None while the file is closed, to be opened again after an error.
    database: RwLock<Option<Arc<Database>>>,
    recent: Mutex<Recent>,
    /// Changes with every commit.
    tip: watch::Sender<Revision>,
}

impl Embedded {
    /// The store in `directory`, which is created if it is not there.
    ///
    /// # Errors
    ///
    /// [`StoreError`] if directory or file cannot be used, if another process uses the file, or if
    /// a newer netmaster wrote it.
    pub fn open(directory: &Path) -> Result<Self, StoreError> {
        let store = Self::at(Place::file(directory)?)?;
        sync_names(directory)?;
        Ok(store)
    }

    /// An empty store in memory, which is gone when it is dropped.
    ///
    /// # Errors
    ///
    /// [`StoreError`] if memory is short.
    pub fn in_memory() -> Result<Self, StoreError> {
        Self::at(Place::Memory)
    }

    fn at(place: Place) -> Result<Self, StoreError> {
        let database = place.open()?;
        let revision = revision(&database)?;
        let shared = Shared {
            place,
            database: RwLock::new(Some(Arc::new(database))),
            recent: Mutex::new(Recent::after(revision)),
            tip: watch::Sender::new(revision),
        };
        Ok(Self {
            shared: Arc::new(shared),
        })
    }

    fn write(
        &self,
        work: impl FnOnce(&Database) -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        let result = self.shared.database().and_then(|database| work(&database));
        let failed = matches!(
            result,
            Err(StoreError::Write { .. } | StoreError::Full { .. })
        );
        if failed && self.shared.place.can_be_opened_again() {
            // After an error of the disk redb refuses all work until the file is opened anew.
            self.shared.close();
        }
        result
    }
}

impl Shared {
    /// The database; opened again if an error closed it.
    fn database(&self) -> Result<Arc<Database>, StoreError> {
        let open = self.database.read().unwrap_or_else(PoisonError::into_inner);
        if let Some(database) = &*open {
            return Ok(database.clone());
        }
        drop(open);
        let mut closed = self
            .database
            .write()
            .unwrap_or_else(PoisonError::into_inner);
        if let Some(database) = &*closed {
            return Ok(database.clone());
        }
        Ok(closed.insert(Arc::new(self.place.open()?)).clone())
    }

    fn close(&self) {
        *self
            .database
            .write()
            .unwrap_or_else(PoisonError::into_inner) = None;
    }

    fn recent(&self) -> MutexGuard<'_, Recent> {
        self.recent.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Visits the keys in `ranges`, as they are at one moment, until `visit` says no.
    fn visit(
        &self,
        ranges: &[Range<'_>],
        visit: &mut dyn FnMut(&str, &[u8]) -> bool,
    ) -> Result<Position, StoreError> {
        let database = self.database()?;
        let transaction = database.begin_read().map_err(read_error)?;
        let table = transaction.open_table(TABLE).map_err(read_error)?;
        let revision = match table.get(keys::REVISION).map_err(read_error)? {
            Some(value) => codec::decode_revision(value.value())?,
            None => Revision::ZERO,
        };
        for range in ranges {
            for entry in table.range::<&str>(*range).map_err(read_error)? {
                let (key, value) = entry.map_err(read_error)?;
                if !keys::is_own(key.value()) && !visit(key.value(), value.value()) {
                    return Ok(at(revision));
                }
            }
        }
        Ok(at(revision))
    }
}

impl Store for Embedded {
    fn commit(&mut self, batch: &Batch) -> Result<Position, StoreError> {
        self.write(|database| write(database, batch))?;
        self.shared.recent().push(StoredBatch {
            from: batch.from(),
            to: at(batch.to()),
            values: batch
                .values()
                .filter(|(key, _)| *key != keys::REVISION)
                .map(|(key, value)| (key.to_owned(), value.map(<[u8]>::to_vec)))
                .collect(),
        });
        self.shared.tip.send_replace(batch.to());
        Ok(at(batch.to()))
    }

    fn check(&mut self) -> Result<(), StoreError> {
        // The file is locked, so nobody else can write while it is open.
        self.shared.database().map(drop)
    }

    fn resume(&mut self) -> Result<Position, StoreError> {
        let revision = revision(&*self.shared.database()?)?;
        let mut recent = self.shared.recent();
        if recent.tip() != revision {
            // What led here was never seen as a batch.
            *recent = Recent::after(revision);
            self.shared.tip.send_replace(revision);
        }
        Ok(at(revision))
    }

    fn replace(
        &mut self,
        revision: Revision,
        entries: &mut dyn Iterator<Item = Result<(String, Vec<u8>), StoreError>>,
    ) -> Result<Position, StoreError> {
        self.write(|database| replace(database, revision, entries))?;
        *self.shared.recent() = Recent::after(revision);
        self.shared.tip.send_replace(revision);
        Ok(at(revision))
    }

    fn reader(&self) -> super::Reader {
        super::Reader::Embedded(Reader {
            shared: self.shared.clone(),
        })
    }

    fn capacity(&self) -> Capacity {
        Reader::CAPACITY
    }
}

impl Reader {
    /// The file itself has no limit. This many keys are written within a second, which everybody
    /// else waits for, and what the audit says of them is no longer than a line of a back-up.
    pub(super) const CAPACITY: Capacity = Capacity {
        operations: 4096,
        bytes: 16 << 20,
    };

    pub(super) fn load(&self, visit: &mut dyn FnMut(&str, &[u8])) -> Result<Position, StoreError> {
        let ranges = keys::loaded();
        let ranges: Vec<Range<'_>> = ranges
            .iter()
            .map(|(from, to)| (Bound::Included(from.as_str()), Bound::Excluded(to.as_str())))
            .collect();
        self.shared.visit(&ranges, &mut always(visit))
    }

    pub(super) fn dump(&self, visit: &mut dyn FnMut(&str, &[u8])) -> Result<Position, StoreError> {
        let everything = (Bound::Unbounded, Bound::Unbounded);
        self.shared.visit(&[everything], &mut always(visit))
    }

    pub(super) async fn scan(
        &self,
        prefix: &str,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Page, StoreError> {
        let shared = self.shared.clone();
        let prefix = prefix.to_owned();
        let after = after.map(str::to_owned);
        let scan = move || {
            let mut page = Page::new();
            let from = match &after {
                Some(after) if *after >= prefix => Bound::Excluded(after.as_str()),
                _ => Bound::Included(prefix.as_str()),
            };
            shared.visit(&[(from, Bound::Unbounded)], &mut |key, value| {
                let wanted = key.starts_with(&prefix) && page.len() < limit;
                if wanted {
                    page.push((key.to_owned(), value.to_vec()));
                }
                wanted
            })?;
            Ok(page)
        };
        // The disk may make it wait.
        let scanned = tokio::task::spawn_blocking(scan).await;
        scanned.unwrap_or_else(|gone| {
            Err(StoreError::Read {
                source: Box::new(redb::Error::Io(gone.into())),
            })
        })
    }

    pub(super) async fn space(&self) -> Result<Space, StoreError> {
        let shared = self.shared.clone();
        // The disk may make it wait.
        let space = tokio::task::spawn_blocking(move || shared.place.space()).await;
        space.unwrap_or_else(|gone| {
            Err(StoreError::Read {
                source: Box::new(redb::Error::Io(gone.into())),
            })
        })
    }

    pub(super) fn watch(&self, position: Position) -> Watch {
        Watch::new(self.shared.clone(), position.revision)
    }
}

/// A visitor that wants them all.
fn always(visit: &mut dyn FnMut(&str, &[u8])) -> impl FnMut(&str, &[u8]) -> bool {
    |key, value| {
        visit(key, value);
        true
    }
}

fn at(revision: Revision) -> Position {
    Position { revision, mark: 0 }
}

fn revision(database: &Database) -> Result<Revision, StoreError> {
    let transaction = database.begin_read().map_err(read_error)?;
    let table = transaction.open_table(TABLE).map_err(read_error)?;
    match table.get(keys::REVISION).map_err(read_error)? {
        Some(value) => Ok(codec::decode_revision(value.value())?),
        None => Ok(Revision::ZERO),
    }
}

fn write(database: &Database, batch: &Batch) -> Result<(), StoreError> {
    let transaction = begin(database)?;
    {
        let mut table = transaction.open_table(TABLE).map_err(write_error)?;
        let found = match table.get(keys::REVISION).map_err(write_error)? {
            Some(value) => codec::decode_revision(value.value())?,
            None => Revision::ZERO,
        };
        if found != batch.from() {
            return Err(StoreError::Stale {
                expected: batch.from(),
                found,
            });
        }
        for (key, value) in batch.values() {
            match value {
                Some(value) => table.insert(key, value).map_err(write_error)?,
                None => table.remove(key).map_err(write_error)?,
            };
        }
    }
    transaction.commit().map_err(write_error)
}

fn replace(
    database: &Database,
    revision: Revision,
    entries: &mut dyn Iterator<Item = Result<(String, Vec<u8>), StoreError>>,
) -> Result<(), StoreError> {
    let transaction = begin(database)?;
    transaction.delete_table(TABLE).map_err(write_error)?;
    {
        let mut table = transaction.open_table(TABLE).map_err(write_error)?;
        let mut put = |key: &str, value: &[u8]| table.insert(key, value).map(drop);
        for entry in entries {
            let (key, value) = entry?;
            put(&key, &value).map_err(write_error)?;
        }
        let counter = codec::encode_revision(revision)?;
        put(keys::REVISION, &counter).map_err(write_error)?;
        put(keys::SCHEMA, &codec::encode_schema()).map_err(write_error)?;
    }
    transaction.commit().map_err(write_error)
}

#[cfg(test)]
mod tests;
