//! Who asks.
//!
//! | who | name | role |
//! |---|---|---|
//! | a client certificate | its common name, `<role>:<name>`, like `node:n17` | that of the name |
//! | the client certificate of a replica | its common name, `replica:<name>` | `cluster` |
//! | a token | `token:<name of the token>` | that of the token |
//! | a loopback listener without TLS | `local` | `admin` |
//! | another listener without TLS, if there may be one | `anonymous` | `admin` |

mod assertion;

use std::collections::BTreeSet;
use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;
use std::sync::Arc;

use trunkline_ipam::{Catalog, Timestamp};
use trunkline_netmaster_api::{Role, RoleError};
use trunkline_types::{Name, NameError};

pub(crate) use assertion::Assertion;

/// What an identity is called. It has one written form, which logs and the audit have.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum IdentityName {
    /// Somebody with a certificate.
    Certificate(Role, Name),
    /// A netmaster with a certificate. It has the role [`Role::Cluster`] like other parts of the
    /// control plane, and is believed in whose name it asks, as no other part is.
    Replica(Name),
    /// Whoever has a token.
    Token(Name),
    /// Somebody on the same machine.
    Local,
    /// Somebody on the network, where everybody is trusted.
    Anonymous,
}

/// Text that names no identity.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum IdentityError {
    /// There is no role in it.
    #[error("`{text}` names no identity: it is `<role>:<name>`, like `node:n17`")]
    Form { text: String },
    /// The role is none.
    #[error("`{text}` names no identity")]
    Role { text: String, source: RoleError },
    /// The name is none.
    #[error("`{text}` names no identity")]
    Name { text: String, source: NameError },
}

/// Who asks, and what they may do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Identity {
    name: IdentityName,
    role: Role,
    scope: Scope,
    /// From when on the certificate that was shown is valid; none without one.
    valid_from: Option<Timestamp>,
}

/// Who sent a request, as far as that is known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Asking {
    /// None if nothing says who it is.
    pub(crate) identity: Option<Identity>,
    /// From where; none if that is not known.
    pub(crate) address: Option<IpAddr>,
}

/// What a role extends to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) enum Scope {
    /// All networks.
    #[default]
    Everything,
    /// These networks, and what belongs to them.
    Networks(Arc<BTreeSet<Name>>),
}

impl IdentityName {
    const REPLICA: &str = "replica";
    const TOKEN: &str = "token";
    const LOCAL: &str = "local";
    const ANONYMOUS: &str = "anonymous";

    /// Whom a certificate with this common name is for, and what they may do.
    fn of_certificate(text: &str) -> Result<(Self, Role), IdentityError> {
        if let Some((Self::REPLICA, name)) = text.split_once(':') {
            return Ok((Self::Replica(read_name(text, name)?), Role::Cluster));
        }
        let (role, name) = read(text)?;
        Ok((Self::Certificate(role, name), role))
    }
}

impl fmt::Display for IdentityName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Certificate(role, name) => write!(f, "{role}:{name}"),
            Self::Replica(name) => write!(f, "{}:{name}", Self::REPLICA),
            Self::Token(name) => write!(f, "{}:{name}", Self::TOKEN),
            Self::Local => f.write_str(Self::LOCAL),
            Self::Anonymous => f.write_str(Self::ANONYMOUS),
        }
    }
}

impl FromStr for IdentityName {
    type Err = IdentityError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text.split_once(':') {
            None if text == Self::LOCAL => Ok(Self::Local),
            None if text == Self::ANONYMOUS => Ok(Self::Anonymous),
            Some((Self::TOKEN, name)) => Ok(Self::Token(read_name(text, name)?)),
            _ => Self::of_certificate(text).map(|(name, _)| name),
        }
    }
}

/// Reads `<role>:<name>`.
fn read(text: &str) -> Result<(Role, Name), IdentityError> {
    let quoted = || text.escape_debug().to_string();
    let Some((role, name)) = text.split_once(':') else {
        return Err(IdentityError::Form { text: quoted() });
    };
    let role = role.parse().map_err(|source| IdentityError::Role {
        text: quoted(),
        source,
    })?;
    Ok((role, read_name(text, name)?))
}

fn read_name(text: &str, name: &str) -> Result<Name, IdentityError> {
    name.parse().map_err(|source| IdentityError::Name {
        text: text.escape_debug().to_string(),
        source,
    })
}

impl Identity {
    /// Who has the certificate with this common name.
    ///
    /// # Errors
    ///
    /// [`IdentityError`] if it names no identity.
    pub(crate) fn of_certificate(common_name: &str) -> Result<Self, IdentityError> {
        let (name, role) = IdentityName::of_certificate(common_name)?;
        Ok(Self::with(name, role))
    }

    /// Who has the token of this name, or whom a replica names.
    pub(crate) fn new(name: IdentityName, role: Role, scope: Scope) -> Self {
        Self {
            name,
            role,
            scope,
            valid_from: None,
        }
    }

    /// The same, by a certificate that is valid from then on.
    pub(crate) fn valid_from(self, from: Timestamp) -> Self {
        Self {
            valid_from: Some(from),
            ..self
        }
    }

    /// Whoever is on the same machine.
    pub(crate) fn local() -> Self {
        Self::with(IdentityName::Local, Role::Admin)
    }

    /// Whoever is on a network where everybody is trusted.
    pub(crate) fn anonymous() -> Self {
        Self::with(IdentityName::Anonymous, Role::Admin)
    }

    fn with(name: IdentityName, role: Role) -> Self {
        Self::new(name, role, Scope::Everything)
    }

    /// What it is called.
    pub(crate) fn name(&self) -> &IdentityName {
        &self.name
    }

    /// What it may do.
    pub(crate) fn role(&self) -> Role {
        self.role
    }

    /// What its role extends to.
    pub(crate) fn scope(&self) -> &Scope {
        &self.scope
    }

    /// The node whose agent this is; none if it is no agent.
    pub(crate) fn node(&self) -> Option<&Name> {
        match &self.name {
            IdentityName::Certificate(Role::Node, name) => Some(name),
            _ => None,
        }
    }

    /// Whether its certificate is void: that of a node, and the node was removed, or somebody said so.
    pub(crate) fn is_locked_out(&self, catalog: &Catalog) -> bool {
        let lockout = self.node().and_then(|node| catalog.lockout(node));
        lockout.is_some_and(|lockout| lockout.bars(self.valid_from))
    }

    /// Whether it is known by a token, which may be deleted.
    pub(crate) fn has_token(&self) -> bool {
        matches!(self.name, IdentityName::Token(_))
    }

    /// Whether it may ask as often as it likes: because nobody else can be told from it, or because
    /// it asks for others, who are counted themselves.
    pub(crate) fn is_unlimited(&self) -> bool {
        match &self.name {
            IdentityName::Local | IdentityName::Anonymous | IdentityName::Replica(_) => true,
            IdentityName::Certificate(..) | IdentityName::Token(_) => false,
        }
    }

    /// Whether it may say on whose behalf it asks: a replica, by its certificate.
    pub(crate) fn is_replica(&self) -> bool {
        matches!(self.name, IdentityName::Replica(_))
    }
}

#[cfg(test)]
mod tests;
