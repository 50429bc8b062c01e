use super::*;
use crate::fixture::{NOW, add_subnet, bind, in_rack, lease, ledger, name, parse, subnet};
use crate::{Ledger, NodeSpec, Placement, Policy, SubnetSpec, register_node};

fn edit(rack: &str, labels: &[(&str, &str)]) -> NodeEdit {
    NodeEdit {
        name: name("n1"),
        rack: name(rack),
        labels: (labels.iter())
            .map(|(key, value)| (parse(key), parse(value)))
            .collect(),
    }
}

fn update(ledger: &Ledger, edit: &NodeEdit) -> Result<Planned<Node>, UpdateNodeError> {
    let seen = ledger.catalog().node(&name("n1")).unwrap().revision;
    update_node(ledger.catalog(), edit, seen)
}

#[test]
fn an_operator_changes_rack_and_labels_and_nothing_else() {
    let mut ledger = ledger();
    let before = ledger.catalog().node(&name("n1")).unwrap().clone();
    let wanted = edit("r2", &[("zone", "a")]);
    let planned = update(&ledger, &wanted).unwrap();
    ledger.apply(&planned.change);
    let expected = Node {
        rack: name("r2"),
        agent_rack: Some(name("r1")),
        labels: wanted.labels.clone(),
        revision: planned.object.revision,
        ..Node::clone(&before)
    };
    assert_eq!(*planned.object, expected);
    assert!(update(&ledger, &wanted).unwrap().change.is_empty());
    assert!(update_node(ledger.catalog(), &wanted, before.revision).is_err());
}

#[test]
fn the_rack_is_what_was_said_last_and_what_an_agent_repeats_is_not_said_anew() {
    let mut ledger = ledger();
    let register = |ledger: &mut Ledger, rack: &str| {
        let spec = NodeSpec {
            name: name("n1"),
            rack: name(rack),
            labels: Labels::default(),
            boot_id: None,
            agent_version: None,
        };
        let planned = register_node(ledger, &spec, &Policy::default(), NOW);
        let planned = planned.map_err(|error| error.to_string())?;
        ledger.apply(&planned.change);
        Ok::<_, String>((planned.object.rack.to_string(), planned.change.is_empty()))
    };
    let said = |ledger: &mut Ledger, rack: &str| {
        let planned = update(ledger, &edit(rack, &[])).unwrap();
        ledger.apply(&planned.change);
    };
    let stays = |rack: &str| Ok::<_, String>((rack.to_owned(), true));
    let changes = |rack: &str| Ok::<_, String>((rack.to_owned(), false));
    // The agent has said `r1`.
    said(&mut ledger, "r9");
    let c = subnet("c", "10.1.0.0/24", "10.1.0.1", &[]);
    add_subnet(&mut ledger, &in_rack(c, "r9"));
    bind(&mut ledger, "c1/eth0", None, "10.1.0.7");
    // Pods on the new rack keep the node from no registration.
    assert_eq!(register(&mut ledger, "r1"), stays("r9"));
    assert!(register(&mut ledger, "r2").is_err());
    crate::fixture::give_back(&mut ledger, "c1/eth0");
    assert_eq!(register(&mut ledger, "r2"), changes("r2"));
    assert_eq!(register(&mut ledger, "r2"), stays("r2"));
    said(&mut ledger, "r9");
    said(&mut ledger, "r2");
    let node = ledger.catalog().node(&name("n1")).unwrap();
    assert_eq!((&node.rack, &node.agent_rack), (&name("r2"), &None));
    // An agent that is told what the operator said agrees with that.
    said(&mut ledger, "r9");
    assert_eq!(register(&mut ledger, "r9"), changes("r9"));
    let node = ledger.catalog().node(&name("n1")).unwrap();
    assert_eq!(node.agent_rack, None);
    ledger.catalog().check().unwrap();
}

#[test]
fn a_node_stays_where_its_addresses_are_for_it() {
    let mut ledger = ledger();
    let b = subnet("b", "10.1.0.0/24", "10.1.0.1", &[]);
    add_subnet(&mut ledger, &in_rack(b, "r1"));
    let c = SubnetSpec {
        placement: Placement::Nodes(parse("!gpu")),
        ..subnet("c", "10.2.0.0/24", "10.2.0.1", &[])
    };
    add_subnet(&mut ledger, &c);
    bind(&mut ledger, "c1/eth0", None, "10.1.0.7");
    lease(&mut ledger, "10.2.0.7");
    for (wanted, lost) in [
        (
            edit("r2", &[]),
            "1 address(es) of subnets that would not be for it, `10.1.0.7 of b`",
        ),
        (
            edit("r1", &[("gpu", "yes")]),
            "1 address(es) of subnets that would not be for it, `10.2.0.7 of c`",
        ),
    ] {
        let message = update(&ledger, &wanted).unwrap_err().to_string();
        assert!(message.contains(lost), "{message}");
    }
    update(&ledger, &edit("r1", &[("zone", "a")])).unwrap();
}

#[test]
fn what_was_not_for_a_node_before_does_not_hold_its_change_up() {
    let mut ledger = ledger();
    let b = subnet("b", "10.1.0.0/24", "10.1.0.1", &[]);
    add_subnet(&mut ledger, &in_rack(b, "r7"));
    bind(&mut ledger, "c1/eth0", None, "10.1.0.7");
    update(&ledger, &edit("r1", &[("zone", "a")])).unwrap();
}
