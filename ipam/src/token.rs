//! Tokens: secrets by which somebody is known without a certificate.
//!
//! A token's secret is never here, only its digest.

mod plan;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use trunkline_types::Name;

use crate::{Revision, Timestamp};

pub use plan::{
    CreateTokenError, JoinError, create_token, delete_token, overdue_tokens, use_to_join,
};

/// A token. It is good for what it grants until it expires, and not after it is deleted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Token {
    /// The token's name; unique.
    pub name: Name,
    /// Of its secret; unique.
    pub digest: Digest,
    /// What it is good for.
    pub grant: Grant,
    /// When it was made.
    pub created: Timestamp,
    /// From when on it is good for nothing.
    pub expires: Timestamp,
    /// The change that made it what it is.
    pub revision: Revision,
}

impl Token {
    /// Whether it is good for nothing any more.
    #[must_use]
    pub fn is_expired(&self, now: Timestamp) -> bool {
        self.expires <= now
    }
}

/// What a token is good for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Grant {
    /// To ask, in a role.
    Role {
        /// The role.
        role: TokenRole,
        /// The only networks that it is for; none if it is for all. They were there when the
        /// token was made, and need not be there any more.
        #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
        networks: BTreeSet<Name>,
    },
    /// To get a node its first certificate, and nothing else.
    Join {
        /// The nodes; at least one.
        nodes: BTreeSet<Name>,
        /// Whether a node may get certificates for one key after another. If not, the first key
        /// is the only one: who repeats a request whose answer was lost has that key.
        reusable: bool,
        /// The nodes that have got one, and the digests of their public keys; not kept of a
        /// reusable one.
        #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
        joined: BTreeMap<Name, Digest>,
    },
}

/// The roles that a token can have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TokenRole {
    /// Everything.
    Admin,
    /// Change objects.
    Operator,
    /// Look.
    Viewer,
    /// A part of the control plane.
    Cluster,
}

/// A SHA-256 digest. Its secrets are too long to be guessed, so it tells nothing of them; it is not
/// printed all the same.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Digest([u8; 32]);

/// Text that is no digest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a digest is written as 64 hexadecimal digits")]
pub struct DigestError;

/// The token that is wanted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TokenSpec {
    /// The token's name.
    pub name: Name,
    /// Of its secret.
    pub digest: Digest,
    /// What it is to be good for.
    pub grant: Grant,
    /// From when on it is to be good for nothing.
    pub expires: Timestamp,
}

impl Digest {
    /// The digest with these bytes.
    #[must_use]
    pub const fn new(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Digest(…)")
    }
}

impl FromStr for Digest {
    type Err = DigestError;

    fn from_str(text: &str) -> Result<Self, DigestError> {
        let digits = text.as_bytes();
        if digits.len() != 64 || !digits.iter().all(u8::is_ascii_hexdigit) {
            return Err(DigestError);
        }
        let mut bytes = [0; 32];
        for (byte, pair) in bytes.iter_mut().zip(digits.chunks(2)) {
            let pair = std::str::from_utf8(pair).map_err(|_| DigestError)?;
            *byte = u8::from_str_radix(pair, 16).map_err(|_| DigestError)?;
        }
        Ok(Self(bytes))
    }
}

impl Serialize for Digest {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let digits: String = self.0.iter().map(|byte| format!("{byte:02x}")).collect();
        serializer.serialize_str(&digits)
    }
}

impl<'de> Deserialize<'de> for Digest {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests;
