//! SIGKILL at any moment loses nothing that was acknowledged, and gives nothing twice.
//!
//! Clients allocate and release against the real binary, which is killed in the middle and started
//! again, several times. After each restart, what the clients were told is compared with what
//! netmaster holds. `CRASH_SEED=<number>` repeats a run as far as timing lets it.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod process;

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use process::Process;
use trunkline_netmaster_api::{Client, EndpointSpec, NetworkSpec, NodeSpec, SubnetSpec};
use trunkline_types::Attachment;

const KILLS: u32 = 10;
const CLIENTS: u64 = 8;
/// More attachments than addresses, so that the subnet is full now and then.
const ATTACHMENTS_PER_CLIENT: u64 = 20;
const CAPACITY: u64 = 61;

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

#[derive(Default)]
struct Totals {
    allocated: u64,
    released: u64,
    unanswered: u64,
    full: u64,
}

/// SplitMix64: good enough, and no dependency.
struct Random(u64);

impl Random {
    fn next(&mut self, below: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % below
    }
}

struct Worker {
    random: Random,
    told: BTreeMap<Attachment, Told>,
    totals: Totals,
}

impl Worker {
    fn new(index: u64, seed: u64) -> Self {
        let attachment = |number| format!("w{index}-{number}/eth0").parse().unwrap();
        Self {
            random: Random(seed ^ (index << 32)),
            told: (0..ATTACHMENTS_PER_CLIENT)
                .map(|number| (attachment(number), Told::Free))
                .collect(),
            totals: Totals::default(),
        }
    }

    /// Allocates and releases until netmaster is gone.
    async fn work(mut self, client: Client) -> Self {
        while self.step(&client).await {}
        self
    }

    async fn step(&mut self, client: &Client) -> bool {
        let index = usize::try_from(self.random.next(ATTACHMENTS_PER_CLIENT)).unwrap();
        let (attachment, told) = self.told.iter_mut().nth(index).unwrap();
        // An attachment whose fate is unknown is asked for again, as a runtime would.
        let release = match told {
            Told::Held(_) => self.random.next(4) > 0,
            Told::Free => false,
            Told::Unknown => self.random.next(2) > 0,
        };
        if release {
            match client.release(attachment).await {
                Ok(()) => {
                    *told = Told::Free;
                    self.totals.released += 1;
                    return true;
                }
                Err(error) => assert!(error.is_retryable(), "{error}"),
            }
        } else {
            match client.allocate(&wish(attachment)).await {
                Ok(endpoint) => {
                    let ip = endpoint.addresses[0].ip;
                    if let Told::Held(before) = *told {
                        assert_eq!(ip, before, "{attachment} got another address");
                    }
                    *told = Told::Held(ip);
                    self.totals.allocated += 1;
                    return true;
                }
                Err(error) if error.is_full() => {
                    self.totals.full += 1;
                    assert!(
                        !matches!(told, Told::Held(_)),
                        "{attachment} lost its address"
                    );
                    *told = Told::Free;
                    return true;
                }
                Err(error) => assert!(error.is_retryable(), "{error}"),
            }
        }
        // Even a connection that was refused may have been the second try of the client's own.
        *told = Told::Unknown;
        self.totals.unanswered += 1;
        false
    }
}

fn wish(attachment: &Attachment) -> EndpointSpec {
    EndpointSpec {
        attachment: attachment.clone(),
        network: "blue".parse().unwrap(),
        node: "n1".parse().unwrap(),
        pod: None,
    }
}

async fn set_up(client: &Client) {
    let network = NetworkSpec {
        name: "blue".parse().unwrap(),
        vlan: "100".parse().unwrap(),
        mtu: Default::default(),
    };
    client.create_network(&network).await.unwrap();
    let subnet = SubnetSpec {
        name: "blue-1".parse().unwrap(),
        network: network.name,
        cidr: "10.1.0.0/26".parse().unwrap(),
        gateway: "10.1.0.1".parse().unwrap(),
        ranges: Vec::new(),
        rack: None,
    };
    let subnet = client.create_subnet(&subnet).await.unwrap();
    assert_eq!(subnet.capacity, CAPACITY);
    let node = NodeSpec {
        rack: "r1".parse().unwrap(),
    };
    let name = "n1".parse().unwrap();
    client.register_node(&name, &node).await.unwrap();
}

/// Compares what netmaster holds with what the clients were told.
async fn compare(client: &Client, workers: &[Worker]) {
    let endpoints = client.endpoints().await.unwrap();
    let addresses: BTreeSet<_> = endpoints.iter().map(|e| e.addresses[0].ip).collect();
    assert_eq!(
        addresses.len(),
        endpoints.len(),
        "an address is given twice"
    );
    let subnet = client.subnet(&"blue-1".parse().unwrap()).await.unwrap();
    assert_eq!(subnet.in_use, u64::try_from(endpoints.len()).unwrap());
    let held: BTreeMap<_, _> = endpoints
        .iter()
        .map(|endpoint| (&endpoint.attachment, endpoint.addresses[0].ip))
        .collect();
    let told: BTreeMap<_, _> = workers.iter().flat_map(|worker| &worker.told).collect();
    for (attachment, told) in &told {
        match (told, held.get(attachment)) {
            (Told::Held(ip), Some(held)) if ip == held => {}
            (Told::Free, None) | (Told::Unknown, _) => {}
            (told, held) => panic!("{attachment}: told {told:?}, and netmaster has {held:?}"),
        }
    }
    for attachment in held.keys() {
        assert!(told.contains_key(attachment), "{attachment} out of nowhere");
    }
}

/// Every address is free again once everybody has released: nothing leaked.
async fn capacity_is_whole(client: &Client, workers: &[Worker]) {
    let attachments = workers.iter().flat_map(|worker| worker.told.keys());
    for attachment in attachments.clone() {
        client.release(attachment).await.unwrap();
    }
    assert_eq!(client.endpoints().await.unwrap(), []);
    let count = usize::try_from(CAPACITY).unwrap();
    for attachment in attachments.take(count) {
        client.allocate(&wish(attachment)).await.unwrap();
    }
    let name = "blue-1".parse().unwrap();
    assert_eq!(client.subnet(&name).await.unwrap().in_use, CAPACITY);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sigkill_loses_nothing_that_was_acknowledged_and_gives_nothing_twice() {
    let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    let seed = match std::env::var("CRASH_SEED") {
        Ok(text) => text.parse().unwrap(),
        Err(_) => u64::from(since_epoch.subsec_nanos()),
    };
    println!("CRASH_SEED={seed}");
    let mut random = Random(seed);
    let directory = tempfile::tempdir().unwrap();
    let mut netmaster = Process::start(directory.path());
    set_up(&netmaster.client()).await;
    let mut workers: Vec<_> = (0..CLIENTS).map(|index| Worker::new(index, seed)).collect();
    for _ in 0..KILLS {
        let client = netmaster.client();
        let working: Vec<_> = workers
            .drain(..)
            .map(|worker| tokio::spawn(worker.work(client.clone())))
            .collect();
        tokio::time::sleep(Duration::from_millis(100 + random.next(500))).await;
        netmaster.kill();
        for worker in working {
            workers.push(worker.await.unwrap());
        }
        netmaster = Process::start(directory.path());
        compare(&netmaster.client(), &workers).await;
    }
    capacity_is_whole(&netmaster.client(), &workers).await;
    let sum = |of: fn(&Totals) -> u64| workers.iter().map(|worker| of(&worker.totals)).sum::<u64>();
    let (allocated, released) = (sum(|t| t.allocated), sum(|t| t.released));
    let full = sum(|t| t.full);
    println!(
        "{KILLS} kills: {allocated} allocated, {released} released, {} unanswered, {full} times full",
        sum(|t| t.unanswered),
    );
    assert!(
        allocated > 100 && released > 100,
        "hardly any work was done"
    );
}
