use super::*;
use crate::fixture::{
    add_group, add_pool, add_subnet, bind, group, lease, ledger, name, pod, pool, reservation,
    reserve, subnet,
};
use crate::{Catalog, GroupSpec, Holder, Ledger, Scope, delete_subnet, update_subnet};

/// With subnet `b` and pool `web` in it.
fn ledger_with_pool() -> Ledger {
    let mut ledger = ledger();
    let ranges = ["10.1.0.10-10.1.0.19", "10.1.0.20-10.1.0.99"];
    add_subnet(
        &mut ledger,
        &subnet("b", "10.1.0.0/24", "10.1.0.1", &ranges),
    );
    add_pool(&mut ledger, &pool("web", &["10.1.0.15-10.1.0.24"]));
    ledger
}

fn revision(catalog: &Catalog) -> Revision {
    catalog.pool(&name("b"), &name("web")).unwrap().revision
}

fn refusal(ledger: &Ledger, ranges: &[&str]) -> String {
    let error = create_pool(ledger.catalog(), &pool("db", ranges)).unwrap_err();
    error.to_string()
}

#[test]
fn a_pool_lies_within_the_ranges_of_its_subnet_even_across_two_of_them() {
    let ledger = ledger_with_pool();
    ledger.catalog().check().unwrap();
    assert_eq!(
        refusal(&ledger, &["10.1.0.90-10.1.0.100"]),
        "range `10.1.0.90-10.1.0.100` is not within the ranges of subnet `b`: stay within \
         `10.1.0.10-10.1.0.19` and `10.1.0.20-10.1.0.99`, or widen those first with `netctl \
         subnet set b`"
    );
    assert!(refusal(&ledger, &["fd00::1-fd00::2"]).contains("is not within the ranges"));
}

#[test]
fn pools_of_a_subnet_are_disjoint() {
    let ledger = ledger_with_pool();
    assert_eq!(
        refusal(&ledger, &["10.1.0.30-10.1.0.39", "10.1.0.24-10.1.0.25"]),
        "range `10.1.0.24-10.1.0.25` overlaps pool `web` of the same subnet: make them disjoint"
    );
    let own = ["10.1.0.30-10.1.0.39", "10.1.0.39-10.1.0.40"];
    assert!(refusal(&ledger, &own).contains("overlap: join them"));
    assert_eq!(
        refusal(&ledger, &[]),
        "a pool has 1–256 ranges, and not 0: name them like `10.1.0.10-10.1.0.99`"
    );
}

#[test]
fn addresses_in_use_do_not_come_into_a_pool_unless_they_are_reserved() {
    let mut ledger = ledger_with_pool();
    bind(&mut ledger, "c1/eth0", None, "10.1.0.30");
    lease(&mut ledger, "10.1.0.31");
    assert_eq!(
        refusal(&ledger, &["10.1.0.30-10.1.0.39"]),
        "pool `b/db` cannot take in 2 address(es) that are in use, `10.1.0.30` and `10.1.0.31`: \
         choose other ranges, or move the pods first, see `netctl address ls`"
    );
    let holder = Holder::Pod(pod("web-0"));
    reserve(&mut ledger, &reservation("fixed", holder, &["10.1.0.40"]));
    bind(&mut ledger, "c2/eth0", Some(pod("web-0")), "10.1.0.40");
    create_pool(ledger.catalog(), &pool("db", &["10.1.0.40-10.1.0.49"])).unwrap();
}

#[test]
fn addresses_in_use_do_not_leave_a_pool() {
    let mut ledger = ledger_with_pool();
    bind(&mut ledger, "c1/eth0", None, "10.1.0.24");
    let seen = revision(ledger.catalog());
    let smaller = pool("web", &["10.1.0.15-10.1.0.23"]);
    let error = update_pool(ledger.catalog(), &smaller, seen).unwrap_err();
    assert!(
        error.to_string().starts_with(
            "pool `b/web` cannot leave out 1 address(es) that are in use, `10.1.0.24`"
        ),
        "{error}"
    );
    let error = delete_pool(ledger.catalog(), &name("b"), &name("web"), None).unwrap_err();
    assert!(
        error
            .to_string()
            .starts_with("pool `b/web` has 1 address(es) in use, `10.1.0.24`"),
        "{error}"
    );
    let wider = pool("web", &["10.1.0.20-10.1.0.29"]);
    let planned = update_pool(ledger.catalog(), &wider, seen).unwrap();
    ledger.apply(&planned.change);
    ledger.catalog().check().unwrap();
}

#[test]
fn the_last_pool_that_a_group_binds_stays() {
    let mut ledger = ledger_with_pool();
    add_group(
        &mut ledger,
        &GroupSpec {
            network: Some(name("blue")),
            pool: Some(name("web")),
            profile: None,
            ..group("shop", Scope::Cluster)
        },
    );
    let delete = |ledger: &Ledger| delete_pool(ledger.catalog(), &name("b"), &name("web"), None);
    assert_eq!(
        delete(&ledger).unwrap_err().to_string(),
        "pool `b/web` is the last pool that 1 group(s) bind, `shop`: bind them to another one \
         first with `netctl group set`"
    );
    let error = delete_subnet(ledger.catalog(), &name("b"), None).unwrap_err();
    assert_eq!(
        error.to_string(),
        "subnet `b` has the last pool that 1 group(s) bind, `shop`: bind them to another pool \
         first with `netctl group set`"
    );
    add_subnet(&mut ledger, &subnet("b2", "10.2.0.0/24", "10.2.0.1", &[]));
    let elsewhere = PoolSpec {
        subnet: name("b2"),
        ..pool("web", &["10.2.0.2-10.2.0.9"])
    };
    add_pool(&mut ledger, &elsewhere);
    let change = delete(&ledger).unwrap();
    ledger.apply(&change);
    ledger.catalog().check().unwrap();
}

#[test]
fn the_ranges_of_a_subnet_do_not_shrink_below_its_pools() {
    let ledger = ledger_with_pool();
    let seen = ledger.catalog().subnet(&name("b")).unwrap().revision;
    let smaller = subnet("b", "10.1.0.0/24", "10.1.0.1", &["10.1.0.10-10.1.0.23"]);
    let error = update_subnet(ledger.catalog(), &smaller, seen).unwrap_err();
    assert_eq!(
        error.to_string(),
        "pool(s) `web` of subnet `b` have addresses beyond its new ranges: change them first with \
         `netctl pool set`"
    );
}
