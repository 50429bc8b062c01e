//! The few fields of Kubernetes' objects that matter here.

use k8s_openapi::api::apps::v1::{DaemonSet, Deployment, ReplicaSet, StatefulSet};
use k8s_openapi::api::batch::v1::Job;
use k8s_openapi::api::core::v1::{Node, Pod as KubernetesPod};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{ObjectMeta, OwnerReference};
use kube::core::{ApiResource, NotUsed, Object};
use serde::{Deserialize, Serialize};
use trunkline_ipam::{Holder, Workload};
use trunkline_types::{Labels, Pod};

use crate::orchestrator::Facts;
use crate::orchestrator::census::{NodeRecord, PodRecord};
use crate::orchestrator::facts::Packed;

/// The taint by which an operator says that a node is switched off for good. See Kubernetes'
/// documentation of non-graceful node shutdown.
const OUT_OF_SERVICE: &str = "node.kubernetes.io/out-of-service";

/// The annotation of a pod that mirrors one which is written on its node.
const MIRROR: &str = "kubernetes.io/config.mirror";

/// The annotations with the ids by which a node knows the pod that is mirrored.
const STATIC_IDS: [&str; 2] = ["kubernetes.io/config.hash", MIRROR];

/// The label that a Deployment gives the pods of each of its ReplicaSets. Its value is the end of
/// the ReplicaSet's name.
const TEMPLATE_HASH: &str = "pod-template-hash";

pub(super) type PodObject = Object<PodSpec, PodStatus>;
pub(super) type NodeObject = Object<NodeSpec, NotUsed>;

#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct PodSpec {
    #[serde(default)]
    node_name: Option<String>,
}

#[derive(Clone, Debug, Default, Deserialize, Serialize)]
pub(super) struct PodStatus {
    #[serde(default)]
    phase: Option<String>,
}

#[derive(Clone, Debug, Default, Deserialize, Serialize)]
pub(super) struct NodeSpec {
    #[serde(default)]
    taints: Vec<Taint>,
}

#[derive(Clone, Debug, Deserialize, Serialize)]
struct Taint {
    key: String,
}

pub(super) fn pods() -> ApiResource {
    ApiResource::erase::<KubernetesPod>(&())
}

pub(super) fn nodes() -> ApiResource {
    ApiResource::erase::<Node>(&())
}

/// What a holder that is a StatefulSet may be.
pub(super) fn stateful_sets() -> [ApiResource; 1] {
    [ApiResource::erase::<StatefulSet>(&())]
}

/// What a holder that is a workload may be.
pub(super) fn workloads() -> [ApiResource; 5] {
    [
        ApiResource::erase::<Deployment>(&()),
        ApiResource::erase::<StatefulSet>(&()),
        ApiResource::erase::<DaemonSet>(&()),
        ApiResource::erase::<ReplicaSet>(&()),
        ApiResource::erase::<Job>(&()),
    ]
}

/// A pod by its name; `None` if it has none, which does not happen.
pub(super) fn pod(object: PodObject) -> Option<(Pod, PodRecord)> {
    let phase = object.status.and_then(|status| status.phase);
    let facts = facts(&object.metadata);
    let key = Pod {
        namespace: object.metadata.namespace?,
        name: object.metadata.name?,
    };
    let record = PodRecord {
        facts: Packed::of(&facts),
        uid: object.metadata.uid.unwrap_or_default(),
        node: object.spec.node_name,
        ended: matches!(phase.as_deref(), Some("Succeeded" | "Failed")),
    };
    Some((key, record))
}

/// What decides what a pod gets.
fn facts(metadata: &ObjectMeta) -> Facts {
    let annotation = |key: &str| metadata.annotations.as_ref()?.get(key).cloned();
    let is_mirror = annotation(MIRROR).is_some();
    let ids = STATIC_IDS.into_iter().filter_map(annotation);
    let labels = metadata.labels.iter().flatten().filter_map(|(key, value)| {
        // No selector can name what is none of ours.
        Some((key.parse().ok()?, value.parse().ok()?))
    });
    let asks = Facts::ASKS.into_iter();
    Facts {
        uid: metadata.uid.clone().filter(|_| !is_mirror),
        ids: metadata.uid.iter().cloned().chain(ids).collect(),
        labels: labels.collect::<Labels>(),
        workloads: workloads_of(metadata),
        asks: asks
            .filter_map(|key| Some((key.to_owned(), annotation(key)?)))
            .collect(),
    }
}

/// What a pod is one of: what controls it, and the Deployment behind a ReplicaSet.
fn workloads_of(metadata: &ObjectMeta) -> Vec<Holder> {
    let mut owners = metadata.owner_references.iter().flatten();
    let is_controller = |owner: &&OwnerReference| owner.controller == Some(true);
    let Some(owner) = owners.find(is_controller) else {
        return Vec::new();
    };
    let named = |name: &str| Workload {
        namespace: metadata.namespace.clone().unwrap_or_default(),
        name: name.to_owned(),
    };
    let own = Holder::Workload(named(&owner.name));
    match owner.kind.as_str() {
        "StatefulSet" => vec![Holder::StatefulSet(named(&owner.name)), own],
        "ReplicaSet" => {
            let labels = metadata.labels.as_ref();
            let hash = labels.and_then(|labels| labels.get(TEMPLATE_HASH));
            let deployment = hash.and_then(|hash| {
                let name = owner.name.strip_suffix(hash.as_str())?;
                name.strip_suffix('-')
            });
            let deployment = deployment.map(|name| Holder::Workload(named(name)));
            deployment.into_iter().chain([own]).collect()
        }
        // A mirror is its node's.
        "Node" => Vec::new(),
        _ => vec![own],
    }
}

/// A node by its name.
pub(super) fn node(object: NodeObject) -> Option<(String, NodeRecord)> {
    let mut taints = object.spec.taints.iter();
    let record = NodeRecord {
        out_of_service: taints.any(|taint| taint.key == OUT_OF_SERVICE),
    };
    Some((object.metadata.name?, record))
}
