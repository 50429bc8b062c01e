//! Whether the pod that an agent asks for is its own.
//!
//! What a pod gets depends on who it is: groups, pools and reservations are for some. So an agent
//! may name a pod only if the orchestrator has given it to that agent's node. Without an
//! orchestrator nobody can tell, and agents are trusted in this.

use std::fmt;
use std::sync::Arc;

use trunkline_types::{Name, Pod};

use super::{Orchestrator, Place};

/// The check. Clones are one and the same.
#[derive(Clone)]
pub(crate) struct Claims {
    orchestrator: Arc<dyn Orchestrator>,
}

/// Why an agent gets nothing for a pod.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum WrongClaim {
    /// The pod is another node's.
    #[error(
        "pod `{pod}` is on node `{on}` and not on node `{node}`, whose agent asks for it: see \
         `kubectl get pod -n {} {} -o wide`",
        pod.namespace,
        pod.name
    )]
    Elsewhere {
        /// The pod.
        pod: Pod,
        /// Where it is.
        on: String,
        /// Who asks.
        node: Name,
    },
    /// The pod is nobody's.
    #[error(
        "pod `{pod}` does not exist or is on no node, so node `{node}` gets nothing for it: see \
         `kubectl get pod -n {} {} -o wide`",
        pod.namespace,
        pod.name
    )]
    Nowhere {
        /// The pod.
        pod: Pod,
        /// Who asks.
        node: Name,
    },
    /// Nobody can tell at the moment.
    #[error(
        "Kubernetes does not say which node pod `{pod}` is on, so node `{node}` gets nothing for \
         it yet: repeat the request"
    )]
    Unknown {
        /// The pod.
        pod: Pod,
        /// Who asks.
        node: Name,
    },
}

impl WrongClaim {
    /// Whether the answer may be another one later, without anybody doing anything about it.
    pub(crate) fn is_retryable(&self) -> bool {
        matches!(self, Self::Unknown { .. })
    }
}

impl Claims {
    /// Asks `orchestrator`.
    pub(crate) fn by(orchestrator: Arc<dyn Orchestrator>) -> Self {
        Self { orchestrator }
    }

    /// Checks that the agent of `node` may ask for `pod`.
    pub(crate) async fn check(&self, node: &Name, pod: &Pod) -> Result<(), WrongClaim> {
        let place = self.orchestrator.place(pod, node).await;
        let (pod, node) = (pod.clone(), node.clone());
        match place {
            Place::Unasked => Ok(()),
            Place::On(on) if on == node.as_str() => Ok(()),
            Place::On(on) => Err(WrongClaim::Elsewhere { pod, on, node }),
            Place::Nowhere | Place::Waiting => Err(WrongClaim::Nowhere { pod, node }),
            Place::Unknown => Err(WrongClaim::Unknown { pod, node }),
        }
    }
}

impl fmt::Debug for Claims {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Claims")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::orchestrator::{Boxed, Nobody, NodeSeen, PodSeen};

    struct Says(Place);

    impl Orchestrator for Says {
        fn pod(&self, _: &Pod) -> PodSeen {
            PodSeen::Unknown
        }

        fn node(&self, _: &Name) -> NodeSeen {
            NodeSeen::Unknown
        }

        fn place<'a>(&'a self, _: &'a Pod, _: &'a Name) -> Boxed<'a, Place> {
            Box::pin(std::future::ready(self.0.clone()))
        }

        fn deleted<'a>(&'a self, _: &'a trunkline_ipam::Holder) -> Boxed<'a, Option<bool>> {
            Box::pin(std::future::ready(None))
        }
    }

    async fn claim(orchestrator: impl Orchestrator + 'static) -> Result<(), WrongClaim> {
        let pod = Pod {
            namespace: "shop".to_owned(),
            name: "web-0".to_owned(),
        };
        let claims = Claims::by(Arc::new(orchestrator));
        claims.check(&"n1".parse().unwrap(), &pod).await
    }

    #[tokio::test]
    async fn a_node_may_ask_for_the_pods_that_it_was_given_and_for_no_others() {
        assert_eq!(claim(Says(Place::On("n1".to_owned()))).await, Ok(()));
        let error = claim(Says(Place::On("n2".to_owned()))).await.unwrap_err();
        assert_eq!(
            error.to_string(),
            "pod `shop/web-0` is on node `n2` and not on node `n1`, whose agent asks for it: see \
             `kubectl get pod -n shop web-0 -o wide`"
        );
        for place in [Place::Nowhere, Place::Waiting] {
            let error = claim(Says(place)).await.unwrap_err();
            assert!(
                !error.is_retryable() && error.to_string().contains("node `n1`"),
                "{error}"
            );
        }
        let error = claim(Says(Place::Unknown)).await.unwrap_err();
        assert!(error.is_retryable() && error.to_string().ends_with("repeat the request"));
    }

    #[tokio::test]
    async fn without_an_orchestrator_agents_are_trusted() {
        assert_eq!(claim(Nobody).await, Ok(()));
    }
}
