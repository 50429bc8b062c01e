//! Tokens: secrets by which somebody is known without a certificate.

use std::fmt;

use serde::{Deserialize, Serialize};
use trunkline_types::Name;
use utoipa::ToSchema;
use zeroize::Zeroize as _;

use crate::{Role, field, schema};

/// Text that is not printed: it is only in the request or answer that it is for. It is wiped from
/// memory when it is not needed any more.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Secret(String);

impl Secret {
    /// This text.
    #[must_use]
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The text, for whoever has to send or store it.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl Drop for Secret {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

/// The token that is wanted.
///
/// ```json
/// {"name": "ci", "role": "operator", "networks": ["blue"], "lifetime_seconds": 2592000}
/// {"name": "rack7", "role": "node", "nodes": ["n17", "n18"]}
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct TokenSpec {
    /// The token's name; no other token has it.
    #[schema(value_type = schema::Name)]
    pub name: Name,
    /// What whoever has it may do. With `node`, it is good for nothing but the first certificate
    /// of `nodes`, see `POST /v1/join`.
    pub role: Role,
    /// The only networks that it is for; if left out, all, and what belongs to none. They must
    /// exist. At most 64.
    #[serde(
        default,
        skip_serializing_if = "Vec::is_empty",
        deserialize_with = "field::list::<_, _, 64>"
    )]
    #[schema(value_type = Vec<schema::Name>, max_items = 64)]
    pub networks: Vec<Name>,
    /// With the role `node`, and only with it: the nodes that may join by it, 1–1024. They need
    /// not exist yet.
    #[serde(
        default,
        skip_serializing_if = "Vec::is_empty",
        deserialize_with = "field::list::<_, _, 1024>"
    )]
    #[schema(value_type = Vec<schema::Name>, max_items = 1024)]
    pub nodes: Vec<Name>,
    /// With the role `node`: whether a node may join again and again, with another key each time.
    /// If left out it may join once.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub reusable: bool,
    /// For how long it is good, 60–31622400 seconds (366 days); 7776000 (90 days) if left out, and
    /// 86400 (a day) with the role `node`.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        deserialize_with = "lifetime"
    )]
    #[schema(value_type = Option<u32>, minimum = 60, maximum = 31_622_400)]
    pub lifetime_seconds: Option<u32>,
}

fn lifetime<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Option<u32>, D::Error> {
    field::in_range::<D, 60, { TokenSpec::MAX_LIFETIME }>(deserializer).map(Some)
}

impl TokenSpec {
    /// For how long a token is good at most, in seconds: 366 days.
    pub const MAX_LIFETIME: u32 = 366 * 24 * 3600;
    /// For how long one is good if nothing is said, in seconds: 90 days.
    pub const LIFETIME: u32 = 90 * 24 * 3600;
    /// The same for one by which nodes join: a day.
    pub const JOIN_LIFETIME: u32 = 24 * 3600;

    /// For how long it is to be good, in seconds.
    #[must_use]
    pub fn lifetime(&self) -> u32 {
        self.lifetime_seconds.unwrap_or(match self.role {
            Role::Node => Self::JOIN_LIFETIME,
            _ => Self::LIFETIME,
        })
    }
}

/// A token, without its secret, which nobody knows but who has it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Token {
    /// The token's name.
    #[schema(value_type = schema::Name)]
    pub name: Name,
    /// What whoever has it may do.
    pub role: Role,
    /// The only networks that it is for; absent if it is for all.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schema(value_type = Vec<schema::Name>)]
    pub networks: Vec<Name>,
    /// The nodes that may join by it; absent if it is not for that.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schema(value_type = Vec<schema::Name>)]
    pub nodes: Vec<Name>,
    /// Whether a node may join by it again and again; absent if not.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub reusable: bool,
    /// The nodes that have joined by it; absent if none has, or it is reusable.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schema(value_type = Vec<schema::Name>)]
    pub joined: Vec<Name>,
    /// When it was made, in seconds since 1970-01-01 00:00:00 UTC.
    pub created: u64,
    /// From when on it is good for nothing, in seconds since 1970-01-01 00:00:00 UTC. It is shown
    /// for another 30 days.
    pub expires: u64,
    /// The number of the change that made it what it is.
    pub revision: u64,
}

/// A new token, and its secret, which is never told again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct TokenCreated {
    /// The token.
    pub token: Token,
    /// What to send as `Authorization: Bearer <secret>`, or to join with.
    #[schema(value_type = String)]
    pub secret: Secret,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_sent_and_not_printed() {
        let secret = Secret::new("hunter2");
        assert_eq!(serde_json::to_string(&secret).unwrap(), "\"hunter2\"");
        assert_eq!(format!("{secret:?}"), "Secret(…)");
    }

    #[test]
    fn a_token_is_good_for_a_while_and_never_for_ever() {
        let read = |text: &str| serde_json::from_str::<TokenSpec>(text);
        let lifetime = |text: &str| read(text).unwrap().lifetime();
        assert_eq!(lifetime(r#"{"name": "a", "role": "viewer"}"#), 7_776_000);
        assert_eq!(lifetime(r#"{"name": "a", "role": "node"}"#), 86_400);
        let given = r#"{"name": "a", "role": "node", "lifetime_seconds": 60}"#;
        assert_eq!(lifetime(given), 60);
        for bad in ["0", "59", "31622401", "-1", "null"] {
            let text = format!(r#"{{"name": "a", "role": "admin", "lifetime_seconds": {bad}}}"#);
            assert!(read(&text).is_err(), "{bad}");
        }
    }
}
