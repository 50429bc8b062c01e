//! Random operations against a model that keeps plain lists.

use std::collections::BTreeMap;
use std::net::IpAddr;

use proptest::prelude::*;

use super::*;
use crate::fixture::{
    NOW, add_node, add_subnet, in_rack, ip, ledger, name, network, parse, subnet,
};
use crate::{
    AllocateRequest, CreateSubnetError, Placement, SubnetSpec, allocate, create_network,
    create_subnet, delete_subnet, release,
};

/// One operation; the numbers choose from a small set, so that operations meet.
#[derive(Clone, Debug)]
enum Op {
    Allocate {
        attachment: u8,
        network: usize,
        node: usize,
    },
    Release {
        attachment: u8,
    },
    DeleteSubnet(usize),
    CreateSubnet(usize),
    Restart,
}

const NODES: [(&str, &str); 3] = [("n1", "r1"), ("n2", "r2"), ("n3", "r3")];
const NETWORKS: [&str; 2] = ["blue", "green"];

fn op() -> impl Strategy<Value = Op> {
    prop_oneof![
        10 => (0u8..40, 0..NETWORKS.len(), 0..NODES.len())
            .prop_map(|(attachment, network, node)| Op::Allocate { attachment, network, node }),
        8 => (0u8..40).prop_map(|attachment| Op::Release { attachment }),
        1 => (0..specs().len()).prop_map(Op::DeleteSubnet),
        1 => (0..specs().len()).prop_map(Op::CreateSubnet),
        1 => Just(Op::Restart),
    ]
}

fn specs() -> Vec<SubnetSpec> {
    let green = |spec| SubnetSpec {
        network: name("green"),
        ..spec
    };
    vec![
        in_rack(subnet("b1", "10.1.1.0/29", "10.1.1.3", &[]), "r1"),
        in_rack(
            subnet(
                "b2",
                "10.1.2.0/24",
                "10.1.2.1",
                &["10.1.2.20-10.1.2.22", "10.1.2.7-10.1.2.9"],
            ),
            "r2",
        ),
        subnet("b3", "10.1.3.0/30", "10.1.3.2", &[]),
        green(in_rack(subnet("g1", "10.2.0.0/28", "10.2.0.14", &[]), "r1")),
        green(in_rack(subnet("g2", "10.2.1.0/31", "10.2.1.0", &[]), "r3")),
    ]
}

/// A subnet as the model sees it: its free addresses, and when each became free (0: at the start).
struct Pool {
    spec: SubnetSpec,
    capacity: usize,
    free: Vec<(u64, IpAddr)>,
}

impl Pool {
    fn new(spec: SubnetSpec) -> Self {
        let ranges = match spec.ranges.as_slice() {
            [] => vec![spec.cidr.hosts()],
            ranges => ranges.to_vec(),
        };
        let free: Vec<_> = (0..4u8)
            .flat_map(|third| {
                (0..=255u8).flat_map(move |last| [[10, 1, third, last], [10, 2, third, last]])
            })
            .map(IpAddr::from)
            .filter(|ip| ranges.iter().any(|range| range.contains(*ip)) && *ip != spec.gateway)
            .map(|ip| (0, ip))
            .collect();
        Self {
            capacity: free.len(),
            spec,
            free,
        }
    }

    fn serves(&self, network: &str, rack: &str) -> bool {
        self.spec.network.as_str() == network
            && match &self.spec.placement {
                Placement::Rack(own) => own.as_str() == rack,
                _ => true,
            }
    }
}

struct Holder {
    ip: IpAddr,
    pool: String,
    network: usize,
    node: usize,
}

struct Model {
    clock: u64,
    pools: BTreeMap<String, Pool>,
    holders: BTreeMap<u8, Holder>,
}

struct Run {
    ledger: Ledger,
    model: Model,
}

impl Run {
    fn new() -> Self {
        let mut ledger = ledger();
        let green = create_network(ledger.catalog(), &network("green", "200")).unwrap();
        ledger.apply(&green.change);
        for (node, rack) in NODES {
            add_node(&mut ledger, node, rack);
        }
        let mut pools = BTreeMap::new();
        for spec in specs() {
            add_subnet(&mut ledger, &spec);
            pools.insert(spec.name.to_string(), Pool::new(spec));
        }
        let model = Model {
            clock: 0,
            pools,
            holders: BTreeMap::new(),
        };
        Self { ledger, model }
    }

    fn step(&mut self, op: &Op) {
        self.model.clock += 1;
        match *op {
            Op::Allocate {
                attachment,
                network,
                node,
            } => self.allocate(attachment, network, node),
            Op::Release { attachment } => self.release(attachment),
            Op::DeleteSubnet(index) => self.delete_subnet(index),
            Op::CreateSubnet(index) => self.create_subnet(index),
            Op::Restart => self.ledger = Ledger::of(self.ledger.catalog().clone()),
        }
        self.ledger.catalog().check().unwrap();
        for (name, pool) in &self.model.pools {
            let held = self
                .model
                .holders
                .values()
                .filter(|holder| holder.pool == *name)
                .count();
            assert_eq!(held + pool.free.len(), pool.capacity, "lost in {name}");
            assert_eq!(
                self.ledger.catalog().in_use(&pool.spec.name),
                u64::try_from(held).unwrap()
            );
        }
    }

    fn allocate(&mut self, attachment: u8, network: usize, node: usize) {
        let request = AllocateRequest {
            attachment: parse(&format!("c{attachment}/eth0")),
            network: name(NETWORKS[network]),
            node: name(NODES[node].0),
            pod: None,
        };
        let planned = allocate(self.ledger.catalog(), self.ledger.free(), &request, NOW);
        if let Some(holder) = self.model.holders.get(&attachment) {
            if holder.network == network && holder.node == node {
                let planned = planned.unwrap();
                assert_eq!(planned.object.addresses[0].ip, holder.ip);
                assert!(planned.change.is_empty());
            } else {
                planned.unwrap_err();
            }
            return;
        }
        let rack = NODES[node].1;
        let usable =
            |pool: &&mut Pool| pool.serves(NETWORKS[network], rack) && !pool.free.is_empty();
        let mut usable: Vec<_> = self.model.pools.values_mut().filter(usable).collect();
        usable.sort_by_key(|pool| {
            (
                pool.spec.placement == Placement::Anywhere,
                pool.spec.name.clone(),
            )
        });
        let Some(pool) = usable.into_iter().next() else {
            planned.unwrap_err();
            return;
        };
        let planned = planned.unwrap();
        let ip = planned.object.addresses[0].ip;
        let at = pool.free.iter().position(|(_, free)| *free == ip);
        let (since, _) = pool
            .free
            .remove(at.expect("only free addresses of the pool are given"));
        assert!(
            pool.free.iter().all(|(other, _)| since <= *other),
            "{ip} was not free longest"
        );
        let pool = pool.spec.name.to_string();
        self.ledger.apply(&planned.change);
        self.model.holders.insert(
            attachment,
            Holder {
                ip,
                pool,
                network,
                node,
            },
        );
    }

    fn release(&mut self, attachment: u8) {
        let key = parse(&format!("c{attachment}/eth0"));
        let change = release(self.ledger.catalog(), &key, NOW);
        let holder = self.model.holders.remove(&attachment);
        assert_eq!(change.is_empty(), holder.is_none());
        self.ledger.apply(&change);
        if let Some(Holder { ip, pool, .. }) = holder {
            let pool = self.model.pools.get_mut(&pool).unwrap();
            pool.free.push((self.model.clock, ip));
        }
    }

    fn delete_subnet(&mut self, index: usize) {
        let subnet = specs().swap_remove(index).name;
        let planned = delete_subnet(self.ledger.catalog(), &subnet, None);
        let pool = self.model.pools.get(subnet.as_str());
        if pool.is_none_or(|pool| pool.free.len() < pool.capacity) {
            planned.unwrap_err();
        } else {
            self.ledger.apply(&planned.unwrap().change);
            self.model.pools.remove(subnet.as_str());
        }
    }

    fn create_subnet(&mut self, index: usize) {
        let spec = specs().swap_remove(index);
        let planned = create_subnet(self.ledger.catalog(), &spec);
        if self.model.pools.contains_key(spec.name.as_str()) {
            let error = planned.unwrap_err();
            assert!(
                matches!(error, CreateSubnetError::NameInUse { .. }),
                "{error}"
            );
        } else {
            self.ledger.apply(&planned.unwrap().change);
            let pool = Pool::new(spec.clone());
            self.model.pools.insert(spec.name.to_string(), pool);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    /// No address twice, none lost, the gateway and what is outside the ranges never, the
    /// longest-free first, and a restart makes no difference.
    #[test]
    fn allocation_agrees_with_a_naive_model(ops in prop::collection::vec(op(), 200..400)) {
        let mut run = Run::new();
        for op in &ops {
            run.step(op);
        }
        let rebuilt = Ledger::of(run.ledger.catalog().clone());
        prop_assert_eq!(rebuilt, run.ledger);
    }

    /// After everything is released, everything can be allocated again.
    #[test]
    fn release_restores_capacity(ops in prop::collection::vec(op(), 0..200)) {
        let mut run = Run::new();
        for op in &ops {
            run.step(op);
        }
        for attachment in 0..40 {
            run.step(&Op::Release { attachment });
        }
        for pool in run.model.pools.values() {
            prop_assert_eq!(pool.free.len(), pool.capacity);
            prop_assert_eq!(run.ledger.catalog().in_use(&pool.spec.name), 0);
        }
    }
}

#[test]
fn loading_refuses_objects_that_contradict_each_other() {
    use crate::{Catalog, Edit, Inconsistency, Object, Revision};
    let mut ledger = ledger();
    add_subnet(&mut ledger, &subnet("b", "10.1.0.0/24", "10.1.0.1", &[]));
    let request = crate::fixture::request("c1/eth0");
    let planned = allocate(ledger.catalog(), ledger.free(), &request, NOW).unwrap();
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
