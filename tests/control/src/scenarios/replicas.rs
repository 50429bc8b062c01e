//! Three replicas of netmaster on an etcd of three members, while anything fails.

mod certificates;
mod cluster;

use std::time::{Duration, Instant};

use anyhow::{Context as _, bail, ensure};

use super::Scenario;
use super::clients::{Clients, allocate, conclude, release};
use crate::harness::Context;
use crate::harness::api::{Client, Failure, set_up};
use crate::harness::wait::wait_until;
use cluster::{Cluster, LEASE};

/// The scenarios of this file.
pub const ALL: &[Scenario] = &[
    Scenario::new("replicas::faults_while_clients_work", |context| {
        Box::pin(faults_while_clients_work(context))
    }),
    Scenario::new("replicas::a_paused_leader_writes_nothing_more", |context| {
        Box::pin(a_paused_leader_writes_nothing_more(context))
    }),
    Scenario::new("replicas::failover", |context| Box::pin(failover(context))),
    Scenario::new("replicas::certificates_count_at_every_replica", |context| {
        Box::pin(certificates::certificates_count_at_every_replica(context))
    }),
];

/// A netmaster that leads may be gone for so long, from its SIGKILL to the next allocation.
const FAILOVER: Duration = Duration::from_secs(5);

/// How long it may take to serve again when etcd itself has to find a leader first.
const RECOVERY: Duration = Duration::from_secs(30);

const CLIENTS: u64 = 24;

/// Enough for all that clients have, and few enough for addresses to come round often.
const CIDR: &str = "10.1.0.0/22";
const GATEWAY: &str = "10.1.0.1";

/// Something that fails, and is mended after a while.
#[derive(Clone, Copy, Debug)]
enum Fault {
    /// The leading netmaster is killed.
    NetmasterKilled,
    /// The leading netmaster is stopped in its tracks for longer than its lease.
    NetmasterPaused,
    /// The leading netmaster is cut off from etcd, and not from its clients.
    NetmasterCut,
    /// A netmaster that follows is ended, as in an upgrade.
    FollowerStopped,
    /// etcd's leader is killed.
    EtcdLeaderKilled,
    /// etcd's leader is stopped in its tracks.
    EtcdLeaderPaused,
    /// Another member of etcd is ended.
    EtcdFollowerStopped,
    /// etcd's leader is cut off from its peers, and not from its clients.
    EtcdLeaderCut,
    /// etcd's leader is cut off from its clients, and not from its peers.
    EtcdClientsCut,
    /// The leading netmaster and etcd's leader are killed at the same moment.
    BothLeadersKilled,
}

const FAULTS: [Fault; 10] = [
    Fault::NetmasterKilled,
    Fault::NetmasterPaused,
    Fault::NetmasterCut,
    Fault::FollowerStopped,
    Fault::EtcdLeaderKilled,
    Fault::EtcdLeaderPaused,
    Fault::EtcdFollowerStopped,
    Fault::EtcdLeaderCut,
    Fault::EtcdClientsCut,
    Fault::BothLeadersKilled,
];

async fn faults_while_clients_work(context: Context) -> anyhow::Result<()> {
    let rounds = if context.long { 20 } else { 1 };
    let mut rng = context.rng(0);
    let mut cluster = Cluster::start(&context, 3, 3).await?;
    set_up(cluster.addresses()[0], CIDR, GATEWAY).await?;
    let clients = Clients::start(CLIENTS, &context, &cluster.addresses());
    let looker = clients.recorder();
    for round in 0..rounds {
        let mut faults = FAULTS;
        rng.shuffle(&mut faults);
        for fault in faults {
            let took = inflict(fault, &mut cluster, &clients)
                .await
                .with_context(|| format!("{fault:?}, round {round}"))?;
            println!(
                "    {fault:?}: served again after {:.1} s",
                took.as_secs_f64()
            );
        }
    }
    let parts = clients.stop().await?;
    cluster.wait_settled().await?;
    conclude(parts, looker, &cluster.addresses(), 500).await?;
    cluster.expect_one_writer_at_a_time().await
}

/// Lets `fault` happen, waits until requests are served all the same, mends it, and waits until all
/// is well. Returns how long requests were not served.
async fn inflict(
    fault: Fault,
    cluster: &mut Cluster,
    clients: &Clients,
) -> anyhow::Result<Duration> {
    let begun = Instant::now();
    let leader = cluster.leader().await?;
    let follower = (leader + 1) % cluster.replicas();
    let etcd_leader = cluster.etcd.leader().await?;
    let etcd_follower = (etcd_leader + 1) % cluster.etcd.members();
    match fault {
        Fault::NetmasterKilled => cluster.kill(leader)?,
        Fault::NetmasterPaused => cluster.running(leader)?.process.pause()?,
        Fault::NetmasterCut => cluster.etcd.cut_client(leader),
        Fault::FollowerStopped => cluster.stop(follower).await?,
        Fault::EtcdLeaderKilled => cluster.etcd.kill_member(etcd_leader)?,
        Fault::EtcdLeaderPaused => cluster.etcd.pause_member(etcd_leader)?,
        Fault::EtcdFollowerStopped => cluster.etcd.stop_member(etcd_follower).await?,
        Fault::EtcdLeaderCut => cluster.etcd.cut_peers(etcd_leader),
        Fault::EtcdClientsCut => cluster.etcd.cut_clients(etcd_leader),
        Fault::BothLeadersKilled => {
            cluster.kill(leader)?;
            cluster.etcd.kill_member(etcd_leader)?;
        }
    }
    let served = served_again(cluster, clients, begun).await?;
    if matches!(fault, Fault::NetmasterPaused | Fault::NetmasterCut) {
        // The lease may have been renewed just before.
        tokio::time::sleep((LEASE + Duration::from_secs(1)).saturating_sub(begun.elapsed())).await;
    }
    match fault {
        Fault::NetmasterKilled => cluster.restart(leader).await?,
        Fault::NetmasterPaused => cluster.running(leader)?.process.resume()?,
        Fault::FollowerStopped => cluster.restart(follower).await?,
        Fault::EtcdLeaderKilled => cluster.etcd.start_member(etcd_leader)?,
        Fault::EtcdLeaderPaused => cluster.etcd.resume_member(etcd_leader)?,
        Fault::EtcdFollowerStopped => cluster.etcd.start_member(etcd_follower)?,
        Fault::NetmasterCut | Fault::EtcdLeaderCut | Fault::EtcdClientsCut => cluster.etcd.mend(),
        Fault::BothLeadersKilled => {
            cluster.etcd.start_member(etcd_leader)?;
            cluster.restart(leader).await?;
        }
    }
    cluster.wait_settled().await?;
    Ok(served)
}

/// Waits until clients are served: many answers, which those that were on their way are not.
async fn served_again(
    cluster: &Cluster,
    clients: &Clients,
    begun: Instant,
) -> anyhow::Result<Duration> {
    let before = clients.answered();
    wait_until("clients to be served", RECOVERY, || {
        let answered = clients.answered() - before;
        let seen = if answered > 20 * CLIENTS {
            Ok(())
        } else {
            Err(format!("{answered} answers; {}", cluster.state()))
        };
        async { seen }
    })
    .await?;
    Ok(begun.elapsed())
}

/// A leader that was stopped for longer than its lease does not know that it was replaced, nor what
/// happened since. It is asked, while it is stopped, what only the past can answer wrongly.
async fn a_paused_leader_writes_nothing_more(context: Context) -> anyhow::Result<()> {
    let rounds = if context.long { 30 } else { 3 };
    let mut cluster = Cluster::start(&context, 2, 1).await?;
    set_up(cluster.addresses()[0], CIDR, GATEWAY).await?;
    let clients = Clients::start(CLIENTS, &context, &cluster.addresses());
    let mut witnesses = Vec::new();
    for round in 0..rounds {
        let had = format!("had-{round}/eth0");
        let mut witness = clients.recorder();
        let old = cluster.leader().await?;
        done(async || {
            let mut client = cluster.running(old)?.client();
            Ok(allocate(&mut witness, &mut client, &had).await.map(drop))
        })
        .await?;
        // In the middle of work, so that there is something half done.
        cluster.running(old)?.process.pause()?;
        let new = cluster.wait_other_leader(old).await?;
        done(async || {
            let mut client = cluster.running(new)?.client();
            Ok(release(&mut witness, &mut client, &had).await)
        })
        .await?;
        // The kernel takes the question for it. What it knows is that `had` has an address.
        let mut asked = cluster.running(old)?.client();
        let mut asker = clients.recorder();
        let question = tokio::spawn(async move {
            let told = allocate(&mut asker, &mut asked, &had).await;
            (asker, told)
        });
        tokio::time::sleep(Duration::from_millis(200)).await;
        cluster.running(old)?.process.resume()?;
        let (asker, told) = question.await?;
        if let Err(failure) = told {
            ensure!(failure.is_unsure(), "{failure}");
        }
        witnesses.extend([witness, asker]);
        cluster.wait_settled().await?;
    }
    let looker = clients.recorder();
    let mut parts = clients.stop().await?;
    parts.extend(witnesses);
    cluster.wait_settled().await?;
    // For most of the time one of two replicas does not answer.
    conclude(parts, looker, &cluster.addresses(), 50).await?;
    cluster.expect_one_writer_at_a_time().await
}

/// Asks again until it is done; every attempt is to be recorded, for each may happen late.
async fn done(
    mut ask: impl AsyncFnMut() -> anyhow::Result<Result<(), Failure>>,
) -> anyhow::Result<()> {
    let begun = Instant::now();
    loop {
        match ask().await? {
            Ok(()) => return Ok(()),
            Err(failure) if begun.elapsed() > RECOVERY => return Err(failure.into()),
            Err(Failure::Refused(problem)) => bail!("{}", problem.detail),
            Err(_) => tokio::time::sleep(Duration::from_millis(100)).await,
        }
    }
}

/// From SIGKILL of the leading netmaster to the next allocation, etcd being well; and, for the
/// reader, with etcd's leader killed at the same moment.
async fn failover(context: Context) -> anyhow::Result<()> {
    let times = if context.long { 30 } else { 4 };
    let mut cluster = Cluster::start(&context, 3, 3).await?;
    set_up(cluster.addresses()[0], CIDR, GATEWAY).await?;
    let mut took = Vec::new();
    for number in 0..times {
        // The moment within the lease's life is not to be always the same.
        tokio::time::sleep(Duration::from_millis(context.rng(number).u64(..1000))).await;
        let leader = cluster.leader().await?;
        let killed = Instant::now();
        cluster.kill(leader)?;
        took.push(next_allocation(&cluster, leader, number, killed).await?);
        cluster.restart(leader).await?;
        cluster.wait_settled().await?;
    }
    took.sort();
    let text: Vec<_> = took
        .iter()
        .map(|took| format!("{:.2}", took.as_secs_f64()))
        .collect();
    println!(
        "    from SIGKILL to the next allocation: {} s",
        text.join(", ")
    );
    let leader = cluster.leader().await?;
    let etcd_leader = cluster.etcd.leader().await?;
    let killed = Instant::now();
    cluster.kill(leader)?;
    cluster.etcd.kill_member(etcd_leader)?;
    let both = next_allocation(&cluster, leader, times, killed).await?;
    println!(
        "    with etcd's leader killed at the same moment: {:.2} s",
        both.as_secs_f64()
    );
    let longest = took.last().copied().unwrap_or_default();
    ensure!(
        longest <= FAILOVER,
        "it took {:.2} s from SIGKILL of the leader to the next allocation, and may take {} s",
        longest.as_secs_f64(),
        FAILOVER.as_secs()
    );
    Ok(())
}

/// Asks the replicas but `gone` in turns for an address, as a node would, until one has it.
async fn next_allocation(
    cluster: &Cluster,
    gone: usize,
    number: u64,
    killed: Instant,
) -> anyhow::Result<Duration> {
    let addresses = cluster.addresses();
    let others: Vec<_> = (0..addresses.len())
        .filter(|&replica| replica != gone)
        .map(|replica| addresses[replica])
        .collect();
    let mut turn = 0;
    wait_until("an allocation", RECOVERY, || {
        turn += 1;
        let mut client = Client::new(others[turn % others.len()], Duration::from_secs(1));
        async move { client.allocate(&format!("after-{number}/eth0")).await }
    })
    .await?;
    Ok(killed.elapsed())
}
