//! What an allocation costs in small and large, empty and full subnets.
//!
//! Measured is the processor time of the whole netmaster process for each allocation through the
//! API, on the embedded store: the time by the clock is nearly all the disk's, and hides what the
//! allocator does. `ipam` has no part that others do not pay for as well (HTTP, JSON, the store),
//! so a growth of the allocator's own share shows smaller here than it is; but what users wait for
//! is this.

use trunkline_outcome::{Goal, Line, Subject};

use super::Extent;
use super::alloc::create_network;
use super::load::{Wish, allocate_count};
use crate::harness::Context;
use crate::harness::api::{NODE, set_up};
use crate::harness::netmaster::{Netmaster, READY, Running, Store};

const CLIENTS: u64 = 16;

/// The goal of every line.
const GOAL: Goal = Goal::AtMost(1.3);

/// How many addresses are taken of each /24.
const OF_EACH_SMALL: u64 = 200;

/// Every VLAN is used once, from this one on.
const FIRST_VLAN: u32 = 200;

pub(super) async fn measure(context: &Context, extent: Extent) -> anyhow::Result<Vec<Line>> {
    let mut bench = Bench::start(context, extent).await?;
    create_network(&bench.running, "v4-8", 4001, "10.0.0.0/8", "10.0.0.1").await?;
    create_network(&bench.running, "v6-64", 4002, "fd00:1::/64", "fd00:1::1").await?;
    let (mut v4, mut v6, mut full) = (Vec::new(), Vec::new(), Vec::new());
    for number in 0..extent.pairs {
        let (large, six, small) = if number.is_multiple_of(2) {
            let large = bench.large("v4-8").await?;
            let six = bench.large("v6-64").await?;
            (large, six, bench.small().await?)
        } else {
            let small = bench.small().await?;
            let six = bench.large("v6-64").await?;
            (bench.large("v4-8").await?, six, small)
        };
        v4.push((large, small));
        v6.push((six, small));
        full.push(bench.fill_up().await?);
    }
    let subject = |case: &str, other_name| Subject {
        bench: "alloc",
        case: case.to_owned(),
        other_name,
        unit: "µs",
        goal: GOAL,
    };
    Ok(vec![
        Line::of_pairs(subject("processor time, in a /8", "in a /24"), &v4)?,
        Line::of_pairs(subject("processor time, in a v6 /64", "in a /24"), &v6)?,
        Line::of_pairs(subject("processor time, up to 99 % full", "empty"), &full)?,
    ])
}

struct Bench {
    running: Running,
    /// How many /24 make one figure.
    small_networks: u64,
    /// The prefix length of what is filled, and how many addresses it has.
    fill: (u8, u64),
    /// Networks so far, of those that are made on the way.
    made: u32,
    /// Wishes so far.
    wishes: u64,
}

impl Bench {
    async fn start(context: &Context, extent: Extent) -> anyhow::Result<Self> {
        let store = Store::Embedded(context.dir.join("cost"));
        let mut running = Netmaster::new(context, &store)?.start().await?;
        running.wait_ready(READY).await?;
        set_up(running.address, "192.0.2.0/24", "192.0.2.1").await?;
        Ok(Self {
            running,
            small_networks: extent.of(10, 1),
            fill: extent.of((19, 8189), (24, 253)),
            made: 0,
            wishes: 0,
        })
    }

    async fn large(&mut self, network: &str) -> anyhow::Result<f64> {
        self.cost(network, self.small_networks * OF_EACH_SMALL)
            .await
    }

    async fn small(&mut self) -> anyhow::Result<f64> {
        let mut total = 0.0;
        let mut networks = 0.0;
        for _ in 0..self.small_networks {
            let network = self.make_network(24).await?;
            total += self.cost(&network, OF_EACH_SMALL).await?;
            networks += 1.0;
        }
        Ok(total / networks)
    }

    /// The last tenth up to 99 % full, and the first.
    async fn fill_up(&mut self) -> anyhow::Result<(f64, f64)> {
        let (prefix, size) = self.fill;
        let network = self.make_network(prefix).await?;
        let tenth = size / 10;
        let first = self.cost(&network, tenth).await?;
        self.cost(&network, size * 99 / 100 - 2 * tenth).await?;
        Ok((self.cost(&network, tenth).await?, first))
    }

    /// A network with one new subnet, beside all others: from 11.0.0.0 on, a /19 for each.
    async fn make_network(&mut self, prefix: u8) -> anyhow::Result<String> {
        let network = format!("made-{}", self.made);
        let base = 11 << 24 | self.made << 13;
        let text = |number: u32| std::net::Ipv4Addr::from(number).to_string();
        create_network(
            &self.running,
            &network,
            FIRST_VLAN + self.made,
            &format!("{}/{prefix}", text(base)),
            &text(base + 1),
        )
        .await?;
        self.made += 1;
        Ok(network)
    }

    /// Microseconds of processor time for each of `count` allocations.
    #[expect(clippy::cast_precision_loss, reason = "a count far below 2^52")]
    async fn cost(&mut self, network: &str, count: u64) -> anyhow::Result<f64> {
        self.wishes += 1;
        let wish = Wish {
            address: self.running.address,
            network: network.to_owned(),
            node: NODE.to_owned(),
            tag: format!("cost-{}", self.wishes),
        };
        let before = self.running.process.processor_time()?;
        allocate_count(count, CLIENTS, &wish).await?;
        let used = self.running.process.processor_time()? - before;
        Ok(used.as_secs_f64() * 1e6 / count as f64)
    }
}
