use super::*;
use crate::fixture::{add_subnet, ledger, name, network, subnet};
use crate::{Catalog, Key, PreconditionError};

#[test]
fn a_network_has_the_revision_of_its_change() {
    let planned = create_network(&Catalog::default(), &network("blue", "100")).unwrap();
    assert_eq!(planned.object.revision, Revision::new(1));
    assert_eq!(planned.change.revision(), Revision::new(1));
}

#[test]
fn a_name_is_taken_once() {
    let error = create_network(ledger().catalog(), &network("blue", "200")).unwrap_err();
    assert_eq!(
        error.to_string(),
        "network `blue` exists already, with VLAN `100`: choose another name, or remove that one \
         first with `netctl network rm blue`"
    );
}

#[test]
fn a_vlan_is_taken_once_and_its_network_named() {
    let error = create_network(ledger().catalog(), &network("green", "100")).unwrap_err();
    assert_eq!(
        error.to_string(),
        "VLAN `100` is in use by network `blue`: choose another VLAN, or add subnets to `blue`"
    );
}

#[test]
fn a_network_with_subnets_is_not_deleted() {
    let mut ledger = ledger();
    for (index, subnet_name) in ["b1", "b2", "b3", "b4", "b5", "b6"].iter().enumerate() {
        let cidr = format!("10.1.{index}.0/24");
        let gateway = format!("10.1.{index}.1");
        add_subnet(&mut ledger, &subnet(subnet_name, &cidr, &gateway, &[]));
    }
    let error = delete_network(ledger.catalog(), &name("blue"), None).unwrap_err();
    assert_eq!(
        error.to_string(),
        "network `blue` has 6 subnet(s), `b1`, `b2`, `b3`, `b4`, `b5` and 1 more: remove them \
         first with `netctl subnet rm`"
    );
}

#[test]
fn a_deleted_network_gives_its_name_and_vlan_back() {
    let mut ledger = ledger();
    let change = delete_network(ledger.catalog(), &name("blue"), None).unwrap();
    ledger.apply(&change);
    assert_eq!(
        delete_network(ledger.catalog(), &name("blue"), None).unwrap_err(),
        DeleteNetworkError::Precondition(PreconditionError::NotFound {
            key: Key::Network(name("blue"))
        })
    );
    create_network(ledger.catalog(), &network("blue", "100")).unwrap();
}
