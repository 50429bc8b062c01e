//! Both families, pools, reservations, fixed addresses, MAC addresses and leases.

use super::*;
use crate::fixture::{add_pool, pod, pool, reservation, reserve};
use crate::{
    ConflictReport, Epoch, Kind, LeaseRequest, Reason, Refusal, RemovalCause, ReservedAddress,
    SubnetSpec, Wanted, begin_epoch, found_cluster, lease, remove_node, report_conflict,
    update_subnet, waive_report,
};

fn policy() -> Policy {
    Policy::default()
}

fn of_pod(attachment: &str, name: &str) -> AllocateRequest {
    AllocateRequest {
        pod: Some(pod(name)),
        ..request(attachment)
    }
}

fn asking(attachment: &str, ips: &[&str]) -> AllocateRequest {
    AllocateRequest {
        addresses: ips.iter().map(|ip| parse(ip)).collect(),
        ..request(attachment)
    }
}

fn given(ledger: &mut Ledger, request: &AllocateRequest) -> Arc<Endpoint> {
    let planned = allocate(ledger, request, &policy(), NOW).unwrap();
    ledger.apply(&planned.change);
    ledger.catalog().check().unwrap();
    planned.object
}

fn ips(endpoint: &Endpoint) -> Vec<String> {
    endpoint
        .addresses
        .iter()
        .map(|a| a.ip.to_string())
        .collect()
}

fn reason(ledger: &Ledger, request: &AllocateRequest) -> Reason {
    allocate(ledger, request, &policy(), NOW)
        .unwrap_err()
        .reason()
}

/// A ledger with subnet `b` of IPv4 in rack `r1` and `far` in rack `r2`.
fn two_racks() -> Ledger {
    let mut ledger = ledger();
    add_subnet(
        &mut ledger,
        &in_rack(subnet("b", "10.1.0.0/24", "10.1.0.1", &[]), "r1"),
    );
    add_subnet(
        &mut ledger,
        &in_rack(subnet("far", "10.2.0.0/24", "10.2.0.1", &[]), "r2"),
    );
    add_node(&mut ledger, "n2", "r2");
    ledger
}

#[test]
fn a_pod_gets_both_families_or_neither() {
    let mut ledger = ledger();
    add_subnet(&mut ledger, &subnet("b", "10.1.0.0/24", "10.1.0.1", &[]));
    add_subnet(&mut ledger, &subnet("v6", "fd00:1::/126", "fd00:1::1", &[]));
    let endpoint = given(&mut ledger, &request("c1/eth0"));
    assert_eq!(ips(&endpoint), ["10.1.0.2", "fd00:1::2"]);
    assert_eq!(endpoint.mac, parse("02:01:0a:01:00:02"));
    given(&mut ledger, &request("c2/eth0"));
    assert_eq!(reason(&ledger, &request("c3/eth0")), Reason::Full);
    assert_eq!(ledger.catalog().in_use(&name("b")), 2);
}

#[test]
fn an_interface_without_ipv4_has_a_mac_address_of_its_ipv6_address() {
    let mut ledger = ledger();
    add_subnet(&mut ledger, &subnet("v6", "fd00:1::/64", "fd00:1::1", &[]));
    let endpoint = given(&mut ledger, &request("c1/eth0"));
    assert_eq!(endpoint.mac, crate::derived_mac(parse("fd00:1::2")));
}

#[test]
fn the_addresses_of_a_pool_go_to_those_who_are_bound_to_it() {
    let mut ledger = ledger();
    add_subnet(&mut ledger, &subnet("b", "10.1.0.0/29", "10.1.0.1", &[]));
    add_pool(&mut ledger, &pool("web", &["10.1.0.2-10.1.0.3"]));
    let web = |attachment| AllocateRequest {
        pool: Some(name("web")),
        ..request(attachment)
    };
    assert_eq!(ips(&given(&mut ledger, &request("c1/eth0"))), ["10.1.0.4"]);
    assert_eq!(ips(&given(&mut ledger, &web("c2/eth0"))), ["10.1.0.2"]);
    assert_eq!(
        reason(&ledger, &asking("c3/eth0", &["10.1.0.3"])),
        Reason::AddressInUse
    );
    let db = AllocateRequest {
        pool: Some(name("db")),
        ..request("c3/eth0")
    };
    assert_eq!(reason(&ledger, &db), Reason::NotFound(Kind::Pool));
    given(&mut ledger, &web("c3/eth0"));
    assert_eq!(reason(&ledger, &web("c4/eth0")), Reason::Full);
}

#[test]
fn a_reservation_is_kept_for_its_pod_which_need_not_ask() {
    let mut ledger = two_racks();
    let holder = Holder::Pod(pod("db-0"));
    reserve(&mut ledger, &reservation("fixed", holder, &["10.1.0.2"]));
    assert_eq!(
        ips(&given(&mut ledger, &of_pod("c1/eth0", "web-1"))),
        ["10.1.0.3"]
    );
    assert_eq!(
        refusal(&ledger, &asking("c2/eth0", &["10.1.0.2"])),
        "address `10.1.0.2` is reserved for pod `shop/db-0` by reservation `fixed`: ask for \
         another one, or see `netctl reservation show fixed`"
    );
    let endpoint = given(&mut ledger, &of_pod("c3/eth0", "db-0"));
    assert_eq!(ips(&endpoint), ["10.1.0.2"]);
    assert_eq!(endpoint.reservation, Some(name("fixed")));
}

#[test]
fn a_fixed_address_of_another_rack_is_refused_with_both_racks() {
    let mut ledger = two_racks();
    let holder = Holder::Pod(pod("db-0"));
    reserve(&mut ledger, &reservation("fixed", holder, &["10.2.0.7"]));
    for request in [of_pod("c1/eth0", "db-0"), asking("c1/eth0", &["10.2.0.9"])] {
        let message = refusal(&ledger, &request);
        assert!(message.contains("of subnet `far` for rack r2"), "{message}");
        assert!(message.contains("node `n1` is in rack `r1`"), "{message}");
        assert_eq!(reason(&ledger, &request), Reason::WrongRack);
    }
}

#[test]
fn each_ordinal_of_a_stateful_set_has_its_own_address() {
    let mut ledger = two_racks();
    let set = Workload {
        namespace: "shop".to_owned(),
        name: "db".to_owned(),
    };
    let spec = reservation("db", Holder::StatefulSet(set), &["10.1.0.8", "10.1.0.9"]);
    reserve(&mut ledger, &spec);
    assert_eq!(
        ips(&given(&mut ledger, &of_pod("c1/eth0", "db-1"))),
        ["10.1.0.9"]
    );
    assert_eq!(
        ips(&given(&mut ledger, &of_pod("c2/eth0", "db-0"))),
        ["10.1.0.8"]
    );
    let message = refusal(&ledger, &of_pod("c3/eth0", "db-2"));
    assert!(
        message.starts_with("reservation `db` has no free address for `shop/db-2`"),
        "{message}"
    );
    // Not a name of the set's: an ordinal has no leading zero.
    assert_eq!(
        ips(&given(&mut ledger, &of_pod("c4/eth0", "db-01"))),
        ["10.1.0.2"]
    );
}

#[test]
fn an_ordinals_address_is_not_for_the_pod_of_another_workload_with_such_a_name() {
    let mut ledger = two_racks();
    let workload = |name: &str| Workload {
        namespace: "shop".to_owned(),
        name: name.to_owned(),
    };
    let set = Holder::StatefulSet(workload("db"));
    reserve(
        &mut ledger,
        &reservation("db", set.clone(), &["10.1.0.8", "10.1.0.9"]),
    );
    let of = |attachment, holder| AllocateRequest {
        workload: Some(holder),
        ..of_pod(attachment, "db-0")
    };
    let other = of("c1/eth0", Holder::Workload(workload("other")));
    assert_eq!(ips(&given(&mut ledger, &other)), ["10.1.0.2"]);
    assert_eq!(ips(&given(&mut ledger, &of("c2/eth0", set))), ["10.1.0.8"]);
}

#[test]
fn a_workload_shares_a_set_and_its_pods_come_after_each_other_at_once() {
    let mut ledger = two_racks();
    let web = Holder::Workload(Workload {
        namespace: "shop".to_owned(),
        name: "web".to_owned(),
    });
    let mut spec = reservation("web", web.clone(), &["10.1.0.8", "10.1.0.9"]);
    spec.spare = 1;
    reserve(&mut ledger, &spec);
    let of_web = |attachment, name| AllocateRequest {
        workload: Some(web.clone()),
        ..of_pod(attachment, name)
    };
    assert_eq!(
        ips(&given(&mut ledger, &of_web("c1/eth0", "web-a"))),
        ["10.1.0.8"]
    );
    assert_eq!(
        ips(&given(&mut ledger, &of_web("c2/eth0", "web-b"))),
        ["10.1.0.9"]
    );
    assert_eq!(reason(&ledger, &of_web("c3/eth0", "web-c")), Reason::Full);
    let change = release(ledger.catalog(), &gone("c1/eth0"), NOW).unwrap();
    ledger.apply(&change);
    assert_eq!(
        ips(&given(&mut ledger, &of_web("c3/eth0", "web-c"))),
        ["10.1.0.8"]
    );
}

#[test]
fn an_expired_reservation_is_nobodys() {
    let mut ledger = two_racks();
    let mut spec = reservation("fixed", Holder::Pod(pod("db-0")), &["10.1.0.9"]);
    spec.expires = Some(NOW.after(10));
    reserve(&mut ledger, &spec);
    let later = NOW.after(10);
    let own = allocate(&ledger, &of_pod("c1/eth0", "db-0"), &policy(), later).unwrap();
    assert_eq!(ips(&own.object), ["10.1.0.2"]);
    let other = allocate(&ledger, &asking("c1/eth0", &["10.1.0.9"]), &policy(), later).unwrap();
    assert_eq!(other.object.reservation, None);
}

#[test]
fn a_released_address_is_kept_for_its_owner_until_it_has_cooled_down() {
    let mut ledger = ledger();
    add_subnet(&mut ledger, &subnet("b", "10.1.0.0/30", "10.1.0.1", &[]));
    given(&mut ledger, &of_pod("c1/eth0", "db-0"));
    let change = release(ledger.catalog(), &gone("c1/eth0"), NOW).unwrap();
    ledger.apply(&change);
    let message = refusal(&ledger, &of_pod("c2/eth0", "other"));
    assert!(
        message.contains("0 of 1 in use in `b`, 1 released just now"),
        "{message}"
    );
    let asks = asking("c2/eth0", &["10.1.0.2"]);
    assert!(refusal(&ledger, &asks).contains("ask again in 60 second(s)"));
    assert!(allocate(&ledger, &asks, &policy(), NOW.after(60)).is_ok());
    assert_eq!(
        ips(&given(&mut ledger, &of_pod("c3/eth0", "db-0"))),
        ["10.1.0.2"]
    );
}

#[test]
fn a_fixed_address_does_not_move_off_a_silent_node() {
    let mut ledger = two_racks();
    reserve(
        &mut ledger,
        &reservation("fixed", Holder::Pod(pod("db-0")), &["10.1.0.9"]),
    );
    add_node(&mut ledger, "n3", "r1");
    given(&mut ledger, &of_pod("c1/eth0", "db-0"));
    let again = AllocateRequest {
        node: name("n3"),
        ..of_pod("c2/eth0", "db-0")
    };
    assert_eq!(reason(&ledger, &again), Reason::AddressInUse);
    let later = NOW.after(721);
    let silent = allocate(&ledger, &again, &policy(), later).unwrap_err();
    assert_eq!(silent.reason(), Reason::NodeSilent);
    assert_eq!(
        silent.to_string(),
        "address `10.1.0.9` is held by pod `shop/db-0` on node `n1`, which has not been heard: if \
         the node is off, say so with `netctl node rm n1 --powered-off`"
    );
    loop {
        let cause = RemovalCause::PoweredOff;
        let step = remove_node(ledger.catalog(), &name("n1"), cause, later).unwrap();
        ledger.apply(&step.change);
        if step.done {
            break;
        }
    }
    assert!(allocate(&ledger, &again, &policy(), later).is_ok());
}

#[test]
fn a_mac_address_is_unique_on_its_network() {
    let mut ledger = two_racks();
    let with = |attachment, mac| AllocateRequest {
        mac: Some(parse(mac)),
        ..request(attachment)
    };
    // The one that follows from 10.1.0.3.
    given(&mut ledger, &with("c1/eth0", "02:01:0a:01:00:03"));
    assert_eq!(
        reason(&ledger, &with("c2/eth0", "02:01:0a:01:00:03")),
        Reason::MacInUse
    );
    assert_eq!(
        ips(&given(&mut ledger, &request("c2/eth0"))),
        ["10.1.0.4"],
        "10.1.0.3 is skipped"
    );
    assert_eq!(
        reason(&ledger, &with("c3/eth0", "02:01:0a:01:00:04")),
        Reason::MacInUse
    );
    assert_eq!(
        reason(&ledger, &with("c3/eth0", "01:00:00:00:00:01")),
        Reason::Invalid
    );
    assert_eq!(
        refusal(&ledger, &with("c3/eth0", "00:00:00:00:00:00")),
        "MAC address `00:00:00:00:00:00` is not that of one machine: use one that is not all zero \
         and whose first byte is even, like `02:…`"
    );
    assert_eq!(
        reason(&ledger, &asking("c3/eth0", &["10.1.0.3"])),
        Reason::MacInUse
    );
}

#[test]
fn a_reservation_pins_the_mac_address() {
    let mut ledger = two_racks();
    let mut spec = reservation("fixed", Holder::Pod(pod("db-0")), &[]);
    spec.addresses = Wanted::Named(vec![ReservedAddress {
        ip: parse("10.1.0.9"),
        mac: Some(parse("02:aa:00:00:00:01")),
    }]);
    reserve(&mut ledger, &spec);
    let other = AllocateRequest {
        mac: Some(parse("02:aa:00:00:00:02")),
        ..of_pod("c1/eth0", "db-0")
    };
    assert!(refusal(&ledger, &other).contains("reservation `fixed` pins `02:aa:00:00:00:01`"));
    let endpoint = given(&mut ledger, &of_pod("c1/eth0", "db-0"));
    assert_eq!(endpoint.mac, parse("02:aa:00:00:00:01"));
}

#[test]
fn an_address_in_conflict_is_given_to_nobody() {
    let mut ledger = two_racks();
    let report = ConflictReport {
        ip: parse("10.1.0.2"),
        mac: parse("00:bb:00:00:00:01"),
        node: name("n1"),
    };
    let change = report_conflict(ledger.catalog(), &report, NOW).unwrap();
    ledger.apply(&change);
    assert_eq!(ips(&given(&mut ledger, &request("c1/eth0"))), ["10.1.0.3"]);
    let message = refusal(&ledger, &asking("c2/eth0", &["10.1.0.2"]));
    assert!(
        message.contains("`00:bb:00:00:00:01` answers for it"),
        "{message}"
    );
}

#[test]
fn a_node_binds_only_what_it_leases_and_not_with_an_older_fence() {
    let mut ledger = two_racks();
    let fence = ledger.catalog().node(&name("n1")).unwrap().fence;
    let wish = LeaseRequest {
        node: name("n1"),
        fence,
        network: name("blue"),
        count: 1,
    };
    let leased = lease(&ledger, &wish, &policy(), NOW).unwrap();
    ledger.apply(&leased.change);
    let ip = leased.slots[0].addresses[0].ip;
    let bind = |attachment, node, fence| AllocateRequest {
        leased: vec![ip],
        fence: Some(fence),
        node: name(node),
        network: None,
        ..request(attachment)
    };
    let n2 = ledger.catalog().node(&name("n2")).unwrap().fence;
    assert_eq!(
        reason(&ledger, &bind("c1/eth0", "n2", n2)),
        Reason::AddressInUse
    );
    assert_eq!(
        reason(&ledger, &bind("c1/eth0", "n1", fence - 1)),
        Reason::Fenced
    );
    let endpoint = given(&mut ledger, &bind("c1/eth0", "n1", fence));
    assert_eq!(
        (ips(&endpoint), endpoint.mac),
        (vec![ip.to_string()], leased.slots[0].mac)
    );
    // What was leased once is not leased for ever.
    assert_eq!(
        reason(&ledger, &bind("c2/eth0", "n1", fence)),
        Reason::AddressInUse
    );
}

#[test]
fn after_a_restore_a_subnet_waits_for_the_nodes_that_may_use_it() {
    let mut ledger = two_racks();
    let change = found_cluster(ledger.catalog(), "c1", NOW);
    ledger.apply(&change);
    let change = begin_epoch(ledger.catalog(), Epoch::default(), NOW);
    ledger.apply(&change);
    let later = NOW.after(120);
    let planned = |ledger: &Ledger, now| allocate(ledger, &request("c1/eth0"), &policy(), now);
    let error = planned(&ledger, later).unwrap_err();
    assert_eq!(
        error.to_string(),
        "subnet `b` hands out nothing after the restore until `n1` have reported what they hold: \
         wait, or if they are dead, say so with `netctl node waive <node>`"
    );
    let change = waive_report(ledger.catalog(), &name("n1"), NOW).unwrap();
    ledger.apply(&change);
    let error = planned(&ledger, NOW.after(119)).unwrap_err();
    assert_eq!(error.reason(), Reason::AwaitingReports);
    assert!(
        error.to_string().contains("for 1 more second(s)"),
        "{error}"
    );
    assert!(planned(&ledger, later).is_ok());
}

#[test]
fn a_subnet_selects_its_nodes_by_label_too() {
    let mut ledger = ledger();
    let spec = SubnetSpec {
        placement: crate::Placement::Nodes(parse("tier=gold")),
        ..subnet("b", "10.1.0.0/24", "10.1.0.1", &[])
    };
    add_subnet(&mut ledger, &spec);
    assert_eq!(
        reason(&ledger, &request("c1/eth0")),
        Reason::NoSubnetForRack
    );
    let revision = ledger.catalog().subnet(&name("b")).unwrap().revision;
    let anybody = subnet("b", "10.1.0.0/24", "10.1.0.1", &[]);
    let update = update_subnet(ledger.catalog(), &anybody, revision).unwrap();
    ledger.apply(&update.planned.change);
    assert_eq!(ips(&given(&mut ledger, &request("c1/eth0"))), ["10.1.0.2"]);
}
