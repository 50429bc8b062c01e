//! The store is away or full: what can be read is read, what cannot be written is refused at once as
//! something to try again, and nothing that was acknowledged is lost.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use etcd_client::{AlarmAction, AlarmOptions, AlarmType, CompactionOptions, DeleteOptions};

use super::Scenario;
use crate::harness::Context;
use crate::harness::api::{Client, Failure, set_up};
use crate::harness::disk::Disk;
use crate::harness::etcd::{Etcd, Settings};
use crate::harness::http::get;
use crate::harness::netmaster::{Netmaster, READY, Running, Store};
use crate::harness::wait::wait_until;

/// The scenarios of this file.
pub const ALL: &[Scenario] = &[
    Scenario::new("outage::etcd_is_down", |context| {
        Box::pin(etcd_is_down(context))
    }),
    Scenario::new("outage::etcd_is_full", |context| {
        Box::pin(etcd_is_full(context))
    }),
    Scenario::new("outage::the_disk_is_full", |context| {
        Box::pin(the_disk_is_full(context))
    }),
];

const LEASE: Duration = Duration::from_secs(3);

/// Longer than the lease, so that leadership is lost as well.
const DOWN: Duration = Duration::from_secs(8);

/// A write that cannot be done is refused before whoever asked gives up, which is after 10 s; the
/// machine may be busy.
const REFUSED_WITHIN: Duration = Duration::from_secs(6);

/// How long it may take to write again when the store is back.
const BACK: Duration = Duration::from_secs(30);

const CIDR: &str = "10.1.0.0/16";
const GATEWAY: &str = "10.1.0.1";

/// What clients were told that they have.
type Told = BTreeMap<String, IpAddr>;

async fn etcd_is_down(context: Context) -> anyhow::Result<()> {
    let mut etcd = Etcd::start(&context.dir, 1, Settings::default()).await?;
    let store = Store::Etcd {
        endpoints: etcd.endpoints(),
        lease: LEASE,
    };
    let (running, mut told) = start(&context, &store).await?;
    etcd.kill_member(0)?;
    let begun = Instant::now();
    let mut refused = Vec::new();
    while begun.elapsed() < DOWN {
        expect_reads(&running, &told).await?;
        refused.push(expect_refused(&running, &[503]).await?);
    }
    etcd.start_member(0)?;
    wait_written(&running, &mut told).await?;
    expect_reads(&running, &told).await?;
    // One that hangs refuses no connection, and breaks none off.
    etcd.pause_member(0)?;
    let begun = Instant::now();
    while begun.elapsed() < DOWN {
        expect_reads(&running, &told).await?;
        refused.push(expect_refused(&running, &[503]).await?);
        expect_no_history(&running).await?;
    }
    etcd.resume_member(0)?;
    wait_written(&running, &mut told).await?;
    expect_reads(&running, &told).await?;
    let longest = refused.iter().max().copied().unwrap_or_default();
    println!(
        "    {} writes refused, the slowest after {:.2} s",
        refused.len(),
        longest.as_secs_f64()
    );
    Ok(())
}

async fn etcd_is_full(context: Context) -> anyhow::Result<()> {
    const QUOTA: u64 = 24 << 20;
    let settings = Settings {
        quota: Some(QUOTA),
        ..Settings::default()
    };
    let etcd = Etcd::start(&context.dir, 1, settings).await?;
    let store = Store::Etcd {
        endpoints: etcd.endpoints(),
        lease: LEASE,
    };
    let (running, mut told) = start(&context, &store).await?;
    let mut client = etcd.client().await?;
    let ballast = vec![b'x'; 256 << 10];
    let mut number = 0;
    // Somebody else's keys.
    while client
        .put(format!("/ballast/{number}"), ballast.clone(), None)
        .await
        .is_ok()
    {
        number += 1;
        ensure!(number * ballast.len() < 1 << 30, "etcd is never full");
    }
    for _ in 0..3 {
        expect_reads(&running, &told).await?;
        expect_refused(&running, &[503, 507]).await?;
    }
    // As etcd's manual has it: delete, compact, defragment, and only then take the alarm back.
    let all = DeleteOptions::new().with_prefix();
    let deleted = client.delete("/ballast/", Some(all)).await?;
    let revision = deleted.header().context("an answer without a header")?;
    let physical = CompactionOptions::new().with_physical();
    client.compact(revision.revision(), Some(physical)).await?;
    client.defragment().await?;
    let alarms = client
        .alarm(AlarmAction::Get, AlarmType::Nospace, None)
        .await?;
    ensure!(!alarms.alarms().is_empty(), "etcd was never full");
    for alarm in alarms.alarms() {
        let mut of_member = AlarmOptions::new();
        of_member.with_member(alarm.member_id());
        client
            .alarm(AlarmAction::Deactivate, alarm.alarm(), Some(of_member))
            .await?;
    }
    wait_written(&running, &mut told).await?;
    expect_reads(&running, &told).await
}

async fn the_disk_is_full(context: Context) -> anyhow::Result<()> {
    const MIB: u32 = 24;
    let disk = Disk::mount(&context.dir, MIB).await?;
    let store = Store::Embedded(disk.path.join("data"));
    let netmaster = Netmaster::new(&context, &store)?;
    let mut running = netmaster.start_on(&disk).await?;
    let mut told = prepare(&mut running).await?;
    disk.fill()?;
    // The file has room of its own left; that is used up first.
    let mut number = 0;
    let failure = loop {
        let name = format!("more-{number}/eth0");
        match running.client().allocate(&name).await {
            Ok(ip) => told.insert(name, ip),
            Err(failure) => break failure,
        };
        number += 1;
        ensure!(number < 50_000, "the disk is never full");
    };
    ensure!(
        matches!(failure, Failure::Unavailable(_)),
        "the full disk is not something to try again: {failure}"
    );
    for _ in 0..3 {
        expect_reads(&running, &told).await?;
        expect_refused(&running, &[503, 507]).await?;
    }
    disk.free()?;
    wait_written(&running, &mut told).await?;
    expect_reads(&running, &told).await?;
    // What was said to be on the disk is there.
    running.process.kill()?;
    let mut running = netmaster.start_on(&disk).await?;
    running.wait_ready(READY).await?;
    expect_reads(&running, &told).await?;
    println!("    {number} more allocations until the disk was full");
    Ok(())
}

/// Starts netmaster on `store`, with some addresses handed out.
async fn start(context: &Context, store: &Store) -> anyhow::Result<(Running, Told)> {
    let mut running = Netmaster::new(context, store)?.start().await?;
    let told = prepare(&mut running).await?;
    Ok((running, told))
}

async fn prepare(running: &mut Running) -> anyhow::Result<Told> {
    running.wait_ready(READY).await?;
    set_up(running.address, CIDR, GATEWAY).await?;
    let mut client = running.client();
    let mut told = Told::new();
    for number in 0..200 {
        let name = format!("before-{number}/eth0");
        told.insert(name.clone(), client.allocate(&name).await?);
    }
    // And some that came and went.
    for number in 0..50 {
        let name = format!("before-{number}/eth0");
        client.release(&name).await?;
        told.remove(&name);
    }
    Ok(told)
}

/// Reads answer, and have all that was acknowledged. What was refused may be there as well: its fate
/// was not known.
async fn expect_reads(running: &Running, told: &Told) -> anyhow::Result<()> {
    let held: Told = running.client().endpoints().await?.into_iter().collect();
    for (name, ip) in told {
        let held = held.get(name);
        ensure!(
            held == Some(ip),
            "{name} was told {ip}, and netmaster has {held:?}"
        );
    }
    let addresses: std::collections::BTreeSet<_> = held.values().collect();
    ensure!(addresses.len() == held.len(), "an address is given twice");
    let stranger = held
        .keys()
        .find(|name| !told.contains_key(*name) && !name.starts_with("refused"));
    ensure!(
        stranger.is_none_or(|name| name.starts_with("more")),
        "{stranger:?} has an address that was released"
    );
    Ok(())
}

/// A write is refused with one of these statuses, and in good time: 503 is something to try again,
/// 507 a full store.
async fn expect_refused(running: &Running, statuses: &[u16]) -> anyhow::Result<Duration> {
    let begun = Instant::now();
    let mut client = Client::new(running.address, REFUSED_WITHIN);
    match client.allocate("refused/eth0").await {
        Err(Failure::Unavailable(problem)) => {
            ensure!(statuses.contains(&problem.status), "{problem:?}");
            Ok(begun.elapsed())
        }
        Err(failure) => Err(failure).context("a write was to be refused for now"),
        Ok(ip) => anyhow::bail!("{ip} was handed out with the store away"),
    }
}

/// What is not kept in memory cannot be read, and that is said in good time.
async fn expect_no_history(running: &Running) -> anyhow::Result<()> {
    let path = "/v1/addresses/10.1.0.2/history";
    let reply = get(running.address, path, REFUSED_WITHIN).await?;
    ensure!(reply.status == 503, "{path}: HTTP status {}", reply.status);
    Ok(())
}

/// Waits until something can be written again.
async fn wait_written(running: &Running, told: &mut Told) -> anyhow::Result<()> {
    let begun = Instant::now();
    let ip = wait_until("an allocation", BACK, || {
        let mut client = running.client();
        async move { client.allocate("after/eth0").await }
    })
    .await?;
    told.insert("after/eth0".to_owned(), ip);
    println!(
        "    writing again {:.1} s after the store came back",
        begun.elapsed().as_secs_f64()
    );
    Ok(())
}
