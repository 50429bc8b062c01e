use super::*;
use crate::fixture::{
    NOW, add_pool, add_subnet, bind, give_back, lease, ledger, name, network, parse, pod, pool,
    reservation, reserve, subnet,
};
use crate::{Ledger, Planned, create_network};

/// With subnets `b` and `b6`, of which some is handed out.
fn ledger_with_subnets() -> Ledger {
    let mut ledger = ledger();
    let b = subnet("b", "10.1.0.0/24", "10.1.0.1", &["10.1.0.10-10.1.0.19"]);
    add_subnet(&mut ledger, &b);
    add_subnet(&mut ledger, &subnet("b6", "fd00::/64", "fd00::1", &[]));
    ledger
}

fn web() -> Workload {
    Workload {
        namespace: "shop".into(),
        name: "web".into(),
    }
}

fn any(subnets: &[&str], count: u32) -> Wanted {
    Wanted::Any {
        subnets: subnets.iter().map(|subnet| name(subnet)).collect(),
        count,
    }
}

fn pinned(ip: &str, mac: &str) -> ReservedAddress {
    ReservedAddress {
        ip: parse(ip),
        mac: Some(parse(mac)),
    }
}

fn refusal(ledger: &Ledger, spec: &ReservationSpec) -> String {
    create_reservation(ledger, spec, NOW)
        .unwrap_err()
        .to_string()
}

fn update(
    ledger: &Ledger,
    spec: &ReservationSpec,
) -> Result<Planned<Reservation>, UpdateReservationError> {
    let seen = ledger.catalog().reservation(&spec.name).unwrap().revision;
    update_reservation(ledger, spec, seen, NOW)
}

fn ips(reservation: &Reservation) -> Vec<String> {
    reservation
        .addresses
        .iter()
        .map(|a| a.ip.to_string())
        .collect()
}

fn for_pod(addresses: &[&str]) -> ReservationSpec {
    reservation("fixed", Holder::Pod(pod("db")), addresses)
}

#[test]
fn reserved_addresses_may_lie_outside_the_ranges_but_not_just_anywhere() {
    let mut ledger = ledger_with_subnets();
    let planned = create_network(ledger.catalog(), &network("green", "200")).unwrap();
    ledger.apply(&planned.change);
    add_subnet(&mut ledger, &green("g", "10.2.0.0/24", "10.2.0.1"));
    let excluded = crate::SubnetSpec {
        exclusions: vec![parse("10.3.0.9-10.3.0.9")],
        ..subnet("x", "10.3.0.0/24", "10.3.0.1", &[])
    };
    add_subnet(&mut ledger, &excluded);
    for (ip, start) in [
        (
            "10.9.0.1",
            "address `10.9.0.1` is in no subnet of network `blue`",
        ),
        (
            "10.2.0.7",
            "address `10.2.0.7` is in no subnet of network `blue`",
        ),
        ("0.0.0.0", "address `0.0.0.0` is in no subnet"),
        (
            "10.1.0.1",
            "address `10.1.0.1` is the gateway of subnet `b`",
        ),
        (
            "10.1.0.0",
            "address `10.1.0.0` is the network or broadcast address of",
        ),
        (
            "10.1.0.255",
            "address `10.1.0.255` is the network or broadcast address of",
        ),
        (
            "fd00::",
            "address `fd00::` is the subnet-router anycast address of",
        ),
        (
            "10.3.0.9",
            "address `10.3.0.9` is an excluded address of subnet `x`",
        ),
    ] {
        let message = refusal(&ledger, &for_pod(&[ip]));
        assert!(message.starts_with(start), "{message}");
    }
    reserve(&mut ledger, &for_pod(&["10.1.0.200", "fd00::7"]));
    ledger.catalog().check().unwrap();
    let again = reservation("other", Holder::Pod(pod("x")), &["10.1.0.200"]);
    assert!(refusal(&ledger, &again).starts_with("address `10.1.0.200` is reserved by `fixed`"));
    let renamed = for_pod(&["10.1.0.201"]);
    assert!(refusal(&ledger, &renamed).starts_with("reservation `fixed` exists already"));
}

fn green(subnet_name: &str, cidr: &str, gateway: &str) -> crate::SubnetSpec {
    crate::SubnetSpec {
        network: name("green"),
        ..subnet(subnet_name, cidr, gateway, &[])
    }
}

#[test]
fn what_somebody_else_has_is_not_reserved_and_what_the_holder_has_is() {
    let mut ledger = ledger_with_subnets();
    bind(&mut ledger, "c1/eth0", Some(pod("web-0")), "10.1.0.10");
    bind(&mut ledger, "c2/eth0", Some(pod("web-1")), "10.1.0.11");
    bind(&mut ledger, "c3/eth0", None, "10.1.0.12");
    lease(&mut ledger, "10.1.0.13");
    for (ip, user) in [
        ("10.1.0.10", "pod shop/web-0"),
        ("10.1.0.12", "endpoint c3/eth0"),
        ("10.1.0.13", "the reserve of node n1"),
    ] {
        let message = refusal(&ledger, &for_pod(&[ip]));
        let start = format!("address `{ip}` is in use by {user}: ");
        assert!(message.starts_with(&start), "{message}");
    }
    let set = |addresses: &[&str]| reservation("set", Holder::StatefulSet(web()), addresses);
    let swapped = refusal(&ledger, &set(&["10.1.0.11", "10.1.0.10"]));
    assert!(swapped.starts_with("address `10.1.0.11` is in use by pod shop/web-1"));
    let workload = reservation("w", Holder::Workload(web()), &["10.1.0.10"]);
    assert!(refusal(&ledger, &workload).contains("is in use by pod shop/web-0"));
    reserve(&mut ledger, &set(&["10.1.0.10", "10.1.0.11"]));
    ledger.catalog().check().unwrap();
}

#[test]
fn the_number_of_addresses_fits_the_holder() {
    let ledger = ledger_with_subnets();
    let of = |holder: Holder, spare: u32, addresses: &[&str]| {
        let spec = ReservationSpec {
            spare,
            ..reservation("r", holder, addresses)
        };
        create_reservation(&ledger, &spec, NOW).map_err(|error| error.to_string())
    };
    let (one, two) = ("10.1.0.10", "10.1.0.11");
    let set = || Holder::StatefulSet(web());
    let workload = || Holder::Workload(web());
    let of_pod = |spare, addresses: &[&str]| of(Holder::Pod(pod("db")), spare, addresses);
    for (outcome, start) in [
        (
            of_pod(0, &[]),
            "a reservation has 1–256 addresses, and not 0",
        ),
        (
            of_pod(0, &[one, two]),
            "a pod has one address of each family, and not 2",
        ),
        (of_pod(1, &[one]), "1 spare address(es) do not fit"),
        (
            of(set(), 0, &[one, one]),
            "address `10.1.0.10` is named twice",
        ),
        (of(set(), 1, &[one, two]), "1 spare address(es) do not fit"),
        (
            of(set(), 0, &[one, two, "fd00::7"]),
            "2 address(es) of IPv4 and 1 of IPv6 do not go together",
        ),
        (
            of(workload(), 2, &[one, two]),
            "2 spare address(es) do not fit",
        ),
        (
            of(workload(), u32::MAX, &[one]),
            "4294967295 spare address(es) do not fit",
        ),
    ] {
        let message = outcome.unwrap_err();
        assert!(message.starts_with(start), "{message}");
    }
    of_pod(0, &[one, "fd00::7"]).unwrap();
    of(set(), 0, &[one, "fd00::7", two, "fd00::8"]).unwrap();
    of(workload(), 1, &[one, two]).unwrap();
    let many: Vec<_> = (0..257).map(|n| format!("fd00::1:{n:x}")).collect();
    let many: Vec<_> = many.iter().map(String::as_str).collect();
    of(set(), 0, &many[..256]).unwrap();
    assert!(of(set(), 0, &many).unwrap_err().contains("and not 257"));
}

#[test]
fn any_addresses_are_the_longest_free_that_nobody_has_a_claim_to() {
    let mut ledger = ledger_with_subnets();
    add_pool(&mut ledger, &pool("web", &["10.1.0.12-10.1.0.13"]));
    bind(&mut ledger, "c1/eth0", None, "10.1.0.10");
    bind(&mut ledger, "c2/eth0", None, "10.1.0.11");
    give_back(&mut ledger, "c1/eth0");
    reserve(&mut ledger, &for_pod(&["10.1.0.15"]));
    let spec = |count, spare| ReservationSpec {
        addresses: any(&["b6", "b"], count),
        spare,
        ..reservation("w", Holder::Workload(web()), &[])
    };
    let planned = create_reservation(&ledger, &spec(4, 2), NOW).unwrap();
    let v6: Vec<_> = (2..8).map(|n| format!("fd00::{n}")).collect();
    let v4 = [14, 16, 17, 18, 19, 10].map(|n| format!("10.1.0.{n}"));
    assert_eq!(ips(&planned.object), [v6, v4.to_vec()].concat());
    assert_eq!(
        refusal(&ledger, &spec(5, 2)),
        "subnet `b` has 6 address(es) to reserve, and 7 are wanted: release some, see `netctl \
         address ls --subnet b`, or choose another subnet"
    );
}

#[test]
fn what_any_addresses_are_to_be_chosen_from_makes_sense() {
    let mut ledger = ledger_with_subnets();
    let planned = create_network(ledger.catalog(), &network("green", "200")).unwrap();
    ledger.apply(&planned.change);
    add_subnet(&mut ledger, &green("g", "10.2.0.0/24", "10.2.0.1"));
    add_subnet(&mut ledger, &subnet("c", "10.3.0.0/24", "10.3.0.1", &[]));
    for (subnets, count, start) in [
        (&[][..], 1, " are not one subnet, or one of each family"),
        (
            &["b", "c"][..],
            1,
            "`b` and `c` are not one subnet, or one of each family",
        ),
        (
            &["b", "b6", "c"][..],
            1,
            "`b`, `b6` and `c` are not one subnet",
        ),
        (&["x"][..], 1, "subnet `x` does not exist"),
        (
            &["g"][..],
            1,
            "subnet `g` belongs to network `green` and not to `blue`",
        ),
        (
            &["b"][..],
            0,
            "a reservation has 1–256 addresses, and not 0",
        ),
        (
            &["b6"][..],
            257,
            "a reservation has 1–256 addresses, and not 257",
        ),
        (
            &["b", "b6"][..],
            129,
            "a reservation has 1–256 addresses, and not 258",
        ),
        (
            &["b6"][..],
            u32::MAX,
            "a reservation has 1–256 addresses, and not 4294967295",
        ),
    ] {
        let spec = ReservationSpec {
            addresses: any(subnets, count),
            ..reservation("w", Holder::StatefulSet(web()), &[])
        };
        let message = refusal(&ledger, &spec);
        assert!(message.starts_with(start), "{message}");
    }
}

#[test]
fn a_pinned_mac_address_is_unicast_and_nobody_elses() {
    let mut ledger = ledger_with_subnets();
    bind(&mut ledger, "c1/eth0", None, "10.1.0.10");
    let pins = |pins: &[(&str, &str)]| ReservationSpec {
        addresses: Wanted::Named(pins.iter().map(|(ip, mac)| pinned(ip, mac)).collect()),
        ..reservation("set", Holder::StatefulSet(web()), &[])
    };
    let other = ReservationSpec {
        addresses: Wanted::Named(vec![pinned("10.1.0.100", "02:aa:00:00:00:01")]),
        ..for_pod(&[])
    };
    reserve(&mut ledger, &other);
    let (one, two, six) = ("10.1.0.101", "10.1.0.102", "fd00::7");
    let (mac, mac2) = ("02:aa:00:00:00:02", "02:aa:00:00:00:03");
    for (spec, start) in [
        (
            pins(&[(one, "03:aa:00:00:00:01")]),
            "MAC address `03:aa:00:00:00:01` of `10.1.0.101` is not that of one machine",
        ),
        (
            pins(&[(one, "00:00:00:00:00:00")]),
            "MAC address `00:00:00:00:00:00` of `10.1.0.101` is not that of one machine",
        ),
        (
            pins(&[(one, "ff:ff:ff:ff:ff:ff")]),
            "MAC address `ff:ff:ff:ff:ff:ff` of `10.1.0.101` is not that of one machine",
        ),
        (
            pins(&[(one, mac), (two, mac)]),
            "MAC address `02:aa:00:00:00:02` of `10.1.0.102` does not go with",
        ),
        (
            pins(&[(one, mac), (six, mac2)]),
            "MAC address `02:aa:00:00:00:03` of `fd00::7` does not go with",
        ),
        (
            pins(&[(one, "02:01:0a:01:00:66")]),
            "MAC address `02:01:0a:01:00:66` of `10.1.0.101` is what whoever has `10.1.0.102` gets",
        ),
        (
            pins(&[(one, "02:aa:00:00:00:01")]),
            "MAC address `02:aa:00:00:00:01` of `10.1.0.101` is that of reservation `fixed` already",
        ),
        (
            pins(&[(one, "02:bb:00:00:00:01")]),
            "MAC address `02:bb:00:00:00:01` of `10.1.0.101` is that of endpoint `c1/eth0` already",
        ),
    ] {
        let message = refusal(&ledger, &spec);
        assert!(message.starts_with(start), "{message}");
    }
    for good in [
        pins(&[(one, mac), (six, mac)]),
        pins(&[(one, "02:01:0a:01:00:65")]),
        pins(&[(one, mac), (two, mac2)]),
    ] {
        create_reservation(&ledger, &good, NOW).unwrap();
    }
}

#[test]
fn texts_and_times_have_limits() {
    let ledger = ledger_with_subnets();
    let spec = || for_pod(&["10.1.0.10"]);
    let named = |namespace: &str, pod_name: &str| ReservationSpec {
        holder: Holder::Pod(Pod {
            namespace: namespace.into(),
            name: pod_name.into(),
        }),
        ..spec()
    };
    let long = "x".repeat(257);
    for (bad, start) in [
        (named("", "db"), "namespace `` of the holder is not valid"),
        (
            named("shop", "a/b"),
            "name `a/b` of the holder is not valid",
        ),
        (
            named("shop", "a b"),
            "name `a b` of the holder is not valid",
        ),
        (
            named("shop", "\u{0}"),
            "name `\\0` of the holder is not valid",
        ),
        (named("shop", &long), "name `xxx"),
        (
            ReservationSpec {
                owner: long.clone(),
                ..spec()
            },
            "owner `xxx",
        ),
        (
            ReservationSpec {
                reason: "a\nb".into(),
                ..spec()
            },
            "reason `a\\nb` is not valid",
        ),
        (
            ReservationSpec {
                expires: Some(NOW),
                ..spec()
            },
            "expiry 1700000000 is not after now, 1700000000",
        ),
        (
            ReservationSpec {
                expires: Some(Timestamp::LATEST.after(1)),
                ..spec()
            },
            "expiry 253402300800 is after the year 9999, which is 253402300799: give seconds",
        ),
        (
            ReservationSpec {
                retention: Retention::Seconds(u64::MAX),
                ..spec()
            },
            "retention of 18446744073709551615 seconds is more than 100 years, 3155760000: ",
        ),
    ] {
        let message = refusal(&ledger, &bad);
        assert!(message.starts_with(start), "{message}");
    }
    let good = ReservationSpec {
        owner: "é".repeat(128),
        expires: Some(Timestamp::LATEST),
        retention: Retention::Seconds(Reservation::RETENTION_MAX),
        ..spec()
    };
    create_reservation(&ledger, &good, NOW).unwrap();
}

#[test]
fn addresses_in_use_stay_reserved_and_the_pod_is_named() {
    let mut ledger = ledger_with_subnets();
    let set = |addresses: &[&str]| reservation("set", Holder::StatefulSet(web()), addresses);
    reserve(&mut ledger, &set(&["10.1.0.10", "10.1.0.11"]));
    bind(&mut ledger, "c1/eth0", Some(pod("web-1")), "10.1.0.11");
    let error = update(&ledger, &set(&["10.1.0.10"])).unwrap_err();
    assert_eq!(
        error.to_string(),
        "reservation `set` cannot leave out 1 address(es) that are in use, `10.1.0.11 of pod \
         shop/web-1`: remove the pods first"
    );
    let error = delete_reservation(ledger.catalog(), &name("set"), None).unwrap_err();
    assert_eq!(
        error.to_string(),
        "reservation `set` has 1 address(es) in use, `10.1.0.11 of pod shop/web-1`: remove the \
         pods first, or let it expire with `netctl reservation set set --expires`"
    );
    // The address would become that of `web-0`.
    let error = update(&ledger, &set(&["10.1.0.11", "10.1.0.12"]))
        .unwrap_err()
        .to_string();
    assert!(
        error.contains("`10.1.0.11` is in use by pod shop/web-1"),
        "{error}"
    );
    let others = ReservationSpec {
        holder: Holder::Workload(web()),
        ..set(&["10.1.0.10", "10.1.0.11"])
    };
    let error = update(&ledger, &others).unwrap_err().to_string();
    assert!(
        error.contains("`10.1.0.11` is in use by pod shop/web-1"),
        "{error}"
    );
    let planned = update(&ledger, &set(&["10.1.0.13", "10.1.0.11", "10.1.0.14"])).unwrap();
    ledger.apply(&planned.change);
    ledger.catalog().check().unwrap();
    assert!(
        ledger
            .catalog()
            .reservation_of(parse("10.1.0.10"))
            .is_none()
    );
    give_back(&mut ledger, "c1/eth0");
    let change = delete_reservation(ledger.catalog(), &name("set"), None).unwrap();
    ledger.apply(&change);
    assert!(
        ledger
            .catalog()
            .reservation_of(parse("10.1.0.11"))
            .is_none()
    );
}

#[test]
fn a_set_grows_by_free_addresses_and_shrinks_from_its_end() {
    let mut ledger = ledger_with_subnets();
    let set = |count| ReservationSpec {
        addresses: any(&["b"], count),
        ..reservation("set", Holder::StatefulSet(web()), &[])
    };
    reserve(&mut ledger, &set(2));
    let seen = ledger.catalog().reservation(&name("set")).unwrap().clone();
    assert_eq!(ips(&seen), ["10.1.0.10", "10.1.0.11"]);
    assert!(update(&ledger, &set(2)).unwrap().change.is_empty());
    let planned = update(&ledger, &set(4)).unwrap();
    ledger.apply(&planned.change);
    let all = ["10.1.0.10", "10.1.0.11", "10.1.0.12", "10.1.0.13"];
    assert_eq!(ips(&planned.object), all);
    assert_eq!(planned.object.created, seen.created);
    let error = update_reservation(&ledger, &set(1), seen.revision, NOW).unwrap_err();
    assert!(matches!(error, UpdateReservationError::Precondition(_)));
    bind(&mut ledger, "c1/eth0", Some(pod("web-3")), "10.1.0.13");
    assert!(update(&ledger, &set(3)).is_err());
    give_back(&mut ledger, "c1/eth0");
    let planned = update(&ledger, &set(1)).unwrap();
    assert_eq!(ips(&planned.object), ["10.1.0.10"]);
}

#[test]
fn a_workload_gives_up_what_is_not_in_use() {
    let mut ledger = ledger_with_subnets();
    let workload = |count| ReservationSpec {
        addresses: any(&["b"], count),
        ..reservation("w", Holder::Workload(web()), &[])
    };
    reserve(&mut ledger, &workload(3));
    bind(
        &mut ledger,
        "c1/eth0",
        Some(pod("web-6d5f-abcde")),
        "10.1.0.12",
    );
    let planned = update(&ledger, &workload(1)).unwrap();
    assert_eq!(ips(&planned.object), ["10.1.0.12"]);
}

#[test]
fn a_reservation_stays_in_its_network() {
    let mut ledger = ledger_with_subnets();
    reserve(&mut ledger, &for_pod(&["10.1.0.10"]));
    let moved = ReservationSpec {
        network: name("green"),
        ..for_pod(&["10.1.0.10"])
    };
    assert_eq!(
        update(&ledger, &moved).unwrap_err().to_string(),
        "reservation `fixed` is of network `blue` and stays there: create another one of network \
         `green`"
    );
}

#[test]
fn a_subnet_with_reserved_addresses_is_not_deleted() {
    let mut ledger = ledger_with_subnets();
    reserve(&mut ledger, &for_pod(&["10.1.0.10", "fd00::7"]));
    for subnet in ["b", "b6"] {
        let error = crate::delete_subnet(ledger.catalog(), &name(subnet), None).unwrap_err();
        assert_eq!(
            error.to_string(),
            format!(
                "subnet `{subnet}` has addresses of 1 reservation(s), `fixed`: remove them first \
                 with `netctl reservation rm`"
            )
        );
    }
}

#[test]
fn ordinals_are_written_in_one_way() {
    let ordinal = |pod_name: &str| web().ordinal_of(&pod(pod_name));
    assert_eq!(ordinal("web-0"), Some(0));
    assert_eq!(ordinal("web-120"), Some(120));
    for other in [
        "web",
        "web-",
        "web-01",
        "web-+1",
        "web-1-2",
        "webx-1",
        "web-99999999999999999999",
    ] {
        assert_eq!(ordinal(other), None, "{other}");
    }
    let elsewhere = Pod {
        namespace: "bank".into(),
        ..pod("web-0")
    };
    assert_eq!(web().ordinal_of(&elsewhere), None);
}
