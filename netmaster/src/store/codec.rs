//! How an object is written in the store: as JSON, with the version of its form.
//!
//! ```json
//! {"version": 1, "name": "blue", "vlan": 100, "mtu": 1500, "revision": 3}
//! ```

use std::sync::Arc;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use trunkline_ipam::{Key, Object, Revision};

use super::keys;

/// The version of the form in which objects are written.
const VERSION: u32 = 1;

/// How a value of that version begins when we have written it.
const CURRENT: &[u8] = br#"{"version":1,"#;

/// The version of the store as a whole: what keys there are, and what they mean.
pub(super) const SCHEMA: u32 = 1;

/// A value that cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum DecodeError {
    /// It is under a key of no known kind.
    #[error("`{path}` is no key of an object")]
    Key {
        /// The key.
        path: String,
    },
    /// It is not what belongs under its key.
    #[error("the value of `{path}` cannot be read")]
    Value {
        /// The key.
        path: String,
        /// Why.
        source: serde_json::Error,
    },
    /// It was written by a newer netmaster.
    #[error("the value of `{path}` has version {found}, and this netmaster reads up to {VERSION}")]
    Newer {
        /// The key.
        path: String,
        /// The value's version.
        found: u32,
    },
    /// It belongs under another key.
    #[error("the value of `{path}` belongs under another key")]
    Misplaced {
        /// The key.
        path: String,
    },
}

#[derive(Serialize)]
struct Written<'a, T> {
    version: u32,
    #[serde(flatten)]
    object: &'a T,
}

#[derive(Deserialize)]
struct Version {
    version: u32,
}

#[derive(Serialize, Deserialize)]
struct Counter {
    version: u32,
    revision: Revision,
}

/// What is written for `object`.
pub(super) fn encode(object: &Object) -> Result<Vec<u8>, serde_json::Error> {
    fn written<T: Serialize>(object: &T) -> Result<Vec<u8>, serde_json::Error> {
        serde_json::to_vec(&Written {
            version: VERSION,
            object,
        })
    }
    match object {
        Object::Cluster(cluster) => written(cluster.as_ref()),
        Object::Network(network) => written(network.as_ref()),
        Object::Subnet(subnet) => written(subnet.as_ref()),
        Object::Pool(pool) => written(pool.as_ref()),
        Object::Group(group) => written(group.as_ref()),
        Object::Profile(profile) => written(profile.as_ref()),
        Object::Reservation(reservation) => written(reservation.as_ref()),
        Object::Node(node) => written(node.as_ref()),
        Object::Address(address) => written(address.as_ref()),
        Object::Endpoint(endpoint) => written(endpoint.as_ref()),
        Object::Token(token) => written(token.as_ref()),
        Object::Lockout(lockout) => written(lockout.as_ref()),
        Object::Holding(holding) => written(holding.as_ref()),
        Object::Event(event) => written(event.as_ref()),
        Object::Audit(audit) => written(audit.as_ref()),
    }
}

/// The key of the object that is under `path`.
pub(super) fn decode_key(path: &str) -> Result<Key, DecodeError> {
    keys::key(path).ok_or_else(|| DecodeError::Key {
        path: path.to_owned(),
    })
}

/// The object that is written as `value` under `path`.
pub(super) fn decode(path: &str, value: &[u8]) -> Result<Object, DecodeError> {
    let key = decode_key(path)?;
    let object = match &key {
        Key::Cluster => Object::Cluster(read(path, value)?),
        Key::Network(_) => Object::Network(read(path, value)?),
        Key::Subnet(_) => Object::Subnet(read(path, value)?),
        Key::Pool(..) => Object::Pool(read(path, value)?),
        Key::Group(_) => Object::Group(read(path, value)?),
        Key::Profile(_) => Object::Profile(read(path, value)?),
        Key::Reservation(_) => Object::Reservation(read(path, value)?),
        Key::Node(_) => Object::Node(read(path, value)?),
        Key::Address(_) => Object::Address(read(path, value)?),
        Key::Endpoint(_) => Object::Endpoint(read(path, value)?),
        Key::Token(_) => Object::Token(read(path, value)?),
        Key::Lockout(_) => Object::Lockout(read(path, value)?),
        Key::Holding(..) => Object::Holding(read(path, value)?),
        Key::Event(_) => Object::Event(read(path, value)?),
        Key::Audit(_) => Object::Audit(read(path, value)?),
    };
    if object.key() == key {
        Ok(object)
    } else {
        Err(DecodeError::Misplaced {
            path: path.to_owned(),
        })
    }
}

fn read<T: DeserializeOwned>(path: &str, value: &[u8]) -> Result<Arc<T>, DecodeError> {
    // Nearly all values begin like this, and need not be read twice.
    if !value.starts_with(CURRENT) {
        check_version(path, value)?;
    }
    let object = serde_json::from_slice(value).map_err(unreadable(path))?;
    Ok(Arc::new(object))
}

fn check_version(path: &str, value: &[u8]) -> Result<(), DecodeError> {
    let Version { version } = serde_json::from_slice(value).map_err(unreadable(path))?;
    if version > VERSION {
        return Err(DecodeError::Newer {
            path: path.to_owned(),
            found: version,
        });
    }
    Ok(())
}

fn unreadable(path: &str) -> impl Fn(serde_json::Error) -> DecodeError {
    move |source| DecodeError::Value {
        path: path.to_owned(),
        source,
    }
}

/// What is written for the last change's number.
pub(super) fn encode_revision(revision: Revision) -> Result<Vec<u8>, serde_json::Error> {
    serde_json::to_vec(&Counter {
        version: VERSION,
        revision,
    })
}

/// The last change's number.
pub(super) fn decode_revision(value: &[u8]) -> Result<Revision, DecodeError> {
    check_version(keys::REVISION, value)?;
    let counter: Counter = serde_json::from_slice(value).map_err(unreadable(keys::REVISION))?;
    Ok(counter.revision)
}

/// What is written for the schema's version.
pub(super) fn encode_schema() -> Vec<u8> {
    format!(r#"{{"version":{SCHEMA}}}"#).into_bytes()
}

/// The schema's version.
pub(super) fn decode_schema(value: &[u8]) -> Result<u32, DecodeError> {
    let Version { version } = serde_json::from_slice(value).map_err(unreadable(keys::SCHEMA))?;
    Ok(version)
}
