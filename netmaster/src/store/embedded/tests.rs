use super::*;
use crate::store::load_catalog;
use crate::store::tests::conforms;

#[test]
fn a_store_on_disk_conforms() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("a/b");
    let mut store = Embedded::open(&path).unwrap();
    conforms(&mut store);
    let before = load_catalog(&mut store).unwrap();
    drop(store);
    let mut again = Embedded::open(&path).unwrap();
    assert_eq!(load_catalog(&mut again).unwrap(), before);
}

#[test]
fn a_store_in_memory_conforms() {
    conforms(&mut Embedded::in_memory().unwrap());
}

#[test]
fn a_file_that_an_error_closed_is_opened_again() {
    let directory = tempfile::tempdir().unwrap();
    let mut store = Embedded::open(directory.path()).unwrap();
    store.database = None;
    conforms(&mut store);
    let before = load_catalog(&mut store).unwrap();
    store.database = None;
    assert_eq!(load_catalog(&mut store).unwrap(), before);
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
    let mut store = Embedded::open(directory.path()).unwrap();
    let error = load_catalog(&mut store).unwrap_err();
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
