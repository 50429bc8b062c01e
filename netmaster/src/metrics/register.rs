//! The names of what is counted, and what they mean.

use prometheus_client::metrics::info::Info;
use prometheus_client::registry::{Registry, Unit};

use super::Shared;

impl Shared {
    pub(super) fn register_api(&self, registry: &mut Registry) {
        let version = vec![("version", env!("CARGO_PKG_VERSION"))];
        registry.register("build", "What is running", Info::new(version));
        registry.register(
            "requests",
            "Requests answered, by method, route and status",
            self.requests.clone(),
        );
        registry.register_with_unit(
            "request",
            "Time until a request's answer began",
            Unit::Seconds,
            self.request_time.clone(),
        );
        registry.register(
            "refusals",
            "Requests refused, by error code",
            self.refusals.clone(),
        );
        registry.register(
            "audit_lost",
            "Refusals of this replica, while it followed, that the audit lacks",
            self.audit_lost.clone(),
        );
        registry.register("watches", "Watches open", self.watches.clone());
        registry.register(
            "agents_connected",
            "Agents that wait for requests to their node",
            self.agents.clone(),
        );
        registry.register(
            "node_requests",
            "Requests to nodes, by kind and outcome",
            self.node_requests.clone(),
        );
    }

    pub(super) fn register_store(&self, registry: &mut Registry) {
        registry.register(
            "allocations",
            "Endpoints given addresses, while this replica led",
            self.allocations.clone(),
        );
        registry.register(
            "releases",
            "Endpoints whose addresses were released, while this replica led",
            self.releases.clone(),
        );
        registry.register(
            "events",
            "Events recorded, by kind, while this replica led",
            self.events.clone(),
        );
        registry.register_with_unit(
            "store_commit",
            "Time for the store to make a batch durable",
            Unit::Seconds,
            self.commit_time.clone(),
        );
        registry.register(
            "store_batch_operations",
            "Keys written by a batch, the revision's included",
            self.batch.clone(),
        );
        registry.register(
            "store_errors",
            "Commits that failed, or whose outcome was not known",
            self.store_errors.clone(),
        );
        registry.register(
            "role_changes",
            "How often this replica began or ceased to lead",
            self.role_changes.clone(),
        );
    }

    pub(super) fn register_sweeper(&self, registry: &mut Registry) {
        registry.register(
            "sweeper_findings",
            "What the sweeper found and dealt with, by kind",
            self.findings.clone(),
        );
        registry.register(
            "sweeper_pruned",
            "Old records deleted, by kind",
            self.pruned.clone(),
        );
        registry.register(
            "sweeper_errors",
            "Duties of the sweeper that failed and were put off, by duty",
            self.sweeper_errors.clone(),
        );
    }
}
