use super::*;
use crate::fixture::{NOW, add_node, add_subnet, ledger, name, request, subnet, take};
use crate::{Policy, RemovalCause, remove_node};

fn wish(ledger: &Ledger, node: &str, count: u32) -> LeaseRequest {
    LeaseRequest {
        node: name(node),
        fence: ledger.catalog().node(&name(node)).unwrap().fence,
        network: name("blue"),
        count,
    }
}

fn leased(ledger: &mut Ledger, node: &str, count: u32) -> Vec<Slot> {
    let wish = wish(ledger, node, count);
    let leased = lease(ledger, &wish, &Policy::default(), NOW).unwrap();
    ledger.apply(&leased.change);
    ledger.catalog().check().unwrap();
    leased.slots
}

#[test]
fn all_reserves_together_stay_within_their_share() {
    let mut ledger = ledger();
    add_node(&mut ledger, "n2", "r2");
    // 29 addresses beside the gateway: an eighth is 3.
    add_subnet(&mut ledger, &subnet("b", "10.1.0.0/27", "10.1.0.1", &[]));
    assert_eq!(leased(&mut ledger, "n1", 2).len(), 2);
    assert_eq!(leased(&mut ledger, "n2", 2).len(), 1);
    let wish = wish(&ledger, "n1", 2);
    let none = lease(&ledger, &wish, &Policy::default(), NOW).unwrap();
    assert!(none.slots.is_empty() && none.change.is_empty());
}

#[test]
fn a_slot_has_both_families_or_there_is_none() {
    let mut ledger = ledger();
    add_subnet(&mut ledger, &subnet("b", "10.1.0.0/24", "10.1.0.1", &[]));
    // 14 addresses beside the gateway and the subnet-router anycast address: an eighth is 1.
    add_subnet(&mut ledger, &subnet("v6", "fd00:1::/124", "fd00:1::1", &[]));
    let slots = leased(&mut ledger, "n1", 4);
    assert_eq!(slots.len(), 1);
    assert_eq!(slots[0].addresses.len(), 2);
    assert_eq!(slots[0].mac, crate::derived_mac(slots[0].addresses[0].ip));
    assert_eq!(ledger.catalog().in_use(&name("b")), 1);
}

#[test]
fn only_the_nodes_answer_frees_a_lease_that_is_asked_for() {
    let mut ledger = ledger();
    let policy = Policy {
        reserve_share: 1,
        ..Policy::default()
    };
    add_subnet(&mut ledger, &subnet("b", "10.1.0.0/29", "10.1.0.1", &[]));
    let wish = wish(&ledger, "n1", 3);
    let three = lease(&ledger, &wish, &policy, NOW).unwrap();
    ledger.apply(&three.change);
    take(&mut ledger, &request("c1/eth0"));
    take(&mut ledger, &request("c2/eth0"));
    let change = recall(&ledger, &Policy::default(), NOW);
    ledger.apply(&change);
    let recalled = |address: &&Arc<Address>| {
        matches!(address.state, AddressState::Leased { recalled: true, .. })
    };
    assert_eq!(
        ledger
            .catalog()
            .leased_to(&name("n1"))
            .filter(recalled)
            .count(),
        3
    );
    assert!(
        recall(&ledger, &Policy::default(), NOW).is_empty(),
        "once is enough"
    );
    assert!(crate::allocate(&ledger, &request("c3/eth0"), &policy, NOW.after(9_999)).is_err());
    let ips: Vec<_> = ledger
        .catalog()
        .leased_to(&name("n1"))
        .map(|a| a.ip)
        .collect();
    let step = return_leases(ledger.catalog(), &name("n1"), wish.fence, &ips, NOW).unwrap();
    ledger.apply(&step.change);
    let again = return_leases(ledger.catalog(), &name("n1"), wish.fence, &ips, NOW).unwrap();
    assert!(step.done && again.done && again.change.is_empty());
    assert!(crate::allocate(&ledger, &request("c3/eth0"), &policy, NOW.after(9_999)).is_ok());
}

#[test]
fn a_node_whose_leases_were_taken_cannot_lease_or_return_with_its_old_fence() {
    let mut ledger = ledger();
    add_subnet(&mut ledger, &subnet("b", "10.1.0.0/24", "10.1.0.1", &[]));
    let before = wish(&ledger, "n1", 1);
    let slots = leased(&mut ledger, "n1", 1);
    loop {
        let cause = RemovalCause::Offline;
        let step = remove_node(ledger.catalog(), &name("n1"), cause, NOW).unwrap();
        ledger.apply(&step.change);
        if step.done {
            break;
        }
    }
    let policy = Policy::default();
    assert_eq!(
        lease(&ledger, &before, &policy, NOW).unwrap_err().reason(),
        Reason::Fenced
    );
    let ips = [slots[0].addresses[0].ip];
    let error = return_leases(ledger.catalog(), &name("n1"), before.fence, &ips, NOW).unwrap_err();
    assert_eq!(error.reason(), Reason::Fenced);
    assert_eq!(ledger.catalog().leased_to(&name("n1")).count(), 0);
}
