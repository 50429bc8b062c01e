//! What a caller may do.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// What a caller may do. `docs/roles.md` says what that is, operation by operation.
///
/// Only `viewer`, `operator` and `admin` can be compared, see [`Role::covers`]: the other two are
/// for programs, and have another work rather than more or less of the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Role {
    /// Everything.
    Admin,
    /// Change objects, and make nodes send packets.
    Operator,
    /// Look.
    Viewer,
    /// What the agent of one node has to do, for that node.
    Node,
    /// Look: for parts of the control plane. Replicas have it as well, and beyond that say on whose
    /// behalf they pass a request on, which their certificates let them and not this role.
    Cluster,
}

/// Text that is no role.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no role: use `admin`, `operator`, `viewer`, `node` or `cluster`")]
pub struct RoleError(String);

impl Role {
    /// Every role.
    pub const ALL: [Self; 5] = [
        Self::Admin,
        Self::Operator,
        Self::Viewer,
        Self::Node,
        Self::Cluster,
    ];

    /// The role's one written form.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Admin => "admin",
            Self::Operator => "operator",
            Self::Viewer => "viewer",
            Self::Node => "node",
            Self::Cluster => "cluster",
        }
    }

    /// Whether this role may do all that `other` may, as an admin may do what an operator may.
    #[must_use]
    pub fn covers(self, other: Self) -> bool {
        match self {
            Self::Admin => true,
            Self::Operator => matches!(other, Self::Operator | Self::Viewer),
            Self::Viewer | Self::Node | Self::Cluster => self == other,
        }
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for Role {
    type Err = RoleError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .into_iter()
            .find(|role| role.name() == text)
            .ok_or_else(|| RoleError(text.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_role_is_read_as_it_is_written() {
        for role in Role::ALL {
            assert_eq!(role.to_string().parse(), Ok(role));
            assert_eq!(serde_json::to_value(role).unwrap(), role.name());
        }
        assert!("root".parse::<Role>().is_err());
    }

    #[test]
    fn people_have_more_or_less_rights_and_programs_have_their_own() {
        use Role::{Admin, Cluster, Node, Operator, Viewer};
        assert!(Role::ALL.into_iter().all(|role| Admin.covers(role)));
        assert!(Operator.covers(Viewer) && !Viewer.covers(Operator) && !Operator.covers(Admin));
        for program in [Node, Cluster] {
            assert!(program.covers(program) && !program.covers(Viewer));
            assert!(!Operator.covers(program));
        }
    }
}
