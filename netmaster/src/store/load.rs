//! Reading all objects into memory, which is what a start takes its time for.

use std::num::NonZero;
use std::sync::mpsc::{Receiver, sync_channel};
use std::sync::{Mutex, PoisonError};
use std::thread;

use trunkline_ipam::{Catalog, Object};

use super::{Page, Position, Reader, StoreError, codec};

/// How many values are decoded in one go.
const CHUNK: usize = 4096;

/// Reads all objects that are kept in memory, and checks that they agree with each other. Blocks.
///
/// # Errors
///
/// [`StoreError`] if they cannot be read, or do not agree.
pub fn load_catalog(reader: &Reader) -> Result<(Catalog, Position), StoreError> {
    // Decoding takes longer than reading, so all cores share in it.
    let decoders = thread::available_parallelism().map_or(1, NonZero::get);
    let (chunks, incoming) = sync_channel(decoders);
    let incoming = Mutex::new(incoming);
    thread::scope(|scope| {
        let decoders: Vec<_> = (0..decoders)
            .map(|_| scope.spawn(|| decode_all(&incoming)))
            .collect();
        let mut chunk = Page::with_capacity(CHUNK);
        let position = reader.load(&mut |key, value| {
            chunk.push((key.to_owned(), value.to_vec()));
            if chunk.len() == CHUNK {
                // The decoders take everything, and outlive this.
                let _ = chunks.send(std::mem::take(&mut chunk));
            }
        });
        let _ = chunks.send(chunk);
        drop(chunks);
        let mut objects = Vec::new();
        for decoder in decoders {
            objects.append(&mut decoder.join().map_err(|_| StoreError::Broken)??);
        }
        let position = position?;
        Ok((Catalog::load(position.revision, objects)?, position))
    })
}

/// Decodes what comes; after an error, it only takes it.
fn decode_all(incoming: &Mutex<Receiver<Page>>) -> Result<Vec<Object>, StoreError> {
    let mut objects = Ok(Vec::new());
    let next = || {
        let incoming = incoming.lock().unwrap_or_else(PoisonError::into_inner);
        incoming.recv().ok()
    };
    while let Some(chunk) = next() {
        for (key, value) in chunk {
            let Ok(decoded) = &mut objects else { break };
            match codec::decode(&key, &value) {
                Ok(object) => decoded.push(object),
                Err(error) => objects = Err(error.into()),
            }
        }
    }
    objects
}
