//! Answers that are lines of JSON, as they come.

use reqwest::Response;

use super::{Client, ClientError};

/// The longest line, in bytes; an object is far smaller, and so is a piece of an agent's answer.
const LONGEST: usize = 8 << 20;

/// The lines of an answer.
#[derive(Debug)]
pub(super) struct Lines {
    response: Response,
    /// What has come of the lines to come.
    pending: Vec<u8>,
    /// How much of it is known to have no end of line.
    searched: usize,
}

impl Lines {
    pub(super) fn of(response: Response) -> Self {
        Self {
            response,
            pending: Vec::new(),
            searched: 0,
        }
    }

    /// The next line, without its end. Cancel-safe: what has come is kept.
    ///
    /// # Errors
    ///
    /// [`ClientError::Ended`] if no whole line comes any more.
    pub(super) async fn next(&mut self, client: &Client) -> Result<Vec<u8>, ClientError> {
        loop {
            let rest = self.pending.get(self.searched..).unwrap_or_default();
            if let Some(end) = rest.iter().position(|byte| *byte == b'\n') {
                let after = self.pending.split_off(self.searched + end + 1);
                let line = std::mem::replace(&mut self.pending, after);
                self.searched = 0;
                return Ok(line);
            }
            self.searched = self.pending.len();
            if self.pending.len() > LONGEST {
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
