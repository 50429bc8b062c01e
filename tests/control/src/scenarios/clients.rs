//! Clients that allocate and release through any replica, and write down what they were told.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::{bail, ensure};
use tokio::task::JoinSet;

use crate::harness::Context;
use crate::harness::api::{Client, Failure};
use crate::harness::wait::wait_until;
use crate::history::{Allocated, Call, History, Recorder, check};

/// How long a client waits for an answer before it takes it for lost.
const PATIENCE: Duration = Duration::from_secs(3);

/// After a failure. Every failure may be a request that happens late, and the more of those there
/// are, the less a history proves.
const PAUSE: Duration = Duration::from_millis(100);

/// How long replicas may take to have seen all that the leader has done.
const SAME: Duration = Duration::from_secs(20);

/// Of each client.
const ATTACHMENTS: usize = 6;

/// After so many requests of unknown fate an attachment is abandoned, for the same reason.
const UNKNOWN_AT_MOST: u32 = 4;

/// Clients at work.
#[derive(Debug)]
pub struct Clients {
    epoch: Instant,
    stopping: Arc<AtomicBool>,
    answered: Arc<AtomicU64>,
    working: JoinSet<anyhow::Result<Recorder>>,
}

impl Clients {
    /// Starts `count` clients of the replicas at `addresses`.
    pub fn start(count: u64, context: &Context, addresses: &[SocketAddr]) -> Self {
        let mut clients = Self {
            epoch: Instant::now(),
            stopping: Arc::default(),
            answered: Arc::default(),
            working: JoinSet::new(),
        };
        for number in 0..count {
            let worker = Worker {
                number,
                rng: context.rng(1000 + number),
                replicas: addresses
                    .iter()
                    .map(|&address| Client::new(address, PATIENCE))
                    .collect(),
                at: 0,
                attachments: BTreeMap::new(),
                abandoned: Vec::new(),
                created: 0,
                recorder: Recorder::new(clients.epoch),
            };
            let (stopping, answered) = (clients.stopping.clone(), clients.answered.clone());
            clients.working.spawn(worker.work(stopping, answered));
        }
        clients
    }

    /// A recorder of the same history, for who asks besides.
    pub fn recorder(&self) -> Recorder {
        Recorder::new(self.epoch)
    }

    /// How many requests have been answered so far.
    pub fn answered(&self) -> u64 {
        self.answered.load(Ordering::Relaxed)
    }

    /// Lets every client end its request and returns what they wrote down.
    ///
    /// # Errors
    ///
    /// A client was told what makes no sense at all.
    pub async fn stop(mut self) -> anyhow::Result<Vec<Recorder>> {
        self.stopping.store(true, Ordering::Relaxed);
        let mut parts = Vec::new();
        while let Some(part) = self.working.join_next().await {
            parts.push(part??);
        }
        Ok(parts)
    }
}

/// Looks at what `replicas` hold when all of them hold the same, and checks that one order of events
/// explains all that was told, which has to be `at_least` so many answers to prove anything. No
/// client may be at work.
///
/// # Errors
///
/// They do not come to hold the same, or there is no such order.
pub async fn conclude(
    mut parts: Vec<Recorder>,
    mut looker: Recorder,
    replicas: &[SocketAddr],
    at_least: usize,
) -> anyhow::Result<()> {
    let (started, held) = wait_until("all replicas to hold the same", SAME, || async {
        let started = looker.start();
        let mut all = Vec::new();
        for &replica in replicas {
            let endpoints = Client::new(replica, PATIENCE).endpoints().await?;
            all.push(endpoints.into_iter().collect::<BTreeMap<_, _>>());
        }
        let counts: Vec<_> = all.iter().map(BTreeMap::len).collect();
        let same = all.windows(2).all(|pair| pair[0] == pair[1]);
        ensure!(same, "different ones: {counts:?} endpoints");
        Ok((started, all.pop().unwrap_or_default()))
    })
    .await?;
    let mut names: BTreeSet<_> = parts.iter().flat_map(Recorder::attachments).collect();
    names.extend(held.keys().cloned());
    for name in names {
        looker.answered(&name, started, Call::Look(held.get(&name).copied()));
    }
    parts.push(looker);
    let operations: usize = parts.iter().map(Recorder::len).sum();
    let history = History::of(parts);
    let unanswered = history.operations.iter().filter(|o| o.end.is_none());
    let unanswered = unanswered.count();
    let told = history.operations.iter();
    let told = told.filter_map(|o| Some((o.call.address()?, o.attachment)));
    let holders: BTreeSet<_> = told.collect();
    let addresses: BTreeSet<_> = holders.iter().map(|(ip, _)| ip).collect();
    println!(
        "    {operations} operations on {} attachments, {unanswered} of unknown fate; {} addresses \
         had {} holders",
        history.attachments.len(),
        addresses.len(),
        holders.len()
    );
    ensure!(
        operations - unanswered >= at_least,
        "hardly any work was done"
    );
    Ok(check(&history)?)
}

#[derive(Debug)]
struct Worker {
    number: u64,
    rng: fastrand::Rng,
    replicas: Vec<Client>,
    /// The replica that is asked now.
    at: usize,
    attachments: BTreeMap<String, Believed>,
    /// What is used no more and may have an address, which would be lost to the others.
    abandoned: Vec<String>,
    created: u64,
    recorder: Recorder,
}

/// What a client believes of an attachment: only to choose what to ask next.
#[derive(Clone, Copy, Debug, Default)]
struct Believed {
    held: bool,
    unknown: u32,
}

impl Worker {
    async fn work(
        mut self,
        stopping: Arc<AtomicBool>,
        answered: Arc<AtomicU64>,
    ) -> anyhow::Result<Recorder> {
        self.at = self.rng.usize(..self.replicas.len());
        while !stopping.load(Ordering::Relaxed) {
            if self.step().await? {
                answered.fetch_add(1, Ordering::Relaxed);
                self.tidy_up().await?;
            } else {
                self.at = (self.at + 1) % self.replicas.len();
                tokio::time::sleep(PAUSE).await;
            }
        }
        Ok(self.recorder)
    }

    /// One request; whether it was answered.
    async fn step(&mut self) -> anyhow::Result<bool> {
        while self.attachments.len() < ATTACHMENTS {
            let name = format!("c{}-{}/eth0", self.number, self.created);
            self.created += 1;
            self.attachments.insert(name, Believed::default());
        }
        let index = self.rng.usize(..ATTACHMENTS);
        let Some((name, believed)) = self.attachments.iter_mut().nth(index) else {
            bail!("there is no attachment to ask for");
        };
        if self.rng.u8(..16) == 0 {
            self.at = self.rng.usize(..self.replicas.len());
        }
        let client = &mut self.replicas[self.at];
        let release_it = believed.held && self.rng.u8(..4) > 0;
        let held = if release_it {
            let released = release(&mut self.recorder, client, name).await;
            released.map(|()| false)
        } else {
            let told = allocate(&mut self.recorder, client, name).await;
            told.map(|told| told != Allocated::Full)
        };
        match held {
            Ok(held) => {
                believed.held = held;
                Ok(true)
            }
            Err(failure) if failure.is_unsure() => {
                believed.held = !release_it;
                believed.unknown += 1;
                if believed.unknown >= UNKNOWN_AT_MOST {
                    let name = name.clone();
                    self.attachments.remove(&name);
                    self.abandoned.push(name);
                }
                Ok(false)
            }
            Err(Failure::NotSent(_)) => Ok(false),
            Err(failure) => bail!("{name}: {failure}"),
        }
    }

    /// Gives back what an abandoned attachment may have, now that requests are answered. It is
    /// tried once: every attempt may happen late.
    async fn tidy_up(&mut self) -> anyhow::Result<()> {
        let Some(name) = self.abandoned.pop() else {
            return Ok(());
        };
        let client = &mut self.replicas[self.at];
        match release(&mut self.recorder, client, &name).await {
            Err(failure @ Failure::Refused(_)) => bail!("{name}: {failure}"),
            Err(Failure::NotSent(_)) => self.abandoned.push(name),
            Ok(()) | Err(_) => {}
        }
        Ok(())
    }
}

/// Asks for an address, and writes down what was told.
pub async fn allocate(
    recorder: &mut Recorder,
    client: &mut Client,
    name: &str,
) -> Result<Allocated, Failure> {
    let started = recorder.start();
    let told = match client.allocate(name).await {
        Ok(ip) => Allocated::Address(ip),
        Err(failure) if failure.is_full() => Allocated::Full,
        Err(failure) => {
            if failure.is_unsure() {
                recorder.unanswered(name, started, Call::Allocate(None));
            }
            return Err(failure);
        }
    };
    recorder.answered(name, started, Call::Allocate(Some(told)));
    Ok(told)
}

/// Gives an address back, and writes down whether that was done.
pub async fn release(
    recorder: &mut Recorder,
    client: &mut Client,
    name: &str,
) -> Result<(), Failure> {
    let started = recorder.start();
    let released = client.release(name).await;
    match &released {
        Ok(()) => recorder.answered(name, started, Call::Release),
        Err(failure) if failure.is_unsure() => recorder.unanswered(name, started, Call::Release),
        Err(_) => {}
    }
    released
}
