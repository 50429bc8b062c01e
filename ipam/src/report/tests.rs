use super::*;
use crate::fixture::{
    NOW, add_node, add_subnet, in_rack, ip, ledger, name, parse, pod, request, reservation, subnet,
    take,
};
use crate::{
    AddressState, AllocateRequest, Edit, EventKind, LeaseRequest, Ledger, Object, Policy, Workload,
    begin_epoch, create_reservation, found_cluster, lease,
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
        vouched: None,
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
    let planned = crate::allocate(&ledger, &next, &Policy::default(), NOW.after(120));
    assert_eq!(planned.unwrap().object.addresses[0].ip, ip("10.1.0.202"));
}

/// A ledger with nodes `n1` in rack `r1` and `n2` in rack `r2`, each with a subnet of its own,
/// in which nothing was restored.
fn of_two_racks() -> Ledger {
    let mut ledger = ledger();
    add_node(&mut ledger, "n2", "r2");
    for (name, cidr, gateway, rack) in [
        ("b", "10.1.0.0/24", "10.1.0.1", "r1"),
        ("f", "10.2.0.0/24", "10.2.0.1", "r2"),
    ] {
        add_subnet(
            &mut ledger,
            &in_rack(subnet(name, cidr, gateway, &[]), rack),
        );
    }
    ledger
}

/// What is known of everything that is not of node `n1`.
fn of_others(ledger: &Ledger) -> Vec<Object> {
    let catalog = ledger.catalog();
    let addresses = catalog.addresses().cloned().map(Object::Address);
    let endpoints = catalog.endpoints().cloned().map(Object::Endpoint);
    let node = catalog.node(&name("n2")).cloned().map(Object::Node);
    addresses.chain(endpoints).chain(node).collect()
}

#[test]
fn a_node_that_holds_what_the_books_give_to_another_is_told_of_and_changes_nothing() {
    let mut ledger = ledger();
    add_node(&mut ledger, "n2", "r2");
    add_subnet(&mut ledger, &subnet("b", "10.1.0.0/24", "10.1.0.1", &[]));
    let on_n2 = AllocateRequest {
        node: name("n2"),
        ..request("a/eth0")
    };
    take(&mut ledger, &on_n2);
    let before = of_others(&ledger);
    // What is free, or not told yet, is nobody else's.
    let holds = vec![held("b/eth0", "10.1.0.2"), held("c/eth0", "10.1.0.9")];
    let wish = says(&ledger, "n1", holds, &[]);
    assert_eq!(
        taken(&mut ledger, &wish),
        Ok(vec![EventKind::ReportContradicted])
    );
    assert_eq!(of_others(&ledger), before);
    assert_eq!(taken(&mut ledger, &wish), Ok(Vec::new()), "once is enough");
    let later = report(ledger.catalog(), &wish, NOW.after(3600)).unwrap();
    assert!(!later.change.is_empty(), "it goes on");
}

#[test]
fn a_report_neither_touches_the_lease_of_another_node_nor_asks_it_back() {
    let mut ledger = of_two_racks();
    add_node(&mut ledger, "n3", "r1");
    let wish = LeaseRequest {
        node: name("n3"),
        fence: ledger.catalog().node(&name("n3")).unwrap().fence,
        network: name("blue"),
        count: 2,
    };
    let leased = lease(&ledger, &wish, &Policy::default(), NOW).unwrap();
    ledger.apply(&leased.change);
    let before = of_others(&ledger);
    let node = name("n3");
    let leases = ledger.catalog().leased_to(&node);
    let holds = leases.enumerate().map(|(number, lease)| Held {
        addresses: vec![lease.ip],
        ..held(&format!("x{number}/eth0"), "10.1.0.2")
    });
    let wish = says(&ledger, "n1", holds.collect(), &[]);
    let told = taken(&mut ledger, &wish);
    assert_eq!(told, Ok(vec![EventKind::ReportContradicted]));
    assert_eq!(of_others(&ledger), before);
}

#[test]
fn addresses_that_do_not_go_together_are_told_and_stay_as_they_are() {
    let mut ledger = of_two_racks();
    let before = of_others(&ledger);
    let odd = |number: u32| Held {
        addresses: vec![
            ip(&format!("10.1.0.{number}")),
            ip(&format!("10.2.0.{number}")),
        ],
        ..held(&format!("x{number}/eth0"), "10.1.0.2")
    };
    let wish = says(&ledger, "n1", (2..250).map(odd).collect(), &[]);
    let step = report(ledger.catalog(), &wish, NOW).unwrap();
    assert!(step.done, "one change is all there is");
    let told = taken(&mut ledger, &wish);
    assert_eq!(told, Ok(vec![EventKind::ReportContradicted]));
    assert_eq!(of_others(&ledger), before);
}

#[test]
fn a_report_withholds_no_more_than_what_a_node_sees_does() {
    let mut ledger = of_two_racks();
    take(&mut ledger, &request("a/eth0"));
    // The same interface with ever other addresses, and one of another rack.
    let near = (10..100).map(|host| held("a/eth0", &format!("10.1.0.{host}")));
    let holds = near.chain([held("a/eth0", "10.2.0.9")]).collect();
    let wish = says(&ledger, "n1", holds, &[]);
    let told = taken(&mut ledger, &wish);
    assert_eq!(told, Ok(vec![EventKind::ReportContradicted]));
    let told = taken(&mut ledger, &wish);
    assert_eq!(told, Ok(vec![EventKind::ReportContradicted]), "of the rest");
    assert_eq!(taken(&mut ledger, &wish), Ok(Vec::new()));
    assert_eq!(ledger.catalog().sightings(&name("n1")), 32);
    assert!(ledger.catalog().address(ip("10.2.0.9")).is_none());
}

/// The ledger as a back-up of it that was restored, of which `n2` has said that it holds nothing.
fn begun_anew(mut ledger: Ledger) -> Ledger {
    let change = found_cluster(ledger.catalog(), "c1", NOW);
    ledger.apply(&change);
    let change = begin_epoch(ledger.catalog(), Epoch::default(), NOW);
    ledger.apply(&change);
    let two = says(&ledger, "n2", Vec::new(), &[]);
    assert_eq!(taken(&mut ledger, &two), Ok(Vec::new()));
    ledger
}

/// By which node an address is withheld.
fn withheld_by(ledger: &Ledger, address: &str) -> Option<Name> {
    let address = ledger.catalog().address(ip(address))?;
    Some(address.conflict.as_ref()?.node.clone())
}

#[test]
fn a_node_takes_nothing_of_another_rack_over_after_a_restore() {
    let mut ledger = begun_anew(of_two_racks());
    let holds = vec![held("a/eth0", "10.1.0.9"), held("b/eth0", "10.2.0.9")];
    let one = says(&ledger, "n1", holds, &["10.1.0.20", "10.2.0.20"]);
    let told = taken(&mut ledger, &one);
    assert_eq!(told, Ok(vec![EventKind::ReportContradicted]));
    let catalog = ledger.catalog();
    assert!(catalog.endpoint(&parse("a/eth0")).is_some());
    assert!(catalog.endpoint(&parse("b/eth0")).is_none());
    let leased: Vec<_> = catalog.leased_to(&name("n1")).map(|one| one.ip).collect();
    assert_eq!(leased, [ip("10.1.0.20")]);
    assert_eq!(state(&ledger, "10.2.0.9"), None);
    assert_eq!(catalog.unreported().count(), 0);
}

#[test]
fn what_is_held_for_a_pod_that_is_not_the_nodes_is_withheld_and_not_its_own() {
    let mut ledger = begun_anew(of_two_racks());
    let of = |name: Option<&str>, attachment: &str, address: &str| Held {
        pod: name.map(pod),
        ..held(attachment, address)
    };
    let holds = vec![
        of(Some("web-0"), "a/eth0", "10.1.0.9"),
        of(Some("web-1"), "b/eth0", "10.1.0.10"),
        of(None, "c/eth0", "10.1.0.11"),
    ];
    let one = Report {
        vouched: Some(BTreeMap::from([(pod("web-0"), Vec::new())])),
        ..says(&ledger, "n1", holds, &[])
    };
    let told = taken(&mut ledger, &one);
    assert_eq!(told, Ok(vec![EventKind::ReportContradicted]));
    let endpoints: Vec<_> = ledger.catalog().endpoints().cloned().collect();
    assert_eq!(endpoints.len(), 1);
    assert_eq!(endpoints[0].pod, Some(pod("web-0")));
    for address in ["10.1.0.10", "10.1.0.11"] {
        assert_eq!(withheld_by(&ledger, address), Some(name("n1")), "{address}");
    }
    assert_eq!(withheld_by(&ledger, "10.1.0.9"), None);
}

#[test]
fn what_is_reserved_is_its_holders_after_a_restore_and_withheld_from_others() {
    let set = Holder::StatefulSet(Workload {
        namespace: "shop".to_owned(),
        name: "db".to_owned(),
    });
    let reserved = || {
        let mut ledger = of_two_racks();
        let spec = reservation("db", set.clone(), &["10.1.0.50", "10.1.0.51"]);
        let made = create_reservation(&ledger, &spec, NOW).unwrap();
        ledger.apply(&made.change);
        begun_anew(ledger)
    };
    let holds = |name: &str| {
        let own = Held {
            pod: Some(pod(name)),
            ..held("a/eth0", "10.1.0.50")
        };
        vec![own]
    };
    let known_as = |name: &str, holders: Vec<Holder>| Some(BTreeMap::from([(pod(name), holders)]));
    for (name, vouched, is_its_own) in [
        ("db-0", None, true),
        ("web-0", None, false),
        ("db-0", known_as("db-0", vec![set.clone()]), true),
        // It has the name, and is of nothing.
        ("db-0", known_as("db-0", Vec::new()), false),
    ] {
        let mut ledger = reserved();
        let one = Report {
            vouched,
            ..says(&ledger, "n1", holds(name), &["10.1.0.51"])
        };
        taken(&mut ledger, &one).unwrap();
        let catalog = ledger.catalog();
        let endpoint = catalog.endpoint(&parse("a/eth0"));
        assert_eq!(endpoint.is_some(), is_its_own, "{one:?}");
        let withheld = withheld_by(&ledger, "10.1.0.50");
        assert_eq!(withheld.is_some(), !is_its_own, "{one:?}");
        assert_eq!(catalog.leased_to(&parse("n1")).count(), 0);
    }
}

#[test]
fn what_two_nodes_hold_after_a_restore_is_in_conflict_only_if_both_may_have_it() {
    let mut ledger = of_two_racks();
    let on_n2 = AllocateRequest {
        node: name("n2"),
        ..request("a/eth0")
    };
    assert_eq!(take(&mut ledger, &on_n2), "10.2.0.2");
    let change = found_cluster(ledger.catalog(), "c1", NOW);
    ledger.apply(&change);
    let change = begin_epoch(ledger.catalog(), Epoch::default(), NOW);
    ledger.apply(&change);
    let two = says(&ledger, "n2", vec![held("a/eth0", "10.2.0.2")], &[]);
    assert_eq!(taken(&mut ledger, &two), Ok(Vec::new()));
    let before = of_others(&ledger);
    let one = says(&ledger, "n1", vec![held("b/eth0", "10.2.0.2")], &[]);
    let told = taken(&mut ledger, &one);
    assert_eq!(told, Ok(vec![EventKind::ReportContradicted]));
    assert_eq!(of_others(&ledger), before);
}
