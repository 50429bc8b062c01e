//! Groups.

use serde::{Deserialize, Serialize};
use trunkline_types::{Labels, Name, Selector};
use utoipa::ToSchema;

use crate::{field, schema};

/// The group that is wanted. Which pods are in it is said by `nodes`, or by `namespaces` alone or
/// with `pods`; by none of them, all pods are.
///
/// ```json
/// {"name": "shop-web", "namespaces": ["shop"], "pods": "app=web", "network": "blue",
///  "profile": "gold"}
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct GroupSpec {
    /// The group's name; no other group has it.
    #[schema(value_type = schema::Name)]
    pub name: Name,
    /// Pods on nodes with such labels; not together with `namespaces`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<schema::Selector>)]
    pub nodes: Option<Selector>,
    /// Pods in these namespaces, at most 256.
    #[serde(
        default,
        skip_serializing_if = "Vec::is_empty",
        deserialize_with = "field::list::<_, _, 256>"
    )]
    #[schema(value_type = Vec<schema::Name>, max_items = 256)]
    pub namespaces: Vec<Name>,
    /// Of the pods in `namespaces`, those with such labels.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<schema::Selector>)]
    pub pods: Option<Selector>,
    /// The network they are to be on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<schema::Name>)]
    pub network: Option<Name>,
    /// The pool of that network's subnets that their addresses are to come from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<schema::Name>)]
    pub pool: Option<Name>,
    /// Their quality of service.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<schema::Name>)]
    pub profile: Option<Name>,
    /// Among groups of one level the highest wins; 0 if left out.
    #[serde(default)]
    pub priority: i32,
    /// What selectors choose the group itself by.
    #[serde(
        default,
        skip_serializing_if = "Labels::is_empty",
        deserialize_with = "field::labels"
    )]
    #[schema(value_type = schema::Labels)]
    pub labels: Labels,
}

/// Pods, and what they are bound to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Group {
    /// The group's name.
    #[schema(value_type = schema::Name)]
    pub name: Name,
    /// How specific it is; follows from which pods are in it.
    pub level: Level,
    /// The labels of the nodes whose pods are in it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<schema::Selector>)]
    pub nodes: Option<Selector>,
    /// The namespaces whose pods are in it, in order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schema(value_type = Vec<schema::Name>)]
    pub namespaces: Vec<Name>,
    /// The labels of the pods that are in it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<schema::Selector>)]
    pub pods: Option<Selector>,
    /// The network they are on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<schema::Name>)]
    pub network: Option<Name>,
    /// The pool their addresses come from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<schema::Name>)]
    pub pool: Option<Name>,
    /// Their quality of service.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<schema::Name>)]
    pub profile: Option<Name>,
    /// Among groups of one level the highest wins.
    pub priority: i32,
    /// What selectors choose the group itself by.
    #[serde(default, skip_serializing_if = "Labels::is_empty")]
    #[schema(value_type = schema::Labels)]
    pub labels: Labels,
    /// The number of the change that made it what it is.
    pub revision: u64,
}

/// How specific a binding is; the last one wins.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema,
)]
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
    /// A level of a newer netmaster.
    #[serde(other)]
    Unknown,
}

impl Level {
    /// Those that groups have, for all that this version knows.
    pub const OF_GROUPS: [Self; 4] = [
        Self::Cluster,
        Self::NodeClass,
        Self::Namespace,
        Self::Labels,
    ];

    /// As it is written.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Cluster => "cluster",
            Self::NodeClass => "node_class",
            Self::Namespace => "namespace",
            Self::Labels => "labels",
            Self::Pod => "pod",
            Self::Unknown => "unknown",
        }
    }
}
