use super::*;
use crate::fixture::{NOW, add_node, add_subnet, give_back, ledger, name, request, subnet, take};

fn spec(rack: &str) -> NodeSpec {
    NodeSpec {
        name: name("n1"),
        rack: name(rack),
        labels: Default::default(),
        boot_id: None,
        agent_version: None,
    }
}

#[test]
fn registering_again_changes_nothing() {
    let ledger = ledger();
    let planned = register_node(&ledger, &spec("r1"), &Policy::default(), NOW).unwrap();
    assert!(planned.change.is_empty());
}

#[test]
fn a_node_with_endpoints_stays_in_its_rack() {
    let mut ledger = ledger();
    add_subnet(&mut ledger, &subnet("b", "10.1.0.0/24", "10.1.0.1", &[]));
    take(&mut ledger, &request("c1/eth0"));
    let error = register_node(&ledger, &spec("r2"), &Policy::default(), NOW).unwrap_err();
    assert_eq!(
        error.to_string(),
        "node `n1` cannot move from rack `r1` to rack `r2` while 1 address(es) are bound or \
         leased on it, `10.1.0.2`: move its pods elsewhere first, or correct its rack"
    );
    give_back(&mut ledger, "c1/eth0");
    add_node(&mut ledger, "n1", "r2");
    assert_eq!(ledger.catalog().node(&name("n1")).unwrap().rack, name("r2"));
}
