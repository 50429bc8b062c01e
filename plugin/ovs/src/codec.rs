//! OVSDB's wire format (RFC 7047 over JSON-RPC 1.0): bytes ↔ messages, operations, rows.

mod frame;
mod message;
mod op;
mod row;
#[cfg(test)]
mod tests;

pub(crate) use frame::Decoder;
pub(crate) use message::{Incoming, Outcome, TransactRequest, echo_reply, outcome};
pub(crate) use op::{Clause, Columns, Datum, Op, UuidName, Where, named};
pub(crate) use row::{BridgeRow, InterfaceRow, OpenVswitchRow, PortRow, rows};

/// What is wrong with something ovsdb-server sent.
#[derive(Debug, thiserror::Error)]
pub enum ProtocolError {
    /// The stream is not one of JSON objects.
    #[error("byte `{0:#04x}` where a message should begin with `{{`")]
    NotAnObject(u8),
    /// A message without end, or one that no real database gives.
    #[error("a message longer than {0} bytes")]
    TooLong(usize),
    /// A message that is not the JSON it should be.
    #[error("a message that cannot be read")]
    Json(#[from] serde_json::Error),
    /// A message that lacks something.
    #[error("an answer without {0}")]
    Missing(&'static str),
    /// A column whose value is not in OVSDB's notation.
    #[error("column `{0}` with a value that is not in OVSDB's notation")]
    Column(String),
    /// Rows that refer to others that are not there.
    #[error("a reference to a row that is not there")]
    Dangling,
}
