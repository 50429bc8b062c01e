//! What allocation costs: time by size and fill of a subnet, and memory by number of addresses.
//!
//! `cargo run -p trunkline-ipam --example cost [<addresses>]`; 1,000,000 addresses without an
//! argument. Linux only, for the memory.

#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a program for developers"
)]
#![expect(
    clippy::cast_precision_loss,
    reason = "figures are printed with three digits"
)]

use std::net::{IpAddr, Ipv4Addr};
use std::str::FromStr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use trunkline_ipam::{
    Address, AddressState, AllocateRequest, Catalog, Change, Endpoint, EndpointAddress, Ledger,
    NetworkSpec, NodeSpec, Object, Placement, Policy, Release, Revision, SubnetSpec, Timestamp,
    allocate, create_network, create_subnet, mac_of, register_node, release,
};
use trunkline_types::{Cidr, Pod};

const NOW: Timestamp = Timestamp::from_unix_seconds(1_700_000_000);
const LATER: Timestamp = Timestamp::from_unix_seconds(1_700_001_000);

fn parse<T: FromStr<Err: std::fmt::Debug>>(text: &str) -> T {
    text.parse().unwrap()
}

fn subnet(name: &str, cidr: Cidr, rack: Option<&str>) -> SubnetSpec {
    SubnetSpec {
        name: parse(name),
        network: parse("blue"),
        cidr,
        gateway: cidr.hosts().first(),
        ranges: Vec::new(),
        exclusions: Vec::new(),
        placement: rack.map_or(Placement::Anywhere, |rack| Placement::Rack(parse(rack))),
        labels: Default::default(),
    }
}

fn node(name: &str, rack: &str) -> NodeSpec {
    NodeSpec {
        name: parse(name),
        rack: parse(rack),
        labels: Default::default(),
        boot_id: None,
        agent_version: None,
    }
}

fn ledger() -> Ledger {
    let mut ledger = Ledger::default();
    let blue = NetworkSpec {
        name: parse("blue"),
        vlan: parse("100"),
        mtu: Default::default(),
        labels: Default::default(),
    };
    make(&mut ledger, |ledger| {
        create_network(ledger.catalog(), &blue).unwrap().change
    });
    ledger
}

fn make(ledger: &mut Ledger, plan: impl FnOnce(&Ledger) -> Change) {
    let change = plan(ledger);
    ledger.apply(&change);
}

fn request(number: u64) -> AllocateRequest {
    let attachment = parse(&format!("c{number}/eth0"));
    AllocateRequest::any(attachment, parse("n1"), parse("blue"))
}

/// The time of one allocation and its release, in a subnet that has `kept` addresses in use.
fn pair(cidr: &str, kept: u64) -> Duration {
    const PAIRS: u32 = 2_000;
    let policy = Policy {
        cool_down: Duration::ZERO,
        ..Policy::default()
    };
    let mut ledger = ledger();
    let spec = subnet("s", parse(cidr), None);
    make(&mut ledger, |ledger| {
        create_subnet(ledger.catalog(), &spec).unwrap().change
    });
    let n1 = node("n1", "r1");
    make(&mut ledger, |ledger| {
        register_node(ledger, &n1, &policy, NOW).unwrap().change
    });
    for number in 0..kept {
        let request = request(number);
        make(&mut ledger, |ledger| {
            allocate(ledger, &request, &policy, NOW).unwrap().change
        });
    }
    let mut rounds: Vec<_> = (0..9)
        .map(|_| {
            let begin = Instant::now();
            for _ in 0..PAIRS {
                let request = request(kept);
                make(&mut ledger, |ledger| {
                    allocate(ledger, &request, &policy, LATER).unwrap().change
                });
                let gone = Release {
                    attachment: request.attachment,
                    reason: String::new(),
                    expected: None,
                };
                make(&mut ledger, |ledger| {
                    release(ledger.catalog(), &gone, LATER).unwrap()
                });
            }
            begin.elapsed() / PAIRS
        })
        .collect();
    rounds.sort_unstable();
    rounds[4]
}

/// Resident memory, in bytes.
fn resident() -> u64 {
    let statm = std::fs::read_to_string("/proc/self/statm").unwrap();
    let pages: u64 = statm.split_whitespace().nth(1).unwrap().parse().unwrap();
    pages * 4096
}

/// The records of one address, as if each had been read from a store for itself.
fn records(number: u32, revision: Revision) -> [Object; 2] {
    let (rack, host) = (number / 100, number % 100 + 10);
    let ip = Ipv4Addr::from(0x0a00_0000 + rack * 256 + host);
    let container = format!("{number:064x}/eth0");
    let endpoint = Endpoint {
        attachment: parse(&container),
        pod: Some(Pod {
            namespace: "shop".to_owned(),
            name: format!("web-6d4cf56db6-{number:08}"),
        }),
        node: parse(&format!("node-{rack}")),
        network: parse("blue"),
        mac: mac_of(ip),
        addresses: vec![EndpointAddress {
            ip: ip.into(),
            subnet: parse(&format!("blue-{rack}")),
        }],
        pod_uid: Some(format!("{number:08x}-0000-4000-8000-000000000000")),
        profile: None,
        reservation: None,
        created: NOW,
        revision,
    };
    let address = Address {
        ip: IpAddr::V4(ip),
        subnet: parse(&format!("blue-{rack}")),
        network: parse("blue"),
        state: AddressState::Bound {
            attachment: parse(&container),
        },
        since: NOW,
        conflict: None,
        revision,
    };
    [
        Object::Address(Arc::new(address)),
        Object::Endpoint(Arc::new(endpoint)),
    ]
}

fn memory(addresses: u32) {
    let racks = addresses.div_ceil(100);
    let policy = Policy::default();
    let mut ledger = ledger();
    for rack in 0..racks {
        let cidr = format!("{}/24", Ipv4Addr::from(0x0a00_0000 + rack * 256));
        let name = format!("rack-{rack}");
        let spec = subnet(&format!("blue-{rack}"), parse(&cidr), Some(&name));
        make(&mut ledger, |ledger| {
            create_subnet(ledger.catalog(), &spec).unwrap().change
        });
        let spec = node(&format!("node-{rack}"), &name);
        make(&mut ledger, |ledger| {
            register_node(ledger, &spec, &policy, NOW).unwrap().change
        });
    }
    let catalog = ledger.catalog().clone();
    let base: Vec<_> = (catalog.networks().cloned().map(Object::Network))
        .chain(catalog.subnets().cloned().map(Object::Subnet))
        .chain(catalog.nodes().cloned().map(Object::Node))
        .collect();
    drop((catalog, ledger));
    let before = resident();
    let begin = Instant::now();
    let revision = Revision::new(u64::from(addresses) + 100_000);
    let new = (0..addresses).flat_map(|number| records(number, revision));
    let ledger = Ledger::of(Catalog::load(revision, base.into_iter().chain(new)).unwrap());
    let loaded = begin.elapsed();
    let one = resident() - before;
    let published = ledger.catalog().clone();
    let two = resident() - before;
    println!(
        "{addresses} addresses in {racks} subnets: loaded in {:.2} s; {:.0} MiB with one catalog, \
         {:.0} MiB with two ({} bytes an address)",
        loaded.as_secs_f64(),
        one as f64 / 1048576.0,
        two as f64 / 1048576.0,
        two / u64::from(addresses),
    );
    drop(published);
}

fn main() {
    let addresses = std::env::args()
        .nth(1)
        .map_or(1_000_000, |text| parse(&text));
    let base = pair("10.0.0.0/24", 0);
    println!("allocation and release of one address, beside an empty /24:");
    for (cidr, kept) in [
        ("10.0.0.0/24", 0),
        ("10.0.0.0/24", 250),
        ("10.0.0.0/16", 0),
        ("10.0.0.0/16", 64_880),
        ("10.0.0.0/8", 0),
        ("10.0.0.0/8", 64_880),
        ("fd00::/64", 0),
        ("fd00::/64", 64_880),
    ] {
        let time = pair(cidr, kept);
        let ratio = time.as_secs_f64() / base.as_secs_f64();
        println!("{cidr:>12} with {kept:>6} in use: {time:>8.1?}  {ratio:.2} x");
    }
    memory(addresses);
}
