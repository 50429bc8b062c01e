use super::*;
use crate::fixture::{NOW, add_node, add_subnet, ip, ledger, name, parse, request, subnet, take};
use crate::{
    AddressState, AllocateRequest, Edit, EventKind, Ledger, Object, begin_epoch, found_cluster,
};

/// A ledger with nodes `n1` and `n2` in which a back-up was restored.
fn restored(before: impl FnOnce(&mut Ledger)) -> Ledger {
    let mut ledger = ledger();
    add_node(&mut ledger, "n2", "r2");
    add_subnet(&mut ledger, &subnet("b", "10.1.0.0/24", "10.1.0.1", &[]));
    let change = found_cluster(ledger.catalog(), "c1", NOW);
    ledger.apply(&change);
    before(&mut ledger);
    let change = begin_epoch(ledger.catalog(), Epoch::default(), NOW);
    ledger.apply(&change);
    ledger
}

fn held(attachment: &str, address: &str) -> Held {
    Held {
        attachment: parse(attachment),
        addresses: vec![ip(address)],
        mac: crate::derived_mac(ip(address)),
        network: name("blue"),
        pod: None,
    }
}

fn says(ledger: &Ledger, node: &str, holds: Vec<Held>, leases: &[&str]) -> Report {
    Report {
        node: name(node),
        fence: ledger.catalog().node(&name(node)).unwrap().fence,
        epoch: ledger.catalog().epoch(),
        holds,
        leases: leases.iter().map(|lease| ip(lease)).collect(),
    }
}

/// Takes in a report; answers the events.
fn taken(ledger: &mut Ledger, wish: &Report) -> Result<Vec<EventKind>, ReportError> {
    let mut events = Vec::new();
    for _ in 0..20 {
        let step = report(ledger.catalog(), wish, NOW)?;
        ledger.apply(&step.change);
        ledger.catalog().check().unwrap();
        events.extend(step.change.edits().iter().filter_map(|edit| match edit {
            Edit::Put(Object::Event(event)) => Some(event.kind),
            _ => None,
        }));
        if step.done {
            return Ok(events);
        }
    }
    panic!("a report that does not end");
}

fn state(ledger: &Ledger, address: &str) -> Option<AddressState> {
    let address = ledger.catalog().address(ip(address))?;
    Some(address.state.clone())
}

#[test]
fn what_the_back_up_does_not_know_is_written_down_and_what_is_gone_ends() {
    let mut ledger = restored(|ledger| {
        take(ledger, &request("old/eth0"));
        take(ledger, &request("kept/eth0"));
    });
    let holds = vec![held("kept/eth0", "10.1.0.3"), held("new/eth0", "10.1.0.9")];
    let wish = says(&ledger, "n1", holds, &["10.1.0.20"]);
    assert_eq!(taken(&mut ledger, &wish), Ok(Vec::new()));
    let catalog = ledger.catalog();
    assert!(catalog.endpoint(&parse("old/eth0")).is_none());
    assert_eq!(catalog.endpoint(&parse("kept/eth0")).unwrap().created, NOW);
    assert_eq!(
        catalog.endpoint(&parse("new/eth0")).unwrap().node,
        name("n1")
    );
    assert_eq!(catalog.leased_to(&name("n1")).count(), 1);
    assert_eq!(catalog.unreported().count(), 1);
    assert!(
        report(catalog, &wish, NOW).unwrap().change.is_empty(),
        "once is enough"
    );
}

#[test]
fn what_the_books_give_to_another_node_waits_for_its_report() {
    let mut ledger = restored(|ledger| {
        take(ledger, &request("a/eth0"));
    });
    // After the back-up, `a` ended on n1 and its address went to `b` on n2.
    let b = says(&ledger, "n2", vec![held("b/eth0", "10.1.0.2")], &[]);
    let error = taken(&mut ledger, &b).unwrap_err();
    assert_eq!(error.reason(), Reason::AwaitingReports);
    assert!(error.to_string().contains("`n1`"), "{error}");
    let a = says(&ledger, "n1", Vec::new(), &[]);
    assert_eq!(taken(&mut ledger, &a), Ok(Vec::new()));
    assert_eq!(taken(&mut ledger, &b), Ok(Vec::new()));
    assert_eq!(
        ledger.catalog().endpoint(&parse("b/eth0")).unwrap().node,
        name("n2")
    );
    assert_eq!(ledger.catalog().unreported().count(), 0);
}

#[test]
fn an_address_that_two_nodes_hold_is_put_in_conflict() {
    let mut ledger = restored(|ledger| {
        take(ledger, &request("a/eth0"));
    });
    let a = says(&ledger, "n1", vec![held("a/eth0", "10.1.0.2")], &[]);
    assert_eq!(taken(&mut ledger, &a), Ok(Vec::new()));
    let holds = vec![held("b/eth0", "10.1.0.2"), held("c/eth0", "10.1.0.2")];
    let b = says(&ledger, "n2", holds, &["10.1.0.2"]);
    assert_eq!(
        taken(&mut ledger, &b),
        Ok(vec![EventKind::ReportContradicted])
    );
    let address = ledger.catalog().address(ip("10.1.0.2")).unwrap();
    assert_eq!(address.conflict.as_ref().unwrap().node, name("n2"));
    let bound = AddressState::Bound {
        attachment: parse("a/eth0"),
    };
    assert_eq!(
        state(&ledger, "10.1.0.2"),
        Some(bound),
        "nobody is guessed to be right"
    );
}

#[test]
fn an_address_of_no_subnet_is_told_and_does_not_stop_the_report() {
    let mut ledger = restored(|_| {});
    let wish = says(
        &ledger,
        "n1",
        vec![held("a/eth0", "10.9.0.2")],
        &["10.9.0.3"],
    );
    assert_eq!(
        taken(&mut ledger, &wish),
        Ok(vec![EventKind::ReportContradicted])
    );
}

#[test]
fn a_report_of_another_epoch_or_with_an_old_fence_is_refused() {
    let ledger = restored(|_| {});
    let mut wish = says(&ledger, "n1", Vec::new(), &[]);
    wish.epoch = Epoch::new(7);
    let reason = |wish: &Report| report(ledger.catalog(), wish, NOW).unwrap_err().reason();
    assert_eq!(reason(&wish), Reason::WrongCluster);
    wish.fence -= 1;
    assert_eq!(reason(&wish), Reason::Fenced);
}

#[test]
fn two_hundred_interfaces_after_a_back_up_are_all_taken_in() {
    let mut ledger = restored(|_| {});
    let holds = (2..202).map(|host| held(&format!("c{host}/eth0"), &format!("10.1.0.{host}")));
    let wish = says(&ledger, "n1", holds.collect(), &[]);
    assert_eq!(taken(&mut ledger, &wish), Ok(Vec::new()));
    assert_eq!(ledger.catalog().endpoints().count(), 200);
    let next = AllocateRequest::any(parse("next/eth0"), name("n1"), name("blue"));
    let wish = says(&ledger, "n2", Vec::new(), &[]);
    assert_eq!(taken(&mut ledger, &wish), Ok(Vec::new()));
    let planned = crate::allocate(&ledger, &next, &crate::Policy::default(), NOW.after(120));
    assert_eq!(planned.unwrap().object.addresses[0].ip, ip("10.1.0.202"));
}

#[test]
fn a_node_that_holds_what_the_books_give_to_another_is_told_of_in_every_epoch() {
    let mut ledger = ledger();
    add_node(&mut ledger, "n2", "r2");
    add_subnet(&mut ledger, &subnet("b", "10.1.0.0/24", "10.1.0.1", &[]));
    let on_n2 = AllocateRequest {
        node: name("n2"),
        ..request("a/eth0")
    };
    take(&mut ledger, &on_n2);
    // What is free, or not told yet, is nobody else's.
    let holds = vec![held("b/eth0", "10.1.0.2"), held("c/eth0", "10.1.0.9")];
    let wish = says(&ledger, "n1", holds, &[]);
    assert_eq!(
        taken(&mut ledger, &wish),
        Ok(vec![EventKind::ReportContradicted])
    );
    let address = ledger.catalog().address(ip("10.1.0.2")).unwrap();
    assert_eq!(address.conflict.as_ref().unwrap().node, name("n1"));
    assert!(ledger.catalog().endpoint(&parse("a/eth0")).is_some());
    assert!(ledger.catalog().address(ip("10.1.0.9")).is_none());
    assert_eq!(taken(&mut ledger, &wish), Ok(Vec::new()), "once is enough");
}
