//! `alloc`: allocations per second through the API, with the etcd store.
//!
//! Beside it, in the same etcd and the same run: what as many clients put there with no netmaster
//! between, each key (as long as an address's and an endpoint's record together) in a transaction
//! of its own; and what one client of ours gets. All of it again on a disk that takes 2 ms longer
//! for each sync.
//!
//! Transactions are counted by etcd (`etcd_server_proposals_applied_total`): that is every one that
//! changes anything, of whomsoever, and the leases too; reads and the leader's checks are none.

use std::time::Duration;

use anyhow::{Context as _, ensure};
use etcd_client::GetOptions;
use hyper::Method;
use serde_json::json;
use trunkline_outcome::{Goal, Line, Subject};

use super::load::{Wish, Work, allocate_for, put_for};
use super::{Extent, cost};
use crate::harness::Context;
use crate::harness::api::{NETWORK, NODE, set_up};
use crate::harness::etcd::{Etcd, Settings};
use crate::harness::netmaster::{Netmaster, READY, Running, Store};

const CLIENTS: u64 = 64;

/// The lease of a leader; longer than any pause of a busy machine.
const LEASE: Duration = Duration::from_secs(10);

const SLOW_SYNC: Duration = Duration::from_millis(2);

/// How many allocations may share a transaction at least, on average.
const PER_TRANSACTION: f64 = 32.0;

/// What one pair of windows came to.
struct Pair {
    many: Work,
    raw: Work,
    one: Work,
    transactions: f64,
}

/// Measures allocations on a quick disk, on a slow one, and what an allocation costs in subnets of
/// all sizes.
pub(super) async fn measure(context: Context, extent: Extent) -> anyhow::Result<Vec<Line>> {
    let mut lines = store(&context, extent, None).await?;
    lines.extend(store(&context, extent, Some(SLOW_SYNC)).await?);
    lines.extend(cost::measure(&context, extent).await?);
    Ok(lines)
}

async fn store(
    context: &Context,
    extent: Extent,
    sync_delay: Option<Duration>,
) -> anyhow::Result<Vec<Line>> {
    let settings = Settings {
        sync_delay,
        ..Settings::default()
    };
    let etcd = Etcd::start(&context.dir, 1, settings).await?;
    let store = Store::Etcd {
        endpoints: etcd.endpoints(),
        lease: LEASE,
    };
    let mut running = Netmaster::new(context, &store)?.start().await?;
    running.wait_ready(READY).await?;
    set_up(running.address, "10.0.0.0/8", "10.0.0.1").await?;
    let mut bench = Bench {
        etcd,
        running,
        window: extent.of(Duration::from_millis(1500), Duration::from_millis(150)),
        size: 0,
    };
    // Not measured: it fills caches, and shows how long a record is.
    bench.many("warm").await?;
    bench.size = bench.record_size().await?;
    let mut pairs = Vec::new();
    for number in 0..extent.pairs {
        pairs.push(bench.pair(number).await?);
    }
    lines(&pairs, sync_delay)
}

struct Bench {
    etcd: Etcd,
    running: Running,
    window: Duration,
    /// Of the keys that others put, in bytes with their name.
    size: usize,
}

impl Bench {
    async fn pair(&mut self, number: u32) -> anyhow::Result<Pair> {
        let tag = format!("p{number}");
        let raw = || put_for(self.window, CLIENTS, &self.etcd, self.size, &tag);
        let (many, transactions, raw) = if number.is_multiple_of(2) {
            let (many, transactions) = self.many(&tag).await?;
            (many, transactions, raw().await?)
        } else {
            let raw = raw().await?;
            let (many, transactions) = self.many(&tag).await?;
            (many, transactions, raw)
        };
        let one = allocate_for(self.window, 1, &self.wish(&format!("{tag}-one"))).await?;
        Ok(Pair {
            many,
            raw,
            one,
            transactions,
        })
    }

    /// Many clients, and how many transactions etcd made of it.
    async fn many(&self, tag: &str) -> anyhow::Result<(Work, f64)> {
        const COUNTER: &str = "etcd_server_proposals_applied_total";
        let before = self.etcd.counter(COUNTER).await?;
        let work = allocate_for(self.window, CLIENTS, &self.wish(tag)).await?;
        Ok((work, self.etcd.counter(COUNTER).await? - before))
    }

    fn wish(&self, tag: &str) -> Wish {
        Wish {
            address: self.running.address,
            network: NETWORK.to_owned(),
            node: NODE.to_owned(),
            tag: tag.to_owned(),
        }
    }

    /// How many bytes an address's and an endpoint's record have, with their keys.
    async fn record_size(&self) -> anyhow::Result<usize> {
        let mut client = self.etcd.client().await?;
        let mut size = 0;
        for prefix in ["/trunkline/v1/addresses/", "/trunkline/v1/endpoints/"] {
            let one = GetOptions::new().with_prefix().with_limit(1);
            let found = client.get(prefix, Some(one)).await?;
            let record = found.kvs().first();
            let record = record.with_context(|| format!("nothing is under `{prefix}`"))?;
            size += record.key().len() + record.value().len();
        }
        Ok(size)
    }
}

fn lines(pairs: &[Pair], sync_delay: Option<Duration>) -> anyhow::Result<Vec<Line>> {
    ensure!(
        pairs.iter().all(|pair| pair.transactions > 0.0),
        "etcd counted no transaction"
    );
    let (disk, beside_one) = match sync_delay {
        None => ("", 2.0),
        Some(_) => (", sync +2 ms", 8.0),
    };
    #[expect(clippy::cast_precision_loss, reason = "a count far below 2^52")]
    let per_transaction = |pair: &Pair| pair.many.done as f64 / pair.transactions;
    let line = |case, other_name, unit, goal, figures: &dyn Fn(&Pair) -> (f64, f64)| {
        let subject = Subject {
            bench: "alloc",
            case: format!("{case}{disk}"),
            other_name,
            unit,
            goal,
        };
        let figures: Vec<_> = pairs.iter().map(figures).collect();
        Line::of_pairs(subject, &figures)
    };
    let raw = "64 of etcd";
    Ok(vec![
        line("64 clients", raw, "1/s", Goal::AtLeast(1.0), &|pair| {
            (pair.many.rate(), pair.raw.rate())
        })?,
        line(
            "64 clients",
            "one client",
            "1/s",
            Goal::AtLeast(beside_one),
            &|pair| (pair.many.rate(), pair.one.rate()),
        )?,
        line(
            "allocations per etcd transaction",
            "32",
            "1",
            Goal::AtLeast(1.0),
            &|pair| (per_transaction(pair), PER_TRANSACTION),
        )?,
        line("p50 at 64 clients", raw, "ms", Goal::None, &|pair| {
            (pair.many.latency(0.5), pair.raw.latency(0.5))
        })?,
        line("p99 at 64 clients", raw, "ms", Goal::None, &|pair| {
            (pair.many.latency(0.99), pair.raw.latency(0.99))
        })?,
        line("p99 of one client", "at 64", "ms", Goal::None, &|pair| {
            (pair.one.latency(0.99), pair.many.latency(0.99))
        })?,
    ])
}

/// Creates a network of one subnet that every node may use.
pub(super) async fn create_network(
    running: &Running,
    name: &str,
    vlan: u32,
    cidr: &str,
    gateway: &str,
) -> anyhow::Result<()> {
    let mut client = running.client();
    let network = json!({"name": name, "vlan": vlan});
    client
        .send(Method::POST, "/v1/networks", Some(&network))
        .await?;
    let subnet = json!({"name": name, "network": name, "cidr": cidr, "gateway": gateway});
    client
        .send(Method::POST, "/v1/subnets", Some(&subnet))
        .await
        .with_context(|| format!("cannot create subnet `{cidr}`"))?;
    Ok(())
}
