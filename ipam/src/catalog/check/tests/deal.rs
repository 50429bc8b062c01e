//! Numbers made into values from the edges.

use trunkline_types::{AddressRange, Pod as PodName};

use super::*;
use crate::{
    GroupSpec, NetworkSpec, Placement, PoolSpec, ProfileSpec, ReservationSpec, ReservedAddress,
    Retention, Scope, SubnetSpec, Wanted, Workload,
};

const CIDRS: [&str; 24] = [
    "10.1.0.0/28",
    "10.1.0.0/28",
    "10.1.0.0/27",
    "10.1.0.0/24",
    "10.1.0.16/28",
    "10.1.0.16/28",
    "10.1.0.2/31",
    "10.1.0.1/32",
    "10.0.0.0/8",
    "0.0.0.0/0",
    "223.255.255.240/28",
    "223.255.255.255/32",
    "255.255.255.255/32",
    "fd00::/124",
    "fd00::/124",
    "fd00::/64",
    "fd00::10/124",
    "fd00::/16",
    "::/0",
    "::1/128",
    "feff:ffff:ffff:ffff:ffff:ffff:ffff:fff0/124",
    "feff:ffff:ffff:ffff:ffff:ffff:ffff:ffff/128",
    "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff/128",
    "fe80::/64",
];
const ENDS: [&str; 4] = [
    "0.0.0.0",
    "255.255.255.255",
    "::",
    "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
];
pub(super) const NETWORKS: [&str; 3] = ["blue", "green", "red"];
pub(super) const SUBNETS: [&str; 5] = ["s1", "s2", "s3", "s4", "s5"];
pub(super) const POOLS: [&str; 3] = ["nodes", "web", "db"];
pub(super) const GROUPS: [&str; 5] = ["g1", "g2", "g3", "g4", "g5"];
pub(super) const PROFILES: [&str; 2] = ["gold", "tin"];
pub(super) const RESERVATIONS: [&str; 3] = ["r1", "r2", "r3"];
pub(super) const NODES: [&str; 3] = ["n1", "n2", "n3"];
pub(super) const RACKS: [&str; 2] = ["k1", "k2"];
const SELECTORS: [&str; 4] = ["", "zone=a", "zone=b", "!zone"];

/// What to do, and numbers to make its values of, so that operations meet.
#[derive(Clone, Debug)]
pub(super) struct Op {
    pub(super) kind: u8,
    pub(super) knobs: [u8; 24],
}

pub(super) fn op() -> impl Strategy<Value = Op> {
    (0u8..32, any::<[u8; 24]>()).prop_map(|(kind, knobs)| Op { kind, knobs })
}

/// Deals the numbers of one operation, and what is there to name.
pub(super) struct Deal<'a> {
    pub(super) left: std::iter::Cycle<std::slice::Iter<'a, u8>>,
    pub(super) catalog: Catalog,
}

impl Deal<'_> {
    /// The CIDR of a subnet that is there, mostly.
    pub(super) fn cidr(&mut self) -> String {
        let number = usize::from(self.number(20));
        let cidr = self
            .catalog
            .subnets()
            .nth(number % 5)
            .map(|s| s.cidr.to_string());
        cidr.filter(|_| number < 19)
            .unwrap_or_else(|| self.of(&CIDRS).to_owned())
    }

    pub(super) fn number(&mut self, below: u8) -> u8 {
        self.left.next().unwrap() % below
    }

    pub(super) fn of<'a>(&mut self, from: &[&'a str]) -> &'a str {
        from[usize::from(self.number(u8::try_from(from.len()).unwrap()))]
    }

    pub(super) fn name(&mut self, from: &[&str]) -> Name {
        name(self.of(from))
    }

    pub(super) fn maybe(&mut self, from: &[&str]) -> Option<Name> {
        let named = self.number(2) == 0;
        named.then(|| self.name(from))
    }

    pub(super) fn address(&mut self, cidr: &str) -> IpAddr {
        let cidr: trunkline_types::Cidr = parse(cidr);
        let step = |ip: IpAddr, by: u8, up: bool| match ip {
            IpAddr::V4(ip) if up => IpAddr::V4(u32::from(ip).saturating_add(by.into()).into()),
            IpAddr::V4(ip) => IpAddr::V4(u32::from(ip).saturating_sub(by.into()).into()),
            IpAddr::V6(ip) if up => IpAddr::V6(u128::from(ip).saturating_add(by.into()).into()),
            IpAddr::V6(ip) => IpAddr::V6(u128::from(ip).saturating_sub(by.into()).into()),
        };
        match self.number(16) {
            0 => parse(self.of(&ENDS)),
            1 => step(cidr.last(), self.number(4), false),
            2 => step(cidr.network(), 1, false),
            _ => step(cidr.network(), self.number(16), true),
        }
    }

    pub(super) fn ranges(&mut self, cidr: &str, most: u8) -> Vec<AddressRange> {
        let number = self.number(most + 1);
        let mut ranges = Vec::new();
        for _ in 0..number {
            let (one, two) = (self.address(cidr), self.address(cidr));
            ranges.extend(AddressRange::new(one.min(two), one.max(two)));
        }
        ranges
    }

    pub(super) fn labels(&mut self) -> Labels {
        match self.number(3) {
            0 => Labels::default(),
            1 => [(parse("zone"), parse("a"))].into_iter().collect(),
            _ => [(parse("zone"), parse("b"))].into_iter().collect(),
        }
    }

    pub(super) fn network(&mut self) -> NetworkSpec {
        let fabric = [(parse("fabric"), parse("f2"))];
        NetworkSpec {
            name: self.name(&NETWORKS),
            vlan: parse(self.of(&["1", "2", "4094"])),
            mtu: parse(self.of(&["1280", "9216"])),
            labels: match self.number(2) {
                0 => fabric.into_iter().collect(),
                _ => Labels::default(),
            },
        }
    }

    pub(super) fn subnet(&mut self) -> SubnetSpec {
        let spec_name = self.name(&SUBNETS);
        let Some(current) = self.catalog.subnet(&spec_name).cloned() else {
            return self.new_subnet(spec_name);
        };
        // One or two things of what is there change.
        let mut spec = SubnetSpec {
            name: spec_name.clone(),
            network: current.network.clone(),
            cidr: current.cidr,
            gateway: current.gateway,
            ranges: current.ranges.clone(),
            exclusions: current.exclusions.clone(),
            placement: current.placement.clone(),
            labels: current.labels.clone(),
        };
        for _ in 0..=self.number(2) {
            let other = self.new_subnet(spec_name.clone());
            let cidr = spec.cidr.to_string();
            match self.number(7) {
                0 => spec.cidr = other.cidr,
                1 => spec.gateway = self.address(&cidr),
                2 | 3 => spec.ranges = self.ranges(&cidr, 2),
                4 => spec.exclusions = self.ranges(&cidr, 2),
                5 => spec.placement = other.placement,
                _ => return other,
            }
        }
        spec
    }

    pub(super) fn new_subnet(&mut self, spec_name: Name) -> SubnetSpec {
        let cidr = self.of(&CIDRS);
        let plain = self.number(3) > 0;
        SubnetSpec {
            name: spec_name,
            network: self.name(&["blue", "blue", "blue", "green"]),
            cidr: parse(cidr),
            gateway: self.address(cidr),
            ranges: if plain {
                Vec::new()
            } else {
                self.ranges(cidr, 2)
            },
            exclusions: if plain {
                Vec::new()
            } else {
                self.ranges(cidr, 2)
            },
            placement: match self.number(6) {
                0 => Placement::Rack(self.name(&RACKS)),
                1 => Placement::Nodes(parse(self.of(&SELECTORS))),
                _ => Placement::Anywhere,
            },
            labels: self.labels(),
        }
    }

    pub(super) fn pool(&mut self) -> PoolSpec {
        let subnet = self.name(&SUBNETS);
        let cidr = self.catalog.subnet(&subnet).map(|s| s.cidr.to_string());
        let cidr = cidr.unwrap_or_else(|| self.cidr());
        PoolSpec {
            subnet,
            name: self.name(&POOLS),
            ranges: match self.number(2) {
                0 => self.ranges(&cidr, 2),
                _ => self.ranges(&cidr, 1),
            },
            labels: self.labels(),
        }
    }

    pub(super) fn group(&mut self) -> GroupSpec {
        let mut namespaces: BTreeSet<_> = (0..self.number(3))
            .map(|_| self.name(&["shop", "bank", "mail"]))
            .collect();
        if self.number(30) == 0 {
            namespaces = (0..=1000).map(|n| name(&format!("x{n}"))).collect();
        }
        let pods = parse(self.of(&SELECTORS));
        GroupSpec {
            name: self.name(&GROUPS),
            scope: match self.number(4) {
                0 => Scope::Cluster,
                1 => Scope::NodeClass { nodes: pods },
                2 => Scope::Namespaces { namespaces },
                _ => Scope::Pods { namespaces, pods },
            },
            network: self.maybe(&NETWORKS),
            pool: self.maybe(&POOLS),
            profile: self.maybe(&PROFILES),
            priority: [i32::MIN, 0, i32::MAX][usize::from(self.number(3))],
            labels: self.labels(),
        }
    }

    pub(super) fn profile(&mut self) -> ProfileSpec {
        ProfileSpec {
            name: self.name(&PROFILES),
            ingress: None,
            egress: None,
            dscp: trunkline_types::Dscp::try_from(i64::from(self.number(64))).ok(),
            labels: self.labels(),
        }
    }

    pub(super) fn pod(&mut self) -> PodName {
        PodName {
            namespace: "shop".into(),
            name: self.of(&["web-0", "web-1", "db"]).into(),
        }
    }

    pub(super) fn reservation(&mut self) -> ReservationSpec {
        let workload = || Workload {
            namespace: "shop".into(),
            name: "web".into(),
        };
        let addresses = match self.number(2) {
            0 => {
                let mut wanted = Vec::new();
                for _ in 0..self.number(4) {
                    let cidr = self.cidr();
                    let mac = [0x02, 0xaa, 0, 0, 0, self.number(3)];
                    wanted.push(ReservedAddress {
                        ip: self.address(&cidr),
                        mac: (self.number(3) == 0).then(|| MacAddr::new(mac)),
                    });
                }
                Wanted::Named(wanted)
            }
            _ => Wanted::Any {
                subnets: match self.number(5) {
                    0 => (0..self.number(4)).map(|_| self.name(&SUBNETS)).collect(),
                    1 => vec![name("s1"), name("s2")],
                    _ => vec![self.name(&SUBNETS[..2])],
                },
                count: [0, 1, 1, 2, 3, 4, 300, u32::MAX][usize::from(self.number(8))],
            },
        };
        ReservationSpec {
            name: self.name(&RESERVATIONS),
            network: self.name(&["blue", "blue", "blue", "green"]),
            holder: match self.number(3) {
                0 => Holder::Pod(self.pod()),
                1 => Holder::StatefulSet(workload()),
                _ => Holder::Workload(workload()),
            },
            addresses,
            spare: [0, 0, 0, 1, u32::MAX][usize::from(self.number(5))],
            retention: Retention::Seconds(self.number(3).into()),
            owner: self.of(&["", "", "", "net team", "\u{0}"]).into(),
            reason: String::new(),
            expires: match self.number(9) {
                0 => Some(NOW),
                1 => Some(NOW.after(u64::MAX)),
                _ => None,
            },
            labels: self.labels(),
        }
    }
}
