use super::*;
use crate::fixture::{
    NOW, add_node, add_subnet, give_back, gone, in_rack, ledger, name, network, parse, pod,
    request, reservation, reserve, subnet, take,
};
use crate::{Holder, Ledger, ReservationSpec, Workload, create_network, delete_subnet, release};

fn refusal(ledger: &Ledger, request: &AllocateRequest) -> String {
    allocate(ledger, request, &Policy::default(), NOW)
        .unwrap_err()
        .to_string()
}

#[test]
fn an_endpoint_has_address_mac_time_and_pod() {
    let mut ledger = ledger();
    add_subnet(
        &mut ledger,
        &subnet("b", "10.1.0.0/24", "10.1.0.1", &["10.1.0.10-10.1.0.99"]),
    );
    let pod = Pod {
        namespace: "shop".into(),
        name: "web-0".into(),
    };
    let request = AllocateRequest {
        pod: Some(pod.clone()),
        ..request("c1/eth0")
    };
    let planned = allocate(&ledger, &request, &Policy::default(), NOW).unwrap();
    assert_eq!(
        *planned.object,
        Endpoint {
            attachment: parse("c1/eth0"),
            pod: Some(pod),
            node: name("n1"),
            network: name("blue"),
            mac: parse("02:01:0a:01:00:0a"),
            addresses: vec![EndpointAddress {
                ip: parse("10.1.0.10"),
                subnet: name("b"),
            }],
            pod_uid: None,
            profile: None,
            reservation: None,
            created: NOW,
            revision: ledger.catalog().revision().next(),
        }
    );
    ledger.apply(&planned.change);
    ledger.catalog().check().unwrap();
}

#[test]
fn a_repeated_request_gets_the_same_endpoint_and_changes_nothing() {
    let mut ledger = ledger();
    add_subnet(&mut ledger, &subnet("b", "10.1.0.0/24", "10.1.0.1", &[]));
    take(&mut ledger, &request("c1/eth0"));
    let again = allocate(
        &ledger,
        &request("c1/eth0"),
        &Policy::default(),
        Timestamp::from_unix_seconds(2_000_000_000),
    )
    .unwrap();
    assert!(again.change.is_empty());
    assert_eq!(again.object.created, NOW);
}

#[test]
fn an_attachment_has_one_network_and_one_node() {
    let mut ledger = ledger();
    add_subnet(&mut ledger, &subnet("b", "10.1.0.0/24", "10.1.0.1", &[]));
    take(&mut ledger, &request("c1/eth0"));
    let elsewhere = AllocateRequest {
        node: name("n2"),
        ..request("c1/eth0")
    };
    assert_eq!(
        refusal(&ledger, &elsewhere),
        "attachment `c1/eth0` has an address on network `blue` and node `n1`, so it cannot get \
         one on network `blue` and node `n2`: release the first one (CNI DEL) before asking again"
    );
    let green = AllocateRequest {
        network: Some(name("green")),
        ..request("c1/eth0")
    };
    assert!(refusal(&ledger, &green).contains("on network `green` and node `n1`"));
}

#[test]
fn an_attachment_has_one_pod() {
    let mut ledger = ledger();
    add_subnet(&mut ledger, &subnet("b", "10.1.0.0/24", "10.1.0.1", &[]));
    let of = |name: &str| AllocateRequest {
        pod: Some(pod(name)),
        ..request("c1/eth0")
    };
    take(&mut ledger, &of("a"));
    assert_eq!(
        refusal(&ledger, &of("b")),
        "attachment `c1/eth0` has an address on network `blue` and node `n1`, so it cannot get \
         one for pod `shop/b` in place of `shop/a`: release the first one (CNI DEL) before asking \
         again"
    );
    assert_eq!(take(&mut ledger, &request("c1/eth0")), "10.1.0.2");
}

#[test]
fn the_rack_comes_first_and_then_what_belongs_to_no_rack() {
    let mut ledger = ledger();
    let tiny = |name, third| {
        let cidr = format!("10.1.{third}.0/30");
        subnet(name, &cidr, &format!("10.1.{third}.1"), &[])
    };
    add_subnet(&mut ledger, &tiny("a-anywhere", 0));
    add_subnet(&mut ledger, &in_rack(tiny("b-rack", 1), "r1"));
    add_subnet(&mut ledger, &in_rack(tiny("c-rack", 2), "r1"));
    add_subnet(&mut ledger, &in_rack(tiny("d-other", 3), "r2"));
    let given = ["c1/eth0", "c2/eth0", "c3/eth0"].map(|at| take(&mut ledger, &request(at)));
    assert_eq!(given, ["10.1.1.2", "10.1.2.2", "10.1.0.2"]);
    assert_eq!(
        refusal(&ledger, &request("c4/eth0")),
        "network `blue` has no free address for rack `r1`: 3 of 3 in use in `b-rack`, `c-rack` \
         and `a-anywhere`, 0 released just now; remove pods, see `netctl endpoint ls`, or add a subnet with `netctl \
         subnet create`"
    );
}

#[test]
fn a_rack_without_a_subnet_is_told_which_racks_have_one() {
    let mut ledger = ledger();
    assert!(refusal(&ledger, &request("c1/eth0")).starts_with("network `blue` has no subnet: "));
    for (subnet_name, rack, third) in [("b5", "r5", 5), ("b6", "r6", 6)] {
        let cidr = format!("10.1.{third}.0/24");
        let spec = subnet(subnet_name, &cidr, &format!("10.1.{third}.1"), &[]);
        add_subnet(&mut ledger, &in_rack(spec, rack));
    }
    assert_eq!(
        refusal(&ledger, &request("c1/eth0")),
        "network `blue` has subnets for `rack r5` and `rack r6` only, and node `n1` is in \
         rack `r1`: add a subnet with `netctl subnet create … --rack r1`, or run the pod on one of \
         those nodes"
    );
}

#[test]
fn network_and_node_must_exist() {
    let ledger = ledger();
    let red = AllocateRequest {
        network: Some(name("red")),
        ..request("c1/eth0")
    };
    assert!(refusal(&ledger, &red).starts_with("network `red` does not exist: "));
    let n9 = AllocateRequest {
        node: name("n9"),
        ..request("c1/eth0")
    };
    assert!(refusal(&ledger, &n9).starts_with("node `n9` is not registered: "));
}

#[test]
fn the_address_that_has_been_free_longest_is_next_even_after_a_restart() {
    let mut ledger = ledger();
    add_subnet(
        &mut ledger,
        &subnet("b", "10.1.0.0/24", "10.1.0.1", &["10.1.0.5-10.1.0.7"]),
    );
    for attachment in ["c1/eth0", "c2/eth0", "c3/eth0"] {
        take(&mut ledger, &request(attachment));
    }
    for attachment in ["c3/eth0", "c1/eth0", "c2/eth0"] {
        give_back(&mut ledger, attachment);
    }
    let mut ledger = Ledger::of(ledger.catalog().clone());
    let given = ["d1/eth0", "d2/eth0", "d3/eth0"].map(|at| take(&mut ledger, &request(at)));
    assert_eq!(given, ["10.1.0.7", "10.1.0.5", "10.1.0.6"]);
}

#[test]
fn release_of_an_unknown_attachment_is_a_no_op() {
    let ledger = ledger();
    assert!(
        release(ledger.catalog(), &gone("c9/eth0"), NOW)
            .unwrap()
            .is_empty()
    );
}

#[test]
fn planning_leaves_the_ledger_alone() {
    let mut ledger = ledger();
    add_subnet(&mut ledger, &subnet("b", "10.1.0.0/24", "10.1.0.1", &[]));
    take(&mut ledger, &request("c1/eth0"));
    let before = ledger.clone();
    let _ = allocate(&ledger, &request("c2/eth0"), &Policy::default(), NOW);
    let _ = release(ledger.catalog(), &gone("c1/eth0"), NOW);
    let _ = create_network(ledger.catalog(), &network("green", "200"));
    let _ = delete_subnet(ledger.catalog(), &name("b"), None);
    assert_eq!(ledger, before);
    add_node(&mut ledger, "n2", "r2");
    assert_ne!(ledger, before);
}

mod bound;
mod leased;

#[test]
fn what_is_reserved_for_a_pod_depends_on_its_name_and_on_what_it_is_of() {
    let mut ledger = ledger();
    add_subnet(&mut ledger, &subnet("b", "10.1.0.0/24", "10.1.0.1", &[]));
    let web = || Workload {
        namespace: "shop".to_owned(),
        name: "web".to_owned(),
    };
    for (reserved, holder, ip) in [
        ("by-name", Holder::Pod(pod("web-0")), "10.1.0.10"),
        ("by-set", Holder::StatefulSet(web()), "10.1.0.11"),
        ("by-workload", Holder::Workload(web()), "10.1.0.12"),
    ] {
        reserve(&mut ledger, &reservation(reserved, holder, &[ip]));
    }
    let ending = ReservationSpec {
        expires: Some(NOW.after(60)),
        ..reservation("ending", Holder::Pod(pod("web-0")), &["10.1.0.13"])
    };
    reserve(&mut ledger, &ending);
    let reserved = |name: &str, workload: Option<Holder>, now| {
        let pod = pod(name);
        let found = reservations_of_pod(ledger.catalog(), &pod, workload.as_ref(), now);
        let names = found.iter().map(|one| one.name.to_string());
        names.collect::<Vec<_>>().join(" ")
    };
    let set = || Some(Holder::StatefulSet(web()));
    let deployment = || Some(Holder::Workload(web()));
    let alone = || Some(Holder::Pod(pod("web-0")));
    for (pod, workload, expected) in [
        ("web-0", None, "by-name ending by-set"),
        ("web-0", set(), "by-name ending by-set"),
        ("web-0", alone(), "by-name ending"),
        ("web-0", deployment(), "by-name ending by-workload"),
        ("web-7f9-x2x", None, ""),
        ("web-7f9-x2x", deployment(), "by-workload"),
    ] {
        assert_eq!(reserved(pod, workload, NOW), expected, "{pod}");
    }
    let later = NOW.after(60);
    assert_eq!(reserved("web-0", alone(), later), "by-name");
}
