//! Whether the pod that an agent asks for is its own, and as the agent says.
//!
//! What a pod gets depends on who it is: groups, pools and reservations are for some. So an agent
//! gets something for a pod only if the orchestrator has given that to its node, and what decides
//! what the pod gets is the orchestrator's word, not the agent's. Without an orchestrator nobody can
//! tell, and agents are trusted in this.

mod vouch;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;
use std::sync::Arc;

use trunkline_ipam::{AllocateRequest, Holder};
use trunkline_types::{MacAddr, Name, Pod};

use super::{Facts, Orchestrator, Place};

/// The check. Clones are one and the same.
#[derive(Clone)]
pub(crate) struct Claims {
    orchestrator: Arc<dyn Orchestrator>,
}

/// An agent's word for a pod, as far as the orchestrator is asked about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Claim {
    /// There is no orchestrator.
    Unasked,
    /// It is so, and this is what is known.
    Confirmed(Box<Facts>),
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
    /// There is no pod at all, for which nobody could say that.
    #[error(
        "attachment `{attachment}` is for no pod, and node `{node}` gets addresses for pods only: \
         let the runtime pass `K8S_POD_NAMESPACE` and `K8S_POD_NAME`"
    )]
    Unnamed {
        /// What was asked for.
        attachment: String,
        /// Who asks.
        node: Name,
    },
    /// It is a namesake of the pod.
    #[error(
        "pod `{pod}` has the id `{uid}` no more, or never had, so node `{node}` gets nothing for it"
    )]
    Namesake {
        /// The pod.
        pod: Pod,
        /// The id that was given.
        uid: String,
        /// Who asks.
        node: Name,
    },
    /// The pod is of something else.
    #[error("pod `{pod}` is not of {workload}, as node `{node}` says: leave `workload` out")]
    Workload {
        /// The pod.
        pod: Pod,
        /// What the agent says.
        workload: String,
        /// Who asks.
        node: Name,
    },
    /// The pod itself does not ask for that.
    #[error(
        "node `{node}` asks for {what} for pod `{pod}`, which does not ask for that itself: annotate \
         the pod with `{annotation}`"
    )]
    Unasked {
        /// The pod.
        pod: Pod,
        /// Who asks.
        node: Name,
        /// What it asks for.
        what: String,
        /// By what the pod could ask for it.
        annotation: &'static str,
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

    /// Checks what an agent asks for.
    ///
    /// # Errors
    ///
    /// [`WrongClaim`] if it is not for that, or what it says of the pod is not so.
    pub(crate) async fn check(&self, request: &AllocateRequest) -> Result<Claim, WrongClaim> {
        if !self.orchestrator.is_there() {
            return Ok(Claim::Unasked);
        }
        let node = request.node.clone();
        let Some(pod) = request.pod.clone() else {
            let attachment = request.attachment.to_string();
            return Err(WrongClaim::Unnamed { attachment, node });
        };
        let uid = request.pod_uid.as_deref();
        let place = self.orchestrator.place(&pod, &node, uid).await;
        match place {
            Place::Unasked => Ok(Claim::Unasked),
            Place::On { node: on, facts } if on == node.as_str() => {
                agree(request, &pod, &facts)?;
                Ok(Claim::Confirmed(facts))
            }
            Place::On { node: on, .. } => Err(WrongClaim::Elsewhere { pod, on, node }),
            Place::Nowhere | Place::Waiting => Err(WrongClaim::Nowhere { pod, node }),
            Place::Unknown => Err(WrongClaim::Unknown { pod, node }),
        }
    }
}

impl Claim {
    /// `request`, with what is known in the place of what the agent said.
    ///
    /// # Errors
    ///
    /// What is wrong with an annotation of the pod.
    pub(crate) fn settle(self, mut request: AllocateRequest) -> Result<AllocateRequest, WrongAsk> {
        let Self::Confirmed(facts) = self else {
            return Ok(request);
        };
        let Facts {
            uid,
            labels,
            workloads,
            asks,
            ..
        } = *facts;
        let asked = |annotation: &'static str| asks.get(annotation).map(String::as_str);
        request.pod_uid = uid;
        request.pod_labels = labels;
        // That it is of nothing has to be said: a pod by itself may have the name of one that is.
        let alone = request.pod.clone().map(Holder::Pod);
        let known = request.workload.filter(|one| workloads.contains(one));
        request.workload = known.or(workloads.into_iter().next()).or(alone);
        for (wish, annotation) in [
            (&mut request.network, Facts::NETWORK),
            (&mut request.pool, Facts::POOL),
            (&mut request.profile, Facts::PROFILE),
        ] {
            if let Some(name) = wished(&asks, annotation)? {
                *wish = Some(name);
            }
        }
        if let Some(text) = asked(Facts::ADDRESSES) {
            request.addresses = addresses(text)?.into_iter().collect();
        }
        if let Some(text) = asked(Facts::MAC) {
            request.mac = Some(read(Facts::MAC, text)?);
        }
        Ok(request)
    }
}

impl Facts {
    /// The name that the pod asks for itself by an annotation.
    ///
    /// # Errors
    ///
    /// What is wrong with the annotation.
    pub(crate) fn wish(&self, annotation: &'static str) -> Result<Option<Name>, WrongAsk> {
        wished(&self.asks, annotation)
    }
}

fn wished(
    asks: &BTreeMap<String, String>,
    annotation: &'static str,
) -> Result<Option<Name>, WrongAsk> {
    let text = asks.get(annotation);
    text.map(|text| read(annotation, text)).transpose()
}

/// An annotation that says nothing that can be understood.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the pod's annotation `{annotation}` has `{text}`, which is none: correct it")]
pub(crate) struct WrongAsk {
    annotation: &'static str,
    text: String,
}

fn read<T: FromStr>(annotation: &'static str, text: &str) -> Result<T, WrongAsk> {
    text.trim().parse().map_err(|_| WrongAsk {
        annotation,
        text: text.escape_debug().to_string(),
    })
}

fn addresses(text: &str) -> Result<BTreeSet<IpAddr>, WrongAsk> {
    let addresses = text.split(',');
    let addresses = addresses.map(|one| read(Facts::ADDRESSES, one));
    addresses.collect()
}

/// Refuses what an agent says of its pod and the orchestrator does not. A network it may name, for
/// its node's own configuration does; a pod that asks for another one gets that.
fn agree(request: &AllocateRequest, pod: &Pod, facts: &Facts) -> Result<(), WrongClaim> {
    let node = || request.node.clone();
    let uid = request.pod_uid.as_deref();
    if let Some(uid) = uid.filter(|uid| !facts.are_of(Some(*uid))) {
        return Err(WrongClaim::Namesake {
            pod: pod.clone(),
            uid: uid.escape_debug().to_string(),
            node: node(),
        });
    }
    let workload = request.workload.as_ref();
    if let Some(other) = workload.filter(|one| !facts.workloads.contains(one)) {
        return Err(WrongClaim::Workload {
            pod: pod.clone(),
            workload: named(other),
            node: node(),
        });
    }
    let asks = |annotation: &'static str| facts.asks.get(annotation).map(|text| text.trim());
    let name = |wish: &Option<Name>, what: &str, annotation: &'static str| {
        let wish = wish.as_ref()?;
        (asks(annotation) != Some(wish.as_str())).then(|| (format!("{what} `{wish}`"), annotation))
    };
    let mac = request.mac.filter(|mac| {
        let asked = asks(Facts::MAC).and_then(|text| text.parse::<MacAddr>().ok());
        asked != Some(*mac)
    });
    let known = asks(Facts::ADDRESSES).and_then(|text| addresses(text).ok());
    let known = known.unwrap_or_default();
    let mut others = request.addresses.iter().filter(|ip| !known.contains(*ip));
    let unasked = name(&request.pool, "pool", Facts::POOL)
        .or_else(|| name(&request.profile, "profile", Facts::PROFILE))
        .or_else(|| mac.map(|mac| (format!("MAC address `{mac}`"), Facts::MAC)))
        .or_else(|| {
            let ip = others.next()?;
            Some((format!("address `{ip}`"), Facts::ADDRESSES))
        });
    match unasked {
        None => Ok(()),
        Some((what, annotation)) => Err(WrongClaim::Unasked {
            pod: pod.clone(),
            node: node(),
            what,
            annotation,
        }),
    }
}

fn named(holder: &Holder) -> String {
    match holder {
        Holder::Pod(pod) => format!("pod `{pod}`"),
        Holder::StatefulSet(set) => format!("StatefulSet `{}/{}`", set.namespace, set.name),
        Holder::Workload(one) => format!("workload `{}/{}`", one.namespace, one.name),
    }
}

impl fmt::Debug for Claims {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Claims")
    }
}

#[cfg(test)]
mod tests;
