//! SIGKILL at any moment loses nothing that was acknowledged, and gives nothing twice.
//!
//! Clients allocate and release against netmaster, which is killed in the middle and started again,
//! time after time. After each restart, what the clients were told is compared with what netmaster
//! holds.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::time::Duration;

use anyhow::{Context as _, bail, ensure};
use hyper::Method;
use tokio::task::JoinSet;

use super::Scenario;
use crate::harness::Context;
use crate::harness::api::{Client, Failure, SUBNET, set_up, wait_writable};
use crate::harness::etcd::{Etcd, Settings};
use crate::harness::netmaster::{Netmaster, READY, Running, Store};

/// The scenarios of this file.
pub const ALL: &[Scenario] = &[
    Scenario::new("crash::embedded", |context| Box::pin(embedded(context))),
    Scenario::new("crash::etcd", |context| Box::pin(etcd(context))),
];

const CLIENTS: u64 = 32;

/// More than a client has requests between two kills, so that some are left alone for long.
const ATTACHMENTS_PER_CLIENT: usize = 10;

/// 509 addresses: somewhat more than clients have attachments, so that they come round often.
const CIDR: &str = "10.1.0.0/23";
const GATEWAY: &str = "10.1.0.1";
const CAPACITY: u64 = 509;

/// As short as it can be without being none.
const COOL_DOWN: Duration = Duration::from_secs(1);

/// How long clients work before the next kill, in milliseconds: from just started to well under way.
const WORK: std::ops::Range<u64> = 20..350;

/// Before a client asks again that was told to.
const PAUSE: Duration = Duration::from_millis(10);

async fn embedded(context: Context) -> anyhow::Result<()> {
    let store = Store::Embedded(context.dir.join("data"));
    let netmaster = Netmaster::new(&context, &store)?.cooling_for(COOL_DOWN);
    crashes(&context, &netmaster, None).await
}

async fn etcd(context: Context) -> anyhow::Result<()> {
    let etcd = Etcd::start(&context.dir, 1, Settings::default()).await?;
    let store = Store::Etcd {
        endpoints: etcd.endpoints(),
        lease: Duration::from_secs(3),
    };
    let netmaster = Netmaster::new(&context, &store)?.cooling_for(COOL_DOWN);
    crashes(&context, &netmaster, Some(&etcd)).await
}

async fn crashes(
    context: &Context,
    netmaster: &Netmaster,
    etcd: Option<&Etcd>,
) -> anyhow::Result<()> {
    let kills = if context.long { 2000 } else { 100 };
    let mut rng = context.rng(0);
    let mut running = netmaster.start().await?;
    running.wait_ready(READY).await?;
    set_up(running.address, CIDR, GATEWAY).await?;
    let mut workers: Vec<_> = (0..CLIENTS)
        .map(|index| Worker::new(index, context.rng(index + 1)))
        .collect();
    let mut leaks = 0;
    for kill in 0..kills {
        let mut working = JoinSet::new();
        for worker in workers.drain(..) {
            working.spawn(worker.work(running.client()));
        }
        tokio::time::sleep(Duration::from_millis(rng.u64(WORK))).await;
        running.process.kill()?;
        workers = working.join_all().await;
        if let Some(etcd) = etcd {
            // Three seconds of waiting are another scenario's matter.
            end_leases(etcd).await?;
        }
        running = netmaster.start().await?;
        running.wait_ready(READY).await?;
        wait_writable(running.address).await?;
        let compared = compare(&mut running, &workers).await;
        compared.with_context(|| format!("after kill {} of {kills}", kill + 1))?;
        leaks += collect_leaks(&running, &mut workers).await?;
    }
    expect_nothing_left(&running, &workers).await?;
    let sum = |of: fn(&Totals) -> u64| workers.iter().map(|worker| of(&worker.totals)).sum::<u64>();
    let (allocated, released) = (sum(|t| t.allocated), sum(|t| t.released));
    println!(
        "    {kills} kills: {allocated} allocated, {released} released, {} unanswered, {} times \
         full, {leaks} left by clients that gave up and collected",
        sum(|t| t.unanswered),
        sum(|t| t.full)
    );
    ensure!(
        allocated > 10 * kills && released > 10 * kills,
        "hardly any work was done"
    );
    ensure!(
        released > 2 * CAPACITY,
        "hardly any address was handed out again"
    );
    Ok(())
}

/// Ends every lease, as time would: whoever led is dead.
async fn end_leases(etcd: &Etcd) -> anyhow::Result<()> {
    let mut client = etcd.client().await?;
    for lease in client.leases().await?.leases() {
        // It may run out by itself at this moment.
        let _ = client.lease_revoke(lease.id()).await;
    }
    Ok(())
}

/// What a client knows of one of its attachments.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Told {
    /// It has this address.
    Held(IpAddr),
    /// It has none.
    Free,
    /// The last request was not answered: it has its address, if it had one, or any or none.
    Unknown,
}

#[derive(Debug, Default)]
struct Totals {
    allocated: u64,
    released: u64,
    unanswered: u64,
    full: u64,
}

#[derive(Debug)]
struct Worker {
    index: u64,
    rng: fastrand::Rng,
    told: BTreeMap<String, Told>,
    /// Attachments that the client gave up with a request unanswered, as a runtime does that dies.
    given_up: BTreeSet<String>,
    created: u64,
    totals: Totals,
    /// What netmaster should never have said.
    broken: Option<String>,
}

impl Worker {
    fn new(index: u64, rng: fastrand::Rng) -> Self {
        let mut worker = Self {
            index,
            rng,
            told: BTreeMap::new(),
            given_up: BTreeSet::new(),
            created: 0,
            totals: Totals::default(),
            broken: None,
        };
        for _ in 0..ATTACHMENTS_PER_CLIENT {
            worker.add_attachment();
        }
        worker
    }

    fn add_attachment(&mut self) {
        let name = format!("w{}-{}/eth0", self.index, self.created);
        self.created += 1;
        self.told.insert(name, Told::Free);
    }

    /// Allocates and releases until netmaster is gone.
    async fn work(mut self, mut client: Client) -> Self {
        // An attachment whose fate is unknown is asked for again, as a runtime would, but now and
        // then by none: the client died as well.
        let unknown = self.told.iter().filter(|(_, told)| **told == Told::Unknown);
        let unknown: Vec<_> = unknown.map(|(name, _)| name.clone()).collect();
        for name in unknown {
            if self.rng.u8(..8) == 0 {
                self.told.remove(&name);
                self.given_up.insert(name);
                self.add_attachment();
            }
        }
        while self.broken.is_none() && self.step(&mut client).await {}
        self
    }

    /// One request; false if netmaster is gone.
    async fn step(&mut self, client: &mut Client) -> bool {
        let index = self.rng.usize(..self.told.len());
        let Some((name, told)) = self.told.iter_mut().nth(index) else {
            return false;
        };
        let release = match told {
            Told::Held(_) => self.rng.u8(..4) > 0,
            Told::Free => false,
            Told::Unknown => self.rng.bool(),
        };
        let failure = if release {
            match client.release(name).await {
                Ok(()) => {
                    *told = Told::Free;
                    self.totals.released += 1;
                    return true;
                }
                Err(failure) => failure,
            }
        } else {
            match client.allocate(name).await {
                Ok(ip) => {
                    if let Told::Held(before) = *told
                        && before != ip
                    {
                        self.broken = Some(format!("{name} had {before} and was told {ip}"));
                    }
                    *told = Told::Held(ip);
                    self.totals.allocated += 1;
                    return true;
                }
                Err(failure) if failure.is_full() => {
                    if let Told::Held(before) = *told {
                        self.broken = Some(format!("{name} had {before} and was told `full`"));
                    }
                    *told = Told::Free;
                    self.totals.full += 1;
                    return true;
                }
                Err(failure) => failure,
            }
        };
        if failure.is_unsure() {
            *told = Told::Unknown;
            self.totals.unanswered += 1;
        }
        match failure {
            Failure::Refused(_) => {
                self.broken = Some(format!("{name}: {failure}"));
                false
            }
            Failure::Unavailable(_) => {
                tokio::time::sleep(PAUSE).await;
                true
            }
            Failure::NotSent(_) | Failure::Unanswered(_) => false,
        }
    }
}

/// Compares what netmaster holds with what the clients were told.
async fn compare(running: &mut Running, workers: &[Worker]) -> anyhow::Result<()> {
    if let Some(broken) = workers.iter().find_map(|worker| worker.broken.as_ref()) {
        bail!("{broken}");
    }
    let endpoints = running.client().endpoints().await?;
    let held: BTreeMap<_, _> = endpoints.iter().cloned().collect();
    let addresses: BTreeSet<_> = held.values().collect();
    ensure!(
        addresses.len() == endpoints.len() && held.len() == endpoints.len(),
        "an address or an attachment is there twice: {endpoints:?}"
    );
    let path = format!("/v1/subnets/{SUBNET}");
    let subnet = running.client().send(Method::GET, &path, None).await?;
    let subnet: serde_json::Value = serde_json::from_slice(&subnet)?;
    ensure!(
        subnet["in_use"] == endpoints.len(),
        "{} endpoints, and {subnet}",
        endpoints.len()
    );
    let mut known = BTreeSet::new();
    for worker in workers {
        for (name, told) in &worker.told {
            known.insert(name);
            match (told, held.get(name)) {
                (Told::Held(ip), Some(held)) if ip == held => {}
                (Told::Free, None) | (Told::Unknown, _) => {}
                (told, held) => bail!("{name}: told {told:?}, and netmaster has {held:?}"),
            }
        }
        known.extend(&worker.given_up);
    }
    if let Some(stranger) = held.keys().find(|name| !known.contains(name)) {
        bail!("{stranger} has an address and never asked for one");
    }
    Ok(())
}

/// Releases what clients that gave up have left behind, as the sweeper would, and says how much that
/// was. What they asked for cannot happen any more: whom they asked is dead.
async fn collect_leaks(running: &Running, workers: &mut [Worker]) -> anyhow::Result<usize> {
    let mut client = running.client();
    let mut given_up = BTreeSet::new();
    for worker in workers {
        given_up.append(&mut worker.given_up);
    }
    let endpoints = client.endpoints().await?.into_iter();
    let left: Vec<_> = endpoints
        .filter(|(name, _)| given_up.contains(name))
        .collect();
    for (name, _) in &left {
        client.release(name).await?;
    }
    Ok(left.len())
}

/// Releases everything that clients know of; after that nothing may be left.
async fn expect_nothing_left(running: &Running, workers: &[Worker]) -> anyhow::Result<()> {
    let mut client = running.client();
    for name in workers.iter().flat_map(|worker| worker.told.keys()) {
        client.release(name).await?;
    }
    let rest = client.endpoints().await?;
    ensure!(rest.is_empty(), "released and still there: {rest:?}");
    Ok(())
}
