//! Replicas of netmaster and their etcd.

use std::net::SocketAddr;
use std::time::Duration;

use anyhow::{Context as _, bail, ensure};
use etcd_client::{GetOptions, WatchOptions};

use crate::harness::Context;
use crate::harness::authority::Authority;
use crate::harness::etcd::{Etcd, Settings};
use crate::harness::netmaster::{LEADER_KEY, Netmaster, READY, REVISION_KEY, Running, Store};
use crate::harness::wait::wait_until;

/// How long a leader that is heard no more stays leader.
pub(super) const LEASE: Duration = Duration::from_secs(3);

/// As short as it can be without being none.
const COOL_DOWN: Duration = Duration::from_secs(1);

/// Replicas of netmaster and their etcd.
#[derive(Debug)]
pub(super) struct Cluster {
    pub(super) etcd: Etcd,
    replicas: Vec<Netmaster>,
    /// By the number of the replica; none where it does not run.
    running: Vec<Option<Running>>,
}

impl Cluster {
    /// Starts them all and waits until they serve.
    pub(super) async fn start(
        context: &Context,
        replicas: usize,
        members: usize,
    ) -> anyhow::Result<Self> {
        Self::start_with(context, replicas, members, None).await
    }

    /// The same, with TLS and a certificate of `authority` for each replica, if there is one.
    pub(super) async fn start_with(
        context: &Context,
        replicas: usize,
        members: usize,
        authority: Option<&Authority>,
    ) -> anyhow::Result<Self> {
        let settings = Settings {
            cuttable: true,
            ..Settings::default()
        };
        let etcd = Etcd::start(&context.dir, members, settings).await?;
        let store = Store::Etcd {
            endpoints: etcd.endpoints(),
            lease: LEASE,
        };
        let mut each = Vec::new();
        for (number, replica) in (1..).zip(Netmaster::replicas(replicas, context, &store)?) {
            let replica = replica.cooling_for(COOL_DOWN);
            each.push(match authority {
                Some(authority) => {
                    let name = format!("netmaster{number}");
                    replica.showing(authority.issue_replica(&name).await?)
                }
                None => replica,
            });
        }
        let mut cluster = Self {
            etcd,
            replicas: each,
            running: Vec::new(),
        };
        cluster.running.resize_with(replicas, || None);
        for number in 0..replicas {
            cluster.restart(number).await?;
        }
        cluster.wait_settled().await?;
        Ok(cluster)
    }

    /// How many replicas there are, running or not.
    pub(super) fn replicas(&self) -> usize {
        self.replicas.len()
    }

    /// Where each replica serves, or would.
    pub(super) fn addresses(&self) -> Vec<SocketAddr> {
        self.replicas.iter().map(Netmaster::address).collect()
    }

    /// The URL of each replica.
    pub(super) fn urls(&self) -> Vec<String> {
        self.replicas.iter().map(Netmaster::url).collect()
    }

    /// A replica that runs.
    pub(super) fn running(&self, number: usize) -> anyhow::Result<&Running> {
        let running = self.running.get(number).and_then(Option::as_ref);
        running.with_context(|| format!("replica {number} does not run"))
    }

    /// Which replicas run, for an error.
    pub(super) fn state(&self) -> String {
        let runs = self.running.iter().map(|running| match running {
            Some(_) => "runs",
            None => "is gone",
        });
        runs.enumerate()
            .map(|(number, state)| format!("replica {number} {state}"))
            .collect::<Vec<_>>()
            .join(", ")
    }

    /// Kills a replica with SIGKILL.
    pub(super) fn kill(&mut self, number: usize) -> anyhow::Result<()> {
        self.running(number)?;
        // Dropping it kills it.
        self.running[number] = None;
        Ok(())
    }

    /// Ends a replica as an operator would.
    pub(super) async fn stop(&mut self, number: usize) -> anyhow::Result<()> {
        match self.running[number].take() {
            Some(mut running) => running.process.stop().await,
            None => bail!("replica {number} does not run"),
        }
    }

    /// Starts a replica that does not run.
    pub(super) async fn restart(&mut self, number: usize) -> anyhow::Result<()> {
        let etcd = &self.etcd;
        let note = |id| etcd.name_client(number, id);
        self.running[number] = Some(self.replicas[number].start_noted(note).await?);
        Ok(())
    }

    /// Waits until etcd is healthy, there is a leader, and every replica that runs is ready.
    pub(super) async fn wait_settled(&mut self) -> anyhow::Result<()> {
        self.etcd.wait_healthy().await?;
        self.leader().await?;
        for running in self.running.iter_mut().flatten() {
            running.wait_ready(READY).await?;
        }
        Ok(())
    }

    /// The replica that leads, as etcd says.
    pub(super) async fn leader(&self) -> anyhow::Result<usize> {
        wait_until("a replica to lead", READY, || self.look_for_leader()).await
    }

    /// Waits until another than `old` leads.
    pub(super) async fn wait_other_leader(&self, old: usize) -> anyhow::Result<usize> {
        wait_until("another replica to lead", READY, || async {
            let leader = self.look_for_leader().await?;
            ensure!(leader != old, "replica {old} still leads");
            Ok(leader)
        })
        .await
    }

    async fn look_for_leader(&self) -> anyhow::Result<usize> {
        let mut client = self.etcd.client().await?;
        let found = client.get(LEADER_KEY, None).await?;
        let key = found.kvs().first().context("nobody leads")?;
        let value = String::from_utf8_lossy(key.value()).into_owned();
        let leads = |replica: &Netmaster| value.contains(&replica.url());
        let leader = self.replicas.iter().position(leads);
        leader.with_context(|| format!("no replica of ours leads, but `{value}`"))
    }

    /// Checks that the number of the last change only ever grew. A leader that was replaced does not
    /// know what its successor has written, so its own next change would have a number that was
    /// there before.
    pub(super) async fn expect_one_writer_at_a_time(&self) -> anyhow::Result<()> {
        let mut client = self.etcd.client().await?;
        let last = client.get(REVISION_KEY, Some(GetOptions::new())).await?;
        let last = last.kvs().first().context("nothing was written")?;
        let from = WatchOptions::new().with_start_revision(last.create_revision());
        let mut history = client.watch(REVISION_KEY, Some(from)).await?;
        let (mut before, mut writes) = (0, 0);
        loop {
            let events = tokio::time::timeout(READY, history.message())
                .await
                .context("etcd does not tell its history")??;
            let events = events.context("etcd's history breaks off")?;
            ensure!(!events.canceled(), "{}", events.cancel_reason());
            for event in events.events() {
                let kv = event.kv().context("an event without a key")?;
                let value: serde_json::Value = serde_json::from_slice(kv.value())?;
                let revision = value["revision"].as_u64();
                let revision = revision.with_context(|| format!("no revision in {value}"))?;
                ensure!(
                    revision > before,
                    "change {revision} was written after change {before}: two wrote at once"
                );
                before = revision;
                writes += 1;
                if kv.mod_revision() == last.mod_revision() {
                    println!("    {writes} transactions, one after the other");
                    return Ok(());
                }
            }
        }
    }
}
