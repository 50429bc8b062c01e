//! How a node gets its certificate.

use serde::{Deserialize, Deserializer, Serialize};
use trunkline_types::Name;
use utoipa::ToSchema;

use crate::{Secret, schema};

/// What a node shows to get its first certificate.
///
/// ```json
/// {"node": "n17", "token": "trunkline_…", "request": "-----BEGIN CERTIFICATE REQUEST-----\n…"}
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct JoinSpec {
    /// The node's name.
    #[schema(value_type = schema::Name)]
    pub node: Name,
    /// The secret of a token with the role `node` that is for it.
    #[schema(value_type = String)]
    pub token: Secret,
    /// A certificate signing request (PKCS #10) in PEM. Only its public key counts, and that its
    /// signature is that key's; at most 16 KiB.
    #[serde(deserialize_with = "pem")]
    #[schema(max_length = 16_384)]
    pub request: String,
}

/// What a node shows to have its certificate renewed, beside the one that it has.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CertificateSpec {
    /// A certificate signing request (PKCS #10) in PEM, as in [`JoinSpec`]. The key may be another
    /// one than before.
    #[serde(deserialize_with = "pem")]
    #[schema(max_length = 16_384)]
    pub request: String,
}

/// A node's certificate.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct NodeCertificate {
    /// The certificate, in PEM, followed by those of the authorities between it and the one that
    /// is trusted, if there are any. Its common name is `node:<name>`.
    pub certificate: String,
    /// From when on it is good, in seconds since 1970-01-01 00:00:00 UTC.
    pub not_before: u64,
    /// Up to when it is good, in seconds since 1970-01-01 00:00:00 UTC.
    pub not_after: u64,
}

fn pem<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    const MAX: usize = 16 << 10;
    let text = String::deserialize(deserializer)?;
    if text.len() > MAX || !text.is_ascii() {
        return Err(serde::de::Error::custom(format!(
            "it is not a certificate signing request in PEM: that is at most {MAX} bytes of ASCII"
        )));
    }
    Ok(text)
}
