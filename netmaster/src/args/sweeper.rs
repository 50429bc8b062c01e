//! The flags about what the leader does unasked.

use std::time::Duration;

use clap::Args;
use trunkline_ipam::Policy;

use crate::sweeper::SweeperConfig;

/// How much of the past is kept, and how soon what is lost is collected.
#[derive(Clone, Debug, PartialEq, Eq, Args)]
#[command(next_help_heading = "Options about the past and the lost")]
pub struct SweeperArgs {
    /// For how many days it is kept who held an address
    #[arg(long, value_name = "DAYS", default_value_t = 90,
          value_parser = clap::value_parser!(u64).range(1..=36_500))]
    history_retention: u64,
    /// How many past holdings of addresses are kept at most; beyond that the oldest go
    #[arg(long, value_name = "NUMBER", default_value_t = 1_000_000,
          value_parser = clap::value_parser!(u32).range(1..=100_000_000))]
    history_max: u32,
    /// How many events are kept at most; beyond that the oldest go
    #[arg(long, value_name = "NUMBER", default_value_t = 10_000,
          value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    events_max: u32,
    /// For how many days it is kept who did what
    #[arg(long, value_name = "DAYS", default_value_t = 365,
          value_parser = clap::value_parser!(u64).range(1..=36_500))]
    audit_retention: u64,
    /// How many records of who did what are kept at most; beyond that the oldest go
    #[arg(long, value_name = "NUMBER", default_value_t = 100_000,
          value_parser = clap::value_parser!(u32).range(1..=10_000_000))]
    audit_max: u32,
    /// How many records of who was refused what are kept at most, beside those of what was done;
    /// beyond that the oldest go
    #[arg(long, value_name = "NUMBER", default_value_t = 100_000,
          value_parser = clap::value_parser!(u32).range(1..=10_000_000))]
    audit_refused_max: u32,
    /// How many seconds apart nodes' reports are looked at for addresses that nobody gave back
    ///
    /// An address is taken back when two reports, twice that time apart, agree with each other,
    /// the runtime and Kubernetes that its pod is gone.
    #[arg(long, value_name = "SECONDS", default_value_t = 30,
          value_parser = clap::value_parser!(u64).range(1..=3600))]
    sweep_interval: u64,
    /// For how many seconds an address that was given back is kept for its last owner, before
    /// others get it; the same on every replica
    ///
    /// 0 hands it on at once: packets on their way to its last owner, and what others remember of
    /// that one, may then reach the next.
    #[arg(long, value_name = "SECONDS", default_value_t = 60,
          value_parser = clap::value_parser!(u64).range(0..=86_400))]
    cool_down: u64,
}

impl SweeperArgs {
    pub(super) fn config(&self) -> (SweeperConfig, Policy) {
        // A number of 32 bits fits where netmaster runs.
        let number = |number: u32| usize::try_from(number).unwrap_or(usize::MAX);
        let collect = Duration::from_secs(self.sweep_interval);
        let sweeper = SweeperConfig {
            collect,
            history_retention: Duration::from_secs(self.history_retention * 24 * 3600),
            history_max: number(self.history_max),
            events_max: number(self.events_max),
            audit_retention: Duration::from_secs(self.audit_retention * 24 * 3600),
            audit_max: number(self.audit_max),
            audit_refused_max: number(self.audit_refused_max),
            ..SweeperConfig::default()
        };
        let policy = Policy {
            cool_down: Duration::from_secs(self.cool_down),
            sweep_gap: collect * 2,
            ..Policy::default()
        };
        (sweeper, policy)
    }
}
