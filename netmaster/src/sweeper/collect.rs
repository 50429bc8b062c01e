//! Endpoints whose pods are gone although nobody said so.

use futures_util::future::try_join_all;
use trunkline_ipam::{Evidence, Finding, Sweep, collect};

use super::{PutOff, Sweeper};
use crate::orchestrator::Pods;

/// How many are collected side by side, to share batches with each other.
const SIDE_BY_SIDE: usize = 32;

impl Sweeper {
    /// Looks at the reports that have come since the last turn, and collects what two observations
    /// agree is gone.
    pub(super) async fn collect(&self, sweep: &mut Sweep) -> Result<(), PutOff> {
        let now = self.now();
        let pods = Pods::of(self.orchestrator.clone());
        self.allocator.read(|catalog| sweep.forget_removed(catalog));
        let mut findings = Vec::new();
        for (node, holdings) in self.reports.take(self.config.report_age) {
            let evidence = Evidence {
                node: &node,
                ovsdb: &holdings.ovsdb,
                runtime: holdings.runtime.as_ref(),
                pod_exists: &|endpoint| pods.exists(endpoint),
            };
            findings.extend(
                self.allocator
                    .read(|catalog| sweep.observe(catalog, &evidence, now)),
            );
        }
        for some in findings.chunks(SIDE_BY_SIDE) {
            let some = some.iter().cloned();
            try_join_all(some.map(|finding| self.collect_one(finding))).await?;
        }
        Ok(())
    }

    async fn collect_one(&self, finding: Finding) -> Result<(), PutOff> {
        let now = self.now();
        let (attachment, reason) = (finding.attachment.clone(), finding.reason.clone());
        // The endpoint's revision is the precondition: if anything touched it, it stays.
        let collected = self
            .write(move |ledger| collect(ledger.catalog(), &finding, now))
            .await?;
        if collected {
            self.metrics.found("address_collected");
            tracing::info!(%attachment, reason, "endpoint collected");
        }
        Ok(())
    }
}
