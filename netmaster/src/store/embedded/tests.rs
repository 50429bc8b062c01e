use std::io;
use std::sync::atomic::{AtomicU64, Ordering};

use redb::StorageBackend;
use redb::backends::InMemoryBackend;
use tokio::runtime::Runtime;

use super::file::FILE;
use super::*;
use crate::store::conformance::{Subject, conforms};
use crate::store::load_catalog;

/// A disk that outlives the database, and that can be full.
#[derive(Clone, Debug, Default)]
pub(super) struct Disk {
    content: Arc<InMemoryBackend>,
    /// How many bytes may still be written; with 0 none. `u64::MAX`: any number.
    space: Arc<AtomicU64>,
}

impl Disk {
    fn new() -> Self {
        Self {
            content: Arc::default(),
            space: Arc::new(AtomicU64::new(u64::MAX)),
        }
    }
}

impl StorageBackend for Disk {
    fn len(&self) -> io::Result<u64> {
        self.content.len()
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        self.content.read(offset, out)
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.content.set_len(len)
    }

    fn sync_data(&self) -> io::Result<()> {
        self.content.sync_data()
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        let left = self.space.load(Ordering::SeqCst);
        if left < u64::MAX {
            let Some(left) = left.checked_sub(data.len() as u64) else {
                return Err(io::ErrorKind::StorageFull.into());
            };
            self.space.store(left, Ordering::SeqCst);
        }
        self.content.write(offset, data)
    }
}

/// A store on such a disk.
struct OnDisk {
    store: Embedded,
    disk: Disk,
}

impl Subject for OnDisk {
    fn store(&mut self) -> &mut dyn Store {
        &mut self.store
    }

    fn compact(&mut self) {
        // More has been written than is kept.
    }

    fn fill(&mut self) -> bool {
        self.disk.space.store(100_000, Ordering::SeqCst);
        true
    }

    fn free(&mut self) {
        self.disk.space.store(u64::MAX, Ordering::SeqCst);
    }
}

#[test]
fn a_store_on_a_disk_that_fills_up_conforms() {
    let disk = Disk::new();
    let mut subject = OnDisk {
        store: Embedded::at(Place::Disk(disk.clone())).unwrap(),
        disk,
    };
    conforms(&mut subject, &Runtime::new().unwrap());
}

impl Subject for Embedded {
    fn store(&mut self) -> &mut dyn Store {
        self
    }

    fn compact(&mut self) {
        // More has been written than is kept.
    }
}

#[test]
fn a_store_in_memory_conforms() {
    let mut store = Embedded::in_memory().unwrap();
    conforms(&mut store, &Runtime::new().unwrap());
}

#[test]
fn a_store_on_disk_conforms() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("a/b");
    let mut store = Embedded::open(&path).unwrap();
    conforms(&mut store, &Runtime::new().unwrap());
    let before = load_catalog(&store.reader()).unwrap();
    drop(store);
    let again = Embedded::open(&path).unwrap();
    assert_eq!(load_catalog(&again.reader()).unwrap(), before);
}

#[test]
fn a_file_that_an_error_closed_is_opened_again() {
    let directory = tempfile::tempdir().unwrap();
    let mut store = Embedded::open(directory.path()).unwrap();
    store.shared.close();
    conforms(&mut store, &Runtime::new().unwrap());
    let before = load_catalog(&store.reader()).unwrap();
    store.shared.close();
    assert_eq!(load_catalog(&store.reader()).unwrap(), before);
}

#[test]
fn a_second_store_on_one_file_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    let _first = Embedded::open(directory.path()).unwrap();
    let error = Embedded::open(directory.path()).unwrap_err().to_string();
    assert!(
        error.contains("in use by another netmaster") && error.contains("--data-dir"),
        "{error}"
    );
}

/// Writes `key` and `value` past all checks.
fn put(directory: &Path, key: &str, value: &[u8]) {
    let database = Database::create(directory.join(FILE)).unwrap();
    let transaction = database.begin_write().unwrap();
    let mut table = transaction.open_table(TABLE).unwrap();
    table.insert(key, value).unwrap();
    drop(table);
    transaction.commit().unwrap();
}

#[test]
fn a_newer_schema_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    put(directory.path(), keys::SCHEMA, br#"{"version":2}"#);
    let error = Embedded::open(directory.path()).unwrap_err();
    assert_eq!(
        error.to_string(),
        "the store has schema version 2, and this netmaster knows versions up to 1: run a \
         netmaster at least as new as the one that wrote it"
    );
}

#[test]
fn a_store_that_is_not_ours_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    put(directory.path(), "somebody", b"else");
    let error = Embedded::open(directory.path()).unwrap_err();
    assert!(matches!(error, StoreError::Foreign), "{error}");
}

#[test]
fn a_damaged_store_is_not_loaded() {
    let directory = tempfile::tempdir().unwrap();
    drop(Embedded::open(directory.path()).unwrap());
    put(directory.path(), "/trunkline/v1/networks/blue", b"{}");
    let store = Embedded::open(directory.path()).unwrap();
    let error = load_catalog(&store.reader()).unwrap_err();
    assert!(matches!(error, StoreError::Damaged(_)), "{error}");
}

#[test]
fn a_directory_that_cannot_be_made_is_named() {
    let error = Embedded::open(Path::new("/dev/null/netmaster")).unwrap_err();
    assert!(
        error
            .to_string()
            .starts_with("data directory `/dev/null/netmaster` cannot be created or used"),
        "{error}"
    );
}
