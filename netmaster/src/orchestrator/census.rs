//! Pods and nodes as the orchestrator last told of them.

use std::collections::{HashMap, HashSet};

use trunkline_types::{Name, Pod};

use super::facts::Packed;
use super::{Facts, Known, NodeSeen, PodSeen};

/// Things by key, as listed and then watched.
#[derive(Debug)]
pub(super) struct Roll<K, V> {
    /// None until the first list is complete, and while it may be out of date.
    fresh: bool,
    things: HashMap<K, V>,
}

impl<K, V> Default for Roll<K, V> {
    fn default() -> Self {
        Self {
            fresh: false,
            things: HashMap::new(),
        }
    }
}

/// A pod, as far as it matters here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct PodRecord {
    pub(super) uid: String,
    pub(super) node: Option<String>,
    pub(super) ended: bool,
    pub(super) facts: Packed,
}

/// A node, as far as it matters here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct NodeRecord {
    pub(super) out_of_service: bool,
}

/// Pods and nodes.
#[derive(Debug, Default)]
pub(super) struct Census {
    pub(super) pods: Roll<Pod, PodRecord>,
    pub(super) nodes: Roll<String, NodeRecord>,
    /// Nodes that were there and then were not, for as long as this process runs.
    gone: HashSet<String>,
}

/// What a list or a watch tells of one kind of thing.
pub(super) enum Told<K, V> {
    /// A complete list.
    All(HashMap<K, V>),
    /// One is there, or has changed.
    Put(K, V),
    /// One went.
    Gone(K),
    /// What was told before is up to date.
    Current,
    /// What was told before may be out of date.
    Lost,
}

impl<K: Eq + std::hash::Hash, V> Roll<K, V> {
    pub(super) fn hear(&mut self, told: Told<K, V>) {
        match told {
            Told::All(things) => {
                self.things = things;
                self.fresh = true;
            }
            Told::Put(key, value) => {
                self.things.insert(key, value);
            }
            Told::Gone(key) => {
                self.things.remove(&key);
            }
            Told::Current => self.fresh = true,
            Told::Lost => self.fresh = false,
        }
    }
}

impl Census {
    pub(super) fn hear_of_nodes(&mut self, told: Told<String, NodeRecord>) {
        match &told {
            Told::All(now) => {
                let before = self.nodes.things.keys();
                let missing = before.filter(|node| !now.contains_key(*node)).cloned();
                self.gone.extend(missing.collect::<Vec<_>>());
                self.gone.retain(|node| !now.contains_key(node));
            }
            Told::Put(node, _) => {
                self.gone.remove(node);
            }
            Told::Gone(node) => {
                self.gone.insert(node.clone());
            }
            Told::Current | Told::Lost => {}
        }
        self.nodes.hear(told);
    }

    pub(super) fn pod(&self, pod: &Pod) -> PodSeen {
        if !self.pods.fresh {
            return PodSeen::Unknown;
        }
        match self.pods.things.get(pod) {
            None => PodSeen::Absent,
            Some(seen) => PodSeen::There {
                uid: seen.uid.clone(),
                node: seen.node.clone(),
                ended: seen.ended,
            },
        }
    }

    /// What is known of a pod, whether it was given to a node or not.
    pub(super) fn known(&self, pod: &Pod) -> Known {
        if !self.pods.fresh {
            return Known::Unknown;
        }
        let Some(seen) = self.pods.things.get(pod) else {
            return Known::Absent;
        };
        match seen.facts.facts() {
            Some(facts) => Known::There {
                node: seen.node.clone(),
                facts: facts.into(),
            },
            None => Known::Unknown,
        }
    }

    /// The node that a pod was given to, and what decides what it gets; none if that is not known.
    pub(super) fn place(&self, pod: &Pod) -> Option<(String, Facts)> {
        let seen = self.pods.things.get(pod).filter(|_| self.pods.fresh)?;
        Some((seen.node.clone()?, seen.facts.facts()?))
    }

    pub(super) fn node(&self, node: &Name) -> NodeSeen {
        if !self.nodes.fresh {
            return NodeSeen::Unknown;
        }
        match self.nodes.things.get(node.as_str()) {
            Some(seen) if seen.out_of_service => NodeSeen::OutOfService,
            Some(_) => NodeSeen::There,
            None if self.gone.contains(node.as_str()) => NodeSeen::Gone,
            None => NodeSeen::Unknown,
        }
    }
}
