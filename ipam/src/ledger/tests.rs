use crate::fixture::{NOW, add_subnet, ip, ledger, subnet};
use crate::{Policy, allocate};

#[test]
fn loading_refuses_objects_that_contradict_each_other() {
    use crate::{Catalog, Edit, Inconsistency, Object, Revision};
    let mut ledger = ledger();
    add_subnet(&mut ledger, &subnet("b", "10.1.0.0/24", "10.1.0.1", &[]));
    let request = crate::fixture::request("c1/eth0");
    let planned = allocate(&ledger, &request, &Policy::default(), NOW).unwrap();
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
            attachment: request.attachment.clone()
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
