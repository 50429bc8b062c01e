use super::*;
use crate::fixture::{
    NOW, add_subnet, give_back, ledger, name, parse, pod, request, reservation, reserve, subnet,
    take,
};
use crate::{AllocateRequest, Holder, Ledger, Retention};

/// A ledger with pod `web-0` behind `c1/eth0`.
fn with_pod() -> Ledger {
    let mut ledger = ledger();
    add_subnet(&mut ledger, &subnet("b", "10.1.0.0/24", "10.1.0.1", &[]));
    let request = AllocateRequest {
        pod: Some(pod("web-0")),
        ..request("c1/eth0")
    };
    take(&mut ledger, &request);
    ledger
}

/// What the witnesses say of `c1/eth0`.
#[derive(Clone, Copy)]
struct Seen {
    ovsdb: bool,
    runtime: Option<bool>,
    pod: Option<bool>,
}

const GONE: Seen = Seen {
    ovsdb: false,
    runtime: Some(false),
    pod: Some(false),
};

fn look(sweep: &mut Sweep, ledger: &Ledger, seen: Seen, now: Timestamp) -> Vec<Finding> {
    let only = |there: bool, text: &str| there.then(|| text.to_owned());
    let ovsdb = only(seen.ovsdb, "c1/eth0")
        .iter()
        .map(|a| parse(a))
        .collect();
    let runtime = seen
        .runtime
        .map(|there| only(there, "c1").iter().map(|c| parse(c)).collect());
    let node = name("n1");
    let evidence = Evidence {
        node: &node,
        ovsdb: &ovsdb,
        runtime: runtime.as_ref(),
        pod_exists: &|_| seen.pod,
    };
    sweep.observe(ledger.catalog(), &evidence, now)
}

#[test]
fn two_observations_that_agree_find_an_endpoint_gone() {
    let mut ledger = with_pod();
    let mut sweep = Sweep::new(&Policy::default());
    assert_eq!(look(&mut sweep, &ledger, GONE, NOW), []);
    assert_eq!(look(&mut sweep, &ledger, GONE, NOW.after(59)), []);
    let found = look(&mut sweep, &ledger, GONE, NOW.after(60));
    let change = collect(ledger.catalog(), &found[0], NOW).unwrap();
    ledger.apply(&change);
    assert!(ledger.catalog().endpoint(&parse("c1/eth0")).is_none());
    let reason = "its interface is not in OVSDB, the runtime does not have its container, the \
                  orchestrator does not have its pod";
    let kept = |edit: &Edit| match edit {
        Edit::Put(Object::Holding(holding)) => Some(holding.reason.clone()),
        Edit::Put(Object::Event(event)) => Some(event.message.clone()),
        _ => None,
    };
    let kept: Vec<_> = change.edits().iter().filter_map(kept).collect();
    assert_eq!(kept, [reason, reason]);
    assert!(
        collect(ledger.catalog(), &found[0], NOW)
            .unwrap()
            .is_empty()
    );
}

#[test]
fn one_witness_who_says_otherwise_is_enough_to_keep_it() {
    let ledger = with_pod();
    for seen in [
        Seen {
            ovsdb: true,
            ..GONE
        },
        Seen {
            runtime: Some(true),
            ..GONE
        },
        Seen {
            pod: Some(true),
            ..GONE
        },
        // Nobody but OVSDB could be asked.
        Seen {
            runtime: None,
            pod: None,
            ..GONE
        },
    ] {
        let mut sweep = Sweep::new(&Policy::default());
        assert_eq!(look(&mut sweep, &ledger, seen, NOW), []);
        assert_eq!(look(&mut sweep, &ledger, seen, NOW.after(600)), []);
        // Whoever said otherwise in between has the last word.
        assert_eq!(look(&mut sweep, &ledger, GONE, NOW.after(700)), []);
        assert_eq!(look(&mut sweep, &ledger, seen, NOW.after(750)), []);
        assert_eq!(look(&mut sweep, &ledger, GONE, NOW.after(800)), []);
    }
}

#[test]
fn an_endpoint_that_came_back_is_another_one() {
    let mut ledger = with_pod();
    let mut sweep = Sweep::new(&Policy::default());
    look(&mut sweep, &ledger, GONE, NOW);
    let stale = look(&mut sweep, &ledger, GONE, NOW.after(60)).remove(0);
    give_back(&mut ledger, "c1/eth0");
    take(&mut ledger, &request("c1/eth0"));
    assert_eq!(look(&mut sweep, &ledger, GONE, NOW.after(120)), []);
    assert!(collect(ledger.catalog(), &stale, NOW).is_err());
}

#[test]
fn a_container_that_its_living_pod_has_replaced_is_gone() {
    let mut ledger = with_pod();
    let newer = AllocateRequest {
        pod: Some(pod("web-0")),
        ..request("c2/eth0")
    };
    let seen = Seen {
        pod: Some(true),
        ..GONE
    };
    take(&mut ledger, &newer);
    let mut sweep = Sweep::new(&Policy::default());
    look(&mut sweep, &ledger, seen, NOW);
    let found = look(&mut sweep, &ledger, seen, NOW.after(60));
    let found: Vec<_> = found
        .iter()
        .map(|found| found.attachment.to_string())
        .collect();
    assert_eq!(found, ["c1/eth0"]);
}

#[test]
fn a_reservation_ends_by_its_own_rules_when_nobody_has_its_addresses() {
    let mut ledger = with_pod();
    let of = |name: &str, host, retention| {
        let mut spec = reservation(name, Holder::Pod(pod(name)), &[host]);
        spec.retention = retention;
        spec
    };
    let mut expiring = of("expiring", "10.1.0.30", Retention::Forever);
    expiring.expires = Some(NOW.after(50));
    reserve(&mut ledger, &expiring);
    reserve(&mut ledger, &of("kept", "10.1.0.31", Retention::Forever));
    reserve(
        &mut ledger,
        &of("away", "10.1.0.32", Retention::Seconds(100)),
    );
    reserve(
        &mut ledger,
        &of("deleted", "10.1.0.33", Retention::UntilDeleted),
    );
    reserve(&mut ledger, &of("web-0", "10.1.0.2", Retention::Seconds(0)));
    let due = |now, gone| {
        let due = due_reservations(ledger.catalog(), now, &|_| Some(gone));
        due.iter().map(ToString::to_string).collect::<Vec<_>>()
    };
    assert_eq!(due(NOW, false), Vec::<String>::new());
    assert_eq!(due(NOW.after(50), false), ["expiring"]);
    assert_eq!(due(NOW.after(100), true), ["away", "deleted", "expiring"]);
    let change = end_reservation(ledger.catalog(), &name("away"), NOW.after(100)).unwrap();
    assert_eq!(change.edits().len(), 2);
    assert!(
        end_reservation(ledger.catalog(), &name("web-0"), NOW).is_err(),
        "it is in use"
    );
}

#[test]
fn what_was_seen_on_a_node_is_forgotten_with_the_node() {
    let ledger = with_pod();
    let mut sweep = Sweep::new(&Policy::default());
    look(&mut sweep, &ledger, GONE, NOW);
    sweep.forget_removed(ledger.catalog());
    assert_eq!(sweep.suspects.len(), 1);
    sweep.forget_removed(&Catalog::default());
    assert!(sweep.suspects.is_empty());
}
