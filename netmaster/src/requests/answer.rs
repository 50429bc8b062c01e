//! An agent's answer, line by line.

use std::pin::pin;

use bytes::{Bytes, BytesMut};
use futures_util::{Stream, StreamExt as _};
use tokio::sync::mpsc;
use tokio::time::timeout_at;
use trunkline_netmaster_api::{AnswerErrorCode, AnswerLine};
use trunkline_types::Name;

use super::{GRACE, Piece, Relay, RequestId};

/// The longest line of an answer, in bytes. A piece of a file has a fraction of it.
const LINE_MAX: usize = 256 << 10;

/// Why an agent's answer is not taken.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum AnswerError {
    /// Nobody waits for it.
    #[error("nobody waits for an answer to request `{id}`: it was cancelled, or is answered")]
    Gone { id: RequestId },
    /// It is larger than its kind may be.
    #[error("the answer is larger than {limit} bytes, which a request of its kind may have")]
    TooLarge { limit: u64 },
    /// It is not made of lines of an answer.
    #[error("line {line} of the answer is not valid: {why}")]
    Invalid { line: u64, why: String },
    /// It ended before its last line.
    #[error("the answer broke off: its last line has to be of type `end` or `error`")]
    Cut,
}

impl Relay {
    /// Passes on the answer of `node` to request `id`, until its last line has been taken.
    ///
    /// # Errors
    ///
    /// [`AnswerError`] if nobody waits for it, or it is not as it has to be.
    pub(crate) async fn answer<E>(
        &self,
        node: &Name,
        id: RequestId,
        body: impl Stream<Item = Result<Bytes, E>>,
    ) -> Result<(), AnswerError> {
        let gone = AnswerError::Gone { id };
        let begun = self.stations().get_mut(node).and_then(|one| one.begin(id));
        let (pending, to) = begun.ok_or_else(|| gone.clone())?;
        let limit = pending.spec.request.answer_limit();
        // The deadline is the other side's to tell of; this is for a caller that does not read.
        let deadline = pending.deadline + GRACE;
        let passed = timeout_at(deadline, pass_on(&to, limit, body)).await;
        let outcome = passed.unwrap_or(Err(gone));
        if let Some(line) = outcome.as_ref().err().and_then(error_line) {
            // If it is gone, so is the one who would read it.
            let _ = to.try_send(Piece::Line(line));
        }
        if let Some(station) = self.stations().get_mut(node) {
            station.finish(id);
        }
        outcome
    }
}

async fn pass_on<E>(
    to: &mpsc::Sender<Piece>,
    limit: u64,
    body: impl Stream<Item = Result<Bytes, E>>,
) -> Result<(), AnswerError> {
    let mut body = pin!(body);
    let mut lines = Lines::default();
    let mut total = 0_u64;
    send(to, Piece::Begun).await?;
    loop {
        // Both are cancel-safe: a chunk is taken only when it is returned.
        let chunk = tokio::select! {
            chunk = body.next() => chunk,
            () = to.closed() => return Err(AnswerError::Cut),
        };
        let Some(Ok(chunk)) = chunk else {
            return Err(AnswerError::Cut);
        };
        total += chunk.len() as u64;
        if total > limit {
            return Err(AnswerError::TooLarge { limit });
        }
        lines.push(&chunk);
        while let Some(line) = lines.next()? {
            let is_last = line.is_last();
            send(to, Piece::Line(line)).await?;
            if is_last {
                return Ok(());
            }
        }
    }
}

async fn send(to: &mpsc::Sender<Piece>, piece: Piece) -> Result<(), AnswerError> {
    to.send(piece).await.map_err(|_| AnswerError::Cut)
}

/// What the one who asked is told.
fn error_line(error: &AnswerError) -> Option<AnswerLine> {
    let code = match error {
        AnswerError::TooLarge { .. } => AnswerErrorCode::AnswerTooLarge,
        AnswerError::Invalid { .. } => AnswerErrorCode::AnswerInvalid,
        // The other side finds out that nothing follows.
        AnswerError::Gone { .. } | AnswerError::Cut => return None,
    };
    Some(AnswerLine::Error {
        code,
        detail: error.to_string(),
    })
}

/// Chunks in, lines out.
#[derive(Debug, Default)]
struct Lines {
    buffer: BytesMut,
    count: u64,
}

impl Lines {
    fn push(&mut self, chunk: &[u8]) {
        self.buffer.extend_from_slice(chunk);
    }

    fn next(&mut self) -> Result<Option<AnswerLine>, AnswerError> {
        let end = self.buffer.iter().position(|byte| *byte == b'\n');
        if end.unwrap_or(self.buffer.len()) > LINE_MAX {
            return Err(self.invalid(format!("it is longer than {LINE_MAX} bytes")));
        }
        let Some(end) = end else {
            return Ok(None);
        };
        let line = self.buffer.split_to(end + 1);
        self.count += 1;
        match serde_json::from_slice(&line) {
            Ok(line) => Ok(Some(line)),
            Err(error) => Err(self.invalid(error.to_string())),
        }
    }

    fn invalid(&self, why: String) -> AnswerError {
        AnswerError::Invalid {
            line: self.count.max(1),
            why,
        }
    }
}
