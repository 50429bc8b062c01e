//! What a replica says of a request that it passes on: who asked, and from where.

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use trunkline_ipam::Timestamp;
use trunkline_netmaster_api::Role;
use trunkline_types::Name;

use super::{Identity, IdentityError, Scope};

/// Whose request is passed on.
///
/// ```json
/// {"name": "token:ci", "role": "operator", "networks": ["blue"], "address": "10.0.0.7"}
/// {"address": "10.0.0.7"}
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Assertion {
    /// Who asked; none if nothing said so, as of a node that joins.
    pub(crate) identity: Option<Identity>,
    /// From where.
    pub(crate) address: IpAddr,
}

/// The same, as it is written in the header.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    name: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    role: Option<Role>,
    /// None for all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    networks: Option<BTreeSet<Name>>,
    /// From when on the certificate is valid; none without one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    valid_from: Option<Timestamp>,
    address: IpAddr,
}

/// A header that asserts nothing that can be understood.
#[derive(Debug, thiserror::Error)]
pub(crate) enum AssertionError {
    /// It is not JSON of that form.
    #[error("who asked cannot be read")]
    Form(#[from] serde_json::Error),
    /// It has more or less than belongs to somebody.
    #[error("it names neither nobody nor somebody with a role")]
    Half,
    /// It names no identity.
    #[error(transparent)]
    Name(#[from] IdentityError),
}

impl Assertion {
    /// As a header has it. It is ASCII, for names are.
    pub(crate) fn write(&self) -> String {
        let identity = self.identity.as_ref();
        let networks = identity.and_then(|identity| match identity.scope() {
            Scope::Everything => None,
            Scope::Networks(networks) => Some(BTreeSet::clone(networks)),
        });
        let written = Written {
            name: identity.map(|identity| identity.name().to_string()),
            role: identity.map(Identity::role),
            networks,
            valid_from: identity.and_then(|identity| identity.valid_from),
            address: self.address,
        };
        // It has nothing that JSON cannot say.
        serde_json::to_string(&written).unwrap_or_default()
    }

    /// Reads a header.
    ///
    /// # Errors
    ///
    /// [`AssertionError`] if it is not what [`Assertion::write`] makes.
    pub(crate) fn read(text: &str) -> Result<Self, AssertionError> {
        let Written {
            name,
            role,
            networks,
            valid_from,
            address,
        } = serde_json::from_str(text)?;
        let identity = match (name, role) {
            (Some(name), Some(role)) => {
                let scope = match networks {
                    None => Scope::Everything,
                    Some(networks) => Scope::Networks(Arc::new(networks)),
                };
                Some(Identity {
                    valid_from,
                    ..Identity::new(name.parse()?, role, scope)
                })
            }
            (None, None) if networks.is_none() && valid_from.is_none() => None,
            _ => return Err(AssertionError::Half),
        };
        Ok(Self { identity, address })
    }
}
