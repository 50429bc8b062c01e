//! Short words for tests.

use std::net::IpAddr;
use std::str::FromStr;
use std::sync::Arc;

use trunkline_types::{Attachment, Name, Pod};

use crate::{
    Address, AddressState, AllocateRequest, Change, Digest, Edit, Endpoint, EndpointAddress, Grant,
    GroupSpec, Holder, Ledger, NetworkSpec, NodeSpec, Object, Placement, Policy, PoolSpec,
    ProfileSpec, Release, ReservationSpec, ReservedAddress, Retention, Scope, SubnetSpec,
    Timestamp, TokenRole, TokenSpec, Wanted, create_group, create_network, create_pool,
    create_profile, create_reservation, create_subnet, create_token, register_node,
};

pub(crate) const NOW: Timestamp = Timestamp::from_unix_seconds(1_700_000_000);
pub(crate) const LONG_AGO: Timestamp = Timestamp::from_unix_seconds(1_600_000_000);

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
    AllocateRequest::any(parse(attachment), name("n1"), name("blue"))
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
    let node = register_node(ledger, &spec, &Policy::default(), NOW).unwrap();
    ledger.apply(&node.change);
}

pub(crate) fn add_subnet(ledger: &mut Ledger, spec: &SubnetSpec) {
    let subnet = create_subnet(ledger.catalog(), spec).unwrap();
    ledger.apply(&subnet.change);
}

/// Allocates as `request` says and answers the address.
pub(crate) fn take(ledger: &mut Ledger, request: &AllocateRequest) -> String {
    let planned = crate::allocate(ledger, request, &Policy::default(), NOW).unwrap();
    ledger.apply(&planned.change);
    planned.object.addresses[0].ip.to_string()
}

/// Released so long ago that the cool-down is over by [`NOW`].
pub(crate) fn give_back(ledger: &mut Ledger, attachment: &str) {
    let release = gone(attachment);
    let change = crate::release(ledger.catalog(), &release, LONG_AGO).unwrap();
    ledger.apply(&change);
}

pub(crate) fn gone(attachment: &str) -> Release {
    Release {
        attachment: parse(attachment),
        reason: "released".to_owned(),
        expected: None,
    }
}

/// A pool of subnet `b`.
pub(crate) fn pool(name: &str, ranges: &[&str]) -> PoolSpec {
    PoolSpec {
        subnet: parse("b"),
        name: parse(name),
        ranges: ranges.iter().map(|range| parse(range)).collect(),
        labels: Default::default(),
    }
}

pub(crate) fn add_pool(ledger: &mut Ledger, spec: &PoolSpec) {
    let pool = create_pool(ledger.catalog(), spec).unwrap();
    ledger.apply(&pool.change);
}

/// A group that binds profile `gold`, with no priority.
pub(crate) fn group(name: &str, scope: Scope) -> GroupSpec {
    GroupSpec {
        name: parse(name),
        scope,
        network: None,
        pool: None,
        profile: Some(parse("gold")),
        priority: 0,
        labels: Default::default(),
    }
}

pub(crate) fn add_group(ledger: &mut Ledger, spec: &GroupSpec) {
    let group = create_group(ledger.catalog(), spec).unwrap();
    ledger.apply(&group.change);
}

/// A profile that limits nothing.
pub(crate) fn add_profile(ledger: &mut Ledger, name: &str) {
    let spec = ProfileSpec {
        name: parse(name),
        ingress: None,
        egress: None,
        dscp: None,
        labels: Default::default(),
    };
    let profile = create_profile(ledger.catalog(), &spec).unwrap();
    ledger.apply(&profile.change);
}

pub(crate) fn namespaces(names: &[&str]) -> std::collections::BTreeSet<Name> {
    names.iter().map(|name| parse(name)).collect()
}

pub(crate) fn pod(name: &str) -> Pod {
    Pod {
        namespace: "shop".to_owned(),
        name: name.to_owned(),
    }
}

/// A reservation of these addresses of network `blue`, for ever.
pub(crate) fn reservation(name: &str, holder: Holder, addresses: &[&str]) -> ReservationSpec {
    let address = |text: &&str| ReservedAddress {
        ip: parse(text),
        mac: None,
    };
    ReservationSpec {
        name: parse(name),
        network: parse("blue"),
        holder,
        addresses: Wanted::Named(addresses.iter().map(address).collect()),
        spare: 0,
        retention: Retention::Forever,
        owner: String::new(),
        reason: String::new(),
        expires: None,
        labels: Default::default(),
    }
}

pub(crate) fn reserve(ledger: &mut Ledger, spec: &ReservationSpec) {
    let reservation = create_reservation(ledger, spec, NOW).unwrap();
    ledger.apply(&reservation.change);
}

/// Gives `pod` the address, on node `n1`, whatever is free.
pub(crate) fn bind(ledger: &mut Ledger, attachment: &str, pod: Option<Pod>, ip: &str) {
    let revision = ledger.catalog().revision().next();
    let subnet = ledger.catalog().subnet_of(parse(ip)).unwrap().clone();
    let attachment: Attachment = parse(attachment);
    let address = Address {
        ip: parse(ip),
        subnet: subnet.name.clone(),
        network: subnet.network.clone(),
        state: AddressState::Bound {
            attachment: attachment.clone(),
        },
        since: NOW,
        conflict: None,
        revision,
    };
    let endpoint = Endpoint {
        attachment,
        pod,
        node: parse("n1"),
        network: subnet.network.clone(),
        mac: parse("02:bb:00:00:00:01"),
        addresses: vec![EndpointAddress {
            ip: parse(ip),
            subnet: subnet.name.clone(),
        }],
        pod_uid: None,
        profile: None,
        reservation: ledger
            .catalog()
            .reservation_of(parse(ip))
            .map(|reservation| reservation.name.clone()),
        created: NOW,
        revision,
    };
    let edits = vec![
        Edit::Put(Object::Address(Arc::new(address))),
        Edit::Put(Object::Endpoint(Arc::new(endpoint))),
    ];
    ledger.apply(&Change::new(revision, edits));
}

/// Puts the address into the reserve of node `n1`.
pub(crate) fn lease(ledger: &mut Ledger, ip: &str) {
    let revision = ledger.catalog().revision().next();
    let subnet = ledger.catalog().subnet_of(parse(ip)).unwrap().clone();
    let address = Address {
        ip: parse(ip),
        subnet: subnet.name.clone(),
        network: subnet.network.clone(),
        state: AddressState::Leased {
            node: parse("n1"),
            recalled: false,
            slot: None,
        },
        since: NOW,
        conflict: None,
        revision,
    };
    let put = Edit::Put(Object::Address(Arc::new(address)));
    ledger.apply(&Change::new(revision, vec![put]));
}

/// One of which nothing matters but whether it is the same.
pub(crate) fn digest(number: u8) -> Digest {
    Digest::new([number; 32])
}

/// An operator's, good for an hour.
pub(crate) fn token(name: &str, secret: u8, networks: &[&str]) -> TokenSpec {
    TokenSpec {
        name: parse(name),
        digest: digest(secret),
        grant: Grant::Role {
            role: TokenRole::Operator,
            networks: networks.iter().map(|network| parse(network)).collect(),
        },
        expires: NOW.after(3600),
    }
}

/// One to join by, good for an hour.
pub(crate) fn join_token(name: &str, secret: u8, nodes: &[&str], reusable: bool) -> TokenSpec {
    TokenSpec {
        grant: Grant::Join {
            nodes: nodes.iter().map(|node| parse(node)).collect(),
            reusable,
            joined: Default::default(),
        },
        ..token(name, secret, &[])
    }
}

pub(crate) fn add_token(ledger: &mut Ledger, spec: TokenSpec) {
    let token = create_token(ledger.catalog(), &spec, NOW).unwrap();
    ledger.apply(&token.change);
}
