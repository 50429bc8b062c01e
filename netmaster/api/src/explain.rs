//! Why a pod is bound to what it is bound to.

use serde::{Deserialize, Serialize};
use trunkline_types::{Labels, Name, Pod};
use utoipa::ToSchema;

use crate::endpoint::PodSchema;
use crate::{Level, Reservation, field, schema};

/// The pod that is asked about; it need not exist.
///
/// ```json
/// {"node": "node1", "namespace": "shop", "pod_labels": {"app": "web"}}
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ExplainSpec {
    /// The pod, if it has a name. What is not said of it here is what the orchestrator has of it:
    /// labels, node, workload, and what it asks for itself; its node may be known by its endpoint,
    /// too.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        deserialize_with = "field::pod"
    )]
    #[schema(value_type = Option<PodSchema>)]
    pub pod: Option<Pod>,
    /// The node it runs on; without one, no group of a node class is for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<schema::Name>)]
    pub node: Option<Name>,
    /// Its namespace, which `pod` says too; without one, no group of namespaces is for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<schema::Name>)]
    pub namespace: Option<Name>,
    /// Its labels; those of a `pod` are looked up if this is empty.
    #[serde(
        default,
        skip_serializing_if = "Labels::is_empty",
        deserialize_with = "field::labels"
    )]
    #[schema(value_type = schema::Labels)]
    pub pod_labels: Labels,
    /// The network that the pod itself asks for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<schema::Name>)]
    pub network: Option<Name>,
    /// The pool that the pod itself asks for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<schema::Name>)]
    pub pool: Option<Name>,
    /// The profile that the pod itself asks for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<schema::Name>)]
    pub profile: Option<Name>,
}

/// What a pod is bound to, and how that came about.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Explanation {
    /// Its network; absent if nobody names any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub network: Option<Choice>,
    /// Its pool; absent if its addresses are of no pool.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pool: Option<Choice>,
    /// Its profile; absent if its traffic is not limited.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub profile: Option<Choice>,
    /// Every step that was looked at, the most specific first.
    pub ladder: Vec<Rung>,
    /// The node that it was decided by, as given or as known; absent if nobody knows it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<schema::Name>)]
    pub node: Option<Name>,
    /// The labels that it was decided by, as given or as known; absent if nobody knows them, and
    /// then it was decided as if there were none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<schema::Labels>)]
    pub pod_labels: Option<Labels>,
    /// Whether the orchestrator has the `pod`; absent if no pod was named, or there is no
    /// orchestrator.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub orchestrator: Option<PodExistence>,
    /// Why it would get nothing at all: it asks for something that is no name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refusal: Option<String>,
    /// What is reserved for the `pod`, on whatever network, in the order in which it counts.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub reservations: Vec<Reservation>,
    /// As of which change.
    pub revision: u64,
}

/// Whether the orchestrator has a pod.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum PodExistence {
    /// It does.
    There,
    /// It does not.
    Absent,
    /// It cannot tell at the moment, or says something of a newer netmaster.
    #[serde(other)]
    Unknown,
}

/// One value, and who chose it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Choice {
    /// The name of the network, pool or profile.
    #[schema(value_type = schema::Name)]
    pub value: Name,
    /// How specific the choice is.
    pub level: Level,
    /// The group that names it; absent if the pod itself does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<schema::Name>)]
    pub group: Option<Name>,
}

/// One step of the ladder.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Rung {
    /// How specific it is.
    pub level: Level,
    /// The group; absent for the pod itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<schema::Name>)]
    pub group: Option<Name>,
    /// The group's priority; absent for the pod itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub priority: Option<i32>,
    /// Whether it is for the pod.
    pub matched: bool,
    /// Why it is not for the pod: `says_nothing`; `namespace`, `labels` or `node`, which are
    /// others; `namespace_unknown`, `labels_unknown` or `node_unknown`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub why_not: Option<String>,
    /// What it settled, for no higher step had named it: `network`, `pool`, `profile`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub settles: Vec<String>,
}
