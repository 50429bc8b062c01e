use super::*;
use crate::fixture::{
    add_group, add_subnet, bind, group, lease, ledger, name, network, parse, subnet,
};
use crate::{Catalog, GroupSpec, Key, PreconditionError, Scope};

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

fn fabric(name: &str) -> Labels {
    [(parse("fabric"), parse(name))].into_iter().collect()
}

#[test]
fn a_vlan_is_taken_once_in_each_fabric() {
    let mut ledger = ledger();
    let east = |name| NetworkSpec {
        labels: fabric("east"),
        ..network(name, "100")
    };
    let planned = create_network(ledger.catalog(), &east("east-blue")).unwrap();
    ledger.apply(&planned.change);
    ledger.catalog().check().unwrap();
    assert_eq!(
        create_network(ledger.catalog(), &east("other")).unwrap_err(),
        CreateNetworkError::VlanInUse(VlanInUse {
            vlan: parse("100"),
            network: name("east-blue")
        })
    );
    // Without the label it would share a fabric, and its VLAN there, with `blue`.
    let revision = planned.object.revision;
    let moved = network("east-blue", "100");
    assert_eq!(
        update_network(ledger.catalog(), &moved, revision).unwrap_err(),
        UpdateNetworkError::VlanInUse(VlanInUse {
            vlan: parse("100"),
            network: name("blue")
        })
    );
}

#[test]
fn a_network_changes_at_the_revision_that_was_seen_only() {
    let mut ledger = ledger();
    let seen = ledger.catalog().network(&name("blue")).unwrap().revision;
    let spec = NetworkSpec {
        mtu: parse("9000"),
        ..network("blue", "200")
    };
    let planned = update_network(ledger.catalog(), &spec, seen).unwrap();
    ledger.apply(&planned.change);
    let again = update_network(ledger.catalog(), &spec, planned.object.revision).unwrap();
    assert!(again.change.is_empty());
    let error = update_network(ledger.catalog(), &spec, seen).unwrap_err();
    assert_eq!(
        error.to_string(),
        "network `blue` is at revision 3 and not at 1 any more: look at it again with `netctl \
         network show blue`, and repeat the request if it still fits"
    );
    assert!(delete_network(ledger.catalog(), &name("blue"), Some(seen)).is_err());
    let never = Revision::new(99_999);
    let error = update_network(ledger.catalog(), &spec, never).unwrap_err();
    assert!(
        error
            .to_string()
            .starts_with("network `blue` is at revision 3 and not at 99999: look at it again"),
        "{error}"
    );
    create_network(ledger.catalog(), &network("green", "100")).unwrap();
}

#[test]
fn the_vlan_stays_while_addresses_are_in_use_and_the_mtu_need_not() {
    let mut ledger = ledger();
    add_subnet(&mut ledger, &subnet("b", "10.1.0.0/24", "10.1.0.1", &[]));
    bind(&mut ledger, "c1/eth0", None, "10.1.0.7");
    lease(&mut ledger, "10.1.0.8");
    let seen = ledger.catalog().network(&name("blue")).unwrap().revision;
    let error = update_network(ledger.catalog(), &network("blue", "200"), seen).unwrap_err();
    assert!(
        error.to_string().starts_with(
            "network `blue` cannot leave VLAN `100` while 2 address(es) of it are in use, \
             `10.1.0.7` and `10.1.0.8`: "
        ),
        "{error}"
    );
    let spec = NetworkSpec {
        mtu: parse("9000"),
        ..network("blue", "100")
    };
    let planned = update_network(ledger.catalog(), &spec, seen).unwrap();
    assert_eq!(planned.object.mtu, parse("9000"));
}

#[test]
fn a_network_that_a_group_binds_is_not_deleted() {
    let mut ledger = ledger();
    add_group(
        &mut ledger,
        &GroupSpec {
            network: Some(name("blue")),
            profile: None,
            ..group("web", Scope::Cluster)
        },
    );
    let error = delete_network(ledger.catalog(), &name("blue"), None).unwrap_err();
    assert_eq!(
        error.to_string(),
        "network `blue` is bound by 1 group(s), `web`: bind them to another one first with \
         `netctl group set`"
    );
}
