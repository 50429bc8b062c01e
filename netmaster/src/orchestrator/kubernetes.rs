//! Kubernetes: lists and watches of pods and nodes, read-only.

mod objects;
mod watch;

use std::path::PathBuf;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use clap::Args;
use kube::api::{Api, DynamicObject};
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::core::ApiResource;
use kube::{Client, Config};
use tokio::sync::Semaphore;
use tokio::time::timeout;
use tracing::{info, warn};
use trunkline_ipam::{Holder, Workload};
use trunkline_types::{Name, Pod, chain};

use super::census::Census;
use super::{Boxed, Known, NodeSeen, Orchestrator, Place, PodSeen};
use objects::{NodeObject, PodObject};

/// How long the API server may take to answer.
const DEADLINE: Duration = Duration::from_secs(30);

/// How long the API server may take to say where a pod is: an agent waits, and it waits 10 seconds.
const PLACE_DEADLINE: Duration = Duration::from_secs(4);

/// How many such questions there are at a time. In good order there is hardly one, for the watch is
/// as fast as the node; more wait, and those who wait too long ask again.
const PLACE_QUESTIONS: usize = 32;

/// Flags about Kubernetes.
#[derive(Clone, Debug, Default, PartialEq, Eq, Args)]
pub struct KubernetesArgs {
    /// Hear what Kubernetes says of pods and nodes before addresses are collected
    ///
    /// Reads pods and nodes, nothing else. In a pod of the cluster this is the default.
    #[arg(long)]
    pub kubernetes: bool,
    /// Reach Kubernetes as this kubeconfig file says; implies `--kubernetes`
    #[arg(long, value_name = "FILE")]
    pub kubeconfig: Option<PathBuf>,
    /// Leave Kubernetes out, even in a pod of the cluster
    #[arg(long, conflicts_with_all = ["kubernetes", "kubeconfig"])]
    pub no_kubernetes: bool,
}

/// Why Kubernetes cannot be asked.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum KubernetesError {
    /// The kubeconfig file cannot be used.
    #[error("kubeconfig `{}` cannot be used: name another one with `--kubeconfig`", path.display())]
    Kubeconfig {
        /// The file.
        path: PathBuf,
        /// Why.
        source: kube::config::KubeconfigError,
    },
    /// Nothing says where it is.
    #[error("nothing says how to reach Kubernetes: name a kubeconfig file with `--kubeconfig`")]
    Unconfigured {
        /// Why.
        source: kube::config::InferConfigError,
    },
    /// The service account's files cannot be used.
    #[error("the service account of this pod cannot be used: see its mounts")]
    InCluster {
        /// Why.
        source: kube::config::InClusterError,
    },
    /// The client cannot be set up.
    #[error("the client of the Kubernetes API cannot be set up: see the kubeconfig file")]
    Client {
        /// Why.
        source: kube::Error,
    },
}

impl KubernetesArgs {
    /// How to reach Kubernetes; `None` if it has no say.
    ///
    /// # Errors
    ///
    /// [`KubernetesError`] if it has, and the way to it cannot be found.
    pub(crate) async fn config(&self) -> Result<Option<Config>, KubernetesError> {
        if self.no_kubernetes {
            return Ok(None);
        }
        if let Some(path) = &self.kubeconfig {
            let unusable = |source| KubernetesError::Kubeconfig {
                path: path.clone(),
                source,
            };
            let file = Kubeconfig::read_from(path).map_err(unusable)?;
            let options = KubeConfigOptions::default();
            let config = Config::from_custom_kubeconfig(file, &options).await;
            return config.map(Some).map_err(unusable);
        }
        // What the kubelet tells every pod.
        if std::env::var_os("KUBERNETES_SERVICE_HOST").is_some() {
            let config = Config::incluster();
            return config
                .map(Some)
                .map_err(|source| KubernetesError::InCluster { source });
        }
        if self.kubernetes {
            let config = Config::infer().await;
            return config
                .map(Some)
                .map_err(|source| KubernetesError::Unconfigured { source });
        }
        Ok(None)
    }
}

/// Kubernetes, seen through its API.
pub(crate) struct Kubernetes {
    client: Client,
    census: Arc<RwLock<Census>>,
    questions: Semaphore,
}

impl Kubernetes {
    /// Kubernetes behind `config`. Nothing is asked yet.
    pub(crate) fn at(mut config: Config) -> Result<Self, KubernetesError> {
        config.connect_timeout = Some(DEADLINE);
        let client =
            Client::try_from(config).map_err(|source| KubernetesError::Client { source })?;
        Ok(Self {
            client,
            census: Arc::default(),
            questions: Semaphore::new(PLACE_QUESTIONS),
        })
    }

    /// Keeps the census up, for as long as it is polled.
    pub(crate) fn follow(&self) -> impl Future<Output = ()> + Send + use<> {
        let pods: Api<PodObject> = Api::all_with(self.client.clone(), &objects::pods());
        let nodes: Api<NodeObject> = Api::all_with(self.client.clone(), &objects::nodes());
        let of_pods = self.census.clone();
        let of_nodes = self.census.clone();
        async move {
            let pods = watch::follow("pods", pods, objects::pod, move |told| {
                write(&of_pods, |census| census.pods.hear(told));
            });
            let nodes = watch::follow("nodes", nodes, objects::node, move |told| {
                write(&of_nodes, |census| census.hear_of_nodes(told));
            });
            info!("following the pods and nodes of Kubernetes");
            tokio::join!(pods, nodes);
        }
    }

    /// Asks where a pod is.
    async fn ask_place(&self, pod: &Pod) -> Place {
        let asked = timeout(PLACE_DEADLINE, async {
            let _turn = self.questions.acquire().await.ok()?;
            let api: Api<PodObject> =
                Api::namespaced_with(self.client.clone(), &pod.namespace, &objects::pods());
            Some(api.get_opt(&pod.name).await)
        });
        match asked.await {
            Ok(Some(Ok(None))) => Place::Nowhere,
            Ok(Some(Ok(Some(object)))) => match objects::pod(object) {
                Some((_, record)) => match (record.node, record.facts.facts()) {
                    (None, _) => Place::Waiting,
                    (Some(node), Some(facts)) => Place::On {
                        node,
                        facts: facts.into(),
                    },
                    (Some(_), None) => Place::Unknown,
                },
                None => Place::Nowhere,
            },
            Ok(Some(Err(error))) => {
                warn!(%pod, error = chain(&error), "Kubernetes does not say where a pod is");
                Place::Unknown
            }
            Ok(None) | Err(_) => {
                warn!(%pod, "Kubernetes does not say where a pod is in time");
                Place::Unknown
            }
        }
    }

    /// Whether none of these kinds has a thing of that name; `None` if that cannot be said.
    async fn workload_deleted(&self, workload: &Workload, kinds: &[ApiResource]) -> Option<bool> {
        for kind in kinds {
            let api: Api<DynamicObject> =
                Api::namespaced_with(self.client.clone(), &workload.namespace, kind);
            match timeout(DEADLINE, api.get_metadata_opt(&workload.name)).await {
                Ok(Ok(Some(_))) => return Some(false),
                Ok(Ok(None)) => {}
                Ok(Err(error)) => {
                    let (kind, name) = (&kind.kind, &workload.name);
                    warn!(%kind, %name, error = chain(&error), "Kubernetes cannot be asked");
                    return None;
                }
                Err(_) => return None,
            }
        }
        Some(true)
    }
}

impl Orchestrator for Kubernetes {
    fn pod(&self, pod: &Pod) -> PodSeen {
        let census = self.census.read().unwrap_or_else(PoisonError::into_inner);
        census.pod(pod)
    }

    fn node(&self, node: &Name) -> NodeSeen {
        let census = self.census.read().unwrap_or_else(PoisonError::into_inner);
        census.node(node)
    }

    fn known(&self, pod: &Pod) -> Known {
        let census = self.census.read().unwrap_or_else(PoisonError::into_inner);
        census.known(pod)
    }

    fn place<'a>(&'a self, pod: &'a Pod, node: &'a Name, uid: Option<&'a str>) -> Boxed<'a, Place> {
        Box::pin(async move {
            let known = {
                let census = self.census.read().unwrap_or_else(PoisonError::into_inner);
                census.place(pod)
            };
            match known {
                // What agrees needs no question: a pod is never given to another node.
                Some((on, facts)) if on == node.as_str() && facts.are_of(uid) => Place::On {
                    node: on,
                    facts: facts.into(),
                },
                _ => self.ask_place(pod).await,
            }
        })
    }

    fn deleted<'a>(&'a self, holder: &'a Holder) -> Boxed<'a, Option<bool>> {
        Box::pin(async move {
            match holder {
                Holder::Pod(pod) => match self.pod(pod) {
                    PodSeen::Unknown => None,
                    PodSeen::Absent => Some(true),
                    PodSeen::There { .. } => Some(false),
                },
                Holder::StatefulSet(set) => {
                    self.workload_deleted(set, &objects::stateful_sets()).await
                }
                Holder::Workload(workload) => {
                    self.workload_deleted(workload, &objects::workloads()).await
                }
            }
        })
    }
}

fn write(census: &RwLock<Census>, change: impl FnOnce(&mut Census)) {
    change(&mut census.write().unwrap_or_else(PoisonError::into_inner));
}

#[cfg(test)]
mod tests;
