//! What there is to begin with, and what operations choose from.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::str::FromStr;

use trunkline_ipam::{
    Catalog, Change, Edit, Key, Ledger, NetworkSpec, NodeSpec, Object, Placement, Policy,
    SubnetSpec, Timestamp, create_network, create_subnet, found_cluster, register_node,
};
use trunkline_types::{Name, Pod};

pub const START: Timestamp = Timestamp::from_unix_seconds(1_700_000_000);
pub const NETWORKS: [&str; 3] = ["blue", "green", "red"];
/// Name, rack, label.
pub const NODES: [(&str, &str, &str); 4] = [
    ("n1", "r1", "gold"),
    ("n2", "r1", "tin"),
    ("n3", "r2", "gold"),
    ("n4", "r3", "tin"),
];

pub fn parse<T: FromStr<Err: std::fmt::Debug>>(text: &str) -> T {
    text.parse().unwrap()
}

pub fn name(text: &str) -> Name {
    parse(text)
}

pub fn pod(number: u8) -> Pod {
    Pod {
        namespace: "shop".to_owned(),
        name: match number {
            0..4 => format!("db-{number}"),
            _ => format!("web-x{number}"),
        },
    }
}

/// The subnets, each in two forms that an update goes back and forth between.
pub fn subnets() -> Vec<[SubnetSpec; 2]> {
    let rack = |rack| Placement::Rack(name(rack));
    let gold = || Placement::Nodes(parse("tier=gold"));
    vec![
        forms(
            "b4-r1",
            "blue",
            "10.1.0.0/28",
            rack("r1"),
            &["10.1.0.2-10.1.0.9"],
            &[],
        ),
        forms(
            "b4-r2",
            "blue",
            "10.1.1.0/28",
            rack("r2"),
            &[],
            &["10.1.1.4-10.1.1.5"],
        ),
        forms(
            "b4-any",
            "blue",
            "10.1.2.0/29",
            Placement::Anywhere,
            &[],
            &["10.1.2.3"],
        ),
        forms(
            "b6-r1",
            "blue",
            "fd00:1::/124",
            rack("r1"),
            &["fd00:1::2-fd00:1::b"],
            &["fd00:1::3"],
        ),
        forms(
            "b6-any",
            "blue",
            "fd00:2::/125",
            Placement::Anywhere,
            &["fd00:2::2-fd00:2::4"],
            &[],
        ),
        forms(
            "g4-gold",
            "green",
            "10.2.0.0/29",
            gold(),
            &[],
            &["10.2.0.4"],
        ),
        forms(
            "g4-any",
            "green",
            "10.2.1.0/28",
            Placement::Anywhere,
            &["10.2.1.3-10.2.1.6"],
            &[],
        ),
        forms(
            "r6-r2",
            "red",
            "fd00:3::/124",
            rack("r2"),
            &["fd00:3::2-fd00:3::7"],
            &[],
        ),
        forms(
            "r6-any",
            "red",
            "fd00:4::/125",
            Placement::Anywhere,
            &[],
            &["fd00:4::5"],
        ),
    ]
}

fn forms(
    subnet: &str,
    network: &str,
    cidr: &str,
    placement: Placement,
    ranges: &[&str],
    exclusions: &[&str],
) -> [SubnetSpec; 2] {
    let cidr: trunkline_types::Cidr = parse(cidr);
    let whole = SubnetSpec {
        name: name(subnet),
        network: name(network),
        cidr,
        gateway: cidr.hosts().first(),
        ranges: Vec::new(),
        exclusions: Vec::new(),
        placement,
        labels: Default::default(),
    };
    let part = SubnetSpec {
        ranges: ranges.iter().map(|range| parse(range)).collect(),
        exclusions: exclusions.iter().map(|range| parse(range)).collect(),
        ..whole.clone()
    };
    [whole, part]
}

/// Pools: subnet, name, range.
pub const POOLS: [(&str, &str, &str); 4] = [
    ("b4-r1", "web", "10.1.0.6-10.1.0.8"),
    ("b4-any", "web", "10.1.2.4-10.1.2.5"),
    ("b6-any", "web", "fd00:2::3-fd00:2::4"),
    ("g4-any", "nodes", "10.2.1.4-10.2.1.6"),
];

/// Every host address of every subnet.
pub fn universe() -> Vec<IpAddr> {
    let hosts = subnets().into_iter().map(|[whole, _]| whole.cidr.hosts());
    hosts.flat_map(each).collect()
}

pub fn each(range: trunkline_types::AddressRange) -> Vec<IpAddr> {
    let next = |ip: IpAddr| match ip {
        IpAddr::V4(ip) => IpAddr::V4((u32::from(ip) + 1).into()),
        IpAddr::V6(ip) => IpAddr::V6((u128::from(ip) + 1).into()),
    };
    let mut ips = vec![range.first()];
    while *ips.last().unwrap() != range.last() {
        ips.push(next(*ips.last().unwrap()));
    }
    ips
}

pub fn node_spec(index: usize) -> NodeSpec {
    let (node, rack, tier) = NODES[index];
    NodeSpec {
        name: name(node),
        rack: name(rack),
        labels: [(parse("tier"), parse(tier))].into_iter().collect(),
        boot_id: None,
        agent_version: None,
    }
}

/// A ledger, and beside it what a store would hold.
pub struct Books {
    pub ledger: Ledger,
    pub stored: BTreeMap<Key, Object>,
}

impl Books {
    pub fn new(policy: &Policy) -> Self {
        let mut books = Self {
            ledger: Ledger::default(),
            stored: BTreeMap::new(),
        };
        books.make(&found_cluster(books.catalog(), "c1", START));
        for (vlan, network) in (100..).zip(NETWORKS) {
            let spec = NetworkSpec {
                name: name(network),
                vlan: parse(&format!("{vlan}")),
                mtu: Default::default(),
                labels: Default::default(),
            };
            books.make(&create_network(books.catalog(), &spec).unwrap().change);
        }
        for [whole, _] in subnets() {
            books.make(&create_subnet(books.catalog(), &whole).unwrap().change);
        }
        for index in 0..NODES.len() {
            let planned = register_node(&books.ledger, &node_spec(index), policy, START);
            books.make(&planned.unwrap().change);
        }
        books
    }

    pub fn catalog(&self) -> &Catalog {
        self.ledger.catalog()
    }

    pub fn make(&mut self, change: &Change) {
        let mut keys = std::collections::BTreeSet::new();
        assert!(
            change.edits().len() <= 120,
            "{} edits",
            change.edits().len()
        );
        for edit in change.edits() {
            let key = match edit {
                // The past is not in memory.
                Edit::Put(object @ (Object::Holding(_) | Object::Event(_))) => object.key(),
                Edit::Put(object) => {
                    self.stored.insert(object.key(), object.clone());
                    object.key()
                }
                Edit::Delete(key) => {
                    self.stored.remove(key);
                    key.clone()
                }
            };
            assert!(keys.insert(key), "a key twice in {change:?}");
        }
        if change.is_empty() {
            return;
        }
        assert_eq!(change.revision(), self.catalog().revision().next());
        self.ledger.apply(change);
    }
}
