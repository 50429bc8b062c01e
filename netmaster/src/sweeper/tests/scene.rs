//! A sweeper at work, and those whom it asks.

use std::collections::{BTreeMap, HashMap};
use std::net::IpAddr;
use std::sync::Mutex;
use std::sync::mpsc;

use tokio::time::{Instant, advance};
use trunkline_ipam::{
    AllocateRequest, Event, NetworkSpec, NodeSpec, Object, Placement, Release, Revision,
    SubnetSpec, allocate, create_network, create_subnet, register_node, release,
};
use trunkline_types::{Attachment, Pod};

use super::*;
use crate::history;
use crate::orchestrator::{Boxed, Place, PodSeen};
use crate::records::after;
use crate::replica::Replica;
use crate::store::{EVENTS, Embedded};

pub(super) const START: u64 = 1_700_000_000;

/// How long something may take that needs no time to pass, by a real clock.
const SOON: Duration = Duration::from_secs(20);

/// An orchestrator that says what a test wants.
#[derive(Default)]
pub(super) struct Oracle {
    pub(super) pods: Mutex<HashMap<Pod, PodSeen>>,
    pub(super) nodes: Mutex<HashMap<Name, NodeSeen>>,
    pub(super) deleted: Mutex<BTreeMap<Holder, bool>>,
}

impl Orchestrator for Oracle {
    fn pod(&self, pod: &Pod) -> PodSeen {
        let pods = self.pods.lock().unwrap();
        pods.get(pod).cloned().unwrap_or(PodSeen::Unknown)
    }

    fn node(&self, node: &Name) -> NodeSeen {
        let nodes = self.nodes.lock().unwrap();
        nodes.get(node).copied().unwrap_or(NodeSeen::Unknown)
    }

    fn place<'a>(&'a self, _: &'a Pod, _: &'a Name, _: Option<&'a str>) -> Boxed<'a, Place> {
        Box::pin(std::future::ready(Place::Unasked))
    }

    fn deleted<'a>(&'a self, holder: &'a Holder) -> Boxed<'a, Option<bool>> {
        let deleted = self.deleted.lock().unwrap().get(holder).copied();
        Box::pin(async move { deleted })
    }
}

/// A sweeper at work, on network `blue` with subnet `blue-r1` of rack `r1`, and node `n1`.
pub(super) struct Scene {
    pub(super) sweeper: Sweeper,
    pub(super) oracle: Arc<Oracle>,
    pub(super) role: watch::Sender<Role>,
    running: JoinHandle<()>,
    _replica: Replica,
    /// While there is a blocking task, the clock does not move by itself.
    _still: mpsc::Sender<()>,
}

impl Drop for Scene {
    fn drop(&mut self) {
        self.running.abort();
    }
}

pub(super) fn parse<T: std::str::FromStr<Err: std::fmt::Debug>>(text: &str) -> T {
    text.parse().unwrap()
}

impl Scene {
    pub(super) async fn new() -> Self {
        Self::with(SweeperConfig::default()).await
    }

    pub(super) async fn with(config: SweeperConfig) -> Self {
        let (still, ended) = mpsc::channel::<()>();
        tokio::task::spawn_blocking(move || ended.recv());
        let metrics = Metrics::new(Policy::default());
        let store = Embedded::in_memory().unwrap();
        let started = Replica::start(store.into(), "", metrics.clone()).await;
        let (allocator, replica) = started.unwrap();
        let leads = allocator
            .role()
            .wait_for(|role| *role == Role::Leader)
            .await
            .is_ok();
        assert!(leads);
        let (role, part) = watch::channel(Role::Leader);
        let oracle = Arc::new(Oracle::default());
        let began = Instant::now();
        let clock = move || Timestamp::from_unix_seconds(START + began.elapsed().as_secs());
        let sweeper = Sweeper {
            allocator: allocator.in_role(part),
            orchestrator: oracle.clone(),
            relay: Relay::new(metrics.clone()),
            reports: Reports::default(),
            heard: Heard::default(),
            auditor: Auditor::default(),
            metrics,
            policy: Policy::default(),
            config,
            clock: Arc::new(clock),
        };
        // It watches the role for as long as it is polled, so its end does not matter here.
        let (stop, stopped) = watch::channel(false);
        let duties = sweeper.clone();
        let running = tokio::spawn(async move {
            duties.run(stopped).await;
            drop(stop);
        });
        let scene = Self {
            sweeper,
            oracle,
            role,
            running,
            _replica: replica,
            _still: still,
        };
        scene
            .until(|scene| scene.read(|catalog| catalog.cluster().is_some()))
            .await;
        scene.populate().await;
        scene
    }

    pub(super) async fn populate(&self) {
        let network = NetworkSpec {
            name: parse("blue"),
            vlan: parse("100"),
            mtu: Default::default(),
            labels: Default::default(),
        };
        self.write(move |ledger, _| create_network(ledger.catalog(), &network).unwrap().change)
            .await;
        self.add_subnet("blue-r1", "10.1.0.0/24").await;
        self.add_node("n1").await;
    }

    pub(super) async fn add_subnet(&self, name: &str, cidr: &str) {
        let subnet = SubnetSpec {
            name: parse(name),
            network: parse("blue"),
            cidr: parse(cidr),
            gateway: parse(&cidr.replace(".0/24", ".1")),
            ranges: Vec::new(),
            exclusions: Vec::new(),
            placement: Placement::Rack(parse("r1")),
            labels: Default::default(),
        };
        self.write(move |ledger, _| create_subnet(ledger.catalog(), &subnet).unwrap().change)
            .await;
    }

    pub(super) async fn add_node(&self, name: &str) {
        let node = NodeSpec {
            name: parse(name),
            rack: parse("r1"),
            labels: Default::default(),
            boot_id: None,
            agent_version: None,
        };
        let policy = Policy::default();
        self.write(move |ledger, now| register_node(ledger, &node, &policy, now).unwrap().change)
            .await;
    }

    /// Gives pod `shop/<name>` an address on `n1`, and answers its attachment.
    pub(super) async fn add(&self, name: &str) -> Attachment {
        let attachment: Attachment = parse(&format!("{name}/eth0"));
        let request = AllocateRequest {
            pod: Some(pod(name)),
            pod_uid: Some("u1".to_owned()),
            ..AllocateRequest::any(attachment.clone(), parse("n1"), parse("blue"))
        };
        let policy = Policy::default();
        self.write(move |ledger, now| allocate(ledger, &request, &policy, now).unwrap().change)
            .await;
        attachment
    }

    pub(super) async fn release(&self, attachment: &Attachment) {
        let release_it = Release {
            attachment: attachment.clone(),
            reason: "released".to_owned(),
            expected: None,
        };
        self.write(move |ledger, now| release(ledger.catalog(), &release_it, now).unwrap())
            .await;
    }

    pub(super) async fn write(
        &self,
        plan: impl FnOnce(&Ledger, Timestamp) -> Change + Send + 'static,
    ) {
        let now = self.sweeper.now();
        let planned = self.sweeper.allocator.write(move |ledger| {
            let change = plan(ledger, now);
            Ok::<_, ()>(((), change))
        });
        planned.await.unwrap();
    }

    pub(super) fn read<T>(&self, read: impl FnOnce(&trunkline_ipam::Catalog) -> T) -> T {
        self.sweeper.allocator.read(read)
    }

    pub(super) fn ip(&self, attachment: &Attachment) -> IpAddr {
        self.read(|catalog| catalog.endpoint(attachment).unwrap().addresses[0].ip)
    }

    pub(super) fn is_there(&self, attachment: &Attachment) -> bool {
        self.read(|catalog| catalog.endpoint(attachment).is_some())
    }

    /// Node `n1` reports these attachments, and their containers.
    pub(super) fn report(&self, attachments: &[&Attachment]) {
        let ovsdb = attachments.iter().copied().cloned().collect();
        let containers = attachments.iter().map(|one| one.container.clone());
        let holdings = Holdings {
            ovsdb,
            runtime: Some(containers.collect()),
            ..Holdings::default()
        };
        let now = self.sweeper.now();
        self.sweeper.reports.receive(parse("n1"), holdings, now);
    }

    /// Lets time pass, a step at a time, and what is due be done.
    pub(super) async fn pass(&self, seconds: u64) {
        let step = (seconds / 60).max(1);
        let mut left = seconds;
        while left > 0 {
            let now = step.min(left);
            self.settle().await;
            advance(Duration::from_secs(now)).await;
            left -= now;
        }
        self.settle().await;
    }

    /// Waits until whoever can go on has gone on: all that was written before is written then.
    pub(super) async fn settle(&self) {
        for _ in 0..3 {
            for _ in 0..50 {
                tokio::task::yield_now().await;
            }
            self.write(|ledger, _| Change::new(ledger.catalog().revision(), Vec::new()))
                .await;
        }
    }

    /// Waits, without time passing, until `is_so`.
    pub(super) async fn until(&self, is_so: impl Fn(&Self) -> bool) {
        let begin = std::time::Instant::now();
        while !is_so(self) {
            assert!(begin.elapsed() < SOON, "it does not come to that");
            tokio::task::yield_now().await;
        }
    }

    pub(super) async fn events(&self) -> Vec<Event> {
        let reader = self.sweeper.allocator.records();
        let found = after(reader, EVENTS, Revision::ZERO, 1000).await.unwrap();
        let events = found.into_iter().filter_map(|object| match object {
            Object::Event(event) => Some(event.as_ref().clone()),
            _ => None,
        });
        events.collect()
    }

    pub(super) async fn event(&self, kind: EventKind) -> Event {
        let events = self.events().await;
        let found = events.iter().find(|event| event.kind == kind);
        found.unwrap_or_else(|| panic!("{events:?}")).clone()
    }

    pub(super) async fn past(&self, ip: IpAddr) -> Vec<trunkline_ipam::Holding> {
        let reader = self.sweeper.allocator.records();
        history::past(reader, ip, Revision::ZERO, 1000)
            .await
            .unwrap()
    }
}

pub(super) fn pod(name: &str) -> Pod {
    Pod {
        namespace: "shop".to_owned(),
        name: name.to_owned(),
    }
}

pub(super) fn there(uid: &str, node: &str) -> PodSeen {
    PodSeen::There {
        uid: uid.to_owned(),
        node: Some(node.to_owned()),
        ended: false,
    }
}
