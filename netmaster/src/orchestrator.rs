//! What the orchestrator says of pods and nodes: one of the witnesses that the sweeper hears.
//!
//! It is only read. Until its lists are complete, and whenever the connection to it is lost, it
//! knows nothing, which is not the same as that nothing is there.

mod census;
mod kubernetes;

use std::future::Future;
use std::pin::Pin;

use trunkline_ipam::Holder;
use trunkline_types::{Name, Pod};

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

/// A future that a trait object can return.
pub(crate) type Boxed<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// What knows which pods and nodes there should be.
pub(crate) trait Orchestrator: Send + Sync {
    /// What is known of a pod.
    fn pod(&self, pod: &Pod) -> PodSeen;

    /// What is known of a node.
    fn node(&self, node: &Name) -> NodeSeen;

    /// Whether a reservation's holder has been deleted; `None` if that cannot be said.
    fn deleted<'a>(&'a self, holder: &'a Holder) -> Boxed<'a, Option<bool>>;
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

    fn deleted<'a>(&'a self, _: &'a Holder) -> Boxed<'a, Option<bool>> {
        Box::pin(std::future::ready(None))
    }
}
