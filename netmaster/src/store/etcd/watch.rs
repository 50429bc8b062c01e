//! Batches as they come from etcd.
//!
//! A batch is one transaction, and so one revision of etcd; the revision's key is in each, and
//! tells ours. A watch that breaks is opened again at another member, after the last batch that was
//! returned. So that a connection on which nothing comes is not taken for a store in which nothing
//! happens, a silent watch asks for a sign of life.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use etcd_client::{Client, Event, EventType, WatchOptions, WatchResponse, WatchStream};
use tokio::time::{sleep, timeout};
use tracing::debug;
use trunkline_types::chain;

use super::connection::{ANSWER, Connection, PAUSE, Patience};
use super::paths::Paths;
use crate::store::{Position, StoreError, StoredBatch, WatchError, codec, keys};

/// After how much silence a sign of life is asked for, and how long that may take.
const SILENCE: Duration = Duration::from_secs(2);

/// Batches of the store in etcd as they are written.
#[derive(Debug)]
pub struct Watch {
    connection: Arc<Connection>,
    paths: Paths,
    /// The last batch that is in `ready`, or was returned.
    read: Position,
    stream: Option<Open>,
    /// Batches that have come and were not yet returned.
    ready: VecDeque<StoredBatch>,
}

#[derive(Debug)]
struct Open {
    /// To move on from the member with.
    term: u64,
    stream: WatchStream,
    /// A sign of life was asked for, and nothing has come since.
    asked: bool,
}

impl Watch {
    pub(super) fn new(connection: Arc<Connection>, paths: Paths, position: Position) -> Self {
        Self {
            connection,
            paths,
            read: position,
            stream: None,
            ready: VecDeque::new(),
        }
    }

    /// Cancel-safe: what has come is kept until it is returned.
    pub(in crate::store) async fn next(&mut self) -> Result<StoredBatch, WatchError> {
        loop {
            if let Some(batch) = self.ready.pop_front() {
                return Ok(batch);
            }
            let stream = match &mut self.stream {
                Some(stream) => stream,
                None => {
                    let stream = open(&self.connection, &self.paths, self.read).await?;
                    self.stream.insert(stream)
                }
            };
            let failure = match timeout(SILENCE, stream.stream.message()).await {
                Ok(Ok(Some(response))) => {
                    stream.asked = false;
                    self.take(&response)?;
                    continue;
                }
                Ok(Ok(None)) => "the watch was closed".to_owned(),
                Ok(Err(error)) => chain(&error),
                Err(_) if stream.asked => "the watch is silent".to_owned(),
                Err(_) => match stream.stream.request_progress().await {
                    Ok(()) => {
                        stream.asked = true;
                        continue;
                    }
                    Err(error) => chain(&error),
                },
            };
            self.close(&failure);
            sleep(PAUSE).await;
        }
    }

    /// Goes on at another member, at the next call.
    fn close(&mut self, failure: &str) {
        if let Some(open) = self.stream.take() {
            debug!(
                error = failure,
                "watch broken; opening it at another member"
            );
            self.connection.move_on(open.term);
        }
    }

    fn take(&mut self, response: &WatchResponse) -> Result<(), WatchError> {
        if response.compact_revision() > 0 {
            self.stream = None;
            return Err(self.compacted());
        }
        if response.canceled() {
            // The token has run out, for one. A new connection asks for a new one.
            let reason = response.cancel_reason();
            self.close(reason);
            let source = reason.into();
            return Err(StoreError::EtcdRefused { source }.into());
        }
        // Events come in the order of etcd's revisions, and those of one come together.
        let mark = |event: &Event| event.kv().map_or(0, |kv| kv.mod_revision());
        for events in response.events().chunk_by(|a, b| mark(a) == mark(b)) {
            let batch = self.batch(mark(&events[0]), events)?;
            self.read = batch.to;
            self.ready.push_back(batch);
        }
        Ok(())
    }

    fn batch(&self, mark: i64, events: &[Event]) -> Result<StoredBatch, WatchError> {
        let mut revision = None;
        let mut values = Vec::with_capacity(events.len());
        for event in events {
            let Some(kv) = event.kv() else { continue };
            let key = self.paths.key(kv.key()).ok_or(StoreError::Foreign)?;
            let value = match event.event_type() {
                EventType::Put => Some(kv.value()),
                EventType::Delete => None,
            };
            match value {
                Some(value) if key == keys::REVISION => {
                    revision = Some(codec::decode_revision(value).map_err(StoreError::from)?);
                }
                _ => values.push((key, value.map(<[u8]>::to_vec))),
            }
        }
        // What has no revision of ours, or an old one, was not written by a leader: a back-up is
        // being restored, or there are other hands. What it does is seen by loading everything.
        let revision = revision.filter(|revision| *revision > self.read.revision);
        let revision = revision.ok_or_else(|| self.compacted())?;
        values.sort();
        Ok(StoredBatch {
            from: self.read.revision,
            to: Position { revision, mark },
            values,
        })
    }

    fn compacted(&self) -> WatchError {
        WatchError::Compacted {
            after: self.read.revision,
        }
    }
}

/// Opens a watch of all that follows `position`, at the first member that can.
async fn open(
    connection: &Connection,
    paths: &Paths,
    position: Position,
) -> Result<Open, StoreError> {
    let open = |client: Client| {
        let options = WatchOptions::new()
            .with_prefix()
            .with_start_revision(position.mark + 1);
        let mut watches = client.watch_client().max_decoding_message_size(ANSWER);
        let key = paths.objects();
        async move { watches.watch(key, Some(options)).await }
    };
    let answered = connection.ask(Patience::REQUEST, open).await?;
    Ok(Open {
        term: answered.term,
        stream: answered.answer,
        asked: false,
    })
}
