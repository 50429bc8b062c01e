//! `netmaster restore`: put a back-up into a store, and begin a new epoch.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use clap::Args;

use trunkline_ipam::{
    Catalog, Change, Edit, Epoch, Key, Kind, Object, Revision, Timestamp, begin_epoch,
};

use super::read::{ReadError, Verified, verify};
use crate::args::{ConfigError, StoreArgs};
use crate::clock::now;
use crate::server::open_store;
use crate::store::{Batch, Reader, Store, StoreError, decode, is_own};

/// By how much a restored store's revision is ahead of those that are known. Changes that were made
/// after the back-up have numbers too, and no number may be used twice: a watch that resumes after
/// one of them has to be told that it cannot. 2^53, up to which JSON's numbers are exact everywhere,
/// leaves room for more than a million restores; a back-up beyond that is not read.
const LEAP: u64 = 1 << 32;

/// How far revisions move on with each second of the clock, far more than a store makes: so two
/// restores of one back-up into empty stores, which know nothing of each other, share no number.
const PER_SECOND: u64 = 1 << 20;

/// Up to which time the clock counts, the year 2106: one that is wrong must not use up the numbers.
const CLOCK: u64 = 1 << 32;

/// The flags of `netmaster restore`.
#[derive(Clone, Debug, Args)]
pub struct RestoreArgs {
    /// The back-up
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// Replace what is in the store
    #[arg(long)]
    force: bool,
    #[command(flatten)]
    store: StoreArgs,
}

/// Why nothing is restored.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RestoreError {
    /// The back-up cannot be used.
    #[error("the back-up cannot be used")]
    Backup(#[from] ReadError),
    /// There is something in the store.
    #[error(
        "the store is not empty: it has {content}, at revision {revision}. Restore into an empty \
         store, or give all that up with `--force`"
    )]
    NotEmpty {
        /// How many of each kind.
        content: String,
        /// The number of the last change.
        revision: Revision,
    },
    /// The flags do not name a store.
    #[error(transparent)]
    Flags(#[from] ConfigError),
    /// The store fails.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// What was restored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Restored {
    cluster: String,
    epoch: u64,
    revision: Revision,
    /// How many keys were written.
    entries: u64,
    /// How many nodes have to report before their racks' subnets hand out again.
    nodes: usize,
}

impl Restored {
    fn summary(&self, file: &Path) -> String {
        format!(
            "{}: {} entries restored; cluster {} is in epoch {} now, at revision {}\n\
             {} node(s) have to report before the subnets of their racks hand out addresses: \
             start netmaster, and see `netctl status`",
            file.display(),
            self.entries,
            self.cluster,
            self.epoch,
            self.revision,
            self.nodes,
        )
    }
}

/// Puts a back-up into the store that `args` name, and answers in a few lines what that was.
///
/// # Errors
///
/// [`RestoreError`] if the back-up or the store cannot be used, or the store is not empty and
/// `--force` is not given; then nothing has changed. After an error in between, the store is as it
/// was, or netmaster refuses to start on it until the back-up is restored once more.
pub async fn restore(args: RestoreArgs) -> Result<String, RestoreError> {
    let RestoreArgs { file, force, store } = args;
    let config = store.config()?;
    // Before the store is opened, which would create one.
    let path = file.clone();
    let verified = tokio::task::spawn_blocking(move || verify(&path));
    let backup = verified.await.map_err(|_| StoreError::Broken)??;
    let mut alone = open_store(config).await?.alone().await?;
    let done = tokio::task::spawn_blocking(move || {
        let restored = restore_into(alone.store.as_mut(), backup, force, now());
        (alone, restored)
    });
    let (alone, restored) = done.await.map_err(|_| StoreError::Broken)?;
    // Only now: until here nobody else may write.
    alone.resign().await;
    Ok(restored?.summary(&file))
}

/// Replaces what is in `store` by what is in the back-up, in a new epoch. Blocks.
pub(super) fn restore_into(
    store: &mut dyn Store,
    (backup, mut catalog): (Verified, Catalog),
    force: bool,
    now: Timestamp,
) -> Result<Restored, RestoreError> {
    let found = examine(&store.reader(), force)?;
    if !force {
        found.check_empty()?;
    }
    let known = backup.trailer.revision.max(found.revision).number();
    let clock = now.unix_seconds().min(CLOCK) * PER_SECOND;
    let leapt = Revision::new(known.saturating_add(LEAP).max(clock));
    catalog.apply(&Change::new(leapt, Vec::new()));
    let epoch = begin_epoch(&catalog, found.epoch, now);
    // Together with the rest, so that a crash cannot leave a restored store in its old epoch.
    let mut edits = Batch::on(leapt);
    edits.add(&epoch)?;
    let edits: BTreeMap<String, Option<Vec<u8>>> = edits
        .values()
        .map(|(key, value)| (key.to_owned(), value.map(<[u8]>::to_vec)))
        // The store's own keys it writes itself.
        .filter(|(key, _)| !is_own(key))
        .collect();
    let mut entries = merged(&backup, edits)?;
    let mut count = 0;
    let mut counted = std::iter::from_fn(|| {
        let next = entries.next();
        count += u64::from(next.is_some());
        next
    });
    let position = store.replace(epoch.revision(), &mut counted)?;
    let (id, number) = epoch
        .edits()
        .iter()
        .find_map(|edit| match edit {
            Edit::Put(Object::Cluster(cluster)) => {
                Some((cluster.id.clone(), cluster.epoch.number()))
            }
            _ => None,
        })
        .unwrap_or((backup.header.cluster.clone(), backup.header.epoch));
    Ok(Restored {
        cluster: id,
        epoch: number,
        revision: position.revision(),
        entries: count,
        nodes: catalog.nodes().count(),
    })
}

/// The back-up's entries with `edits` made to them, in the order of keys.
fn merged(
    backup: &Verified,
    mut edits: BTreeMap<String, Option<Vec<u8>>>,
) -> Result<impl Iterator<Item = Result<(String, Vec<u8>), StoreError>>, ReadError> {
    let mut entries = backup.entries()?.peekable();
    Ok(std::iter::from_fn(move || {
        loop {
            let next = match entries.peek() {
                Some(Ok((key, _))) => Some(key),
                Some(Err(_)) => {
                    return entries
                        .next()
                        .map(|entry| entry.map_err(StoreError::content));
                }
                None => None,
            };
            let edit_first = match (next, edits.first_key_value()) {
                (Some(key), Some((edited, _))) => edited <= key,
                (None, Some(_)) => true,
                (_, None) => false,
            };
            if !edit_first {
                return entries
                    .next()
                    .map(|entry| entry.map_err(StoreError::content));
            }
            let (key, value) = edits.pop_first()?;
            if matches!(entries.peek(), Some(Ok((same, _))) if *same == key) {
                entries.next();
            }
            if let Some(value) = value {
                return Some(Ok((key, value)));
            }
        }
    }))
}

/// What there is in a store before it is replaced.
#[derive(Debug, Default)]
struct Found {
    epoch: Epoch,
    revision: Revision,
    counts: BTreeMap<Kind, u64>,
}

/// Looks at all that is in a store. With `force`, what cannot be read does not count.
fn examine(reader: &Reader, force: bool) -> Result<Found, RestoreError> {
    let mut found = Found::default();
    let mut damage = None;
    let read = reader.dump(&mut |key, value| match decode(key, value) {
        Ok(object) => {
            *found.counts.entry(object.key().kind()).or_default() += 1;
            if let Object::Cluster(cluster) = object {
                found.epoch = cluster.epoch;
            }
        }
        Err(error) => damage = damage.take().or(Some(StoreError::from(error))),
    });
    match read {
        Ok(position) => found.revision = position.revision(),
        // What another restore has left behind is nothing to lose.
        Err(StoreError::Incomplete) => return Ok(found),
        Err(error @ StoreError::Damaged(_)) => damage = Some(error),
        Err(error) => return Err(error.into()),
    }
    match damage {
        Some(damage) if !force => Err(damage.into()),
        _ => Ok(found),
    }
}

impl Found {
    /// What netmaster writes when it first starts on an empty store does not count.
    fn check_empty(&self) -> Result<(), RestoreError> {
        let counted = self.counts.iter();
        let content: Vec<_> = counted
            .filter(|(kind, _)| **kind != Key::Cluster.kind())
            .map(|(kind, count)| format!("{count} {kind}(s)"))
            .collect();
        if content.is_empty() {
            return Ok(());
        }
        Err(RestoreError::NotEmpty {
            content: content.join(", "),
            revision: self.revision,
        })
    }
}
