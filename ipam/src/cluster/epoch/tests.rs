use super::*;
use crate::fixture::{NOW, add_node, ledger, name};

#[test]
fn a_cluster_is_founded_once() {
    let mut ledger = ledger();
    assert!(
        begin_epoch(ledger.catalog(), NOW).is_empty(),
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
    let change = begin_epoch(ledger.catalog(), NOW);
    ledger.apply(&change);
    assert_eq!(ledger.catalog().epoch(), Epoch::new(1));
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
