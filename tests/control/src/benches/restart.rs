//! `restart`: how long netmaster takes to be ready with a million addresses, and how much memory
//! that takes.
//!
//! 10,000 subnets in 100 networks, and 10,000 nodes, each in a rack of its own with one of the
//! subnets and 100 attachments. The store is filled through the API, by many clients: with group
//! commit that is as quick as writing its keys, and needs to know nothing of their form.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use hyper::Method;
use serde_json::{Value, json};
use tokio::task::JoinSet;
use trunkline_outcome::{Goal, Line, Subject};

use super::Extent;
use crate::harness::Context;
use crate::harness::api::{Client, Failure, wait_writable};
use crate::harness::etcd::{Etcd, Settings};
use crate::harness::netmaster::{CALL, Netmaster, READY, Running, Store};

/// Design §8.
const SECONDS: f64 = 15.0;
const MIB: f64 = 1024.0;

const CLIENTS: u64 = 128;
const NETWORKS: u64 = 100;
const ATTACHMENTS: u64 = 100;

/// Above what it may take: so that a figure that is too high can be printed.
const PATIENCE: Duration = Duration::from_secs(300);

/// How much etcd may keep: its own default is 2 GiB.
const QUOTA: u64 = 8 << 30;

pub(super) async fn measure(context: Context, extent: Extent) -> anyhow::Result<Vec<Line>> {
    let store = Store::Embedded(context.dir.join("data"));
    let mut lines = measure_store(&context, extent, &store, "embedded").await?;
    let settings = Settings {
        quota: Some(QUOTA),
        ..Settings::default()
    };
    let etcd = Etcd::start(&context.dir, 1, settings).await?;
    let store = Store::Etcd {
        endpoints: etcd.endpoints(),
        lease: Duration::from_secs(10),
    };
    lines.extend(measure_store(&context, extent, &store, "etcd").await?);
    Ok(lines)
}

async fn measure_store(
    context: &Context,
    extent: Extent,
    store: &Store,
    name: &str,
) -> anyhow::Result<Vec<Line>> {
    let netmaster = Netmaster::new(context, store)?;
    let mut running = netmaster.start().await?;
    running.wait_ready(READY).await?;
    wait_writable(running.address).await?;
    let nodes = extent.of(10_000, 40);
    let begun = Instant::now();
    fill(&running, nodes).await?;
    eprintln!(
        "{name}: filled with {} addresses in {:.0} s",
        nodes * ATTACHMENTS,
        begun.elapsed().as_secs_f64()
    );
    let (mut seconds, mut resident, mut peak) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..extent.pairs {
        running.process.stop().await?;
        let begun = Instant::now();
        running = netmaster.start().await?;
        running.wait_ready(PATIENCE).await?;
        seconds.push((begun.elapsed().as_secs_f64(), SECONDS));
        expect_whole(&running, nodes).await?;
        let memory = running.process.memory()?;
        resident.push((mib(memory.resident), MIB));
        peak.push((mib(memory.peak), MIB));
    }
    let addresses = nodes * ATTACHMENTS;
    let line = |what: &str, unit, goal, figures: &[(f64, f64)]| {
        let subject = Subject {
            bench: "restart",
            case: format!("{name}, {addresses} addresses: {what}"),
            other_name: "limit",
            unit,
            goal,
        };
        Line::of_pairs(subject, figures)
    };
    Ok(vec![
        line("until ready", "s", Goal::AtMost(1.0), &seconds)?,
        line("resident memory", "MiB", Goal::AtMost(1.0), &resident)?,
        line("resident memory at its peak", "MiB", Goal::None, &peak)?,
    ])
}

#[expect(
    clippy::cast_precision_loss,
    reason = "bytes of memory, far below 2^52"
)]
fn mib(bytes: u64) -> f64 {
    bytes as f64 / f64::from(1 << 20)
}

/// The name of the `number`th network, and of the `number`th rack, subnet and node.
fn network(number: u64) -> String {
    format!("net-{}", number % NETWORKS)
}

fn rack(number: u64) -> String {
    format!("rack-{number}")
}

async fn fill(running: &Running, nodes: u64) -> anyhow::Result<()> {
    each(running, NETWORKS.min(nodes), |number| {
        let spec = json!({"name": network(number), "vlan": 100 + number});
        (Method::POST, "/v1/networks".to_owned(), spec)
    })
    .await?;
    each(running, nodes, |number| {
        let spec = json!({"rack": rack(number)});
        (Method::PUT, format!("/v1/nodes/{}", rack(number)), spec)
    })
    .await?;
    each(running, nodes, |number| {
        let (high, low) = (number >> 8, number & 255);
        let spec = json!({
            "name": rack(number), "network": network(number), "rack": rack(number),
            "cidr": format!("10.{high}.{low}.0/24"), "gateway": format!("10.{high}.{low}.1"),
        });
        (Method::POST, "/v1/subnets".to_owned(), spec)
    })
    .await?;
    each(running, nodes * ATTACHMENTS, move |number| {
        // Neighbours in time are on different nodes, as they are in life.
        let node = number % nodes;
        let spec = json!({
            "attachment": format!("container-{number:010}/eth0"),
            "network": network(node), "node": rack(node),
            "pod": {"namespace": "shop", "name": format!("web-{number}")},
        });
        (Method::POST, "/v1/endpoints".to_owned(), spec)
    })
    .await
}

/// Sends the requests 0 to `count`, many at once, each until it is done.
async fn each(
    running: &Running,
    count: u64,
    request: impl Fn(u64) -> (Method, String, Value) + Clone + Send + 'static,
) -> anyhow::Result<()> {
    let next = Arc::new(AtomicU64::new(0));
    let mut working = JoinSet::new();
    for _ in 0..CLIENTS {
        let (next, address, request) = (next.clone(), running.address, request.clone());
        working.spawn(async move {
            let mut client = Client::new(address, CALL);
            loop {
                let number = next.fetch_add(1, Ordering::Relaxed);
                if number >= count {
                    return anyhow::Ok(());
                }
                let (method, path, body) = request(number);
                send(&mut client, &method, &path, &body)
                    .await
                    .with_context(|| format!("cannot send {body} to {path}"))?;
            }
        });
    }
    while let Some(done) = working.join_next().await {
        done??;
    }
    Ok(())
}

async fn send(
    client: &mut Client,
    method: &Method,
    path: &str,
    body: &Value,
) -> Result<(), Failure> {
    const TRIES: u32 = 10;
    let mut tries = 0;
    loop {
        tries += 1;
        match client.send(method.clone(), path, Some(body)).await {
            Err(failure) if failure.is_unsure() && tries < TRIES => {
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
            result => return result.map(drop),
        }
    }
}

/// The last subnet has its addresses, all of them.
async fn expect_whole(running: &Running, nodes: u64) -> anyhow::Result<()> {
    let path = format!("/v1/subnets/{}", rack(nodes - 1));
    let body = running.client().send(Method::GET, &path, None).await?;
    let subnet: Value = serde_json::from_slice(&body)?;
    ensure!(
        subnet["in_use"] == ATTACHMENTS,
        "a subnet is not as it was: {subnet}"
    );
    Ok(())
}
