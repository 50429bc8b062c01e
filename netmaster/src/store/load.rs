//! Reading all objects into memory, which is what a start takes its time for.
//!
//! ```text
//! reader ──► pages ──► decoders, one a core ──► objects ──► the catalog in the making
//! ```

use std::num::NonZero;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use trunkline_ipam::{Catalog, Loading, Object};

use super::{Page, Position, Reader, StoreError, codec};

/// How many values are decoded in one go.
const CHUNK: usize = 1024;

/// Reads all objects that are kept in memory, and checks that they agree with each other. Blocks.
///
/// # Errors
///
/// [`StoreError`] if they cannot be read, or do not agree.
pub fn load_catalog(reader: &Reader) -> Result<(Catalog, Position), StoreError> {
    // Decoding takes longer than reading, so all cores share in it.
    let decoders = thread::available_parallelism().map_or(1, NonZero::get);
    // As much as is decoded at a time waits at most: what is not yet in the catalog takes more
    // memory than what is.
    let (pages, incoming) = sync_channel(decoders);
    let (decoded, objects) = sync_channel(decoders);
    // Gone with the last decoder, so that the reader does not wait for them in vain.
    let incoming = Arc::new(Mutex::new(incoming));
    thread::scope(|scope| {
        let reading = scope.spawn(move || read(reader, &pages));
        for _ in 0..decoders {
            let (incoming, decoded) = (incoming.clone(), decoded.clone());
            scope.spawn(move || decode_all(&incoming, &decoded));
        }
        drop((incoming, decoded));
        let loaded = load(&objects);
        // Those who still have something to tell end.
        drop(objects);
        let position = reading.join().map_err(|_| StoreError::Broken)??;
        Ok((loaded?.finish(position.revision)?, position))
    })
}

/// Reads everything, in the order of keys, until nobody takes it any more.
fn read(reader: &Reader, pages: &SyncSender<Page>) -> Result<Position, StoreError> {
    let mut page = Page::with_capacity(CHUNK);
    let position = reader.load(&mut |key, value| {
        page.push((key.to_owned(), value.to_vec()));
        if page.len() == CHUNK {
            // Whoever does not take it has failed, and says so.
            let _ = pages.send(std::mem::replace(&mut page, Page::with_capacity(CHUNK)));
        }
    });
    let _ = pages.send(page);
    position
}

/// Decodes what comes, until nobody wants it any more.
fn decode_all(
    incoming: &Mutex<Receiver<Page>>,
    decoded: &SyncSender<Result<Vec<Object>, StoreError>>,
) {
    let next = || {
        let incoming = incoming.lock().unwrap_or_else(PoisonError::into_inner);
        incoming.recv().ok()
    };
    while let Some(page) = next() {
        let objects = page
            .iter()
            .map(|(key, value)| Ok(codec::decode(key, value)?))
            .collect();
        if decoded.send(objects).is_err() {
            break;
        }
    }
}

fn load(objects: &Receiver<Result<Vec<Object>, StoreError>>) -> Result<Loading, StoreError> {
    let mut loading = Loading::default();
    for objects in objects {
        objects?.into_iter().for_each(|object| loading.add(object));
    }
    Ok(loading)
}
