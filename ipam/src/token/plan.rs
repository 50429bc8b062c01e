//! Planning a token's beginning, use and end.

use std::sync::Arc;

use trunkline_types::Name;

use super::{Digest, Grant, Token, TokenSpec};
use crate::precondition::{at_revision, created, deleted, replaced};
use crate::{
    Catalog, Change, Key, Kind, Planned, PreconditionError, Reason, Refusal, Revision, Timestamp,
};

/// How many seconds a token is kept once it has expired, for those who wonder why it does not work.
const KEPT: u64 = 30 * 24 * 3600;

/// Why a token cannot be made.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CreateTokenError {
    /// There is one of that name.
    #[error(
        "token `{name}` exists already: choose another name, or delete that one with `netctl token \
         rm {name}`"
    )]
    NameInUse {
        /// The name.
        name: Name,
    },
    /// Another one has that secret: whoever draws secrets draws them badly.
    #[error("token `{other}` has the same secret: try again")]
    Shared {
        /// The other one.
        other: Name,
    },
    /// It is for a network that is not there.
    #[error("network `{network}` does not exist: see `netctl network ls`")]
    NoNetwork {
        /// The network.
        network: Name,
    },
}

impl Refusal for CreateTokenError {
    fn reason(&self) -> Reason {
        match self {
            // A secret is its own as well as its name.
            Self::NameInUse { .. } | Self::Shared { .. } => Reason::NameInUse,
            Self::NoNetwork { .. } => Reason::NotFound(Kind::Network),
        }
    }
}

/// Why nobody joins by a token.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum JoinError {
    /// There is no such token, it has expired, or it is for something else. Which of them is
    /// nobody's business who does not have a good one.
    #[error(
        "this is no token to join by, or it has expired: make one with `netctl token create --role \
         node`"
    )]
    NoToken,
    /// It is for other nodes.
    #[error(
        "token `{token}` is not for node `{node}`: make one that is with `netctl token create`"
    )]
    OtherNode {
        /// The token.
        token: Name,
        /// The node.
        node: Name,
    },
    /// It was made before the node was locked out, so whoever is to be kept out may have it.
    #[error(
        "token `{token}` was made before node `{node}` was removed or its certificates were \
         revoked: make a new one with `netctl token create`"
    )]
    Outdated {
        /// The token.
        token: Name,
        /// The node.
        node: Name,
    },
    /// The node has joined by it, with another key.
    #[error(
        "node `{node}` has joined by token `{token}` already, with another key: if that was not \
         this machine, find out who it was; make a new token with `netctl token create`"
    )]
    Used {
        /// The token.
        token: Name,
        /// The node.
        node: Name,
    },
}

impl Refusal for JoinError {
    fn reason(&self) -> Reason {
        match self {
            Self::NoToken => Reason::Unauthenticated,
            Self::OtherNode { .. } | Self::Outdated { .. } | Self::Used { .. } => Reason::Forbidden,
        }
    }
}

/// Plans a new token.
///
/// # Errors
///
/// [`CreateTokenError`] if its name or secret is taken, or a network is not there.
pub fn create_token(
    catalog: &Catalog,
    spec: &TokenSpec,
    now: Timestamp,
) -> Result<Planned<Token>, CreateTokenError> {
    let name = || spec.name.clone();
    if catalog.token(&spec.name).is_some() {
        return Err(CreateTokenError::NameInUse { name: name() });
    }
    if let Some(other) = catalog.token_with(&spec.digest) {
        let other = other.name.clone();
        return Err(CreateTokenError::Shared { other });
    }
    if let Grant::Role { networks, .. } = &spec.grant
        && let Some(network) = networks.iter().find(|one| catalog.network(one).is_none())
    {
        let network = network.clone();
        return Err(CreateTokenError::NoNetwork { network });
    }
    Ok(created(catalog, |revision| Token {
        name: name(),
        digest: spec.digest,
        grant: spec.grant.clone(),
        created: now,
        expires: spec.expires,
        revision,
    }))
}

/// Plans a token's end: from then on it is good for nothing.
///
/// # Errors
///
/// [`PreconditionError`] if it is not there or not at that revision.
pub fn delete_token(
    catalog: &Catalog,
    name: &Name,
    expected: Option<Revision>,
) -> Result<Change, PreconditionError> {
    let key = || Key::Token(name.clone());
    at_revision(catalog.token(name), key, expected)?;
    Ok(deleted(catalog, key()))
}

/// Plans that `node` joins with the key whose digest is `public_key`, by the token whose secret's
/// digest is `secret`. Nothing changes if it has done so before, or if the token may be used again.
///
/// # Errors
///
/// [`JoinError`] if the token is not one by which that node may join with that key.
pub fn use_to_join(
    catalog: &Catalog,
    secret: &Digest,
    node: &Name,
    public_key: Digest,
    now: Timestamp,
) -> Result<Planned<Token>, JoinError> {
    let token = catalog.token_with(secret);
    let token = token.filter(|token| !token.is_expired(now));
    let Some((token, Grant::Join { nodes, .. })) = token.map(|token| (token, &token.grant)) else {
        return Err(JoinError::NoToken);
    };
    if !nodes.contains(node) {
        return Err(JoinError::OtherNode {
            token: token.name.clone(),
            node: node.clone(),
        });
    }
    let lockout = catalog.lockout(node);
    if lockout.is_some_and(|lockout| lockout.bars(Some(token.created))) {
        return Err(JoinError::Outdated {
            token: token.name.clone(),
            node: node.clone(),
        });
    }
    let mut used = Token::clone(token);
    if let Grant::Join {
        reusable: false,
        joined,
        ..
    } = &mut used.grant
        && *joined.entry(node.clone()).or_insert(public_key) != public_key
    {
        return Err(JoinError::Used {
            token: token.name.clone(),
            node: node.clone(),
        });
    }
    Ok(replaced(catalog, token, |revision| Token {
        revision,
        ..used.clone()
    }))
}

/// The tokens that expired so long ago that nobody will ask why they do not work.
#[must_use]
pub fn overdue_tokens(catalog: &Catalog, now: Timestamp) -> Vec<Arc<Token>> {
    let overdue = catalog.tokens();
    let overdue = overdue.filter(|token| token.expires.after(KEPT) <= now);
    overdue.cloned().collect()
}
