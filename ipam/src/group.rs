//! Groups: which pods get which network, pool and profile.

mod error;
mod plan;
mod resolve;

use std::collections::BTreeSet;
use std::fmt;

use serde::{Deserialize, Serialize};
use trunkline_types::{Labels, Name, Selector};

use crate::Revision;

pub(crate) use error::BOUND;
pub use error::{CreateGroupError, GroupRulesError, UpdateGroupError};
pub(crate) use plan::{check_scope, rival};
pub use plan::{create_group, delete_group, update_group};
pub use resolve::{Binding, Choice, Miss, Outcome, Resolution, Rung, Subject, explain, resolve};

/// Pods, and what they are bound to. Each of network, pool and profile comes from the most
/// specific group that names one; the rest of that group does not matter for it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Group {
    /// The group's name; unique.
    pub name: Name,
    /// Which pods are in it.
    pub scope: Scope,
    /// The network they are on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub network: Option<Name>,
    /// The pool of that network's subnets that their addresses come from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pool: Option<Name>,
    /// Their quality of service.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub profile: Option<Name>,
    /// Among groups of one [`Level`] the highest wins; 0 if nobody cares.
    #[serde(default)]
    pub priority: i32,
    /// What selectors choose the group itself by.
    #[serde(default, skip_serializing_if = "Labels::is_empty")]
    pub labels: Labels,
    /// The change that made it what it is.
    pub revision: Revision,
}

/// The group that is wanted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GroupSpec {
    /// The group's name.
    pub name: Name,
    /// Which pods are to be in it.
    pub scope: Scope,
    /// The network they are to be on.
    pub network: Option<Name>,
    /// The pool their addresses are to come from.
    pub pool: Option<Name>,
    /// Their quality of service.
    pub profile: Option<Name>,
    /// Among groups of one level the highest wins.
    pub priority: i32,
    /// What selectors choose the group itself by.
    pub labels: Labels,
}

/// Which pods are in a group.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Scope {
    /// All.
    Cluster,
    /// Those on nodes whose labels match.
    NodeClass {
        /// The nodes.
        nodes: Selector,
    },
    /// Those in these namespaces.
    Namespaces {
        /// The namespaces; 1–[`Scope::NAMESPACES_MAX`].
        namespaces: BTreeSet<Name>,
    },
    /// Those in these namespaces whose labels match. There is no scope of labels in all
    /// namespaces: whoever may create a pod anywhere could choose its network.
    Pods {
        /// The namespaces; 1–[`Scope::NAMESPACES_MAX`].
        namespaces: BTreeSet<Name>,
        /// The pods; not empty.
        pods: Selector,
    },
}

/// How specific a group is; the last one wins.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Level {
    /// It is for all pods.
    Cluster,
    /// It is for pods on some nodes.
    NodeClass,
    /// It is for namespaces.
    Namespace,
    /// It is for labels within namespaces.
    Labels,
    /// Not a group but the pod itself says so, by annotation or CNI argument.
    Pod,
}

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Cluster => "cluster",
            Self::NodeClass => "node class",
            Self::Namespace => "namespace",
            Self::Labels => "labels",
            Self::Pod => "pod",
        })
    }
}

impl Scope {
    /// How many namespaces a group may name: what keeps the object small.
    pub const NAMESPACES_MAX: usize = 1_000;

    /// How specific it is.
    #[must_use]
    pub fn level(&self) -> Level {
        match self {
            Self::Cluster => Level::Cluster,
            Self::NodeClass { .. } => Level::NodeClass,
            Self::Namespaces { .. } => Level::Namespace,
            Self::Pods { .. } => Level::Labels,
        }
    }

    /// The namespaces it is confined to; none if it is for pods of all.
    #[must_use]
    pub fn namespaces(&self) -> Option<&BTreeSet<Name>> {
        match self {
            Self::Cluster | Self::NodeClass { .. } => None,
            Self::Namespaces { namespaces } | Self::Pods { namespaces, .. } => Some(namespaces),
        }
    }
}

#[cfg(test)]
mod tests;
