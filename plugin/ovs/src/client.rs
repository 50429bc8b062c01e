//! One connection to ovsdb-server.

use std::io;
use std::path::Path;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;

use crate::codec::{
    Decoder, Incoming, Outcome, ProtocolError, TransactRequest, echo_reply, outcome,
};

/// How much is read at once.
const CHUNK: usize = 16 << 10;

/// Why a transaction has no outcome.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ClientError {
    /// The server hung up before it had all of the request, so it has done nothing.
    #[error("the request could not be sent")]
    NotSent(#[source] io::Error),
    /// Whether the server has done anything is unknown.
    #[error("the connection broke")]
    Io(#[from] io::Error),
    #[error("the server does not speak OVSDB")]
    Protocol(#[from] ProtocolError),
}

/// A connection, which does one thing at a time. After an error, or a call that was dropped before
/// its end, it must not be used again: an answer to the past may still come.
#[derive(Debug)]
pub(crate) struct Connection {
    stream: UnixStream,
    decoder: Decoder,
}

impl Connection {
    pub(crate) async fn open(socket: &Path) -> io::Result<Self> {
        Ok(Self {
            stream: UnixStream::connect(socket).await?,
            decoder: Decoder::default(),
        })
    }

    /// Sends a transaction and awaits its outcome.
    pub(crate) async fn transact(
        &mut self,
        request: &TransactRequest,
    ) -> Result<Outcome, ClientError> {
        self.stream
            .write_all(&request.bytes)
            .await
            .map_err(ClientError::NotSent)?;
        loop {
            let message = self.next().await?;
            if message.answers(&request.id)
                && let Incoming::Reply { result, error, .. } = message
            {
                return Ok(outcome(request.ops, result, error)?);
            }
            if let Incoming::Echo { id, params } = &message {
                self.stream.write_all(&echo_reply(id, params)).await?;
            }
        }
    }

    async fn next(&mut self) -> Result<Incoming, ClientError> {
        let mut chunk = vec![0; CHUNK];
        loop {
            if let Some(message) = self.decoder.next_message()? {
                return Ok(Incoming::parse(&message)?);
            }
            match self.stream.read(&mut chunk).await? {
                0 => return Err(io::Error::from(io::ErrorKind::UnexpectedEof).into()),
                length => self.decoder.push(chunk.get(..length).unwrap_or_default()),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    /// A request, and a server at the other end that reads it and then does as told.
    async fn served<F>(serve: impl FnOnce(UnixStream, Value) -> F) -> Result<Outcome, ClientError>
    where
        F: Future<Output = ()>,
    {
        let (ours, mut theirs) = UnixStream::pair().unwrap();
        let mut connection = Connection {
            stream: ours,
            decoder: Decoder::default(),
        };
        let request = TransactRequest::new(vec![]).unwrap();
        let server = async {
            let mut buffer = vec![0; CHUNK];
            let length = theirs.read(&mut buffer).await.unwrap();
            let request: Value = serde_json::from_slice(&buffer[..length]).unwrap();
            serve(theirs, request["id"].clone()).await;
        };
        tokio::join!(connection.transact(&request), server).0
    }

    #[tokio::test]
    async fn an_echo_is_answered_while_waiting_and_strange_messages_are_passed_over() {
        let outcome = served(async |mut theirs: UnixStream, id| {
            let update = json!({ "id": null, "method": "update", "params": [] });
            let stale = json!({ "id": "other", "result": [1], "error": null });
            let echo = json!({ "id": 7, "method": "echo", "params": ["a"] });
            let text = format!("{update}{stale} {echo}");
            theirs.write_all(text.as_bytes()).await.unwrap();
            let mut buffer = vec![0; CHUNK];
            let length = theirs.read(&mut buffer).await.unwrap();
            let reply: Value = serde_json::from_slice(&buffer[..length]).unwrap();
            assert_eq!(reply, json!({ "id": 7, "result": ["a"], "error": null }));
            let reply = json!({ "id": id, "result": [], "error": null }).to_string();
            theirs.write_all(reply.as_bytes()).await.unwrap();
        });
        assert_eq!(outcome.await.unwrap(), Outcome::Done(vec![]));
    }

    #[tokio::test]
    async fn a_server_that_hangs_up_instead_of_answering_is_an_unknown_outcome() {
        let outcome = served(async |theirs, _| drop(theirs)).await;
        assert!(matches!(outcome, Err(ClientError::Io(_))), "{outcome:?}");
    }

    #[tokio::test]
    async fn a_server_that_is_gone_already_has_done_nothing() {
        let (ours, theirs) = UnixStream::pair().unwrap();
        drop(theirs);
        let mut connection = Connection {
            stream: ours,
            decoder: Decoder::default(),
        };
        let outcome = connection
            .transact(&TransactRequest::new(vec![]).unwrap())
            .await;
        assert!(
            matches!(outcome, Err(ClientError::NotSent(_))),
            "{outcome:?}"
        );
    }

    #[tokio::test]
    async fn a_server_that_speaks_something_else_is_an_error() {
        let outcome = served(async |mut theirs: UnixStream, _| {
            theirs.write_all(b"HTTP/1.1 400 Bad Request").await.unwrap();
        });
        let outcome = outcome.await;
        assert!(
            matches!(outcome, Err(ClientError::Protocol(_))),
            "{outcome:?}"
        );
    }
}
