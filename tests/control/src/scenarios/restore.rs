//! A back-up is restored when much has happened since, and nothing of that is handed out twice.
//!
//! The back-up is made while clients work. They go on, others come, and then the store is lost. What
//! nodes have plugged in is known to the nodes alone: they report it, and everything is handed out
//! from then on until nothing is left.

mod world;

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use tokio::task::JoinSet;
use trunkline_netmaster_api::{Address, AddressState, Cluster};

use super::Scenario;
use crate::harness::api::{Client, wait_writable};
use crate::harness::etcd::{Etcd, Settings};
use crate::harness::netmaster::{Netmaster, READY, Running, Store};
use crate::harness::wait::wait_until;
use crate::harness::{Context, fresh_dir};
use world::{DEAD, NODES, World, living, plug};

/// The scenarios of this file.
pub const ALL: &[Scenario] = &[Scenario::new(
    "restore::two_hundred_adds_after_the_back_up",
    |context| Box::pin(on_both_stores(context)),
)];

/// As short as it can be without being none, so that what is released soon goes to others.
const COOL_DOWN: Duration = Duration::from_secs(1);

/// Longer than a slow disk takes: who leads is another scenario's matter.
const LEASE: Duration = Duration::from_secs(10);

const CLIENTS: usize = 9;

/// How long clients work before the back-up begins, and again after it.
const WORK: Duration = Duration::from_secs(3);

/// What is plugged in after all that.
const ADDS: usize = 200;

/// For so long after a restore nothing is handed out, and some time for the machine.
const HOLD: Duration = Duration::from_secs(120 + 30);

/// Between two looks whether that is over.
const LOOK: Duration = Duration::from_millis(500);

/// One after the other they would wait twice for what takes two minutes.
async fn on_both_stores(context: Context) -> anyhow::Result<()> {
    let part = |name: &str| -> anyhow::Result<Context> {
        let dir = context.dir.join(name);
        fresh_dir(&dir)?;
        let context = context.clone();
        Ok(Context { dir, ..context })
    };
    let (embedded_part, etcd_part) = (part("embedded")?, part("etcd")?);
    tokio::try_join!(
        async { embedded(&embedded_part).await.context("embedded store") },
        async { etcd(&etcd_part).await.context("etcd") },
    )?;
    Ok(())
}

async fn embedded(context: &Context) -> anyhow::Result<()> {
    let file = context.dir.join("backup");
    let before = Store::Embedded(context.dir.join("before"));
    let world = until_the_store_is_lost(context, &before, &file).await?;
    let after = Store::Embedded(context.dir.join("after"));
    from_the_restore_on(context, &after, &file, world).await
}

async fn etcd(context: &Context) -> anyhow::Result<()> {
    let file = context.dir.join("backup");
    let world = {
        let etcd = new_etcd(context, "before").await?;
        until_the_store_is_lost(context, &store_in(&etcd), &file).await?
    };
    let etcd = new_etcd(context, "after").await?;
    from_the_restore_on(context, &store_in(&etcd), &file, world).await
}

async fn new_etcd(context: &Context, name: &str) -> anyhow::Result<Etcd> {
    let dir = context.dir.join(name);
    fresh_dir(&dir)?;
    Etcd::start(&dir, 1, Settings::default()).await
}

fn store_in(etcd: &Etcd) -> Store {
    Store::Etcd {
        endpoints: etcd.endpoints(),
        lease: LEASE,
    }
}

async fn start(context: &Context, store: &Store) -> anyhow::Result<(Netmaster, Running)> {
    let netmaster = Netmaster::new(context, store)?.cooling_for(COOL_DOWN);
    let mut running = netmaster.start().await?;
    running.wait_ready(READY).await?;
    Ok((netmaster, running))
}

/// Lets clients work, makes a back-up meanwhile, and goes on. Returns what is plugged in when
/// netmaster is killed.
async fn until_the_store_is_lost(
    context: &Context,
    store: &Store,
    file: &Path,
) -> anyhow::Result<World> {
    let (netmaster, running) = start(context, store).await?;
    world::set_up(&running).await?;
    // The last of the nodes is not there yet.
    let nodes = &NODES[..NODES.len() - 1];
    let (end_work, work_ends) = tokio::sync::watch::channel(false);
    let mut working = JoinSet::new();
    for number in 0..CLIENTS {
        let worker = world::Worker::new(number, nodes[number % nodes.len()], context);
        working.spawn(worker.work(running.client(), work_ends.clone()));
    }
    tokio::time::sleep(WORK).await;
    netmaster.back_up(file).await?;
    tokio::time::sleep(WORK).await;
    end_work.send_replace(true);
    let mut world = World::default();
    while let Some(plugged) = working.join_next().await {
        world.extend(plugged??);
    }
    tokio::time::sleep(2 * COOL_DOWN).await;
    let mut client = running.client();
    for number in 0..ADDS {
        let node = &NODES[number % NODES.len()];
        if number < NODES.len() {
            world::register(&mut client, node).await?;
        }
        let attachment = format!("late-{number}/eth0");
        let plugged = plug(&mut client, node, &attachment).await?;
        world.insert(attachment, plugged);
    }
    Ok(world)
}

/// Restores the back-up into a store that is empty, has the nodes report, and hands out all that
/// there is.
async fn from_the_restore_on(
    context: &Context,
    store: &Store,
    file: &Path,
    mut world: World,
) -> anyhow::Result<()> {
    Netmaster::new(context, store)?.restore(file).await?;
    let restored = Instant::now();
    let (_, running) = start(context, store).await?;
    wait_writable(running.address).await?;
    let mut client = running.client();
    let cluster: Cluster = world::get(&mut client, "/v1/cluster").await?;
    ensure!(cluster.epoch > 0, "{cluster:?}");
    ensure!(cluster.awaiting.len() == NODES.len() - 1, "{cluster:?}");
    expect_nothing_handed_out(&mut client).await?;

    // It is switched off, so what only it knew of is used by nobody.
    world::waive(&mut client, &DEAD).await?;
    world.retain(|_, plugged| plugged.node != DEAD.name);
    world::report(&mut client, &world).await?;
    let in_conflict = expect_books_to_have(&mut client, &world).await?;
    wait_handed_out(&mut client, restored).await?;

    let mut used: BTreeSet<IpAddr> = world.values().map(|plugged| plugged.ip).collect();
    ensure!(
        used.len() == world.len(),
        "an address was told twice before"
    );
    let told = used.len();
    hand_out_all(&mut client, &mut used).await?;
    world::expect_none_lost(&mut client, &used).await?;
    println!(
        "    {}: {told} told before and kept, {in_conflict} of them in conflict with what the dead \
         node had; {} handed out afterwards, none twice",
        match store {
            Store::Embedded(_) => "embedded",
            Store::Etcd { .. } => "etcd",
        },
        used.len() - told
    );
    Ok(())
}

/// As long as nodes have not reported, nobody gets an address.
async fn expect_nothing_handed_out(client: &mut Client) -> anyhow::Result<()> {
    for node in living() {
        // Who was restored is known; who came later has to register.
        world::register(client, node).await?;
        match plug(client, node, "early/eth0").await {
            Err(failure) if world::is_awaiting(&failure) => {}
            other => anyhow::bail!("node {} was answered {other:?}", node.name),
        }
    }
    Ok(())
}

/// What is plugged in is in the books, or in conflict with what the back-up gives to the dead node:
/// nobody knows whether that one is truly off. Returns how much is in conflict.
async fn expect_books_to_have(client: &mut Client, world: &World) -> anyhow::Result<usize> {
    let books = world::endpoints(client).await?;
    let mut in_conflict = 0;
    for (attachment, plugged) in world {
        let held = books.get(attachment);
        if held == Some(plugged) {
            continue;
        }
        let path = format!("/v1/addresses/{}", plugged.ip);
        let address: Address = world::get(client, &path).await?;
        let of_the_dead = address.node.as_ref().map(|node| node.as_str()) == Some(DEAD.name);
        ensure!(
            held.is_none() && of_the_dead && address.state == AddressState::Conflict,
            "{attachment} is {plugged:?} on its node, and {held:?} in the books; {address:?}"
        );
        in_conflict += 1;
    }
    Ok(in_conflict)
}

/// Waits until the nodes that are not in the back-up have had their time to come.
async fn wait_handed_out(client: &mut Client, restored: Instant) -> anyhow::Result<()> {
    let left = HOLD.saturating_sub(restored.elapsed());
    let (address, node) = (client.address(), NODES[0]);
    wait_until("addresses to be handed out", left, || async move {
        let mut client = Client::new(address, LOOK * 10);
        let told = plug(&mut client, &node, "first/eth0").await;
        if told.is_err() {
            tokio::time::sleep(LOOK).await;
        }
        told
    })
    .await?;
    println!(
        "    handing out again {:.0} s after the restore",
        restored.elapsed().as_secs_f64()
    );
    client.release("first/eth0").await?;
    // What was given back comes back, and so does all that was released before.
    tokio::time::sleep(2 * COOL_DOWN).await;
    Ok(())
}

/// Has every node ask for addresses until there are none.
async fn hand_out_all(client: &mut Client, used: &mut BTreeSet<IpAddr>) -> anyhow::Result<()> {
    for node in living() {
        for number in 0.. {
            let attachment = format!("after-{}-{number}/eth0", node.name);
            match plug(client, node, &attachment).await {
                Ok(plugged) => ensure!(
                    used.insert(plugged.ip),
                    "{attachment} was given {}, which another has",
                    plugged.ip
                ),
                Err(failure) if failure.is_full() => break,
                Err(failure) => return Err(failure.into()),
            }
        }
    }
    Ok(())
}
