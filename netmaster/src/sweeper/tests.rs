//! On a clock that stands still until a test moves it.

mod records;
mod scene;
mod signs;

use bytes::Bytes;
use futures_util::stream;
use tokio::task::JoinHandle;
use trunkline_ipam::{
    ConflictReport, EventKind, Holder, LeaseRequest, RemovalCause, ReservationSpec,
    ReservedAddress, Retention, Wanted, Workload, create_reservation, delete_subnet, lease,
    remove_node, report_conflict,
};
use trunkline_netmaster_api::{NodeRequest, ToAgent};
use trunkline_types::Name;

use super::*;
use crate::orchestrator::NodeSeen;
use scene::{START, Scene, parse, pod, there};

#[tokio::test(start_paused = true)]
async fn a_new_cluster_gets_its_identity_once() {
    let scene = Scene::new().await;
    let id = || scene.read(|catalog| catalog.cluster().unwrap().id.clone());
    let first = id();
    scene.role.send_replace(Role::Follower { leader: None });
    scene.pass(1).await;
    scene.role.send_replace(Role::Leader);
    scene.pass(10).await;
    assert_eq!(id(), first);
}

#[tokio::test(start_paused = true)]
async fn an_endpoint_that_two_reports_miss_is_collected_with_its_reason() {
    let scene = Scene::new().await;
    let (lost, kept) = (scene.add("lost").await, scene.add("kept").await);
    let ip = scene.ip(&lost);
    scene.report(&[&kept]);
    scene.pass(31).await;
    assert!(scene.is_there(&lost), "once is not enough");
    scene.pass(60).await;
    assert!(
        scene.is_there(&lost),
        "a report that was looked at is no second one"
    );
    scene.report(&[&kept]);
    scene.pass(31).await;
    assert!(!scene.is_there(&lost));
    assert!(scene.is_there(&kept));
    let past = scene.past(ip).await;
    assert_eq!(past.len(), 1);
    assert!(past[0].reason.contains("OVSDB"), "{}", past[0].reason);
    assert_eq!(past[0].pod, Some(pod("lost")));
    let event = scene.event(EventKind::AddressCollected).await;
    assert!(event.about.contains("lost/eth0"), "{}", event.about);
}

#[tokio::test(start_paused = true)]
async fn an_endpoint_that_a_report_names_again_is_not_collected() {
    let scene = Scene::new().await;
    let lost = scene.add("lost").await;
    scene.report(&[]);
    scene.pass(61).await;
    scene.report(&[&lost]);
    scene.pass(31).await;
    scene.report(&[]);
    scene.pass(31).await;
    assert!(scene.is_there(&lost));
}

#[tokio::test(start_paused = true)]
async fn an_endpoint_is_kept_while_the_orchestrator_has_its_pod() {
    let scene = Scene::new().await;
    let lost = scene.add("lost").await;
    let says = |seen| scene.oracle.pods.lock().unwrap().insert(pod("lost"), seen);
    says(there("u1", "n1"));
    for _ in 0..4 {
        scene.report(&[]);
        scene.pass(61).await;
    }
    assert!(scene.is_there(&lost));
    // A namesake elsewhere is another pod.
    says(there("u2", "n2"));
    for _ in 0..2 {
        scene.report(&[]);
        scene.pass(61).await;
    }
    assert!(!scene.is_there(&lost));
}

#[tokio::test(start_paused = true)]
async fn a_report_that_is_too_old_proves_nothing() {
    let config = SweeperConfig {
        collect: Duration::from_secs(600),
        ..SweeperConfig::default()
    };
    let scene = Scene::with(config).await;
    let lost = scene.add("lost").await;
    for _ in 0..3 {
        scene.report(&[]);
        scene.pass(601).await;
    }
    assert!(scene.is_there(&lost));
}

#[tokio::test(start_paused = true)]
async fn duties_end_with_the_lead_and_what_was_observed_is_forgotten() {
    let scene = Scene::new().await;
    let lost = scene.add("lost").await;
    scene.report(&[]);
    scene.pass(61).await;
    let mut watch = scene.sweeper.relay.watch(&parse("n1"));
    scene.role.send_replace(Role::Follower { leader: None });
    scene.settle().await;
    assert_eq!(
        watch.next().await,
        None,
        "agents are to go to the new leader"
    );
    scene.report(&[]);
    scene.pass(300).await;
    assert!(scene.is_there(&lost), "a follower collects nothing");
    scene.role.send_replace(Role::Leader);
    scene.settle().await;
    scene.report(&[]);
    scene.pass(31).await;
    assert!(scene.is_there(&lost), "the new term looks twice again");
    scene.report(&[]);
    scene.pass(61).await;
    scene.report(&[]);
    scene.pass(31).await;
    assert!(!scene.is_there(&lost));
}

#[tokio::test(start_paused = true)]
async fn what_was_begun_and_not_done_is_gone_on_with() {
    let scene = Scene::new().await;
    let attachment = scene.add("web").await;
    // A leader that made only the first step of each.
    scene.add_subnet("blue-r2", "10.2.0.0/24").await;
    scene
        .write(|ledger, now| {
            let why = RemovalCause::PoweredOff;
            let step = remove_node(ledger.catalog(), &parse("n1"), why, now).unwrap();
            assert!(!step.done);
            step.change
        })
        .await;
    scene
        .write(|ledger, _| {
            let step = delete_subnet(ledger.catalog(), &parse("blue-r2"), None).unwrap();
            step.change
        })
        .await;
    scene.pass(6).await;
    assert!(scene.read(|catalog| catalog.node(&parse("n1")).is_none()));
    assert!(!scene.is_there(&attachment));
    assert!(scene.read(|catalog| catalog.subnet(&parse("blue-r2")).is_none()));
}

#[tokio::test(start_paused = true)]
async fn a_node_that_the_orchestrator_gave_up_is_removed_with_all_it_holds() {
    for seen in [NodeSeen::Gone, NodeSeen::OutOfService] {
        let scene = Scene::new().await;
        let attachment = scene.add("web").await;
        let ip = scene.ip(&attachment);
        let says = |seen| scene.oracle.nodes.lock().unwrap().insert(parse("n1"), seen);
        says(NodeSeen::There);
        scene.pass(31).await;
        assert!(scene.is_there(&attachment));
        says(seen);
        scene.pass(31).await;
        assert!(
            scene.read(|catalog| catalog.node(&parse("n1")).is_none()),
            "{seen:?}"
        );
        assert!(!scene.is_there(&attachment));
        assert_eq!(scene.past(ip).await.len(), 1);
    }
}

async fn leased(scene: &Scene) -> usize {
    let policy = Policy::default();
    scene
        .write(move |ledger, now| {
            let node = ledger.catalog().node(&parse("n1")).unwrap();
            let request = LeaseRequest {
                node: parse("n1"),
                fence: node.fence,
                network: parse("blue"),
                count: 4,
            };
            lease(ledger, &request, &policy, now).unwrap().change
        })
        .await;
    leases(scene)
}

fn leases(scene: &Scene) -> usize {
    scene.read(|catalog| {
        let addresses = catalog.addresses();
        let is_leased = |state: &trunkline_ipam::AddressState| {
            matches!(state, trunkline_ipam::AddressState::Leased { .. })
        };
        addresses
            .filter(|address| is_leased(&address.state))
            .count()
    })
}

#[tokio::test(start_paused = true)]
async fn a_silent_node_loses_its_reserve_but_not_the_addresses_of_its_pods() {
    let scene = Scene::new().await;
    let attachment = scene.add("web").await;
    assert_eq!(leased(&scene).await, 4);
    scene.pass(24 * 3600).await;
    assert_eq!(leases(&scene), 4);
    scene.pass(3 * 3600).await;
    assert_eq!(leases(&scene), 0);
    assert!(scene.is_there(&attachment));
    assert!(scene.read(|catalog| catalog.node(&parse("n1")).is_some()));
    scene.event(EventKind::NodeFenced).await;
}

#[tokio::test(start_paused = true)]
async fn a_node_that_is_heard_keeps_its_reserve() {
    let scene = Scene::new().await;
    assert_eq!(leased(&scene).await, 4);
    for _ in 0..30 {
        scene.sweeper.heard.mark(&parse("n1"), scene.sweeper.now());
        scene.pass(3600).await;
    }
    assert_eq!(leases(&scene), 4);
}

#[tokio::test(start_paused = true)]
async fn a_new_leader_gives_nodes_time_to_be_heard() {
    let scene = Scene::new().await;
    assert_eq!(leased(&scene).await, 4);
    scene.role.send_replace(Role::Follower { leader: None });
    // Nobody leads for two days.
    scene.pass(48 * 3600).await;
    scene.role.send_replace(Role::Leader);
    scene.pass(300).await;
    assert_eq!(leases(&scene), 4);
    scene.sweeper.heard.mark(&parse("n1"), scene.sweeper.now());
    scene.pass(900).await;
    assert_eq!(leases(&scene), 4);
}

async fn reserve(scene: &Scene, ip: &str, retention: Retention, expires: Option<u64>) {
    let spec = ReservationSpec {
        name: parse("db"),
        network: parse("blue"),
        holder: Holder::StatefulSet(workload()),
        addresses: Wanted::Named(vec![ReservedAddress {
            ip: parse(ip),
            mac: None,
        }]),
        spare: 0,
        retention,
        owner: String::new(),
        reason: String::new(),
        expires: expires.map(|after| Timestamp::from_unix_seconds(START + after)),
        labels: Default::default(),
    };
    scene
        .write(move |ledger, now| create_reservation(ledger, &spec, now).unwrap().change)
        .await;
}

fn workload() -> Workload {
    Workload {
        namespace: "shop".to_owned(),
        name: "db".to_owned(),
    }
}

fn is_reserved(scene: &Scene) -> bool {
    scene.read(|catalog| catalog.reservation(&parse("db")).is_some())
}

#[tokio::test(start_paused = true)]
async fn a_reservation_ends_when_it_expires_and_says_so() {
    let scene = Scene::new().await;
    reserve(&scene, "10.1.0.50", Retention::Forever, Some(3600)).await;
    scene.pass(3500).await;
    assert!(is_reserved(&scene));
    scene.pass(200).await;
    assert!(!is_reserved(&scene));
    let event = scene.event(EventKind::ReservationEnded).await;
    assert_eq!(event.about, "reservation db");
}

#[tokio::test(start_paused = true)]
async fn a_reservation_ends_when_its_holder_is_twice_said_to_be_deleted() {
    let scene = Scene::new().await;
    reserve(&scene, "10.1.0.50", Retention::UntilDeleted, None).await;
    let holder = Holder::StatefulSet(workload());
    let says = |deleted: Option<bool>| {
        let mut answers = scene.oracle.deleted.lock().unwrap();
        match deleted {
            Some(deleted) => answers.insert(holder.clone(), deleted),
            None => answers.remove(&holder),
        };
    };
    for (answer, why) in [
        (None, "it is not known"),
        (Some(true), "once may be a mistake"),
        (Some(false), "it is there"),
        (Some(true), "once may be a mistake"),
        (None, "it is not known"),
        (Some(true), "once may be a mistake"),
    ] {
        says(answer);
        scene.pass(30).await;
        assert!(is_reserved(&scene), "{why}");
    }
    scene.pass(30).await;
    assert!(!is_reserved(&scene));
}

/// A foreign machine answers for 10.1.0.7, as `n1` has seen.
async fn conflict(scene: &Scene) {
    scene
        .write(|ledger, now| {
            let report = ConflictReport {
                ip: parse("10.1.0.7"),
                mac: parse("02:00:00:00:00:07"),
                node: parse("n1"),
            };
            report_conflict(ledger.catalog(), &report, now).unwrap()
        })
        .await;
}

/// When the foreign machine was last seen, after the beginning; `None` if the conflict is over.
fn seen(scene: &Scene) -> Option<u64> {
    scene.read(|catalog| {
        let address = catalog.address(parse("10.1.0.7"))?;
        let seen = address.conflict.as_ref()?.seen;
        Some(seen.unix_seconds() - START)
    })
}

/// An agent of `n1` that answers probes with what it sees.
fn agent(scene: &Scene, sees: Option<&'static str>) -> JoinHandle<()> {
    let relay = scene.sweeper.relay.clone();
    let node: Name = parse("n1");
    let mut watch = relay.watch(&node);
    tokio::spawn(async move {
        while let Some(line) = watch.next().await {
            let ToAgent::Request { id, spec, .. } = line else {
                continue;
            };
            assert!(matches!(spec.request, NodeRequest::Probe(_)));
            let item = serde_json::json!({"answered_by": sees});
            let text = format!("{{\"type\":\"item\",\"item\":{item}}}\n{{\"type\":\"end\"}}\n");
            let body = stream::iter([Ok::<_, std::convert::Infallible>(Bytes::from(text))]);
            relay.answer(&node, parse(&id), body).await.unwrap();
        }
    })
}

#[tokio::test(start_paused = true)]
async fn a_conflict_is_over_when_a_node_looks_and_sees_nobody() {
    let scene = Scene::new().await;
    conflict(&scene).await;
    let _agent = agent(&scene, None);
    scene.pass(540).await;
    assert_eq!(seen(&scene), Some(0), "it is not looked for at once");
    scene.pass(180).await;
    assert_eq!(seen(&scene), None);
    scene.event(EventKind::AddressConflictCleared).await;
}

#[tokio::test(start_paused = true)]
async fn a_conflict_stays_as_long_as_somebody_is_seen() {
    let scene = Scene::new().await;
    conflict(&scene).await;
    let _agent = agent(&scene, Some("02:00:00:00:00:07"));
    scene.pass(48 * 3600).await;
    let last = seen(&scene).unwrap();
    assert!(last > 47 * 3600, "{last}");
}

#[tokio::test(start_paused = true)]
async fn a_conflict_that_nobody_can_look_at_is_over_after_a_day() {
    let scene = Scene::new().await;
    conflict(&scene).await;
    scene.pass(23 * 3600).await;
    assert_eq!(seen(&scene), Some(0));
    scene.pass(2 * 3600).await;
    assert_eq!(seen(&scene), None);
}

#[tokio::test(start_paused = true)]
async fn old_history_goes_when_it_is_too_old_or_too_much() {
    let config = SweeperConfig {
        history_max: 10,
        events_max: 1000,
        history_retention: Duration::from_secs(10 * 24 * 3600),
        ..SweeperConfig::default()
    };
    let scene = Scene::with(config).await;
    for count in 0..100 {
        let attachment = scene.add(&format!("web-{count}")).await;
        scene.release(&attachment).await;
    }
    let all = || async {
        let records = scene.sweeper.allocator.records();
        let page = records
            .scan(crate::store::HOLDINGS, None, 1000)
            .await
            .unwrap();
        let mut ends: Vec<u64> = page
            .iter()
            .map(|(key, _)| key.rsplit_once('/').unwrap().1.parse().unwrap())
            .collect();
        ends.sort_unstable();
        ends
    };
    let before = all().await;
    assert_eq!(before.len(), 100);
    // The store is read while the clock goes on, so a turn may take more than its hour.
    let until = async |expected: &[u64]| {
        for _ in 0..20 {
            if all().await == expected {
                break;
            }
            scene.pass(3600).await;
        }
        assert_eq!(all().await, expected);
    };
    // The newest stay.
    until(&before[90..]).await;
    scene.pass(8 * 24 * 3600).await;
    assert_eq!(all().await.len(), 10);
    scene.pass(2 * 24 * 3600).await;
    until(&[]).await;
}
