use super::*;
use crate::fixture::{add_subnet, give_back, ledger, name, parse, request, subnet, take};

fn refusal(spec: &SubnetSpec) -> String {
    let mut ledger = ledger();
    add_subnet(&mut ledger, &subnet("a", "10.9.0.0/16", "10.9.0.1", &[]));
    create_subnet(ledger.catalog(), spec)
        .unwrap_err()
        .to_string()
}

#[test]
fn without_ranges_every_host_but_the_gateway_is_handed_out() {
    let spec = subnet("b", "10.1.0.0/24", "10.1.0.1", &[]);
    let subnet = create_subnet(ledger().catalog(), &spec).unwrap().object;
    assert_eq!(subnet.capacity(), 253);
    assert!(!subnet.hands_out(parse("10.1.0.1")) && !subnet.hands_out(parse("10.1.0.255")));
    assert!(subnet.hands_out(parse("10.1.0.2")) && subnet.hands_out(parse("10.1.0.254")));
}

#[test]
fn the_gateway_is_a_host_of_the_subnet() {
    for (gateway, why) in [
        ("10.2.0.1", "is not in CIDR `10.1.0.0/24`"),
        ("fd00::1", "is not in CIDR `10.1.0.0/24`"),
        ("10.1.0.0", "is the network or broadcast address of CIDR"),
        ("10.1.0.255", "is the network or broadcast address of CIDR"),
    ] {
        let message = refusal(&subnet("b", "10.1.0.0/24", gateway, &[]));
        assert!(
            message.starts_with(&format!("gateway `{gateway}` {why}")),
            "{message}"
        );
        assert!(
            message.ends_with(": use one of `10.1.0.1-10.1.0.254`"),
            "{message}"
        );
    }
}

#[test]
fn ranges_lie_within_the_host_addresses() {
    for bad in [
        "10.1.0.10-10.1.1.10",
        "10.1.0.0-10.1.0.9",
        "10.1.0.200-10.1.0.255",
        "10.2.0.1-10.2.0.9",
        "fd00::1-fd00::9",
    ] {
        let message = refusal(&subnet("b", "10.1.0.0/24", "10.1.0.1", &[bad]));
        assert_eq!(
            message,
            format!(
                "range `{bad}` is not within the host addresses of CIDR `10.1.0.0/24`: stay \
                 within `10.1.0.1-10.1.0.254`"
            )
        );
    }
}

#[test]
fn ranges_do_not_overlap_each_other() {
    let ranges = ["10.1.0.50-10.1.0.60", "10.1.0.10-10.1.0.50"];
    assert_eq!(
        refusal(&subnet("b", "10.1.0.0/24", "10.1.0.1", &ranges)),
        "ranges `10.1.0.10-10.1.0.50` and `10.1.0.50-10.1.0.60` overlap: join them, or make them \
         disjoint"
    );
}

#[test]
fn something_is_left_beside_the_gateway() {
    for (cidr, gateway, ranges) in [
        ("10.1.0.7/32", "10.1.0.7", &[][..]),
        ("10.1.0.0/24", "10.1.0.1", &["10.1.0.1-10.1.0.1"][..]),
    ] {
        let message = refusal(&subnet("b", cidr, gateway, ranges));
        assert!(message.contains("has no address to hand out"), "{message}");
    }
}

#[test]
fn no_address_is_in_two_subnets() {
    for cidr in ["10.9.0.0/16", "10.9.7.0/24", "10.8.0.0/15", "10.0.0.0/8"] {
        let hosts = parse::<Cidr>(cidr).hosts();
        let message = refusal(&subnet("b", cidr, &hosts.first().to_string(), &[]));
        assert!(
            message.starts_with(&format!(
                "CIDR `{cidr}` overlaps `10.9.0.0/16` of subnet `a`"
            )),
            "{message}"
        );
    }
}

#[test]
fn only_unicast_addresses_of_either_family_are_handed_out() {
    for (cidr, special) in [
        ("127.1.0.0/16", "127.0.0.0/8"),
        ("224.0.0.0/24", "224.0.0.0/3"),
        ("0.0.0.0/0", "0.0.0.0/8"),
        ("192.0.0.0/2", "224.0.0.0/3"),
        ("169.254.7.0/24", "169.254.0.0/16"),
        ("255.255.255.255/32", "224.0.0.0/3"),
        ("::/0", "::/96"),
        ("::1/128", "::/96"),
        ("::/128", "::/96"),
        ("::ffff:10.1.0.0/112", "::ffff:0:0/96"),
        ("fe80::/64", "fe80::/10"),
        ("febf:ffff::/32", "fe80::/10"),
        ("ff02::/16", "ff00::/8"),
        ("ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff/128", "ff00::/8"),
    ] {
        let message = refusal(&subnet("b", cidr, "10.1.0.1", &[]));
        assert!(
            message.starts_with(&format!("CIDR `{cidr}` has addresses of `{special}`")),
            "{message}"
        );
    }
}

#[test]
fn the_network_must_exist_and_the_name_be_free() {
    let spec = subnet("b", "10.1.0.0/24", "10.1.0.1", &[]);
    let message = refusal(&SubnetSpec {
        network: name("red"),
        ..spec.clone()
    });
    assert!(
        message.starts_with("network `red` does not exist"),
        "{message}"
    );
    let message = refusal(&SubnetSpec {
        name: name("a"),
        ..spec
    });
    assert!(
        message.starts_with("subnet `a` exists already, with CIDR `10.9.0.0/16`"),
        "{message}"
    );
}

#[test]
fn a_subnet_with_addresses_in_use_is_not_deleted() {
    let mut ledger = ledger();
    add_subnet(&mut ledger, &subnet("b", "10.1.0.0/24", "10.1.0.1", &[]));
    for index in 1..=7 {
        take(&mut ledger, &request(&format!("c{index}/eth0")));
    }
    let error = delete_subnet(ledger.catalog(), &name("b"), None).unwrap_err();
    assert_eq!(
        error.to_string(),
        "subnet `b` has 7 address(es) in use, `10.1.0.2`, `10.1.0.3`, `10.1.0.4`, `10.1.0.5`, \
         `10.1.0.6` and 2 more: remove the pods that have them first, see `netctl endpoint ls`"
    );
}

#[test]
fn a_deleted_subnet_leaves_no_record_of_an_address() {
    let mut ledger = ledger();
    add_subnet(&mut ledger, &subnet("b", "10.1.0.0/24", "10.1.0.1", &[]));
    take(&mut ledger, &request("c1/eth0"));
    give_back(&mut ledger, "c1/eth0");
    assert_eq!(ledger.catalog().addresses().count(), 1);
    let step = delete_subnet(ledger.catalog(), &name("b"), None).unwrap();
    assert!(step.done);
    ledger.apply(&step.change);
    assert_eq!(ledger.catalog().addresses().count(), 0);
    assert!(delete_subnet(ledger.catalog(), &name("b"), None).is_err());
    add_subnet(&mut ledger, &subnet("b", "10.1.0.0/25", "10.1.0.1", &[]));
}

#[test]
fn a_subnet_has_something_to_hand_out_beside_its_exclusions() {
    let ledger = ledger();
    let catalog = ledger.catalog();
    let mut spec = subnet("b", "10.1.0.0/24", "10.1.0.1", &["10.1.0.1-10.1.0.9"]);
    spec.exclusions = vec![parse("10.1.0.2-10.1.0.9")];
    let message = refusal(&spec);
    assert!(message.contains("exclude less"), "{message}");
    spec.exclusions = vec![parse("10.1.0.2-10.1.0.8")];
    assert_eq!(create_subnet(catalog, &spec).unwrap().object.capacity(), 1);
}
