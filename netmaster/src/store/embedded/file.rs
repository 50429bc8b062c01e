//! Where the embedded store's data is, and how it is opened.

use std::fs::{DirBuilder, File, OpenOptions};
use std::io;
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use nix::sys::statvfs::statvfs;
use redb::backends::{FileBackend, InMemoryBackend};
use redb::{
    Database, DatabaseError, Durability, ReadableTable as _, TableDefinition, WriteTransaction,
};

use crate::store::{Space, StoreError, codec, keys};

pub(super) const TABLE: TableDefinition<'static, &str, &[u8]> = TableDefinition::new("trunkline");

/// The name of the store's file in its directory.
pub(super) const FILE: &str = "netmaster.redb";

/// How many bytes of the file may be kept in memory. All objects are in the catalog anyhow; what
/// is read again and again is the upper part of the tree.
const CACHE: usize = 64 << 20;

/// Where the data is.
#[derive(Debug)]
pub(super) enum Place {
    File(PathBuf),
    Memory,
    /// A disk that a test can fill.
    #[cfg(test)]
    Disk(super::tests::Disk),
}

impl Place {
    /// The file in `directory`, which is created if it is not there.
    pub(super) fn file(directory: &Path) -> Result<Self, StoreError> {
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(directory)
            .map_err(unusable(directory))?;
        Ok(Self::File(directory.join(FILE)))
    }

    /// Memory is gone once it is closed.
    pub(super) fn can_be_opened_again(&self) -> bool {
        !matches!(self, Self::Memory)
    }

    /// How much space the file takes, and how much its file system has left for this user.
    pub(super) fn space(&self) -> Result<Space, StoreError> {
        let Self::File(path) = self else {
            return Ok(Space::default());
        };
        let unusable = unusable(path);
        let size = std::fs::metadata(path).map_err(&unusable)?.len();
        let system = statvfs(path).map_err(|errno| unusable(errno.into()))?;
        let free = system
            .blocks_available()
            .checked_mul(system.fragment_size());
        Ok(Space {
            size: Some(size),
            free,
        })
    }

    pub(super) fn open(&self) -> Result<Database, StoreError> {
        let database = match self {
            Self::File(path) => open_file(path)?,
            Self::Memory => Database::builder()
                .create_with_backend(InMemoryBackend::new())
                .map_err(write_error)?,
            #[cfg(test)]
            Self::Disk(disk) => Database::builder()
                .create_with_backend(disk.clone())
                .map_err(write_error)?,
        };
        set_up(&database)?;
        Ok(database)
    }
}

/// Makes the names in `directory` durable: a new file's name has to be as durable as what is in it.
pub(super) fn sync_names(directory: &Path) -> Result<(), StoreError> {
    File::open(directory)
        .and_then(|directory| directory.sync_all())
        .map_err(unusable(directory))
}

fn unusable(directory: &Path) -> impl Fn(io::Error) -> StoreError {
    move |source| StoreError::Directory {
        path: directory.to_owned(),
        source,
    }
}

fn open_file(path: &Path) -> Result<Database, StoreError> {
    // As readable as a back-up: by its owner only.
    let file = OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .open(path);
    let database = file
        .map_err(DatabaseError::from)
        .and_then(FileBackend::new)
        .and_then(|file| {
            Database::builder()
                .set_cache_size(CACHE)
                .create_with_backend(file)
        });
    database.map_err(|error| match error {
        DatabaseError::DatabaseAlreadyOpen => StoreError::Locked {
            path: path.to_owned(),
        },
        other => match write_error(other) {
            StoreError::Write { source } => StoreError::Open {
                path: path.to_owned(),
                source,
            },
            full => full,
        },
    })
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

pub(super) fn begin(database: &Database) -> Result<WriteTransaction, StoreError> {
    let mut transaction = database.begin_write().map_err(write_error)?;
    // The default as well, but everything that is acknowledged rests on it.
    transaction
        .set_durability(Durability::Immediate)
        .map_err(write_error)?;
    Ok(transaction)
}

pub(super) fn read_error(error: impl Into<redb::Error>) -> StoreError {
    StoreError::Read {
        source: Box::new(error.into()),
    }
}

pub(super) fn write_error(error: impl Into<redb::Error>) -> StoreError {
    let error = error.into();
    match &error {
        redb::Error::Io(io) if is_no_space(io) => StoreError::Full {
            source: Box::new(error),
        },
        _ => StoreError::Write {
            source: Box::new(error),
        },
    }
}

fn is_no_space(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded | io::ErrorKind::FileTooLarge
    )
}
