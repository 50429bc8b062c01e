//! Watches, which survive the connection they run on.

use std::marker::PhantomData;

use reqwest::{Method, Response};

use super::{Client, ClientError, Query};
use crate::{Resource, WatchEvent};

/// The longest line of a watch, in bytes; an object is far smaller.
const LINE: usize = 8 << 20;

/// What changes about objects, line by line.
///
/// When [`Watch::next`] fails, it may be called again: it connects anew, and resumes where it was.
/// Without a revision to resume from, it begins with how the objects are, as puts and a bookmark.
#[derive(Debug)]
pub struct Watch<T> {
    client: Client,
    query: Query,
    after: Option<u64>,
    connection: Option<Connection>,
    kind: PhantomData<fn() -> T>,
}

#[derive(Debug)]
struct Connection {
    response: Response,
    /// What has come of the lines to come.
    pending: Vec<u8>,
    /// How much of it is known to have no end of line.
    searched: usize,
}

impl<T: Resource> Watch<T> {
    pub(super) fn new(client: Client, query: Query, after: Option<u64>) -> Self {
        Self {
            client,
            query,
            after,
            connection: None,
            kind: PhantomData,
        }
    }

    /// The revision that the watch would resume from; none while its first list is not complete.
    #[must_use]
    pub fn after(&self) -> Option<u64> {
        self.after
    }

    /// The next line. Cancel-safe: what has come is kept.
    ///
    /// # Errors
    ///
    /// [`ClientError`] if netmaster cannot be reached, goes away or refuses; with
    /// [`ErrorCode::RevisionCompacted`](crate::ErrorCode::RevisionCompacted) the next call begins
    /// anew, with how the objects are.
    pub async fn next(&mut self) -> Result<WatchEvent<T>, ClientError> {
        let connection = match &mut self.connection {
            Some(connection) => connection,
            none => {
                let opened = Connection::open::<T>(&self.client, &self.query, self.after).await;
                match opened {
                    Ok(connection) => none.insert(connection),
                    Err(error) => return Err(self.broken(error)),
                }
            }
        };
        let event = match connection.line(&self.client).await {
            Ok(line) => self.client.parse(&line),
            Err(error) => Err(error),
        };
        let refused = match event {
            Ok(WatchEvent::Error { problem }) => ClientError::Refused(problem),
            Ok(event) => {
                if let Some(revision) = event.revision().filter(|revision| *revision > 0) {
                    self.after = Some(revision);
                }
                return Ok(event);
            }
            Err(error) => error,
        };
        Err(self.broken(refused))
    }

    /// Forgets the connection, and with what is too old also where it was.
    fn broken(&mut self, error: ClientError) -> ClientError {
        self.connection = None;
        if error.is_compacted() {
            self.after = None;
        }
        error
    }
}

impl Connection {
    async fn open<T: Resource>(
        client: &Client,
        query: &Query,
        after: Option<u64>,
    ) -> Result<Self, ClientError> {
        let mut parameters = query.parameters();
        parameters.push(("watch", "true".to_owned()));
        parameters.extend(after.map(|after| ("after", after.to_string())));
        // No deadline for the whole of it: every read has one.
        let request = client.request(Method::GET, &["v1", T::PATH]);
        let response = client.send(request.query(&parameters)).await?;
        Ok(Self {
            response,
            pending: Vec::new(),
            searched: 0,
        })
    }

    /// The next line, without its end.
    async fn line(&mut self, client: &Client) -> Result<Vec<u8>, ClientError> {
        loop {
            let rest = self.pending.get(self.searched..).unwrap_or_default();
            if let Some(end) = rest.iter().position(|byte| *byte == b'\n') {
                let after = self.pending.split_off(self.searched + end + 1);
                let line = std::mem::replace(&mut self.pending, after);
                self.searched = 0;
                return Ok(line);
            }
            self.searched = self.pending.len();
            if self.pending.len() > LINE {
                return Err(ClientError::Ended { url: client.url() });
            }
            let chunk = self.response.chunk().await;
            match chunk.map_err(|source| client.transport(source))? {
                Some(chunk) => self.pending.extend_from_slice(&chunk),
                None => return Err(ClientError::Ended { url: client.url() }),
            }
        }
    }
}
