//! The few fields of Kubernetes' objects that matter here.

use k8s_openapi::api::apps::v1::{DaemonSet, Deployment, ReplicaSet, StatefulSet};
use k8s_openapi::api::batch::v1::Job;
use k8s_openapi::api::core::v1::{Node, Pod as KubernetesPod};
use kube::core::{ApiResource, NotUsed, Object};
use serde::{Deserialize, Serialize};
use trunkline_types::Pod;

use crate::orchestrator::census::{NodeRecord, PodRecord};

/// The taint by which an operator says that a node is switched off for good. See Kubernetes'
/// documentation of non-graceful node shutdown.
const OUT_OF_SERVICE: &str = "node.kubernetes.io/out-of-service";

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
    let key = Pod {
        namespace: object.metadata.namespace?,
        name: object.metadata.name?,
    };
    let record = PodRecord {
        uid: object.metadata.uid.unwrap_or_default(),
        node: object.spec.node_name,
        ended: matches!(phase.as_deref(), Some("Succeeded" | "Failed")),
    };
    Some((key, record))
}

/// A node by its name.
pub(super) fn node(object: NodeObject) -> Option<(String, NodeRecord)> {
    let mut taints = object.spec.taints.iter();
    let record = NodeRecord {
        out_of_service: taints.any(|taint| taint.key == OUT_OF_SERVICE),
    };
    Some((object.metadata.name?, record))
}
