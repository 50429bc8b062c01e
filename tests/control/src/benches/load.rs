//! Clients that do one thing as fast as they are answered.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use etcd_client::{Txn, TxnOp};
use hdrhistogram::Histogram;
use tokio::task::JoinSet;

use crate::harness::api::Client;
use crate::harness::etcd::Etcd;
use crate::harness::netmaster::CALL;

/// What clients got done.
#[derive(Debug)]
pub(super) struct Work {
    /// How many requests were answered.
    pub(super) done: u64,
    /// From the first request's start to the last answer.
    pub(super) took: Duration,
    /// Microseconds of each request.
    latencies: Histogram<u64>,
}

impl Work {
    /// Requests per second.
    #[expect(clippy::cast_precision_loss, reason = "a count far below 2^52")]
    pub(super) fn rate(&self) -> f64 {
        self.done as f64 / self.took.as_secs_f64()
    }

    /// Milliseconds within which this part of the requests was answered.
    #[expect(clippy::cast_precision_loss, reason = "microseconds far below 2^52")]
    pub(super) fn latency(&self, quantile: f64) -> f64 {
        self.latencies.value_at_quantile(quantile) as f64 / 1000.0
    }
}

/// When a client is to end.
#[derive(Clone, Debug)]
enum Until {
    /// At this moment.
    Time(Instant),
    /// When so many are left to nobody.
    Count(Arc<AtomicU64>, u64),
}

impl Until {
    /// The number of the next request, if there is to be one. Numbers are a client's own where time
    /// is the limit, and the requests' otherwise.
    fn next(&self, own: u64) -> Option<u64> {
        match self {
            Self::Time(end) => (Instant::now() < *end).then_some(own),
            Self::Count(taken, count) => {
                let number = taken.fetch_add(1, Ordering::Relaxed);
                (number < *count).then_some(number)
            }
        }
    }
}

/// What is asked of netmaster.
#[derive(Clone, Debug)]
pub(super) struct Wish {
    /// Where.
    pub(super) address: SocketAddr,
    /// For addresses of this network.
    pub(super) network: String,
    /// From this node.
    pub(super) node: String,
    /// For attachments whose names begin like this; no other wish has the same.
    pub(super) tag: String,
}

/// `clients` allocate for as long as `window`.
pub(super) async fn allocate_for(
    window: Duration,
    clients: u64,
    wish: &Wish,
) -> anyhow::Result<Work> {
    allocate(Until::Time(Instant::now() + window), clients, wish).await
}

/// `clients` allocate `count` addresses in all.
pub(super) async fn allocate_count(count: u64, clients: u64, wish: &Wish) -> anyhow::Result<Work> {
    allocate(Until::Count(Arc::default(), count), clients, wish).await
}

async fn allocate(until: Until, clients: u64, wish: &Wish) -> anyhow::Result<Work> {
    let mut working = JoinSet::new();
    let begun = Instant::now();
    for client in 0..clients {
        let (until, wish) = (until.clone(), wish.clone());
        working.spawn(async move {
            let mut latencies = Histogram::new(3)?;
            let mut http = Client::new(wish.address, CALL);
            let mut own = 0;
            while let Some(number) = until.next(own) {
                own += 1;
                let name = format!("{}-{client}-{number}/eth0", wish.tag);
                let asked = Instant::now();
                http.allocate_in(&name, &wish.network, &wish.node).await?;
                latencies.record(microseconds(asked))?;
            }
            anyhow::Ok(latencies)
        });
    }
    gather(working, begun).await
}

/// `clients` put keys of `size` bytes into `etcd` for as long as `window`, each on a connection of
/// its own and each key in a transaction of its own.
pub(super) async fn put_for(
    window: Duration,
    clients: u64,
    etcd: &Etcd,
    size: usize,
    tag: &str,
) -> anyhow::Result<Work> {
    let mut connected = Vec::new();
    for _ in 0..clients {
        connected.push(etcd.client().await?);
    }
    let mut working = JoinSet::new();
    let begun = Instant::now();
    let until = Until::Time(begun + window);
    for (number, mut client) in connected.into_iter().enumerate() {
        let (until, tag) = (until.clone(), tag.to_owned());
        working.spawn(async move {
            let mut latencies = Histogram::new(3)?;
            let mut own = 0;
            while let Some(key) = until.next(own) {
                own += 1;
                let key = format!("/raw/{tag}-{number}-{key}");
                let value = vec![b'x'; size.saturating_sub(key.len())];
                let put = Txn::new().and_then([TxnOp::put(key, value, None)]);
                let asked = Instant::now();
                client.txn(put).await?;
                latencies.record(microseconds(asked))?;
            }
            anyhow::Ok(latencies)
        });
    }
    gather(working, begun).await
}

fn microseconds(since: Instant) -> u64 {
    u64::try_from(since.elapsed().as_micros()).unwrap_or(u64::MAX)
}

async fn gather(
    mut working: JoinSet<anyhow::Result<Histogram<u64>>>,
    begun: Instant,
) -> anyhow::Result<Work> {
    let mut latencies = Histogram::new(3)?;
    while let Some(part) = working.join_next().await {
        latencies.add(part??)?;
    }
    Ok(Work {
        done: latencies.len(),
        took: begun.elapsed(),
        latencies,
    })
}
