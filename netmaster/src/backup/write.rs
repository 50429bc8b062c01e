//! A back-up as it goes over the wire.

use std::io;
use std::time::Duration;

use bytes::Bytes;
use futures_util::{Stream, stream};
use serde::Serialize;
use serde_json::value::RawValue;
use tokio::runtime::Handle;
use tokio::sync::mpsc;
use tokio::time::timeout;
use tracing::{info, warn};
use trunkline_ipam::{Catalog, Revision, Timestamp};
use trunkline_types::chain;

use super::form::{Checksum, Entry, Header, Trailer, VERSION};
use crate::store::Reader;

/// How many bytes are sent at a time.
const CHUNK: usize = 64 << 10;

/// How many of them may wait for the receiver.
const CHUNKS: usize = 8;

/// How long the receiver may take for one. It holds a snapshot of the store meanwhile, which
/// keeps the store from reusing space.
const PATIENCE: Duration = Duration::from_secs(30);

impl Header {
    /// The header of a back-up of `catalog`.
    pub(crate) fn of(catalog: &Catalog, now: Timestamp) -> Self {
        let cluster = catalog.cluster();
        Self {
            trunkline_backup: VERSION,
            made: now.unix_seconds(),
            by: env!("CARGO_PKG_VERSION").to_owned(),
            cluster: cluster
                .map(|cluster| cluster.id.clone())
                .unwrap_or_default(),
            epoch: cluster.map_or(0, |cluster| cluster.epoch.number()),
        }
    }
}

/// All that is in the store at one moment, in chunks. An error ends it, and so does a receiver
/// that does not receive; then the last line is missing.
pub(crate) fn stream(reader: Reader, header: Header) -> impl Stream<Item = io::Result<Bytes>> {
    let (chunks, receiver) = mpsc::channel(CHUNKS);
    let runtime = Handle::current();
    // Reading the store blocks. The thread ends when all is read, at the latest.
    tokio::task::spawn_blocking(move || {
        let mut writer = Writer {
            chunks,
            runtime,
            buffer: Vec::with_capacity(CHUNK),
            checksum: Checksum::new(),
            entries: 0,
            failure: None,
        };
        writer.write(&reader, &header);
        if let Some(failure) = writer.failure {
            warn!(error = chain(&failure), "back-up broke off");
            let _ = writer.chunks.blocking_send(Err(failure));
        }
    });
    stream::unfold(receiver, |mut receiver| async move {
        receiver.recv().await.map(|chunk| (chunk, receiver))
    })
}

struct Writer {
    chunks: mpsc::Sender<io::Result<Bytes>>,
    runtime: Handle,
    buffer: Vec<u8>,
    checksum: Checksum,
    entries: u64,
    /// Once there is one, nothing more is written.
    failure: Option<io::Error>,
}

impl Writer {
    fn write(&mut self, reader: &Reader, header: &Header) {
        self.line(header);
        let read = reader.dump(&mut |key, value| self.entry(key, value));
        match read {
            Ok(position) => self.end(position.revision()),
            Err(error) => self.failure = Some(io::Error::other(error)),
        }
    }

    fn entry(&mut self, key: &str, value: &[u8]) {
        if self.failure.is_some() {
            return;
        }
        match serde_json::from_slice::<&RawValue>(value) {
            Ok(value) => {
                self.line(&Entry { key, value });
                self.entries += 1;
            }
            Err(error) => self.failure = Some(error.into()),
        }
    }

    fn end(&mut self, revision: Revision) {
        let entries = self.entries;
        let trailer = Trailer { entries, revision };
        let line = trailer.line(self.checksum.clone());
        self.buffer.extend_from_slice(line.as_bytes());
        self.flush();
        if self.failure.is_none() {
            info!(
                entries = self.entries,
                revision = revision.number(),
                "back-up written"
            );
        }
    }

    fn line(&mut self, line: &impl Serialize) {
        if self.failure.is_some() {
            return;
        }
        let start = self.buffer.len();
        if let Err(error) = serde_json::to_writer(&mut self.buffer, line) {
            self.failure = Some(error.into());
            return;
        }
        self.buffer.push(b'\n');
        self.checksum.add(&self.buffer[start..]);
        if self.buffer.len() >= CHUNK {
            self.flush();
        }
    }

    fn flush(&mut self) {
        let chunk = std::mem::replace(&mut self.buffer, Vec::with_capacity(CHUNK));
        let sent = self
            .runtime
            .block_on(timeout(PATIENCE, self.chunks.send(Ok(chunk.into()))));
        let why = match sent {
            Ok(Ok(())) => return,
            Ok(Err(_)) => io::Error::other("the receiver has gone"),
            Err(_) => io::Error::other("the receiver does not receive"),
        };
        self.failure = self.failure.take().or(Some(why));
    }
}
