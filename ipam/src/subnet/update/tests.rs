use super::*;
use crate::fixture::{
    NOW, add_node, add_pool, add_subnet, bind, give_back, group, in_rack, ip, lease, ledger, name,
    parse, pod, pool, reservation, reserve, subnet,
};
use crate::{
    GroupSpec, Holder, Kind, Ledger, Placement, Reason, Refusal, ReservationSpec, Scope, Wanted,
    create_group, create_pool, create_reservation, delete_subnet,
};

const RANGE: &str = "10.1.0.10-10.1.0.99";

/// With subnet `b` and its range.
fn ledger_with_subnet() -> Ledger {
    let mut ledger = ledger();
    add_subnet(
        &mut ledger,
        &subnet("b", "10.1.0.0/24", "10.1.0.1", &[RANGE]),
    );
    ledger
}

fn spec() -> SubnetSpec {
    subnet("b", "10.1.0.0/24", "10.1.0.1", &[RANGE])
}

fn update(ledger: &Ledger, spec: &SubnetSpec) -> Result<SubnetUpdate, UpdateSubnetError> {
    let current = ledger.catalog().subnet(&spec.name).unwrap();
    update_subnet(ledger.catalog(), spec, current.revision)
}

fn make(ledger: &mut Ledger, spec: &SubnetSpec) -> SubnetUpdate {
    let update = update(ledger, spec).unwrap();
    ledger.apply(&update.planned.change);
    ledger.catalog().check().unwrap();
    update
}

fn refusal(ledger: &Ledger, spec: &SubnetSpec) -> String {
    update(ledger, spec).unwrap_err().to_string()
}

#[test]
fn a_range_with_live_addresses_is_not_removed_and_they_are_listed() {
    let mut ledger = ledger_with_subnet();
    for last in 50..57 {
        bind(
            &mut ledger,
            &format!("c{last}/eth0"),
            None,
            &format!("10.1.0.{last}"),
        );
    }
    lease(&mut ledger, "10.1.0.60");
    let holder = Holder::Pod(pod("web-0"));
    reserve(&mut ledger, &reservation("fixed", holder, &["10.1.0.61"]));
    let smaller = SubnetSpec {
        ranges: vec![parse("10.1.0.10-10.1.0.49"), parse("10.1.0.62-10.1.0.99")],
        ..spec()
    };
    assert_eq!(
        refusal(&ledger, &smaller),
        "subnet `b` cannot leave out 9 address(es) that are in use or reserved, `10.1.0.50`, \
         `10.1.0.51`, `10.1.0.52`, `10.1.0.53`, `10.1.0.54` and 4 more: keep them in its ranges, \
         or release them first, see `netctl address ls --subnet b`"
    );
    let around = SubnetSpec {
        ranges: vec![parse("10.1.0.50-10.1.0.61")],
        ..spec()
    };
    make(&mut ledger, &around);
    assert_eq!(ledger.catalog().subnet(&name("b")).unwrap().capacity(), 12);
}

#[test]
fn a_live_or_reserved_address_is_not_excluded() {
    let mut ledger = ledger_with_subnet();
    bind(&mut ledger, "c1/eth0", None, "10.1.0.50");
    let holder = Holder::Pod(pod("web-0"));
    let outside = reservation("fixed", holder, &["10.1.0.200"]);
    reserve(&mut ledger, &outside);
    for (exclusion, listed) in [
        ("10.1.0.40-10.1.0.50", "`10.1.0.50`"),
        ("10.1.0.200-10.1.0.255", "`10.1.0.200`"),
        ("10.1.0.50-10.1.0.255", "`10.1.0.50` and `10.1.0.200`"),
    ] {
        let excluding = SubnetSpec {
            exclusions: vec![parse(exclusion)],
            ..spec()
        };
        let message = refusal(&ledger, &excluding);
        assert!(
            message.contains(&format!("reserved, {listed}: ")),
            "{message}"
        );
    }
}

#[test]
fn exclusions_are_kept_in_order_without_overlap_and_within_the_cidr() {
    let mut ledger = ledger_with_subnet();
    let excluding = |exclusions: &[&str]| SubnetSpec {
        exclusions: exclusions.iter().map(|text| parse(text)).collect(),
        ..spec()
    };
    let mixed = excluding(&[
        "10.1.0.60-10.1.0.70",
        "10.1.0.0-10.1.0.12",
        "10.1.0.65-10.1.0.80",
        "10.1.0.81-10.1.0.82",
    ]);
    let updated = make(&mut ledger, &mixed).planned.object;
    let kept = [parse("10.1.0.0-10.1.0.12"), parse("10.1.0.60-10.1.0.82")];
    assert_eq!(updated.exclusions, kept);
    assert_eq!(updated.capacity(), 90 - 3 - 23);
    assert!(!updated.hands_out(ip("10.1.0.12")) && updated.hands_out(ip("10.1.0.13")));
    assert_eq!(
        refusal(&ledger, &excluding(&["10.1.0.250-10.1.1.3"])),
        "exclusion `10.1.0.250-10.1.1.3` is not within CIDR `10.1.0.0/24`: leave out what is not \
         in it"
    );
    let many: Vec<_> = (0..257).map(|_| "10.1.0.7-10.1.0.7").collect();
    assert!(refusal(&ledger, &excluding(&many)).starts_with("257 exclusions are too many"));
    let again = update(&ledger, &mixed).unwrap();
    assert!(again.planned.change.is_empty());
}

#[test]
fn a_cidr_grows_in_place_only() {
    let mut ledger = ledger_with_subnet();
    add_subnet(&mut ledger, &subnet("c", "10.1.4.0/24", "10.1.4.1", &[]));
    let with = |cidr: &str| SubnetSpec {
        cidr: parse(cidr),
        ..spec()
    };
    let other = SubnetSpec {
        gateway: ip("10.2.0.1"),
        ranges: Vec::new(),
        ..with("10.2.0.0/24")
    };
    assert_eq!(
        refusal(&ledger, &other),
        "CIDR `10.2.0.0/24` does not contain CIDR `10.1.0.0/24` of subnet `b`, which can only \
         grow in place: use one that contains it, or create another subnet"
    );
    assert!(refusal(&ledger, &with("10.1.0.0/25")).contains("can only grow in place"));
    let overlapping = refusal(&ledger, &with("10.1.0.0/21"));
    assert!(
        overlapping.starts_with("CIDR `10.1.0.0/21` overlaps `10.1.4.0/24` of subnet `c`"),
        "{overlapping}"
    );
    make(&mut ledger, &with("10.1.0.0/22"));
    let before = SubnetSpec {
        name: name("c"),
        gateway: ip("10.1.4.1"),
        ranges: Vec::new(),
        ..with("10.1.4.0/23")
    };
    let grown = make(&mut ledger, &before).planned.object;
    assert_eq!(grown.capacity(), 509);
}

#[test]
fn a_live_address_becomes_no_broadcast_address_of_a_grown_cidr() {
    let mut ledger = ledger();
    // RFC 3021: both addresses of a /31 are hosts.
    let small = subnet("b", "10.1.0.2/31", "10.1.0.2", &[]);
    add_subnet(&mut ledger, &small);
    bind(&mut ledger, "c1/eth0", None, "10.1.0.3");
    let grown = SubnetSpec {
        cidr: parse("10.1.0.0/30"),
        ..small.clone()
    };
    assert!(
        refusal(&ledger, &grown).starts_with("subnet `b` cannot leave out 1 address(es)"),
        "{}",
        refusal(&ledger, &grown)
    );
    let wider = SubnetSpec {
        cidr: parse("10.1.0.0/29"),
        ..small
    };
    make(&mut ledger, &wider);
}

#[test]
fn the_gateway_changes_for_pods_that_come_and_the_others_are_named() {
    let mut ledger = ledger_with_subnet();
    bind(&mut ledger, "c1/eth0", None, "10.1.0.50");
    bind(&mut ledger, "c2/eth0", None, "10.1.0.51");
    lease(&mut ledger, "10.1.0.52");
    let moved = SubnetSpec {
        gateway: ip("10.1.0.254"),
        ..spec()
    };
    let update = make(&mut ledger, &moved);
    let old: Vec<_> = (update.old_gateway.iter())
        .map(|endpoint| endpoint.attachment.to_string())
        .collect();
    assert_eq!(old, ["c1/eth0", "c2/eth0"]);
    assert!(make(&mut ledger, &moved).old_gateway.is_empty());
}

#[test]
fn a_gateway_that_pods_still_send_to_is_not_handed_out() {
    let mut ledger = ledger();
    let whole = subnet("b", "10.1.0.0/24", "10.1.0.1", &[]);
    add_subnet(&mut ledger, &whole);
    let moved = |gateway: &str| SubnetSpec {
        gateway: ip(gateway),
        ..whole.clone()
    };
    let unused = make(&mut ledger, &moved("10.1.0.254")).planned.object;
    assert!(unused.hands_out(ip("10.1.0.1")));
    bind(&mut ledger, "c1/eth0", None, "10.1.0.50");
    let used = make(&mut ledger, &moved("10.1.0.253")).planned.object;
    assert!(!used.hands_out(ip("10.1.0.254")));
    assert_eq!(used.exclusions, [parse("10.1.0.254-10.1.0.254")]);
    // To say the same again changes nothing.
    assert!(
        make(&mut ledger, &moved("10.1.0.253"))
            .planned
            .change
            .is_empty()
    );
    // Nor does another pod, which got the new gateway.
    bind(&mut ledger, "c2/eth0", None, "10.1.0.51");
    let again = make(&mut ledger, &moved("10.1.0.252")).planned.object;
    assert!(!again.hands_out(ip("10.1.0.254")) && !again.hands_out(ip("10.1.0.253")));
    give_back(&mut ledger, "c1/eth0");
    // Now that nobody has the first one any more, only the second one is withheld.
    let after = make(&mut ledger, &moved("10.1.0.252")).planned.object;
    assert!(after.hands_out(ip("10.1.0.254")) && !after.hands_out(ip("10.1.0.253")));
    // It stays withheld for as long as the operator says so too.
    give_back(&mut ledger, "c2/eth0");
    let excluded = SubnetSpec {
        exclusions: after.exclusions.clone(),
        ..moved("10.1.0.252")
    };
    assert!(make(&mut ledger, &excluded).planned.change.is_empty());
    let lifted = make(&mut ledger, &moved("10.1.0.252")).planned.object;
    assert!(lifted.hands_out(ip("10.1.0.253")) && lifted.former_gateways.is_empty());
}

#[test]
fn a_gateway_that_only_a_reserve_relies_on_is_not_handed_out_either() {
    let mut ledger = ledger();
    let whole = subnet("b", "10.1.0.0/24", "10.1.0.1", &[]);
    add_subnet(&mut ledger, &whole);
    lease(&mut ledger, "10.1.0.50");
    let moved = SubnetSpec {
        gateway: ip("10.1.0.254"),
        ..whole
    };
    let update = make(&mut ledger, &moved);
    assert!(update.old_gateway.is_empty());
    assert!(!update.planned.object.hands_out(ip("10.1.0.1")));
}

#[test]
fn an_address_that_somebody_has_or_will_have_becomes_no_gateway() {
    let mut ledger = ledger_with_subnet();
    bind(&mut ledger, "c1/eth0", None, "10.1.0.50");
    let holder = Holder::Pod(pod("web-0"));
    reserve(&mut ledger, &reservation("fixed", holder, &["10.1.0.51"]));
    for taken in ["10.1.0.50", "10.1.0.51"] {
        let moved = SubnetSpec {
            gateway: ip(taken),
            ..spec()
        };
        let error = update(&ledger, &moved).unwrap_err();
        assert_eq!(error.reason(), Reason::AddressInUse);
        assert_eq!(
            error.to_string(),
            format!(
                "address `{taken}` is in use or reserved, so it cannot be the gateway of subnet \
                 `b`: choose another one, or release it first, see `netctl address show {taken}`"
            )
        );
    }
}

#[test]
fn nodes_with_live_addresses_keep_the_use_of_their_subnet() {
    let mut ledger = ledger_with_subnet();
    add_node(&mut ledger, "n2", "r2");
    bind(&mut ledger, "c1/eth0", None, "10.1.0.50");
    lease(&mut ledger, "10.1.0.51");
    assert_eq!(
        refusal(&ledger, &in_rack(spec(), "r2")),
        "subnet `b` cannot be taken from nodes that have 2 address(es) of it, `10.1.0.50 on n1` \
         and `10.1.0.51 on n1`: move the pods elsewhere first, see `netctl address ls --subnet b`"
    );
    let labelled = SubnetSpec {
        placement: Placement::Nodes(parse("zone=a")),
        ..spec()
    };
    assert!(refusal(&ledger, &labelled).contains("cannot be taken from nodes"));
    make(&mut ledger, &in_rack(spec(), "r1"));
}

#[test]
fn a_subnet_stays_in_its_network() {
    let ledger = ledger_with_subnet();
    let moved = SubnetSpec {
        network: name("green"),
        ..spec()
    };
    assert_eq!(
        refusal(&ledger, &moved),
        "subnet `b` belongs to network `blue` and stays there: remove it and create one of \
         network `green`"
    );
}

/// With pool `web` in subnet `b`, which has so many records that it goes in steps, and the revision
/// at which a client saw it before the first one.
fn half_deleted() -> (Ledger, Revision) {
    let mut ledger = ledger_with_subnet();
    add_pool(&mut ledger, &pool("web", &["10.1.0.90-10.1.0.99"]));
    for last in 2..122 {
        let attachment = format!("c{last}/eth0");
        bind(&mut ledger, &attachment, None, &format!("10.1.0.{last}"));
        give_back(&mut ledger, &attachment);
    }
    let seen = ledger.catalog().subnet(&name("b")).unwrap().revision;
    let step = delete_subnet(ledger.catalog(), &name("b"), Some(seen)).unwrap();
    assert!(!step.done);
    ledger.apply(&step.change);
    (ledger, seen)
}

#[test]
fn a_subnet_goes_in_steps_each_of_which_is_a_state_of_its_own() {
    let (mut ledger, seen) = half_deleted();
    let mut steps = 1;
    loop {
        // The revision that the client saw is that of before the first step.
        let step = delete_subnet(ledger.catalog(), &name("b"), Some(seen)).unwrap();
        assert!(step.change.edits().len() <= 96);
        ledger.apply(&step.change);
        ledger.catalog().check().unwrap();
        steps += 1;
        if step.done {
            break;
        }
    }
    assert_eq!(steps, 3);
    assert!(ledger.catalog().subnet(&name("b")).is_none());
    assert_eq!(ledger.catalog().pools().count(), 0);
    assert_eq!(ledger.catalog().addresses().count(), 0);
}

#[test]
fn nothing_is_begun_with_a_subnet_that_is_being_deleted() {
    let (ledger, _) = half_deleted();
    let catalog = ledger.catalog();
    let error = update(&ledger, &spec()).unwrap_err();
    assert_eq!(error.reason(), Reason::Deleting(Kind::Subnet));
    let error = create_pool(catalog, &pool("db", &["10.1.0.10-10.1.0.19"])).unwrap_err();
    assert_eq!(error.reason(), Reason::Deleting(Kind::Subnet));
    let named = reservation("fixed", Holder::Pod(pod("web-0")), &["10.1.0.10"]);
    let any = ReservationSpec {
        addresses: Wanted::Any {
            subnets: vec![name("b")],
            count: 1,
        },
        ..named.clone()
    };
    for wanted in [named, any] {
        let error = create_reservation(&ledger, &wanted, NOW).unwrap_err();
        assert_eq!(error.reason(), Reason::Deleting(Kind::Subnet), "{error}");
    }
    for network in [None, Some(name("blue"))] {
        let webs = GroupSpec {
            network,
            pool: Some(name("web")),
            profile: None,
            ..group("webs", Scope::Cluster)
        };
        let error = create_group(catalog, &webs).unwrap_err();
        assert_eq!(error.reason(), Reason::NotFound(Kind::Pool));
    }
}

#[test]
fn an_ipv6_subnet_has_every_address_but_the_anycast_one_and_the_gateway() {
    let mut ledger = ledger();
    let whole = subnet("b", "fd00::/64", "fd00::1", &[]);
    add_subnet(&mut ledger, &whole);
    let object = ledger.catalog().subnet(&name("b")).unwrap();
    assert!(!object.may_assign(ip("fd00::")) && !object.may_assign(ip("fd00::1")));
    assert!(object.may_assign(ip("fd00::ffff:ffff:ffff:ffff")));
    let anycast = SubnetSpec {
        gateway: ip("fd00::"),
        ..whole.clone()
    };
    assert_eq!(
        refusal(&ledger, &anycast),
        "gateway `fd00::` is the subnet-router anycast address of CIDR `fd00::/64`: use one of \
         `fd00::1-fd00::ffff:ffff:ffff:ffff`"
    );
    let link_local = SubnetSpec {
        gateway: ip("fe80::1"),
        ..whole.clone()
    };
    assert!(refusal(&ledger, &link_local).starts_with("gateway `fe80::1` is not in CIDR"));
    let other_family = SubnetSpec {
        ranges: vec![parse("10.1.0.1-10.1.0.9")],
        ..whole
    };
    assert!(refusal(&ledger, &other_family).starts_with("range `10.1.0.1-10.1.0.9` is not within"));
}
