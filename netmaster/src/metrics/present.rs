//! What is looked up when somebody asks.

use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;
use trunkline_types::Name;

use super::labels::{StateLabel, SubnetLabels};

/// What is looked up when somebody asks, and not kept up in between.
#[derive(Debug, Default)]
pub(super) struct Gauges {
    leading: Gauge,
    revision: Gauge,
    subscribers: Gauge,
    subnets: Family<SubnetLabels, Gauge>,
    nodes: Family<StateLabel, Gauge>,
}

/// A subnet, and how many of its addresses are in which state.
pub(crate) type SubnetCounts = (Name, Vec<(&'static str, u64)>);

/// How things are at the moment of asking.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Present {
    /// Whether this replica leads.
    pub(crate) leading: bool,
    /// The number of the last change.
    pub(crate) revision: u64,
    /// How many watch the feed.
    pub(crate) subscribers: usize,
    /// Each subnet, and how many of its addresses are in which state.
    pub(crate) subnets: Vec<SubnetCounts>,
    /// How many nodes were heard lately.
    pub(crate) heard: usize,
    /// How many were not.
    pub(crate) silent: usize,
    /// Files of certificates, and when the first one in it ends, in seconds since 1970.
    pub(crate) certificates: Vec<(String, u64)>,
}

impl Gauges {
    pub(super) fn register(&self, registry: &mut Registry) {
        registry.register(
            "leading",
            "1 if this replica leads, else 0",
            self.leading.clone(),
        );
        registry.register(
            "revision",
            "The number of the last change this replica knows of",
            self.revision.clone(),
        );
        registry.register(
            "feed_subscribers",
            "Tasks that follow the feed of changes: watches, and netmaster's own",
            self.subscribers.clone(),
        );
        registry.register(
            "subnet_addresses",
            "Addresses by subnet and state",
            self.subnets.clone(),
        );
        registry.register(
            "nodes",
            "Nodes by whether they were heard lately; known only to the leader",
            self.nodes.clone(),
        );
    }

    pub(super) fn set(&self, present: &Present) {
        let set = |gauge: &Gauge, value: u64| {
            gauge.set(i64::try_from(value).unwrap_or(i64::MAX));
        };
        set(&self.leading, present.leading.into());
        set(&self.revision, present.revision);
        set(&self.subscribers, present.subscribers as u64);
        // What is gone is not to be told for ever.
        self.subnets.clear();
        for (subnet, counts) in &present.subnets {
            for (state, count) in counts {
                let labels = SubnetLabels {
                    subnet: subnet.to_string(),
                    state,
                };
                set(&self.subnets.get_or_create(&labels), *count);
            }
        }
        for (state, count) in [("heard", present.heard), ("silent", present.silent)] {
            let gauge = self.nodes.get_or_create_owned(&StateLabel { state });
            set(&gauge, count as u64);
        }
    }
}
