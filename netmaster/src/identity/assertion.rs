//! What a replica says of a request that it passes on: who asked, and from where.

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use trunkline_netmaster_api::Role;
use trunkline_types::Name;

use super::{Identity, IdentityError, Scope};

/// Whose request is passed on.
///
/// ```json
/// {"name": "token:ci", "role": "operator", "networks": ["blue"], "address": "10.0.0.7"}
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Assertion {
    /// Who asked.
    pub(crate) identity: Identity,
    /// From where.
    pub(crate) address: IpAddr,
}

/// The same, as it is written in the header.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    name: String,
    role: Role,
    /// None for all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    networks: Option<BTreeSet<Name>>,
    address: IpAddr,
}

/// A header that asserts nothing that can be understood.
#[derive(Debug, thiserror::Error)]
pub(crate) enum AssertionError {
    /// It is not JSON of that form.
    #[error("who asked cannot be read")]
    Form(#[from] serde_json::Error),
    /// It names no identity.
    #[error(transparent)]
    Name(#[from] IdentityError),
}

impl Assertion {
    /// As a header has it. It is ASCII, for names are.
    pub(crate) fn write(&self) -> String {
        let networks = match self.identity.scope() {
            Scope::Everything => None,
            Scope::Networks(networks) => Some(BTreeSet::clone(networks)),
        };
        let written = Written {
            name: self.identity.name().to_string(),
            role: self.identity.role(),
            networks,
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
        let written: Written = serde_json::from_str(text)?;
        let scope = match written.networks {
            None => Scope::Everything,
            Some(networks) => Scope::Networks(Arc::new(networks)),
        };
        let identity = Identity::new(written.name.parse()?, written.role, scope);
        Ok(Self {
            identity,
            address: written.address,
        })
    }
}
