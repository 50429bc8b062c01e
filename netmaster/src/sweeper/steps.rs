//! What is done in several changes, by whoever begins it or by the next leader.

use std::error::Error;

use trunkline_ipam::{Ledger, Step, delete_subnet};

use super::{PutOff, Sweeper};

/// How many steps one turn makes of one thing; the rest is left to the next turn.
const STEPS: usize = 10_000;

impl Sweeper {
    /// Goes on with removals that have begun and are not done: a leader or a caller broke off.
    pub(super) async fn go_on(&self) -> Result<(), PutOff> {
        let (nodes, subnets) = self.allocator.read(|catalog| {
            let nodes = catalog.nodes().filter_map(|node| {
                let removal = node.removing?;
                Some((node.name.clone(), removal.why))
            });
            let subnets = catalog.subnets().filter(|subnet| subnet.deleting);
            let subnets = subnets.map(|subnet| subnet.name.clone());
            (nodes.collect::<Vec<_>>(), subnets.collect::<Vec<_>>())
        });
        for (node, why) in nodes {
            self.remove(&node, why).await?;
        }
        for subnet in subnets {
            let name = subnet.clone();
            self.step(move |ledger| delete_subnet(ledger.catalog(), &name, None))
                .await?;
            self.metrics.found("subnet_deleted");
            tracing::info!(%subnet, "subnet's deletion completed");
        }
        Ok(())
    }

    /// Makes step after step until nothing is left to do.
    pub(super) async fn step<E>(
        &self,
        plan: impl Fn(&Ledger) -> Result<Step, E> + Clone + Send + 'static,
    ) -> Result<(), PutOff>
    where
        E: Error + Send + 'static,
    {
        for _ in 0..STEPS {
            let plan = plan.clone();
            let done = self.ask(move |ledger| {
                let step = plan(ledger)?;
                Ok::<_, E>((step.done, step.change))
            });
            if done.await?.unwrap_or(true) {
                break;
            }
        }
        Ok(())
    }
}
