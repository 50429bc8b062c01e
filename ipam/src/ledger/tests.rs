use crate::fixture::{NOW, add_profile, add_subnet, ip, ledger, request, subnet, take};
use crate::{ChangedSince, Ledger, Policy, Rehearsal, allocate, delete_profile};

#[test]
fn who_looked_before_the_last_change_of_an_operator_is_told_so() {
    let mut ledger = ledger();
    add_subnet(&mut ledger, &subnet("b", "10.1.0.0/24", "10.1.0.1", &[]));
    let seen = ledger.catalog().revision();
    assert_eq!(ledger.check_unchanged_since(seen), Ok(()));
    // What pods do does not count, nor what is only tried.
    take(&mut ledger, &request("c1/eth0"));
    assert!(ledger.catalog().revision() > seen);
    let gold = "gold".parse().unwrap();
    {
        let mut other = ledger.clone();
        add_profile(&mut other, "gold");
        let mut rehearsal = Rehearsal::on(&mut other);
        let gone = delete_profile(rehearsal.ledger().catalog(), &gold, None).unwrap();
        let before = rehearsal.ledger().catalog().revision();
        rehearsal.make(&gone);
        drop(rehearsal);
        assert_eq!(other.check_unchanged_since(before), Ok(()));
    }
    assert_eq!(ledger.check_unchanged_since(seen), Ok(()));
    add_profile(&mut ledger, "gold");
    let current = ledger.catalog().revision();
    let changed = Err(ChangedSince { seen, current });
    assert_eq!(ledger.check_unchanged_since(seen), changed);
    assert_eq!(ledger.check_unchanged_since(current), Ok(()));
    // That something is gone is a change that no object tells of.
    let gone = delete_profile(ledger.catalog(), &gold, None).unwrap();
    ledger.apply(&gone);
    assert!(ledger.check_unchanged_since(current).is_err());
    // Who begins with what there is does not know what was before.
    let begun = Ledger::of(ledger.catalog().clone());
    assert!(begun.check_unchanged_since(current).is_err());
}

#[test]
fn loading_refuses_objects_that_contradict_each_other() {
    use crate::{Catalog, Edit, Inconsistency, Object, Revision};
    let mut ledger = ledger();
    add_subnet(&mut ledger, &subnet("b", "10.1.0.0/24", "10.1.0.1", &[]));
    let wish = request("c1/eth0");
    let planned = allocate(&ledger, &wish, &Policy::default(), NOW).unwrap();
    let objects = |wanted: fn(&Object) -> bool| {
        let catalog = ledger.catalog();
        let base = (catalog.networks().cloned().map(Object::Network))
            .chain(catalog.subnets().cloned().map(Object::Subnet))
            .chain(catalog.nodes().cloned().map(Object::Node));
        let new = planned.change.edits().iter().filter_map(|edit| match edit {
            Edit::Put(object) => Some(object.clone()),
            Edit::Delete(_) => None,
        });
        base.chain(new).filter(wanted).collect::<Vec<_>>()
    };
    let load = |objects| Catalog::load(Revision::new(4), objects);
    assert!(load(objects(|_| true)).is_ok());
    assert_eq!(
        load(objects(|object| !matches!(object, Object::Endpoint(_)))),
        Err(Inconsistency::Leaked {
            ip: ip("10.1.0.2"),
            attachment: wish.attachment.clone()
        })
    );
    assert!(matches!(
        load(objects(|object| !matches!(object, Object::Address(_)))),
        Err(Inconsistency::Unbound { .. })
    ));
    assert!(matches!(
        load(objects(|object| !matches!(object, Object::Node(_)))),
        Err(Inconsistency::Missing { .. })
    ));
    assert!(matches!(
        load(objects(|object| !matches!(object, Object::Network(_)))),
        Err(Inconsistency::Missing { .. })
    ));
    assert!(matches!(
        load(objects(|object| !matches!(object, Object::Subnet(_)))),
        Err(Inconsistency::Stray { .. })
    ));
}
