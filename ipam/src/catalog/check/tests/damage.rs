//! A store that was altered by other hands.

use std::sync::Arc;

use super::objects;
use crate::fixture::{
    NOW, add_group, add_pool, add_profile, add_subnet, add_token, bind, digest, group, join_token,
    lease, ledger, name, namespaces, parse, pod, pool, reservation, reserve, subnet, token,
};
use crate::{
    Catalog, Grant, GroupSpec, Holder, Inconsistency, Ledger, Object, ReservationSpec,
    ReservedAddress, Scope, Wanted, create_network, use_to_join,
};

/// One of everything, and a network and a subnet that nothing refers to.
fn ledger_with_all() -> Ledger {
    let mut ledger = ledger();
    let planned = create_network(ledger.catalog(), &crate::fixture::network("red", "7")).unwrap();
    ledger.apply(&planned.change);
    add_subnet(&mut ledger, &subnet("b", "10.1.0.0/24", "10.1.0.1", &[]));
    add_subnet(&mut ledger, &subnet("c", "10.2.0.0/24", "10.2.0.1", &[]));
    add_pool(&mut ledger, &pool("web", &["10.1.0.10-10.1.0.19"]));
    add_pool(&mut ledger, &pool("db", &["10.1.0.20-10.1.0.29"]));
    add_profile(&mut ledger, "gold");
    let shops = Scope::Namespaces {
        namespaces: namespaces(&["shop"]),
    };
    add_group(
        &mut ledger,
        &GroupSpec {
            network: Some(name("blue")),
            pool: Some(name("web")),
            ..group("shops", shops)
        },
    );
    add_group(&mut ledger, &group("all", Scope::Cluster));
    for (reservation_name, ip, mac) in [
        ("fixed", "10.1.0.200", "02:aa:00:00:00:01"),
        ("other", "10.1.0.201", "02:aa:00:00:00:02"),
    ] {
        let address = ReservedAddress {
            ip: parse(ip),
            mac: Some(parse(mac)),
        };
        let spec = ReservationSpec {
            addresses: Wanted::Named(vec![address]),
            ..reservation(reservation_name, Holder::Pod(pod("web-0")), &[])
        };
        reserve(&mut ledger, &spec);
    }
    bind(&mut ledger, "c1/eth0", Some(pod("web-0")), "10.1.0.200");
    lease(&mut ledger, "10.1.0.40");
    add_token(&mut ledger, token("ci", 1, &["blue"]));
    add_token(&mut ledger, join_token("spare", 2, &["n1", "n2"], false));
    let joined = use_to_join(ledger.catalog(), &digest(2), &name("n1"), digest(7), NOW);
    ledger.apply(&joined.unwrap().change);
    ledger
}

/// What loading says after `damage` was done to every object; none loses the object.
fn load(damage: impl Fn(Object) -> Option<Object>) -> Result<Catalog, Inconsistency> {
    let ledger = ledger_with_all();
    let objects = objects(ledger.catalog()).into_iter().filter_map(damage);
    Catalog::load(ledger.catalog().revision(), objects)
}

/// What loading says without the object that is written like this.
fn without(key: &str) -> String {
    load(|object| (object.key().to_string() != key).then_some(object))
        .unwrap_err()
        .to_string()
}

/// Damages the objects of one kind.
macro_rules! damaged {
    ($kind:ident, $edit:expr) => {{
        let edited = load(|object| {
            Some(match object {
                Object::$kind(mut object) => {
                    let edit: fn(&mut crate::$kind) = $edit;
                    edit(Arc::make_mut(&mut object));
                    Object::$kind(object)
                }
                other => other,
            })
        });
        edited.unwrap_err().to_string()
    }};
}

#[test]
fn what_is_not_damaged_is_loaded() {
    let loaded = load(Some).unwrap();
    assert_eq!(loaded, *ledger_with_all().catalog());
    assert_eq!(loaded.addresses().filter(|a| a.since == NOW).count(), 2);
}

#[test]
fn an_object_that_another_one_names_is_missed() {
    for (key, text) in [
        (
            "network `blue`",
            "subnet `b` names network `blue`, which does not exist",
        ),
        (
            "subnet `b`",
            "pool `b/db` names subnet `b`, which does not exist",
        ),
        (
            "profile `gold`",
            "group `all` names profile `gold`, which does not exist",
        ),
        (
            "pool `b/web`",
            "group `shops` names pool `blue/web`, which does not exist",
        ),
        (
            "node `n1`",
            "address `10.1.0.40` names node `n1`, which does not exist",
        ),
        (
            "reservation `fixed`",
            "endpoint `c1/eth0` names reservation `fixed`, which does not exist",
        ),
        (
            "endpoint `c1/eth0`",
            "address `10.1.0.200` is bound to `c1/eth0`, which does not have it",
        ),
        (
            "address `10.1.0.200`",
            "endpoint `c1/eth0` has address `10.1.0.200`, which is not bound to it",
        ),
    ] {
        assert_eq!(without(key), text);
    }
}

#[test]
fn what_two_objects_share_is_seen() {
    for text in [
        damaged!(Network, |network| network.vlan = parse("100")),
        damaged!(Subnet, |subnet| subnet.cidr = parse("10.1.0.0/24")),
        damaged!(Subnet, |subnet| subnet.cidr = parse("10.0.0.0/8")),
        damaged!(Token, |token| token.digest = digest(1)),
        damaged!(Pool, |pool| pool.ranges =
            vec![parse("10.1.0.10-10.1.0.10")]),
        damaged!(Reservation, |one| one.addresses[0].ip = parse("10.1.0.201")),
        damaged!(Reservation, |one| one.addresses[0].mac =
            Some(parse("02:aa:00:00:00:01"))),
    ] {
        assert!(
            text.ends_with("shares its VLAN, addresses or secret with another one"),
            "{text}"
        );
    }
}

#[test]
fn what_no_plan_makes_is_seen() {
    for text in [
        damaged!(Subnet, |subnet| subnet.gateway = parse("10.9.0.1")),
        damaged!(Subnet, |subnet| subnet.ranges.clear()),
        damaged!(Subnet, |subnet| subnet.ranges =
            vec![parse("10.9.0.1-10.9.0.2")]),
        damaged!(Subnet, |subnet| subnet.ranges =
            vec![parse("10.1.0.0-10.2.0.255")]),
        damaged!(Pool, |pool| pool.ranges.clear()),
        damaged!(Pool, |pool| pool.ranges = vec![parse("10.2.0.5-10.2.0.6")]),
        damaged!(Group, |group| {
            group.network = None;
            group.pool = None;
            group.profile = None;
        }),
        damaged!(Group, |group| {
            group.scope = Scope::Namespaces {
                namespaces: namespaces(&[]),
            };
        }),
        damaged!(Reservation, |one| one.addresses.clear()),
        damaged!(Reservation, |one| one.spare = 1),
        damaged!(Reservation, |one| one.addresses[0].ip = parse("10.9.0.7")),
        damaged!(Reservation, |one| one.addresses[0].ip = parse("10.1.0.1")),
        damaged!(Reservation, |one| one.network = name("red")),
        damaged!(
            Token,
            |token| if let Grant::Join { nodes, .. } = &mut token.grant {
                nodes.remove(&name("n1"));
            }
        ),
        damaged!(
            Token,
            |token| if let Grant::Join { nodes, joined, .. } = &mut token.grant {
                nodes.clear();
                joined.clear();
            }
        ),
    ] {
        assert!(text.contains("is not one that can be"), "{text}");
    }
}

#[test]
fn an_address_that_nobody_may_have_is_seen() {
    for text in [
        damaged!(Address, |address| address.subnet = name("c")),
        damaged!(Address, |address| address.network = name("red")),
        damaged!(Subnet, |subnet| if subnet.name == name("b") {
            subnet.exclusions = vec![parse("10.1.0.40-10.1.0.40")];
        }),
        damaged!(Subnet, |subnet| if subnet.name == name("b") {
            subnet.gateway = parse("10.1.0.40");
        }),
    ] {
        assert!(text.contains("is not one that its subnet"), "{text}");
    }
}

#[test]
fn groups_that_tie_and_endpoints_with_two_addresses_of_a_family_are_seen() {
    let text = damaged!(Group, |group| group.scope = Scope::Cluster);
    assert_eq!(
        text,
        "group `all` and group `shops` both bind the profile of the same pods"
    );
    let text = damaged!(Endpoint, |endpoint| {
        let twice = endpoint.addresses[0].clone();
        endpoint.addresses.push(twice);
    });
    assert_eq!(
        text,
        "endpoint `c1/eth0` has no address, or two of one family"
    );
}
