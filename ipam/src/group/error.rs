//! Why a group cannot be created or changed.

use trunkline_types::Name;

use super::{Binding, Level, Scope};
use crate::{Kind, NameInUse, PreconditionError, Reason, Refusal};

/// What somebody is told of an object that groups bind, and who may not know of groups.
pub(crate) const BOUND: &str = "groups bind it, which are of no network: ask somebody who is for \
                                all networks to bind them to something else first";

/// Why there can be no such group.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum GroupRulesError {
    /// It binds nothing.
    #[error("a group binds something: name a network, a pool or a profile")]
    BindsNothing,
    /// It is for no namespace, or for more than anybody needs.
    #[error(
        "a group is for 1–{max} namespaces, and not {given}: name them, or make several groups",
        max = Scope::NAMESPACES_MAX
    )]
    Namespaces {
        /// How many were given.
        given: usize,
    },
    /// It is for all pods of its namespaces, but as if for some.
    #[error(
        "a group of pods has a selector that is not empty: give one like `app=web`, or make it a \
         group of the namespaces"
    )]
    EmptySelector,
    /// What it binds is not there.
    #[error("{kind} `{name}` does not exist: create it first, see `netctl {kind} ls`")]
    NotFound {
        /// Network, pool or profile.
        kind: Kind,
        /// Its name.
        name: Name,
    },
    /// No subnet of the network has the pool.
    #[error(
        "no subnet of network `{network}` has a pool `{pool}`: create one first with \
         `netctl pool create <subnet>/{pool}`"
    )]
    NoPoolInNetwork {
        /// The pool's name.
        pool: Name,
        /// The network's name.
        network: Name,
    },
    /// It would give pods the addresses of nodes.
    #[error("pool `nodes` is for nodes and not for pods: bind another pool")]
    NodesPool,
    /// Another group binds the same for the same pods, and nothing says which counts.
    #[error(
        "group `{group}` and group `{other}` may be for the same pod, at level `{level}` and with \
         priority {priority}, and both bind its {binding}: give one of them a higher priority"
    )]
    Ambiguous {
        /// The group.
        group: Name,
        /// The other one.
        other: Name,
        /// What both bind.
        binding: Binding,
        /// The level of both.
        level: Level,
        /// The priority of both.
        priority: i32,
    },
}

impl Refusal for GroupRulesError {
    fn reason(&self) -> Reason {
        match self {
            Self::BindsNothing
            | Self::Namespaces { .. }
            | Self::EmptySelector
            | Self::NodesPool => Reason::Invalid,
            Self::NotFound { kind, .. } => Reason::NotFound(*kind),
            Self::NoPoolInNetwork { .. } => Reason::NotFound(Kind::Pool),
            Self::Ambiguous { .. } => Reason::Ambiguous,
        }
    }

    fn field(&self) -> Option<&'static str> {
        match self {
            // Any of the three would do.
            Self::BindsNothing => Some("network"),
            Self::Namespaces { .. } => Some("namespaces"),
            Self::EmptySelector => Some("pods"),
            Self::NodesPool => Some("pool"),
            _ => None,
        }
    }
}

/// Why a group cannot be created.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CreateGroupError {
    /// There is one of that name.
    #[error(transparent)]
    NameInUse(#[from] NameInUse),
    /// There can be no such group.
    #[error(transparent)]
    Rules(#[from] GroupRulesError),
}

impl Refusal for CreateGroupError {
    fn reason(&self) -> Reason {
        match self {
            Self::NameInUse(error) => error.reason(),
            Self::Rules(error) => error.reason(),
        }
    }

    fn field(&self) -> Option<&'static str> {
        match self {
            Self::Rules(error) => error.field(),
            _ => None,
        }
    }
}

/// Why a group cannot be changed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UpdateGroupError {
    /// It is not there, or not at that revision.
    #[error(transparent)]
    Precondition(#[from] PreconditionError),
    /// There can be no such group.
    #[error(transparent)]
    Rules(#[from] GroupRulesError),
}

impl Refusal for UpdateGroupError {
    fn reason(&self) -> Reason {
        match self {
            Self::Precondition(error) => error.reason(),
            Self::Rules(error) => error.reason(),
        }
    }

    fn field(&self) -> Option<&'static str> {
        match self {
            Self::Rules(error) => error.field(),
            _ => None,
        }
    }
}
