//! Short words for tests.

use std::net::IpAddr;
use std::str::FromStr;

use trunkline_types::{Attachment, Name};

use crate::{
    AllocateRequest, Ledger, NetworkSpec, NodeSpec, Placement, SubnetSpec, Timestamp,
    create_network, create_subnet, register_node, release,
};

pub(crate) const NOW: Timestamp = Timestamp::from_unix_seconds(1_700_000_000);

pub(crate) fn parse<T: FromStr<Err: std::fmt::Debug>>(text: &str) -> T {
    text.parse().unwrap()
}

pub(crate) fn name(text: &str) -> Name {
    parse(text)
}

pub(crate) fn ip(text: &str) -> IpAddr {
    parse(text)
}

pub(crate) fn network(name: &str, vlan: &str) -> NetworkSpec {
    NetworkSpec {
        name: parse(name),
        vlan: parse(vlan),
        mtu: Default::default(),
        labels: Default::default(),
    }
}

/// A subnet of network `blue`, in no rack.
pub(crate) fn subnet(name: &str, cidr: &str, gateway: &str, ranges: &[&str]) -> SubnetSpec {
    SubnetSpec {
        name: parse(name),
        network: parse("blue"),
        cidr: parse(cidr),
        gateway: parse(gateway),
        ranges: ranges.iter().map(|range| parse(range)).collect(),
        exclusions: Vec::new(),
        placement: Placement::Anywhere,
        labels: Default::default(),
    }
}

pub(crate) fn in_rack(spec: SubnetSpec, rack: &str) -> SubnetSpec {
    SubnetSpec {
        placement: Placement::Rack(parse(rack)),
        ..spec
    }
}

/// For network `blue`, from node `n1`.
pub(crate) fn request(attachment: &str) -> AllocateRequest {
    AllocateRequest {
        attachment: parse(attachment),
        network: parse("blue"),
        node: parse("n1"),
        pod: None,
    }
}

/// A ledger with network `blue` and node `n1` in rack `r1`.
pub(crate) fn ledger() -> Ledger {
    let mut ledger = Ledger::default();
    let blue = create_network(ledger.catalog(), &network("blue", "100")).unwrap();
    ledger.apply(&blue.change);
    add_node(&mut ledger, "n1", "r1");
    ledger
}

pub(crate) fn add_node(ledger: &mut Ledger, name: &str, rack: &str) {
    let spec = NodeSpec {
        name: parse(name),
        rack: parse(rack),
        labels: Default::default(),
        boot_id: None,
        agent_version: None,
    };
    let node = register_node(ledger.catalog(), &spec, NOW).unwrap();
    ledger.apply(&node.change);
}

pub(crate) fn add_subnet(ledger: &mut Ledger, spec: &SubnetSpec) {
    let subnet = create_subnet(ledger.catalog(), spec).unwrap();
    ledger.apply(&subnet.change);
}

/// Allocates as `request` says and answers the address.
pub(crate) fn take(ledger: &mut Ledger, request: &AllocateRequest) -> String {
    let planned = crate::allocate(ledger.catalog(), ledger.free(), request, NOW).unwrap();
    ledger.apply(&planned.change);
    planned.object.addresses[0].ip.to_string()
}

pub(crate) fn give_back(ledger: &mut Ledger, attachment: &str) {
    let attachment: Attachment = parse(attachment);
    let change = release(ledger.catalog(), &attachment, NOW);
    ledger.apply(&change);
}
