use super::*;
use crate::Ledger;
use crate::fixture::{
    NOW, add_node, add_subnet, give_back, in_rack, ip, ledger, name, parse, request, subnet, take,
};

fn seen(address: &str, mac: &str) -> ConflictReport {
    ConflictReport {
        ip: ip(address),
        mac: parse(mac),
        node: name("n1"),
    }
}

fn events(change: &Change) -> Vec<EventKind> {
    let event = |edit: &Edit| match edit {
        Edit::Put(Object::Event(event)) => Some(event.kind),
        _ => None,
    };
    change.edits().iter().filter_map(event).collect()
}

fn with_subnet() -> Ledger {
    let mut ledger = ledger();
    add_subnet(&mut ledger, &subnet("b", "10.1.0.0/24", "10.1.0.1", &[]));
    ledger
}

#[test]
fn a_conflict_is_an_event_once_and_again_with_another_machine() {
    let mut ledger = with_subnet();
    let first = seen("10.1.0.9", "00:bb:00:00:00:01");
    let change = report_conflict(ledger.catalog(), &first, NOW).unwrap();
    assert_eq!(events(&change), [EventKind::AddressConflict]);
    ledger.apply(&change);
    ledger.catalog().check().unwrap();
    assert!(
        report_conflict(ledger.catalog(), &first, NOW.after(59))
            .unwrap()
            .is_empty()
    );
    let later = report_conflict(ledger.catalog(), &first, NOW.after(60)).unwrap();
    assert_eq!((later.edits().len(), events(&later)), (1, Vec::new()));
    let other = seen("10.1.0.9", "00:bb:00:00:00:02");
    let change = report_conflict(ledger.catalog(), &other, NOW).unwrap();
    assert_eq!(events(&change), [EventKind::AddressConflict]);
}

#[test]
fn a_conflict_outlives_the_holding_and_is_cleared() {
    let mut ledger = with_subnet();
    assert_eq!(take(&mut ledger, &request("c1/eth0")), "10.1.0.2");
    let report = seen("10.1.0.2", "00:bb:00:00:00:01");
    let change = report_conflict(ledger.catalog(), &report, NOW).unwrap();
    ledger.apply(&change);
    give_back(&mut ledger, "c1/eth0");
    assert!(
        ledger
            .catalog()
            .address(ip("10.1.0.2"))
            .unwrap()
            .conflict
            .is_some()
    );
    assert_eq!(take(&mut ledger, &request("c2/eth0")), "10.1.0.3");
    let change =
        clear_conflict(ledger.catalog(), ip("10.1.0.2"), &Clearance::Operator, NOW).unwrap();
    assert_eq!(events(&change), [EventKind::AddressConflictCleared]);
    ledger.apply(&change);
    assert!(
        clear_conflict(ledger.catalog(), ip("10.1.0.2"), &Clearance::Operator, NOW)
            .unwrap()
            .is_empty()
    );
    let free = ledger.free().of_subnet(&name("b")).unwrap();
    assert!(free.general().in_order().any(|free| free == ip("10.1.0.2")));
}

#[test]
fn the_rightful_holder_is_no_foreigner_and_the_address_must_be_somebodys() {
    let mut ledger = with_subnet();
    take(&mut ledger, &request("c1/eth0"));
    let reason = |report| {
        report_conflict(ledger.catalog(), &report, NOW)
            .unwrap_err()
            .reason()
    };
    assert_eq!(
        reason(seen("10.1.0.2", "02:01:0a:01:00:02")),
        Reason::Invalid
    );
    for nobodys in ["10.9.0.1", "10.1.0.1", "10.1.0.255"] {
        let report = seen(nobodys, "00:bb:00:00:00:01");
        assert_eq!(reason(report), Reason::NotFound(Kind::Address), "{nobodys}");
    }
}

#[test]
fn the_end_of_a_conflict_says_who_found_it() {
    let mut ledger = with_subnet();
    let report = seen("10.1.0.2", "00:bb:00:00:00:01");
    let change = report_conflict(ledger.catalog(), &report, NOW).unwrap();
    ledger.apply(&change);
    let said = |why: &Clearance| {
        let change = clear_conflict(ledger.catalog(), ip("10.1.0.2"), why, NOW).unwrap();
        let event = change.edits().iter().find_map(|edit| match edit {
            Edit::Put(Object::Event(event)) => Some(event.message.clone()),
            _ => None,
        });
        event.unwrap()
    };
    let by_operator = said(&Clearance::Operator);
    assert!(
        by_operator.starts_with("an operator cleared it"),
        "{by_operator}"
    );
    let node = name("n1");
    let looked = said(&Clearance::Looked { node });
    assert!(looked.ends_with("as node `n1` saw"), "{looked}");
    assert!(said(&Clearance::Unseen).starts_with("no node could look"));
}

/// With a subnet of rack `r1` and one of rack `r2`, and a node in each.
fn with_racks() -> Ledger {
    let mut ledger = ledger();
    let near = subnet("b", "10.1.0.0/24", "10.1.0.1", &[]);
    add_subnet(&mut ledger, &in_rack(near, "r1"));
    let far = subnet("f", "10.2.0.0/24", "10.2.0.1", &[]);
    add_subnet(&mut ledger, &in_rack(far, "r2"));
    add_node(&mut ledger, "n2", "r2");
    ledger
}

#[test]
fn an_agent_is_believed_of_addresses_that_its_node_could_have() {
    let mut ledger = with_racks();
    let mac = "00:bb:00:00:00:01";
    let sight =
        |ledger: &Ledger, address| sight_conflict(ledger.catalog(), &seen(address, mac), NOW);
    assert!(sight(&ledger, "10.1.0.9").is_ok());
    let error = sight(&ledger, "10.2.0.9").unwrap_err();
    assert_eq!(error.reason(), Reason::Forbidden);
    assert_eq!(
        error.to_string(),
        "address `10.2.0.9` is of subnet `f`, which is not for node `n1`, and the node does not \
         have it: report addresses of its own subnets"
    );
    // What it has it may have from before.
    assert_eq!(take(&mut ledger, &request("c1/eth0")), "10.1.0.2");
    give_to_others(&mut ledger);
    assert!(sight(&ledger, "10.1.0.2").is_ok());
    assert!(sight(&ledger, "10.1.0.9").is_err());
}

#[test]
fn an_agent_is_not_believed_of_what_another_node_has() {
    let mut ledger = with_subnet();
    add_node(&mut ledger, "n2", "r1");
    let on_n2 = crate::AllocateRequest {
        node: name("n2"),
        ..request("c1/eth0")
    };
    assert_eq!(take(&mut ledger, &on_n2), "10.1.0.2");
    let report = seen("10.1.0.2", "00:bb:00:00:00:01");
    let error = sight_conflict(ledger.catalog(), &report, NOW).unwrap_err();
    assert_eq!(error.reason(), Reason::Forbidden);
    assert!(!error.to_string().contains("`n2`"), "{error}");
    assert!(report_conflict(ledger.catalog(), &report, NOW).is_ok());
}

#[test]
fn an_agent_writes_one_event_a_minute_of_an_address_however_many_machines_it_names() {
    let mut ledger = with_subnet();
    let first = seen("10.1.0.9", "00:bb:00:00:00:01");
    let change = sight_conflict(ledger.catalog(), &first, NOW).unwrap();
    assert_eq!(events(&change), [EventKind::AddressConflict]);
    ledger.apply(&change);
    let other = seen("10.1.0.9", "00:bb:00:00:00:02");
    let soon = sight_conflict(ledger.catalog(), &other, NOW.after(59)).unwrap();
    assert!(soon.is_empty());
    let later = sight_conflict(ledger.catalog(), &other, NOW.after(60)).unwrap();
    assert_eq!(events(&later), [EventKind::AddressConflict]);
}

/// The subnet `b` is for other nodes from now on.
fn give_to_others(ledger: &mut Ledger) {
    let revision = ledger.catalog().revision().next();
    let subnet = Subnet {
        placement: crate::Placement::Rack(name("r9")),
        revision,
        ..Subnet::clone(ledger.catalog().subnet(&name("b")).unwrap())
    };
    let put = Edit::Put(Object::Subnet(Arc::new(subnet)));
    ledger.apply(&Change::new(revision, vec![put]));
}

#[test]
fn one_node_withholds_so_many_addresses_and_the_last_one_is_said_to_be() {
    let mut ledger = with_subnet();
    let mac = "00:bb:00:00:00:01";
    let address = |number: u64| format!("10.1.0.{}", 10 + number);
    let mut told = Vec::new();
    for number in 0..SIGHTINGS {
        let report = seen(&address(number), mac);
        let change = sight_conflict(ledger.catalog(), &report, NOW).unwrap();
        told.extend(change.edits().iter().filter_map(|edit| match edit {
            Edit::Put(Object::Event(event)) => Some(event.message.clone()),
            _ => None,
        }));
        ledger.apply(&change);
        ledger.catalog().check().unwrap();
    }
    let last = told.pop().unwrap();
    assert!(last.contains("no more are taken"), "{last}");
    assert!(
        told.iter().all(|other| !other.contains("no more")),
        "{told:?}"
    );
    let more = seen(&address(SIGHTINGS), mac);
    let error = sight_conflict(ledger.catalog(), &more, NOW).unwrap_err();
    assert_eq!(error.reason(), Reason::Forbidden);
    // It may say again what it has said; and an operator is believed.
    let again = seen(&address(0), "00:bb:00:00:00:02");
    assert!(sight_conflict(ledger.catalog(), &again, NOW).is_ok());
    assert!(report_conflict(ledger.catalog(), &more, NOW).is_ok());
    let why = Clearance::Operator;
    let change = clear_conflict(ledger.catalog(), ip(&address(0)), &why, NOW).unwrap();
    ledger.apply(&change);
    assert_eq!(ledger.catalog().sightings(&name("n1")), SIGHTINGS - 1);
    assert!(sight_conflict(ledger.catalog(), &more, NOW).is_ok());
}
