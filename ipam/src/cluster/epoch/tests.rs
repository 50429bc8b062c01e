use super::*;
use crate::fixture::{NOW, add_node, ledger, name};

#[test]
fn a_cluster_is_founded_once() {
    let mut ledger = ledger();
    assert!(
        begin_epoch(ledger.catalog(), Epoch::default(), NOW).is_empty(),
        "nothing to restore"
    );
    let change = found_cluster(ledger.catalog(), "c1", NOW);
    ledger.apply(&change);
    assert!(found_cluster(ledger.catalog(), "c2", NOW).is_empty());
    assert_eq!(ledger.catalog().cluster().unwrap().id, "c1");
    assert_eq!(ledger.catalog().unreported().count(), 0);
}

#[test]
fn in_a_new_epoch_every_node_has_yet_to_report_new_ones_too() {
    let mut ledger = ledger();
    let change = found_cluster(ledger.catalog(), "c1", NOW);
    ledger.apply(&change);
    let change = begin_epoch(ledger.catalog(), Epoch::default(), NOW);
    ledger.apply(&change);
    assert_eq!(ledger.catalog().epoch(), Epoch::new(NOW.unix_seconds()));
    add_node(&mut ledger, "n2", "r2");
    let unreported: Vec<_> = ledger
        .catalog()
        .unreported()
        .map(|n| n.name.clone())
        .collect();
    assert_eq!(unreported, [name("n1"), name("n2")]);
    let change = waive_report(ledger.catalog(), &name("n2"), NOW).unwrap();
    ledger.apply(&change);
    assert_eq!(ledger.catalog().unreported().count(), 1);
    assert!(
        waive_report(ledger.catalog(), &name("n2"), NOW)
            .unwrap()
            .is_empty()
    );
    assert!(waive_report(ledger.catalog(), &name("n9"), NOW).is_err());
}

#[test]
fn a_new_epoch_is_later_than_all_that_are_known_and_than_the_clock() {
    let mut ledger = ledger();
    let change = found_cluster(ledger.catalog(), "c1", NOW);
    ledger.apply(&change);
    let mut begun = |seen: u64, now: Timestamp| {
        let change = begin_epoch(ledger.catalog(), Epoch::new(seen), now);
        ledger.apply(&change);
        ledger.catalog().epoch().number()
    };
    let clock = NOW.unix_seconds();
    assert_eq!(begun(0, NOW), clock);
    assert_eq!(begun(0, NOW), clock + 1, "twice in a second");
    assert_eq!(begun(clock + 70, NOW), clock + 71, "over a later one");
    let past = Timestamp::from_unix_seconds(5);
    assert_eq!(begun(0, past), clock + 72, "with a clock that was put back");
    assert_eq!(begun(0, NOW.after(100)), clock + 100);
}
