use std::fs;
use std::io::{self, BufReader, Read, Write as _};
use std::path::{Path, PathBuf};

use futures_util::TryStreamExt as _;
use tempfile::TempDir;
use trunkline_ipam::{
    Catalog, Change, Digest, Edit, Event, EventKind, Grant, Ledger, NetworkSpec, Object, Revision,
    Timestamp, TokenRole, TokenSpec, create_network, create_token, found_cluster,
};

use super::read::{ReadError, check, verify};
use super::restore::{RestoreError, restore_into};
use super::*;
use crate::store::{Batch, Embedded, Store, StoreError, load_catalog};

const NOW: Timestamp = Timestamp::from_unix_seconds(1_700_000_000);
const LATER: Timestamp = Timestamp::from_unix_seconds(1_700_100_000);

fn commit(store: &mut Embedded, plan: impl FnOnce(&Ledger) -> Change) {
    let (catalog, _) = load_catalog(&store.reader()).unwrap();
    let change = plan(&Ledger::of(catalog));
    let revision = Revision::new(change.revision().number() - 1);
    let mut batch = Batch::on(revision);
    batch.add(&change).unwrap();
    store.commit(&batch).unwrap();
}

fn add_network(store: &mut Embedded, name: &str, vlan: &str) {
    let spec = NetworkSpec {
        name: name.parse().unwrap(),
        vlan: vlan.parse().unwrap(),
        mtu: Default::default(),
        labels: Default::default(),
    };
    commit(store, |ledger| {
        create_network(ledger.catalog(), &spec).unwrap().change
    });
}

fn add_event(store: &mut Embedded) {
    commit(store, |ledger| {
        let revision = ledger.catalog().revision().next();
        let event = Event {
            at: NOW,
            kind: EventKind::NodeFenced,
            about: "node n1".to_owned(),
            message: "`a` \"b\" {c}".to_owned(),
            revision,
        };
        let put = Edit::Put(Object::Event(event.into()));
        Change::new(revision, vec![put])
    });
}

fn add_token(store: &mut Embedded) {
    let spec = TokenSpec {
        name: "ci".parse().unwrap(),
        digest: Digest::new([7; 32]),
        grant: Grant::Role {
            role: TokenRole::Viewer,
            networks: Default::default(),
        },
        expires: LATER,
    };
    commit(store, |ledger| {
        create_token(ledger.catalog(), &spec, NOW).unwrap().change
    });
}

/// A store with a cluster, two networks, a token and an event.
fn store() -> Embedded {
    let mut store = Embedded::in_memory().unwrap();
    commit(&mut store, |ledger| {
        found_cluster(ledger.catalog(), "c-1", NOW)
    });
    add_network(&mut store, "blue", "100");
    add_network(&mut store, "green", "200");
    add_token(&mut store);
    add_event(&mut store);
    store
}

fn catalog(store: &Embedded) -> Catalog {
    load_catalog(&store.reader()).unwrap().0
}

/// All keys and values.
fn content(store: &Embedded) -> Vec<(String, Vec<u8>)> {
    let mut entries = Vec::new();
    let mut visit = |key: &str, value: &[u8]| entries.push((key.to_owned(), value.to_vec()));
    store.reader().dump(&mut visit).unwrap();
    entries
}

async fn bytes(store: &Embedded) -> Vec<u8> {
    let header = Header::of(&catalog(store), NOW);
    let chunks: Vec<_> = stream(store.reader(), header).try_collect().await.unwrap();
    chunks.concat()
}

struct Files {
    directory: TempDir,
}

impl Files {
    fn new() -> Self {
        Self {
            directory: TempDir::new().unwrap(),
        }
    }

    fn file(&self, content: &[u8]) -> PathBuf {
        let path = self.directory.path().join("backup");
        fs::File::create(&path).unwrap().write_all(content).unwrap();
        path
    }
}

fn restored(file: &Path, force: bool, store: &mut Embedded) -> Result<(), RestoreError> {
    restored_at(LATER, file, force, store)
}

fn restored_at(
    now: Timestamp,
    file: &Path,
    force: bool,
    store: &mut Embedded,
) -> Result<(), RestoreError> {
    restore_into(store, verify(file)?, force, now).map(drop)
}

/// The number of the epoch and the revision.
fn place(store: &Embedded) -> (u64, u64) {
    let catalog = catalog(store);
    (
        catalog.cluster().unwrap().epoch.number(),
        catalog.revision().number(),
    )
}

#[tokio::test]
async fn what_is_restored_is_what_was_backed_up_in_a_new_epoch() {
    let (original, files) = (store(), Files::new());
    let file = files.file(&bytes(&original).await);
    let mut copy = Embedded::in_memory().unwrap();
    restored(&file, false, &mut copy).unwrap();
    let (before, after) = (catalog(&original), catalog(&copy));
    assert_eq!(
        before.networks().collect::<Vec<_>>(),
        after.networks().collect::<Vec<_>>()
    );
    let (old, new) = (before.cluster().unwrap(), after.cluster().unwrap());
    assert_eq!(old.id, new.id);
    assert_eq!(
        (old.epoch.number(), new.epoch.number()),
        (0, LATER.unix_seconds())
    );
    assert_eq!(new.since, LATER);
    // Records as well, and nothing but the epoch's own is new.
    let (before, after) = (content(&original), content(&copy));
    let missing: Vec<_> = before
        .iter()
        .filter(|entry| !after.contains(entry))
        .collect();
    assert_eq!(missing.len(), 1, "{missing:?}");
    assert_eq!(missing[0].0, "/trunkline/v1/cluster");
}

#[tokio::test]
async fn no_revision_of_the_lost_time_is_used_again() {
    let (mut original, files) = (store(), Files::new());
    let file = files.file(&bytes(&original).await);
    for number in 1..100 {
        add_network(
            &mut original,
            &format!("lost{number}"),
            &format!("{}", 300 + number),
        );
    }
    let lost = catalog(&original).revision();
    restored(&file, true, &mut original).unwrap();
    assert!(catalog(&original).revision() > lost);
    // Each of several restores leaves the ones before behind.
    let once = catalog(&original).revision();
    let file = files.file(&bytes(&original).await);
    restored(&file, true, &mut original).unwrap();
    assert!(catalog(&original).revision() > once);
    let epoch = catalog(&original).cluster().unwrap().epoch.number();
    assert_eq!(epoch, LATER.unix_seconds() + 1, "though in the same second");
}

#[tokio::test]
async fn a_back_up_restored_twice_begins_two_epochs_that_share_no_revision() {
    let (original, files) = (store(), Files::new());
    let file = files.file(&bytes(&original).await);
    let mut target = Embedded::in_memory().unwrap();
    restored(&file, false, &mut target).unwrap();
    let first = place(&target);
    add_network(&mut target, "seen", "300");
    let seen = place(&target).1;
    // Over what the first one left, in the same second; and elsewhere, a second later.
    restored(&file, true, &mut target).unwrap();
    let second = place(&target);
    assert!(
        second.0 > first.0 && second.1 > seen,
        "{first:?} {second:?}"
    );
    let mut elsewhere = Embedded::in_memory().unwrap();
    restored_at(LATER.after(1), &file, false, &mut elsewhere).unwrap();
    let third = place(&elsewhere);
    assert!(third.0 > first.0 && third.1 > seen, "{first:?} {third:?}");
}

#[tokio::test]
async fn an_old_back_up_over_a_newer_epoch_begins_a_newer_one() {
    let (mut original, files) = (store(), Files::new());
    let old = files.file(&bytes(&original).await);
    for _ in 0..3 {
        restored(&old, true, &mut original).unwrap();
        add_network(&mut original, "lost", "300");
    }
    let before = place(&original);
    // Whatever the clock says.
    let past = Timestamp::from_unix_seconds(5);
    restored_at(past, &old, true, &mut original).unwrap();
    let after = place(&original);
    assert!(
        after.0 > before.0 && after.1 > before.1,
        "{before:?} {after:?}"
    );
    // JSON's numbers are exact up to there.
    assert!(after.1 < 1 << 53, "{after:?}");
}

#[tokio::test]
async fn what_is_damaged_can_be_restored_over_when_forced_only() {
    let (original, files) = (store(), Files::new());
    let file = files.file(&bytes(&original).await);
    let mut damaged = store();
    let key = "/trunkline/v1/networks/red".to_owned();
    let mut entries = [Ok((key, b"{}".to_vec()))].into_iter();
    damaged
        .replace(Revision::new(1 << 52), &mut entries)
        .unwrap();
    let refused = restored(&file, false, &mut damaged).unwrap_err();
    assert!(
        matches!(refused, RestoreError::Store(StoreError::Damaged(_))),
        "{refused}"
    );
    restored(&file, true, &mut damaged).unwrap();
    assert!(place(&damaged).1 > 1 << 52);
}

#[tokio::test]
async fn a_spoiled_value_is_the_back_ups_own_and_not_the_stores() {
    let (original, files) = (store(), Files::new());
    let text = String::from_utf8(bytes(&original).await).unwrap();
    let spoiled = text.replace("\"vlan\":200", "\"vlan\":9200");
    assert_ne!(text, spoiled);
    let error = verify(&files.file(spoiled.as_bytes())).unwrap_err();
    let told = trunkline_types::chain(&error);
    assert!(matches!(error, ReadError::Value { .. }), "{told}");
    assert!(
        told.contains("use another back-up") && !told.contains("store"),
        "{told}"
    );
}

#[tokio::test]
async fn a_store_with_something_in_it_is_not_restored_over_unless_forced() {
    let (original, files) = (store(), Files::new());
    let file = files.file(&bytes(&original).await);
    let mut other = Embedded::in_memory().unwrap();
    commit(&mut other, |ledger| {
        found_cluster(ledger.catalog(), "c-2", NOW)
    });
    add_network(&mut other, "red", "300");
    let before = content(&other);
    let error = restored(&file, false, &mut other).unwrap_err().to_string();
    assert!(
        error.contains("1 network(s)") && error.contains("--force"),
        "{error}"
    );
    assert_eq!(content(&other), before);
    restored(&file, true, &mut other).unwrap();
    assert_eq!(catalog(&other).cluster().unwrap().id, "c-1");
    assert!(catalog(&other).network(&"red".parse().unwrap()).is_none());
}

#[tokio::test]
async fn a_store_that_netmaster_only_started_on_counts_as_empty() {
    let (original, files) = (store(), Files::new());
    let file = files.file(&bytes(&original).await);
    let mut other = Embedded::in_memory().unwrap();
    commit(&mut other, |ledger| {
        found_cluster(ledger.catalog(), "c-2", NOW)
    });
    restored(&file, false, &mut other).unwrap();
    assert_eq!(catalog(&other).cluster().unwrap().id, "c-1");
}

#[tokio::test]
async fn a_back_up_of_any_other_length_or_content_is_refused_and_changes_nothing() {
    let (original, files) = (store(), Files::new());
    let whole = bytes(&original).await;
    let mut target = store();
    let before = content(&target);
    let mut refuse = |bytes: &[u8], what: &str| {
        let file = files.file(bytes);
        assert!(verify(&file).is_err(), "{what}");
        assert!(restored(&file, true, &mut target).is_err(), "{what}");
    };
    for length in 0..whole.len() {
        refuse(&whole[..length], &format!("cut after {length} bytes"));
    }
    for place in 0..whole.len() {
        let mut altered = whole.clone();
        altered[place] ^= 1;
        refuse(&altered, &format!("byte {place} altered"));
    }
    let mut lines: Vec<_> = whole.split_inclusive(|byte| *byte == b'\n').collect();
    for place in 1..lines.len() {
        lines.swap(place - 1, place);
        refuse(&lines.concat(), &format!("line {place} comes later"));
        lines.swap(place - 1, place);
    }
    refuse(&[whole.as_slice(), b"{}\n"].concat(), "something behind it");
    refuse(&[whole.as_slice(), whole.as_slice()].concat(), "twice");
    assert_eq!(content(&target), before);
}

#[tokio::test]
async fn a_file_of_another_kind_or_a_newer_netmaster_is_named_as_such() {
    let files = Files::new();
    let foreign = verify(&files.file(b"hello\nworld\n")).unwrap_err();
    assert!(matches!(foreign, ReadError::Foreign { .. }), "{foreign}");
    let newer = verify(&files.file(b"{\"trunkline_backup\":2,\"all\":\"new\"}\n")).unwrap_err();
    assert!(
        matches!(newer, ReadError::Newer { found: 2, .. }),
        "{newer}"
    );
    let absent = verify(Path::new("/nonexistent/backup")).unwrap_err();
    assert!(matches!(absent, ReadError::File { .. }), "{absent}");
}

/// Counts what is taken from it, and never ends.
struct Endless(u64);

impl Read for Endless {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        buffer.fill(b' ');
        self.0 += buffer.len() as u64;
        Ok(buffer.len())
    }
}

#[test]
fn a_line_without_end_is_read_no_further_than_a_line_can_be_long() {
    let header = br#"{"trunkline_backup":1,"made":1,"by":"","cluster":"","epoch":0}"#;
    for begin in [&b""[..], header, &[&header[..], b"\n{\"key\":\""].concat()] {
        let mut endless = Endless(0);
        let file = BufReader::new(begin.chain(&mut endless));
        let error = check("x".as_ref(), file).unwrap_err();
        assert!(
            matches!(
                error,
                ReadError::Foreign { .. } | ReadError::Damaged { line: 2, .. }
            ),
            "{error}"
        );
        assert!(endless.0 < 2 << 20, "{}", endless.0);
    }
}

#[test]
fn a_last_change_beyond_all_numbers_is_refused() {
    let header = "{\"trunkline_backup\":1,\"made\":1,\"by\":\"\",\"cluster\":\"\",\"epoch\":0}\n";
    for (revision, good) in [(1 << 53, true), ((1 << 53) + 1, false), (u64::MAX, false)] {
        let last = end(header.as_bytes(), 0, revision);
        let whole = [header.as_bytes(), &last].concat();
        let read = check("x".as_ref(), whole.as_slice());
        assert_eq!(read.is_ok(), good, "{revision}");
    }
}

#[tokio::test]
async fn a_back_up_is_one_moment_of_the_store() {
    let (mut original, files) = (store(), Files::new());
    let header = Header::of(&catalog(&original), NOW);
    let mut chunks = Box::pin(stream(original.reader(), header));
    // The store goes on while it is read; the small back-up fits its first chunk, which is there.
    let first = chunks.try_next().await.unwrap().unwrap();
    add_network(&mut original, "later", "300");
    let rest: Vec<_> = chunks.try_collect().await.unwrap();
    let whole = [vec![first], rest].concat().concat();
    let (_, catalog) = verify(&files.file(&whole)).unwrap();
    assert!(catalog.network(&"later".parse().unwrap()).is_none());
    assert!(catalog.network(&"green".parse().unwrap()).is_some());
}
