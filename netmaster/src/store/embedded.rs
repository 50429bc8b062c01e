//! The embedded store: one file, or memory for tests, by way of redb.

use std::fs::{DirBuilder, File};
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};

use redb::backends::InMemoryBackend;
use redb::{
    Database, DatabaseError, Durability, ReadableDatabase as _, ReadableTable as _,
    TableDefinition, WriteTransaction,
};
use trunkline_ipam::Revision;

use super::{Batch, Store, StoreError, codec, keys};

const TABLE: TableDefinition<'static, &str, &[u8]> = TableDefinition::new("trunkline");

/// The name of the store's file in its directory.
const FILE: &str = "netmaster.redb";

/// A store in one file, which no second process can open.
///
/// A commit returns when the file system has the data on stable storage; what is torn by a crash
/// is undone when the file is opened again.
#[derive(Debug)]
pub struct Embedded {
    place: Place,
    /// None while the file is closed, to be opened again after an error.
    database: Option<Database>,
}

#[derive(Debug)]
enum Place {
    File(PathBuf),
    Memory,
}

impl Embedded {
    /// The store in `directory`, which is created if it is not there.
    ///
    /// # Errors
    ///
    /// [`StoreError`] if directory or file cannot be used, if another process uses the file, or if
    /// a newer netmaster wrote it.
    pub fn open(directory: &Path) -> Result<Self, StoreError> {
        let unusable = |source| StoreError::Directory {
            path: directory.to_owned(),
            source,
        };
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(directory)
            .map_err(unusable)?;
        let path = directory.join(FILE);
        let database = open_file(&path)?;
        // A new file's name has to be as durable as what is in it.
        File::open(directory)
            .and_then(|directory| directory.sync_all())
            .map_err(unusable)?;
        Ok(Self {
            place: Place::File(path),
            database: Some(database),
        })
    }

    /// An empty store in memory, which is gone when it is dropped.
    ///
    /// # Errors
    ///
    /// [`StoreError`] if memory is short.
    pub fn in_memory() -> Result<Self, StoreError> {
        let database = Database::builder()
            .create_with_backend(InMemoryBackend::new())
            .map_err(write_error)?;
        set_up(&database)?;
        Ok(Self {
            place: Place::Memory,
            database: Some(database),
        })
    }

    /// The database; opened again if an error closed it.
    fn database(&mut self) -> Result<&Database, StoreError> {
        if self.database.is_none()
            && let Place::File(path) = &self.place
        {
            self.database = Some(open_file(path)?);
        }
        // Memory is never closed, so this is an error of ours at worst.
        self.database.as_ref().ok_or_else(|| StoreError::Read {
            source: Box::new(redb::Error::DatabaseClosed),
        })
    }
}

impl Store for Embedded {
    fn load(&mut self, visit: &mut dyn FnMut(&str, &[u8])) -> Result<Revision, StoreError> {
        let database = self.database()?;
        let transaction = database.begin_read().map_err(read_error)?;
        let table = transaction.open_table(TABLE).map_err(read_error)?;
        let mut revision = Revision::ZERO;
        for entry in table.iter().map_err(read_error)? {
            let (key, value) = entry.map_err(read_error)?;
            match key.value() {
                keys::SCHEMA => {}
                keys::REVISION => revision = codec::decode_revision(value.value())?,
                key => visit(key, value.value()),
            }
        }
        Ok(revision)
    }

    fn commit(&mut self, batch: &Batch) -> Result<(), StoreError> {
        let result = self.database().and_then(|database| write(database, batch));
        if matches!(result, Err(StoreError::Write { .. })) && matches!(self.place, Place::File(_)) {
            // After an error of the disk redb refuses all work until the file is opened anew.
            self.database = None;
        }
        result
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
        for (key, value) in batch.edits() {
            match value {
                Some(value) => table.insert(key, value).map_err(write_error)?,
                None => table.remove(key).map_err(write_error)?,
            };
        }
    }
    transaction.commit().map_err(write_error)
}

fn begin(database: &Database) -> Result<WriteTransaction, StoreError> {
    let mut transaction = database.begin_write().map_err(write_error)?;
    // The default as well, but everything that is acknowledged rests on it.
    transaction
        .set_durability(Durability::Immediate)
        .map_err(write_error)?;
    Ok(transaction)
}

fn open_file(path: &Path) -> Result<Database, StoreError> {
    let database = Database::create(path).map_err(|error| match error {
        DatabaseError::DatabaseAlreadyOpen => StoreError::Locked {
            path: path.to_owned(),
        },
        other => StoreError::Open {
            path: path.to_owned(),
            source: Box::new(other.into()),
        },
    })?;
    set_up(&database)?;
    Ok(database)
}

/// Writes the schema's version into an empty store, and checks that of another one.
fn set_up(database: &Database) -> Result<(), StoreError> {
    let transaction = begin(database)?;
    {
        let mut table = transaction.open_table(TABLE).map_err(write_error)?;
        let found = match table.get(keys::SCHEMA).map_err(read_error)? {
            Some(value) => Some(codec::decode_schema(value.value())?),
            None => None,
        };
        match found {
            Some(found) if found > codec::SCHEMA => {
                return Err(StoreError::NewerSchema { found });
            }
            Some(_) => return Ok(()),
            None if table.first().map_err(read_error)?.is_some() => {
                return Err(StoreError::Foreign);
            }
            None => table
                .insert(keys::SCHEMA, codec::encode_schema().as_slice())
                .map_err(write_error)?,
        };
    }
    transaction.commit().map_err(write_error)
}

fn read_error(error: impl Into<redb::Error>) -> StoreError {
    StoreError::Read {
        source: Box::new(error.into()),
    }
}

fn write_error(error: impl Into<redb::Error>) -> StoreError {
    StoreError::Write {
        source: Box::new(error.into()),
    }
}

#[cfg(test)]
mod tests;
