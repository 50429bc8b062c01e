//! JSON-RPC messages: the requests we send, the messages we get.

use ovsdb::protocol::method::{Method, Params};
use ovsdb::protocol::{Request, Uuid};
use serde::ser::SerializeSeq;
use serde::{Deserialize, Serialize, Serializer};
use serde_json::{Value, json};

use super::{Op, ProtocolError};

const DATABASE: &str = "Open_vSwitch";

/// The parameters of a `transact` request: the database, then the operations.
#[derive(Debug)]
struct Transact(Vec<Op>);

impl Params for Transact {}

impl Serialize for Transact {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut sequence = serializer.serialize_seq(Some(self.0.len() + 1))?;
        sequence.serialize_element(DATABASE)?;
        for op in &self.0 {
            sequence.serialize_element(op)?;
        }
        sequence.end()
    }
}

/// A `transact` request, ready to be sent.
#[derive(Debug)]
pub(crate) struct TransactRequest {
    pub(crate) bytes: Vec<u8>,
    /// What its answer will carry.
    pub(crate) id: Uuid,
    /// How many operations it has.
    pub(crate) ops: usize,
}

impl TransactRequest {
    pub(crate) fn new(ops: Vec<Op>) -> Result<Self, ProtocolError> {
        let count = ops.len();
        let request = Request::new(Method::Transact, Some(Box::new(Transact(ops))));
        let id = *request
            .id()
            .ok_or(ProtocolError::Missing("an id of our own"))?;
        Ok(Self {
            bytes: serde_json::to_vec(&request)?,
            id,
            ops: count,
        })
    }
}

/// A message from ovsdb-server.
#[derive(Debug, PartialEq)]
pub(crate) enum Incoming {
    /// The answer to a request of ours.
    Reply {
        id: Value,
        result: Value,
        error: Value,
    },
    /// Are we still there? The same must go back, else the server hangs up.
    Echo { id: Value, params: Value },
    /// Something we never asked for, to pass over.
    Other,
}

impl Incoming {
    pub(crate) fn parse(message: &[u8]) -> Result<Self, ProtocolError> {
        #[derive(Deserialize)]
        struct Envelope {
            #[serde(default)]
            id: Value,
            method: Option<String>,
            #[serde(default)]
            params: Value,
            #[serde(default)]
            result: Value,
            #[serde(default)]
            error: Value,
        }
        let Envelope {
            id,
            method,
            params,
            result,
            error,
        } = serde_json::from_slice(message)?;
        Ok(match method.as_deref() {
            None => Self::Reply { id, result, error },
            Some("echo") => Self::Echo { id, params },
            Some(_) => Self::Other,
        })
    }

    /// Whether this answers the request with that id.
    pub(crate) fn answers(&self, request: &Uuid) -> bool {
        let expected = json!(["uuid", request.to_string()]);
        matches!(self, Self::Reply { id, .. } if *id == expected)
    }
}

/// The bytes of the answer to an `echo` request.
pub(crate) fn echo_reply(id: &Value, params: &Value) -> Vec<u8> {
    json!({ "id": id, "result": params, "error": null })
        .to_string()
        .into_bytes()
}

/// What became of a transaction.
#[derive(Debug, PartialEq)]
pub(crate) enum Outcome {
    /// Committed. One result for each operation.
    Done(Vec<Value>),
    /// Nothing was changed.
    Refused {
        /// Which operation was refused; `None` if it was the transaction as a whole.
        op: Option<usize>,
        error: String,
        details: String,
    },
}

/// Reads the answer to a transaction of `ops` operations.
///
/// RFC 7047, section 4.1.3: the results come in the order of the operations; at the first that
/// failed stands an error object, and null follows; if committing failed, one more element, an
/// error object, stands at the end.
pub(crate) fn outcome(ops: usize, result: Value, error: Value) -> Result<Outcome, ProtocolError> {
    if !error.is_null() {
        return Ok(refusal(None, &error));
    }
    let Value::Array(results) = result else {
        return Err(ProtocolError::Missing("a list of results"));
    };
    for (index, result) in results.iter().enumerate() {
        if result.get("error").is_some_and(|error| !error.is_null()) {
            return Ok(refusal((index < ops).then_some(index), result));
        }
    }
    if results.len() < ops || results.iter().take(ops).any(Value::is_null) {
        return Err(ProtocolError::Missing("a result for each operation"));
    }
    Ok(Outcome::Done(results))
}

/// Reads an error object, or whatever stands in place of one.
fn refusal(op: Option<usize>, error: &Value) -> Outcome {
    let text = |key: &str| error.get(key).and_then(Value::as_str).map(str::to_owned);
    Outcome::Refused {
        op,
        error: text("error")
            .or_else(|| error.as_str().map(str::to_owned))
            .unwrap_or_else(|| error.to_string()),
        details: text("details").unwrap_or_else(|| "no details given".to_owned()),
    }
}
