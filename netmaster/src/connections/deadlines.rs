//! How long clients may take.

use std::time::Duration;

/// How long a client may take for what. Who takes longer is cut off, or told so where that can be
/// told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Deadlines {
    /// For a TLS handshake.
    pub handshake: Duration,
    /// For a request's head, from the connection's beginning or the end of the request before it.
    pub head: Duration,
    /// For a request's body.
    pub body: Duration,
    /// To read anything of what is sent to it. A watch that is cut off for that is resumed where it
    /// was.
    pub reading: Duration,
}

impl Default for Deadlines {
    fn default() -> Self {
        Self {
            handshake: Duration::from_secs(10),
            head: Duration::from_secs(30),
            body: Duration::from_secs(10),
            reading: Duration::from_secs(30),
        }
    }
}
