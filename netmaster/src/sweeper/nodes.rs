//! Nodes that are gone or silent, and leases that are wanted back.

use trunkline_ipam::{RemovalCause, overdue_nodes, recall, remove_node};
use trunkline_types::Name;

use super::{PutOff, Sweeper};
use crate::orchestrator::NodeSeen;

/// How many changes one turn makes to recall leases; the rest is left to the next turn.
const RECALLS: usize = 100;

impl Sweeper {
    /// Removes the nodes that the orchestrator gave up, and takes their leases from those that
    /// have been silent for too long. The addresses of a silent node's pods stay where they are:
    /// that it is silent does not prove that they have ended.
    pub(super) async fn look_at_nodes(&self, settled: bool) -> Result<(), PutOff> {
        for node in self.nodes_that(|seen| {
            // `Gone` is a node that Kubernetes has deleted; `OutOfService` one that an operator
            // has tainted, having made sure that it is switched off.
            matches!(seen, NodeSeen::Gone | NodeSeen::OutOfService)
        }) {
            self.remove(&node, RemovalCause::OutOfService).await?;
        }
        if !settled {
            return Ok(());
        }
        let now = self.now();
        let overdue = self.allocator.read(|catalog| {
            let heard = |name: &Name| {
                let node = catalog.node(name);
                node.map_or(now, |node| self.heard.last(node))
            };
            overdue_nodes(catalog, heard, &self.policy, now)
        });
        for node in overdue {
            self.remove(&node, RemovalCause::Offline).await?;
        }
        Ok(())
    }

    fn nodes_that(&self, is_wanted: impl Fn(NodeSeen) -> bool) -> Vec<Name> {
        let names = self.allocator.read(|catalog| {
            let names = catalog.nodes().map(|node| node.name.clone());
            names.collect::<Vec<_>>()
        });
        let wanted = |name: &Name| is_wanted(self.orchestrator.node(name));
        names.into_iter().filter(wanted).collect()
    }

    /// Takes from a node what `why` lets be taken, step by step.
    pub(super) async fn remove(&self, node: &Name, why: RemovalCause) -> Result<(), PutOff> {
        let now = self.now();
        let name = node.clone();
        self.step(move |ledger| remove_node(ledger.catalog(), &name, why, now))
            .await?;
        self.metrics.found(match why.takes_node() {
            true => "node_removed",
            false => "node_fenced",
        });
        if why.takes_node() {
            self.heard.forget(node);
        }
        tracing::info!(%node, reason = why.reason(), "taken from the node");
        Ok(())
    }

    /// Asks nodes for their leases of subnets that run low.
    pub(super) async fn recall(&self) -> Result<(), PutOff> {
        for _ in 0..RECALLS {
            let (policy, now) = (self.policy.clone(), self.now());
            let recalled = self
                .write(move |ledger| Ok::<_, PutOff>(recall(ledger, &policy, now)))
                .await?;
            if !recalled {
                break;
            }
            self.metrics.found("leases_recalled");
        }
        Ok(())
    }
}
