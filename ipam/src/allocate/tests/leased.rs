//! What a node has in reserve, and who may get it.

use super::*;
use crate::fixture::{add_group, add_pool, group, ip, pod, pool, reservation, reserve};
use crate::{
    ConflictReport, GroupSpec, LeaseRequest, Reason, Refusal, ReleaseAddress, Scope, Slot, lease,
    release_address, report_conflict, return_leases,
};

fn policy() -> Policy {
    Policy::default()
}

/// A ledger with both families on network `blue`.
fn dual_stack() -> Ledger {
    let mut ledger = ledger();
    add_subnet(&mut ledger, &subnet("b", "10.1.0.0/24", "10.1.0.1", &[]));
    add_subnet(&mut ledger, &subnet("v6", "fd00:1::/64", "fd00:1::1", &[]));
    ledger
}

fn leased(ledger: &mut Ledger, count: u32) -> Vec<Slot> {
    let wish = LeaseRequest {
        node: name("n1"),
        fence: ledger.catalog().node(&name("n1")).unwrap().fence,
        network: name("blue"),
        count,
    };
    let leased = lease(ledger, &wish, &policy(), NOW).unwrap();
    ledger.apply(&leased.change);
    leased.slots
}

fn ips(slot: &Slot) -> Vec<IpAddr> {
    slot.addresses.iter().map(|address| address.ip).collect()
}

fn binding(attachment: &str, leased: &[IpAddr]) -> AllocateRequest {
    AllocateRequest {
        leased: leased.to_vec(),
        network: None,
        ..request(attachment)
    }
}

fn refused(ledger: &Ledger, request: &AllocateRequest) -> LeaseUnfit {
    match allocate(ledger, request, &policy(), NOW).unwrap_err() {
        AllocateError::Lease(unfit) => unfit,
        other => panic!("{other}"),
    }
}

#[test]
fn a_slot_is_bound_whole_and_not_mixed_with_another() {
    let mut ledger = dual_stack();
    let slots = leased(&mut ledger, 2);
    let (first, second) = (ips(&slots[0]), ips(&slots[1]));
    for part in [&first[..1], &first[1..], &[first[0], second[1]]] {
        let error = refused(&ledger, &binding("c1/eth0", part));
        assert!(matches!(error, LeaseUnfit::Divided { .. }), "{error}");
        assert_eq!(error.reason(), Reason::Invalid);
    }
    let whole = binding("c1/eth0", &first);
    let planned = allocate(&ledger, &whole, &policy(), NOW).unwrap();
    ledger.apply(&planned.change);
    ledger.catalog().check().unwrap();
    assert_eq!(planned.object.mac, slots[0].mac);
    assert_eq!(planned.object.addresses.len(), 2);
    let again = allocate(&ledger, &whole, &policy(), NOW).unwrap();
    assert!(again.change.is_empty());
}

#[test]
fn two_leased_addresses_of_a_family_are_told_by_the_field_that_has_them() {
    let mut ledger = dual_stack();
    let slots = leased(&mut ledger, 2);
    let twice = binding("c1/eth0", &[ips(&slots[0])[0], ips(&slots[1])[0]]);
    let error = allocate(&ledger, &twice, &policy(), NOW).unwrap_err();
    assert_eq!(
        (error.reason(), error.field()),
        (Reason::Invalid, Some("leased"))
    );
}

#[test]
fn a_lease_of_before_slots_were_kept_needs_both_families_too() {
    let mut ledger = dual_stack();
    crate::fixture::lease(&mut ledger, "10.1.0.9");
    crate::fixture::lease(&mut ledger, "fd00:1::9");
    for half in ["10.1.0.9", "fd00:1::9"] {
        let error = refused(&ledger, &binding("c1/eth0", &[ip(half)]));
        assert!(matches!(error, LeaseUnfit::Divided { .. }), "{error}");
    }
    let both = binding("c1/eth0", &[ip("fd00:1::9"), ip("10.1.0.9")]);
    let planned = allocate(&ledger, &both, &policy(), NOW).unwrap();
    assert_eq!(planned.object.mac, crate::derived_mac(ip("10.1.0.9")));
}

#[test]
fn the_end_of_one_half_is_the_end_of_the_slot() {
    let mut ledger = dual_stack();
    let slots = leased(&mut ledger, 2);
    let fence = ledger.catalog().node(&name("n1")).unwrap().fence;
    let half = [ips(&slots[0])[1]];
    let step = return_leases(ledger.catalog(), &name("n1"), fence, &half, NOW).unwrap();
    ledger.apply(&step.change);
    let release = ReleaseAddress {
        ip: ips(&slots[1])[0],
        reason: String::new(),
        force: true,
        signs: Default::default(),
    };
    let before: Vec<_> = ledger
        .catalog()
        .leased_to(&name("n1"))
        .map(|a| a.ip)
        .collect();
    assert_eq!(before, ips(&slots[1]));
    let change = release_address(ledger.catalog(), &release, &policy(), NOW).unwrap();
    ledger.apply(&change);
    assert_eq!(ledger.catalog().leased_to(&name("n1")).count(), 0);
}

#[test]
fn a_pod_with_addresses_of_its_own_gets_none_of_the_reserve() {
    let mut ledger = dual_stack();
    add_pool(&mut ledger, &pool("web", &["10.1.0.200"]));
    let own = Holder::Pod(pod("db-0"));
    reserve(&mut ledger, &reservation("fixed", own, &["10.1.0.100"]));
    let slot = ips(&leased(&mut ledger, 1)[0]);
    let reserved = AllocateRequest {
        pod: Some(pod("db-0")),
        ..binding("c1/eth0", &slot)
    };
    let error = refused(&ledger, &reserved);
    assert!(
        matches!(error, LeaseUnfit::HasReservation { .. }),
        "{error}"
    );
    let pooled = AllocateRequest {
        pool: Some(name("web")),
        ..binding("c1/eth0", &slot)
    };
    let error = refused(&ledger, &pooled);
    assert!(matches!(error, LeaseUnfit::HasPool { .. }), "{error}");
    let asks = AllocateRequest {
        addresses: vec![ip("10.1.0.50")],
        ..binding("c1/eth0", &slot)
    };
    let error = refused(&ledger, &asks);
    assert_eq!(error.reason(), Reason::Invalid);
    assert!(error.to_string().contains("`10.1.0.50`"), "{error}");
    // What a group says is as good as what the pod says.
    let bound = GroupSpec {
        profile: None,
        pool: Some(name("web")),
        network: Some(name("blue")),
        ..group("web", Scope::Cluster)
    };
    add_group(&mut ledger, &bound);
    let error = refused(&ledger, &binding("c1/eth0", &slot));
    assert!(matches!(error, LeaseUnfit::HasPool { .. }), "{error}");
}

#[test]
fn a_slot_is_of_the_network_that_a_group_says() {
    let mut ledger = dual_stack();
    let green = create_network(ledger.catalog(), &network("green", "200")).unwrap();
    ledger.apply(&green.change);
    let slot = ips(&leased(&mut ledger, 1)[0]);
    let bound = GroupSpec {
        profile: None,
        network: Some(name("green")),
        ..group("all", Scope::Cluster)
    };
    add_group(&mut ledger, &bound);
    let error = refused(&ledger, &binding("c1/eth0", &slot));
    assert!(matches!(error, LeaseUnfit::OtherNetwork { .. }), "{error}");
}

#[test]
fn an_address_that_is_no_lease_is_told_so_without_a_network_too() {
    let mut ledger = dual_stack();
    take(&mut ledger, &request("c1/eth0"));
    for not_leased in ["10.1.0.2", "10.1.0.3", "192.0.2.1"] {
        let error = refused(&ledger, &binding("c2/eth0", &[ip(not_leased)]));
        assert!(matches!(error, LeaseUnfit::NotLeased { .. }), "{error}");
    }
}

#[test]
fn a_leased_address_in_conflict_is_recalled_and_not_bound() {
    let mut ledger = dual_stack();
    let slot = ips(&leased(&mut ledger, 1)[0]);
    let report = ConflictReport {
        ip: slot[1],
        mac: parse("00:bb:00:00:00:01"),
        node: name("n1"),
    };
    let change = report_conflict(ledger.catalog(), &report, NOW).unwrap();
    ledger.apply(&change);
    ledger.catalog().check().unwrap();
    let state = &ledger.catalog().address(slot[1]).unwrap().state;
    assert!(
        matches!(state, AddressState::Leased { recalled: true, .. }),
        "{state:?}"
    );
    let error = refused(&ledger, &binding("c1/eth0", &slot));
    assert!(matches!(error, LeaseUnfit::Conflict { .. }), "{error}");
}

#[test]
fn the_mac_address_of_a_slot_is_no_foreign_one_for_either_address() {
    let mut ledger = dual_stack();
    let slot = leased(&mut ledger, 1).remove(0);
    crate::fixture::lease(&mut ledger, "10.1.0.9");
    crate::fixture::lease(&mut ledger, "fd00:1::9");
    let reported = |ip: IpAddr, mac| {
        let node = name("n1");
        report_conflict(ledger.catalog(), &ConflictReport { ip, mac, node }, NOW)
    };
    for ip in ips(&slot) {
        reported(ip, slot.mac).unwrap_err();
    }
    let v6 = ips(&slot)[1];
    reported(v6, crate::derived_mac(v6)).unwrap();
    // Of a lease that does not say so it may be any that the node has.
    reported(ip("fd00:1::9"), crate::derived_mac(ip("10.1.0.9"))).unwrap_err();
    reported(ip("fd00:1::9"), crate::derived_mac(ip("10.1.0.77"))).unwrap();
}
