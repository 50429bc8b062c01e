//! What etcd answered.

use etcd_client::{Error, KeyValue, TxnOpResponse, TxnResponse};

/// gRPC's status codes, as far as they are told apart here.
mod code {
    pub(super) const INVALID_ARGUMENT: i32 = 3;
    pub(super) const PERMISSION_DENIED: i32 = 7;
    pub(super) const RESOURCE_EXHAUSTED: i32 = 8;
    pub(super) const FAILED_PRECONDITION: i32 = 9;
    pub(super) const OUT_OF_RANGE: i32 = 11;
    pub(super) const NOT_FOUND: i32 = 5;
}

/// What an error means for the caller.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Meaning {
    /// It may help to ask another member, or to ask again. Whether a write was done is not known.
    Unknown,
    /// There is no space, and nothing was done.
    Full,
    /// The revision that was asked for has been compacted.
    Compacted,
    /// What was asked for is not there.
    NotFound,
    /// It is more than this member takes at once, and nothing was done.
    TooLarge,
    /// etcd will not do it, whoever is asked and however often.
    Refused,
}

/// What `error` means. etcd tells several errors of one code apart by text only, which it treats
/// as part of its API.
pub(super) fn meaning(error: &Error) -> Meaning {
    let status = match error {
        Error::GRpcStatus(status) => status,
        Error::LeaseKeepAliveError(_) => return Meaning::NotFound,
        Error::InvalidArgs(_) | Error::InvalidUri(_) | Error::InvalidMetadataValue(_) => {
            return Meaning::Refused;
        }
        _ => return Meaning::Unknown,
    };
    let says = |text| status.message().contains(text);
    match i32::from(status.code()) {
        code::RESOURCE_EXHAUSTED if says("space exceeded") => Meaning::Full,
        code::OUT_OF_RANGE if says("compacted") => Meaning::Compacted,
        code::NOT_FOUND => Meaning::NotFound,
        code::INVALID_ARGUMENT if says("too many operations") || says("request is too large") => {
            Meaning::TooLarge
        }
        // The permissions have changed since the token was given: a new one helps.
        code::INVALID_ARGUMENT if says("revision of auth store is old") => Meaning::Unknown,
        code::INVALID_ARGUMENT | code::PERMISSION_DENIED | code::FAILED_PRECONDITION => {
            Meaning::Refused
        }
        _ => Meaning::Unknown,
    }
}

/// The first key and value that the transaction read at operation `index`.
pub(super) fn read_at(response: &TxnResponse, index: usize) -> Option<KeyValue> {
    match response.op_responses().into_iter().nth(index)? {
        TxnOpResponse::Get(mut get) => get.take_kvs().into_iter().next(),
        _ => None,
    }
}

/// The value that the transaction's first operation read.
pub(super) fn first_value(response: &TxnResponse) -> Option<Vec<u8>> {
    Some(read_at(response, 0)?.value().to_vec())
}
