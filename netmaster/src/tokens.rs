//! Secrets: how they are drawn, and who is known by one.
//!
//! A secret is known to whoever was answered it, and to nobody else: what is stored, and what is
//! looked for, is its digest. It has 256 random bits, so that neither the digest nor the time that
//! looking for it takes says anything of use.

use std::collections::BTreeSet;
use std::sync::Arc;

use axum::http::{HeaderMap, header};
use ring::digest::SHA256;
use ring::rand::{SecureRandom, SystemRandom};
use trunkline_ipam::{Catalog, Digest, Grant, Timestamp, TokenRole};
use trunkline_netmaster_api::{ErrorCode, Role, Secret};
use trunkline_types::Name;

use crate::failure::Failure;
use crate::identity::{Identity, IdentityName, Scope};

/// What every secret begins with, so that who looks for secrets in the wrong places finds it.
const PREFIX: &str = "trunkline_";

/// How many bytes a secret is drawn of; it has two digits for each.
const BYTES: usize = 32;

/// A new secret; none if this machine has no randomness.
pub(crate) fn draw() -> Option<Secret> {
    let mut bytes = [0; BYTES];
    SystemRandom::new().fill(&mut bytes).ok()?;
    let digits: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    Some(Secret::new(format!("{PREFIX}{digits}")))
}

/// The digest by which a secret, or anything else, is known.
pub(crate) fn digest(bytes: &[u8]) -> Digest {
    let digest = ring::digest::digest(&SHA256, bytes);
    let mut own = [0; 32];
    // SHA-256 has 32 bytes.
    own.copy_from_slice(digest.as_ref());
    Digest::new(own)
}

/// Who sends a request with these headers, by the token in them.
///
/// # Errors
///
/// [`ErrorCode::Unauthenticated`] if there is none that is good for it. What is said of it is the
/// same for one that never was, one that was deleted and one that is for something else.
pub(crate) fn authenticate(
    catalog: &Catalog,
    headers: &HeaderMap,
    now: Timestamp,
) -> Result<Identity, Failure> {
    let digest = digest(secret(headers)?.as_bytes());
    let token = catalog.token_with(&digest).ok_or_else(unknown)?;
    let Grant::Role { role, networks } = &token.grant else {
        return Err(unknown());
    };
    if token.is_expired(now) {
        let why = format!(
            "token `{}` has expired: make another one with `netctl token create`",
            token.name
        );
        return Err(Failure::new(ErrorCode::Unauthenticated, why));
    }
    let name = IdentityName::Token(token.name.clone());
    Ok(Identity::new(name, api_role(*role), scope(networks)))
}

/// Whether the token that somebody was known by would still make them the same.
pub(crate) fn is_current(catalog: &Catalog, identity: &Identity, now: Timestamp) -> bool {
    let IdentityName::Token(name) = identity.name() else {
        return true;
    };
    let Some(token) = catalog.token(name).filter(|token| !token.is_expired(now)) else {
        return false;
    };
    match &token.grant {
        Grant::Role { role, networks } => {
            api_role(*role) == identity.role() && scope(networks) == *identity.scope()
        }
        Grant::Join { .. } => false,
    }
}

/// The secret in the one `authorization` header.
fn secret(headers: &HeaderMap) -> Result<&str, Failure> {
    let mut values = headers.get_all(header::AUTHORIZATION).iter();
    let (Some(value), None) = (values.next(), values.next()) else {
        return Err(malformed());
    };
    let value = value.to_str().map_err(|_| malformed())?;
    let (scheme, secret) = value.split_once(' ').ok_or_else(malformed)?;
    let secret = secret.trim();
    let whole = secret.len() == PREFIX.len() + 2 * BYTES && secret.starts_with(PREFIX);
    if scheme.eq_ignore_ascii_case("bearer") && whole {
        Ok(secret)
    } else {
        Err(malformed())
    }
}

// None of these quotes what was sent: it may be somebody's password.
fn malformed() -> Failure {
    Failure::new(
        ErrorCode::Unauthenticated,
        format!(
            "header `authorization` has no token of netmaster: send it once, as `Bearer \
             {PREFIX}<{} digits>`",
            2 * BYTES
        ),
    )
}

fn unknown() -> Failure {
    Failure::new(
        ErrorCode::Unauthenticated,
        "the token is not known, or not for this: make one with `netctl token create`",
    )
}

/// A token's role as the rest knows it.
pub(crate) fn api_role(role: TokenRole) -> Role {
    match role {
        TokenRole::Admin => Role::Admin,
        TokenRole::Operator => Role::Operator,
        TokenRole::Viewer => Role::Viewer,
        TokenRole::Cluster => Role::Cluster,
    }
}

fn scope(networks: &BTreeSet<Name>) -> Scope {
    if networks.is_empty() {
        Scope::Everything
    } else {
        Scope::Networks(Arc::new(networks.clone()))
    }
}

#[cfg(test)]
mod tests;
