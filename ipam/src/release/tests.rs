use super::*;
use crate::fixture::{NOW, add_subnet, gone, ledger, name, parse, pod, request, subnet, take};
use crate::{AllocateRequest, Holding, Ledger};

fn holdings(change: &Change) -> Vec<Holding> {
    let holding = |edit: &Edit| match edit {
        Edit::Put(Object::Holding(holding)) => Some(Holding::clone(holding)),
        _ => None,
    };
    change.edits().iter().filter_map(holding).collect()
}

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

#[test]
fn the_history_says_who_had_an_address_from_when_to_when_and_why_no_more() {
    let ledger = with_pod();
    let later = NOW.after(100);
    let change = release(ledger.catalog(), &gone("c1/eth0"), later).unwrap();
    assert_eq!(
        holdings(&change),
        [Holding {
            ip: parse("10.1.0.2"),
            attachment: Some(parse("c1/eth0")),
            pod: Some(pod("web-0")),
            node: name("n1"),
            network: name("blue"),
            mac: Some(parse("02:01:0a:01:00:02")),
            from: NOW,
            to: later,
            reason: "released".to_owned(),
            revision: change.revision(),
        }]
    );
}

#[test]
fn a_release_that_expects_another_revision_changes_nothing() {
    let ledger = with_pod();
    let stale = Release {
        expected: Some(Revision::new(1)),
        ..gone("c1/eth0")
    };
    let error = release(ledger.catalog(), &stale, NOW).unwrap_err();
    let current = ledger.catalog().revision();
    assert_eq!(error.reason(), Reason::StaleRevision { current });
}

#[test]
fn an_operator_takes_an_address_from_a_silent_node_or_by_force() {
    let mut ledger = with_pod();
    let mut wish = ReleaseAddress {
        ip: parse("10.1.0.2"),
        reason: "a ghost".to_owned(),
        force: false,
        signs: SignsOfLife::default(),
    };
    let policy = Policy::default();
    let error = release_address(ledger.catalog(), &wish, &policy, NOW).unwrap_err();
    assert_eq!(
        error.to_string(),
        "address `10.1.0.2` is held by pod `shop/web-0` on node `n1`, and seems to be in use (the \
         node was heard 0 s ago): delete the pod, or release it all the same with `netctl address \
         release 10.1.0.2 --reason <why> --force`"
    );
    let silent = NOW.after(1_000);
    assert!(release_address(ledger.catalog(), &wish, &policy, silent).is_ok());
    wish.force = true;
    let change = release_address(ledger.catalog(), &wish, &policy, NOW).unwrap();
    assert_eq!(holdings(&change)[0].reason, "a ghost");
    ledger.apply(&change);
    ledger.catalog().check().unwrap();
    let again = release_address(ledger.catalog(), &wish, &policy, NOW).unwrap_err();
    assert_eq!(again.reason(), Reason::NotFound(Kind::Address));
}

#[test]
fn each_sign_of_life_alone_keeps_an_address_with_its_holder() {
    let ledger = with_pod();
    let policy = Policy::default();
    // The node was silent for hours.
    let now = NOW.after(10_000);
    let at = Some(NOW.after(9_960));
    let refused = |signs: SignsOfLife| {
        let wish = ReleaseAddress {
            ip: parse("10.1.0.2"),
            reason: "a ghost".to_owned(),
            force: false,
            signs,
        };
        let forced = ReleaseAddress {
            force: true,
            ..wish.clone()
        };
        assert!(release_address(ledger.catalog(), &forced, &policy, now).is_ok());
        let refused = release_address(ledger.catalog(), &wish, &policy, now).err()?;
        Some(refused.to_string())
    };
    let none = SignsOfLife::default();
    assert_eq!(refused(none), None);
    for (signs, said) in [
        (
            SignsOfLife { heard: at, ..none },
            "(the node was heard 40 s ago)",
        ),
        (
            SignsOfLife {
                on_switch: at,
                ..none
            },
            "(its switch had the interface 40 s ago)",
        ),
        (
            SignsOfLife {
                in_runtime: at,
                ..none
            },
            "(its runtime had the container 40 s ago)",
        ),
        (
            SignsOfLife {
                in_reserve: at,
                ..none
            },
            "(it had the address in reserve 40 s ago)",
        ),
        (
            SignsOfLife {
                pod_is_there: true,
                ..none
            },
            "(the orchestrator has the pod there)",
        ),
        (
            SignsOfLife {
                on_switch: at,
                pod_is_there: true,
                ..none
            },
            "(its switch had the interface 40 s ago; the orchestrator has the pod there)",
        ),
    ] {
        let message = refused(signs).unwrap();
        assert!(message.contains(said), "{message}");
    }
    // A node that was heard once is not heard for ever.
    let heard = Some(NOW.after(1_000));
    assert_eq!(refused(SignsOfLife { heard, ..none }), None);
}
