//! What the orchestrator says of pods and nodes: one of the witnesses that the sweeper hears.
//!
//! It is only read. Until its lists are complete, and whenever the connection to it is lost, it
//! knows nothing, which is not the same as that nothing is there.

mod census;
mod claim;
mod facts;
mod kubernetes;

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use trunkline_ipam::{Endpoint, Holder};
use trunkline_types::{Name, Pod};

pub(crate) use claim::{Claims, WrongClaim};
pub(crate) use facts::Facts;
pub(crate) use kubernetes::Kubernetes;
pub use kubernetes::{KubernetesArgs, KubernetesError};

/// What is known of a pod.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum PodSeen {
    /// Nothing.
    Unknown,
    /// It does not exist.
    Absent,
    /// It exists, under this id.
    There {
        /// Tells it from its namesakes that came before.
        uid: String,
        /// The node it was given to.
        node: Option<String>,
        /// Whether its containers have ended for good.
        ended: bool,
    },
}

/// What is known of a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NodeSeen {
    /// Nothing; it may never have been the orchestrator's.
    Unknown,
    /// It was there, and is not any more.
    Gone,
    /// It is there, and an operator has said that it is switched off for good.
    OutOfService,
    /// It is there.
    There,
}

/// What is known of where a pod is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// Nobody knows, for there is no orchestrator.
    Unasked,
    /// It cannot be found out at the moment.
    Unknown,
    /// There is no such pod.
    Nowhere,
    /// It has been given to no node yet.
    Waiting,
    /// It was given to a node.
    On {
        /// The node's name.
        node: String,
        /// What is known of the pod.
        facts: Box<Facts>,
    },
}

/// What is known of a pod for somebody who asks what it would get.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Known {
    /// Nobody knows pods, for there is no orchestrator.
    Unasked,
    /// Nothing at the moment.
    Unknown,
    /// There is no such pod.
    Absent,
    /// There is one.
    There {
        /// The node it was given to.
        node: Option<String>,
        /// What decides what it gets.
        facts: Box<Facts>,
    },
}

/// A future that a trait object can return.
pub(crate) type Boxed<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// What knows which pods and nodes there should be.
pub(crate) trait Orchestrator: Send + Sync {
    /// What is known of a pod.
    fn pod(&self, pod: &Pod) -> PodSeen;

    /// What is known of a node.
    fn node(&self, node: &Name) -> NodeSeen;

    /// What was last told of a pod. Nobody is asked, so it costs no more than a look.
    fn known(&self, _: &Pod) -> Known {
        Known::Unknown
    }

    /// Whether there is one.
    fn is_there(&self) -> bool {
        true
    }

    /// Where a pod is. Unlike [`Orchestrator::pod`] it asks if what is known does not agree with
    /// `node` and the pod's `uid`, for that may be out of date.
    fn place<'a>(&'a self, pod: &'a Pod, node: &'a Name, uid: Option<&'a str>) -> Boxed<'a, Place>;

    /// Whether a reservation's holder has been deleted; `None` if that cannot be said.
    fn deleted<'a>(&'a self, holder: &'a Holder) -> Boxed<'a, Option<bool>>;
}

/// What the orchestrator says of endpoints' pods. Clones are one and the same.
#[derive(Clone)]
pub(crate) struct Pods(Arc<dyn Orchestrator>);

impl Pods {
    pub(crate) fn of(orchestrator: Arc<dyn Orchestrator>) -> Self {
        Self(orchestrator)
    }

    /// What the orchestrator last told of a pod.
    pub(crate) fn known(&self, pod: &Pod) -> Known {
        self.0.known(pod)
    }

    /// Whether the orchestrator still has the endpoint's pod; none if it does not know.
    pub(crate) fn exists(&self, endpoint: &Endpoint) -> Option<bool> {
        match self.0.pod(endpoint.pod.as_ref()?) {
            PodSeen::Unknown => None,
            PodSeen::Absent => Some(false),
            PodSeen::There { uid, node, ended } => {
                let namesake = endpoint.pod_uid.as_ref().is_some_and(|own| *own != uid);
                let elsewhere = node.is_some_and(|node| node != endpoint.node.as_str());
                Some(!(namesake || elsewhere || ended))
            }
        }
    }
}

impl std::fmt::Debug for Pods {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Pods")
    }
}

/// No orchestrator: it has no say.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Nobody;

impl Orchestrator for Nobody {
    fn pod(&self, _: &Pod) -> PodSeen {
        PodSeen::Unknown
    }

    fn node(&self, _: &Name) -> NodeSeen {
        NodeSeen::Unknown
    }

    fn known(&self, _: &Pod) -> Known {
        Known::Unasked
    }

    fn is_there(&self) -> bool {
        false
    }

    fn place<'a>(&'a self, _: &'a Pod, _: &'a Name, _: Option<&'a str>) -> Boxed<'a, Place> {
        Box::pin(std::future::ready(Place::Unasked))
    }

    fn deleted<'a>(&'a self, _: &'a Holder) -> Boxed<'a, Option<bool>> {
        Box::pin(std::future::ready(None))
    }
}
