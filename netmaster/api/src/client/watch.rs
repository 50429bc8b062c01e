//! Watches, which survive the connection they run on.

use std::marker::PhantomData;

use reqwest::Method;

use super::lines::Lines;
use super::{Client, ClientError, Query};
use crate::{Resource, WatchEvent};

/// What changes about objects, line by line.
///
/// When [`Watch::next`] fails, it may be called again: it connects anew, and resumes where it was.
/// Without a revision to resume from, it begins with how the objects are, as puts and a bookmark.
#[derive(Debug)]
pub struct Watch<T> {
    client: Client,
    query: Query,
    after: Option<u64>,
    connection: Option<Lines>,
    kind: PhantomData<fn() -> T>,
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
                let opened = open::<T>(&self.client, &self.query, self.after).await;
                match opened {
                    Ok(connection) => none.insert(connection),
                    Err(error) => return Err(self.broken(error)),
                }
            }
        };
        let event = match connection.next(&self.client).await {
            Ok(line) => self.client.parse(&line),
            Err(error) => Err(error),
        };
        let refused = match event {
            Ok(WatchEvent::Error { problem }) => ClientError::Refused(Box::new(problem)),
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

async fn open<T: Resource>(
    client: &Client,
    query: &Query,
    after: Option<u64>,
) -> Result<Lines, ClientError> {
    let mut parameters = query.parameters();
    parameters.push(("watch", "true".to_owned()));
    parameters.extend(after.map(|after| ("after", after.to_string())));
    // No deadline for the whole of it: every read has one.
    let request = client.request(Method::GET, &["v1", T::PATH]);
    let response = client.send(request.query(&parameters)).await?;
    Ok(Lines::of(response))
}
