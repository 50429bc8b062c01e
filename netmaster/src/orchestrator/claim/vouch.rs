//! Which pods are a node's own, when it reports what it holds after a restore.

use std::collections::{BTreeMap, BTreeSet};

use trunkline_ipam::Holder;
use trunkline_types::{Name, Pod};

use super::super::Place;
use super::{Claims, WrongClaim};

/// Of how many pods the orchestrator is asked for one report: more than a node has.
const ASKED: usize = 512;

impl Claims {
    /// Which of `pods` were given to `node`, with what they are of; none if there is no
    /// orchestrator. Beyond some hundreds nobody is asked, and they are not the node's.
    ///
    /// # Errors
    ///
    /// [`WrongClaim::Unknown`] if that cannot be found out at the moment.
    pub(crate) async fn vouch(
        &self,
        node: &Name,
        pods: BTreeSet<Pod>,
    ) -> Result<Option<BTreeMap<Pod, Vec<Holder>>>, WrongClaim> {
        if !self.orchestrator.is_there() {
            return Ok(None);
        }
        let mut vouched = BTreeMap::new();
        for pod in pods.into_iter().take(ASKED) {
            match self.orchestrator.place(&pod, node, None).await {
                Place::On { node: on, facts } if on == node.as_str() => {
                    vouched.insert(pod, facts.workloads);
                }
                Place::Unknown => {
                    let node = node.clone();
                    return Err(WrongClaim::Unknown { pod, node });
                }
                Place::Unasked | Place::On { .. } | Place::Nowhere | Place::Waiting => {}
            }
        }
        Ok(Some(vouched))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use trunkline_ipam::Workload;

    use super::*;
    use crate::orchestrator::{Boxed, Facts, Nobody, NodeSeen, Orchestrator, PodSeen};

    /// Pods whose names say where they are.
    struct ByName;

    impl Orchestrator for ByName {
        fn pod(&self, _: &Pod) -> PodSeen {
            PodSeen::Unknown
        }

        fn node(&self, _: &Name) -> NodeSeen {
            NodeSeen::Unknown
        }

        fn place<'a>(&'a self, pod: &'a Pod, _: &'a Name, _: Option<&'a str>) -> Boxed<'a, Place> {
            let place = match pod.name.as_str() {
                "unknown" => Place::Unknown,
                "nowhere" => Place::Nowhere,
                "waiting" => Place::Waiting,
                node => Place::On {
                    node: node.to_owned(),
                    facts: Box::new(Facts {
                        workloads: vec![set()],
                        ..Facts::default()
                    }),
                },
            };
            Box::pin(std::future::ready(place))
        }

        fn deleted<'a>(&'a self, _: &'a Holder) -> Boxed<'a, Option<bool>> {
            Box::pin(std::future::ready(None))
        }
    }

    fn set() -> Holder {
        Holder::StatefulSet(Workload {
            namespace: "shop".to_owned(),
            name: "db".to_owned(),
        })
    }

    fn pod(name: &str) -> Pod {
        Pod {
            namespace: "shop".to_owned(),
            name: name.to_owned(),
        }
    }

    async fn vouched(
        orchestrator: impl Orchestrator + 'static,
        pods: &[&str],
    ) -> Result<Option<BTreeMap<Pod, Vec<Holder>>>, WrongClaim> {
        let claims = Claims::by(Arc::new(orchestrator));
        let pods = pods.iter().map(|name| pod(name)).collect();
        claims.vouch(&"n1".parse().unwrap(), pods).await
    }

    #[tokio::test]
    async fn the_pods_of_a_node_are_those_that_were_given_to_it() {
        let known = vouched(ByName, &["n1", "n2", "nowhere", "waiting"]).await;
        let expected = BTreeMap::from([(pod("n1"), vec![set()])]);
        assert_eq!(known, Ok(Some(expected)));
        let unknown = vouched(ByName, &["n1", "unknown"]).await.unwrap_err();
        assert!(unknown.is_retryable(), "{unknown}");
        assert_eq!(vouched(Nobody, &["n1"]).await, Ok(None));
    }
}
