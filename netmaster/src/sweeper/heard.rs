//! When nodes were last heard.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use trunkline_ipam::{Node, Policy, Timestamp};
use trunkline_types::Name;

/// When each node was last heard; in memory, and the leader's only. What is stored with the node
/// lags behind, for not every sign of life is worth a write. Clones are one and the same.
#[derive(Clone, Debug, Default)]
pub(crate) struct Heard {
    nodes: Arc<Mutex<HashMap<Name, Timestamp>>>,
}

impl Heard {
    /// A request of `node` has come, at `now`.
    pub(crate) fn mark(&self, node: &Name, now: Timestamp) {
        let mut nodes = self.lock();
        match nodes.get_mut(node) {
            Some(at) => *at = now,
            None => {
                nodes.insert(node.clone(), now);
            }
        }
    }

    /// When `node` was last heard, as far as is known.
    pub(crate) fn last(&self, node: &Node) -> Timestamp {
        let heard = self.lock().get(&node.name).copied();
        heard.map_or(node.last_heard, |at| at.max(node.last_heard))
    }

    /// How many of `nodes` were heard lately, and how many were not.
    pub(crate) fn count<'a>(
        &self,
        nodes: impl Iterator<Item = &'a Node>,
        policy: &Policy,
        now: Timestamp,
    ) -> (usize, usize) {
        let silent_after = policy.silent_after.as_secs();
        let (mut heard, mut silent) = (0, 0);
        for node in nodes {
            if self.last(node).after(silent_after) < now {
                silent += 1;
            } else {
                heard += 1;
            }
        }
        (heard, silent)
    }

    /// Forgets a node that was removed.
    pub(super) fn forget(&self, node: &Name) {
        self.lock().remove(node);
    }

    pub(super) fn clear(&self) {
        self.lock().clear();
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Name, Timestamp>> {
        self.nodes.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
