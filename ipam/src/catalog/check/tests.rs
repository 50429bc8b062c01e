//! Random changes of all objects, with values from the edges.

mod damage;
mod deal;
mod together;
mod tokens;

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::sync::Arc;

use proptest::prelude::*;
use trunkline_types::{Attachment, Labels, MacAddr};

use super::*;
use crate::fixture::{NOW, name, parse};
use crate::{
    Change, Edit, EndpointAddress, Holder, Ledger, Node, NodeEdit, Object, Refusal, Revision,
    create_group, create_network, create_pool, create_profile, create_reservation, create_subnet,
    delete_group, delete_network, delete_pool, delete_profile, delete_reservation, delete_subnet,
    update_group, update_network, update_node, update_pool, update_profile, update_reservation,
    update_subnet,
};
use deal::{Deal, GROUPS, NETWORKS, NODES, Op, POOLS, PROFILES, RACKS, RESERVATIONS, SUBNETS, op};

struct Run {
    ledger: Ledger,
    /// The pool that each address in use was taken from.
    pools: BTreeMap<IpAddr, Option<Name>>,
    made: BTreeMap<&'static str, u32>,
}

impl Run {
    fn new() -> Self {
        let mut run = Self {
            ledger: Ledger::default(),
            pools: BTreeMap::new(),
            made: BTreeMap::new(),
        };
        for (index, node) in NODES.iter().enumerate() {
            run.put(Object::Node(Arc::new(Node {
                name: name(node),
                rack: name(RACKS[index % 2]),
                agent_rack: None,
                labels: Labels::default(),
                boot_id: None,
                agent_version: None,
                last_heard: NOW,
                fence: 1,
                reported: Default::default(),
                contradicted: None,
                addresses: Vec::new(),
                removing: None,
                revision: run.next(),
            })));
        }
        let blue = crate::fixture::network("blue", "7");
        let planned = create_network(run.catalog(), &blue).unwrap();
        run.ledger.apply(&planned.change);
        for (subnet, cidr, gateway) in [
            ("s1", "10.1.0.0/28", "10.1.0.1"),
            ("s2", "fd00::/124", "fd00::1"),
        ] {
            let spec = crate::fixture::subnet(subnet, cidr, gateway, &[]);
            let planned = create_subnet(run.catalog(), &spec).unwrap();
            run.ledger.apply(&planned.change);
        }
        run
    }

    fn catalog(&self) -> &Catalog {
        self.ledger.catalog()
    }

    fn next(&self) -> Revision {
        self.catalog().revision().next()
    }

    fn put(&mut self, object: Object) {
        let change = Change::new(self.next(), vec![Edit::Put(object)]);
        self.ledger.apply(&change);
    }

    /// Makes the change, if there is one, and looks at the refusal otherwise.
    fn make<E: Refusal>(&mut self, what: &'static str, planned: Result<Change, E>) {
        match planned {
            Ok(change) => {
                assert!(change.edits().len() <= 100);
                if !change.is_empty() {
                    assert_eq!(change.revision(), self.next());
                    *self.made.entry(what).or_default() += 1;
                    self.ledger.apply(&change);
                }
            }
            Err(error) => {
                let text = error.to_string();
                assert!(text.contains(": ") && !text.ends_with('.'), "{text}");
                let _ = error.reason();
            }
        }
    }

    fn step(&mut self, op: &Op) {
        let deal = &mut Deal {
            left: op.knobs.iter().cycle(),
            catalog: self.catalog().clone(),
        };
        match op.kind {
            0..=12 => self.create_or_update(op.kind, deal),
            13..=19 if deal.number(5) == 0 || op.kind == 15 => self.delete(op.kind, deal),
            13..=19 => self.take(deal),
            20 => {
                let edit = NodeEdit {
                    name: deal.name(&NODES),
                    rack: deal.name(&RACKS),
                    labels: deal.labels(),
                };
                let revision = self.catalog().node(&edit.name).unwrap().revision;
                let planned = update_node(self.catalog(), &edit, revision);
                self.make("update node", planned.map(|planned| planned.change));
            }
            21..=26 => self.take(deal),
            30 | 31 => self.change_tokens(deal),
            _ => self.give_back(deal),
        }
        self.catalog().check().unwrap();
        self.assert_sound();
    }

    fn create_or_update(&mut self, kind: u8, deal: &mut Deal<'_>) {
        let catalog = self.catalog();
        // A stale revision now and then; the right one else.
        let stale = deal.number(16) == 0;
        let seen = |revision: Revision| if stale { revision.next() } else { revision };
        macro_rules! make {
            ($what:literal, $found:expr, $create:expr, $update:expr) => {
                match $found.map(|found| seen(found.revision)) {
                    None => {
                        let planned = $create;
                        self.make(
                            concat!("create ", $what),
                            planned.map(|planned| planned.change),
                        )
                    }
                    Some(revision) => {
                        let planned = $update(revision);
                        assert!(!stale || planned.is_err());
                        self.make(
                            concat!("update ", $what),
                            planned.map(|planned| planned.change),
                        )
                    }
                }
            };
        }
        match kind {
            0 => {
                let spec = deal.network();
                make!(
                    "network",
                    catalog.network(&spec.name),
                    create_network(catalog, &spec),
                    |revision| update_network(catalog, &spec, revision)
                );
            }
            1..=4 => {
                let spec = deal.subnet();
                make!(
                    "subnet",
                    catalog.subnet(&spec.name),
                    create_subnet(catalog, &spec),
                    |revision| update_subnet(catalog, &spec, revision).map(|u| u.planned)
                );
            }
            5 | 6 => {
                let spec = deal.pool();
                make!(
                    "pool",
                    catalog.pool(&spec.subnet, &spec.name),
                    create_pool(catalog, &spec),
                    |revision| update_pool(catalog, &spec, revision)
                );
            }
            7 | 8 => {
                let spec = deal.group();
                make!(
                    "group",
                    catalog.group(&spec.name),
                    create_group(catalog, &spec),
                    |revision| update_group(catalog, &spec, revision)
                );
            }
            9 => {
                let spec = deal.profile();
                make!(
                    "profile",
                    catalog.profile(&spec.name),
                    create_profile(catalog, &spec),
                    |revision| update_profile(catalog, &spec, revision)
                );
            }
            _ => {
                let spec = deal.reservation();
                let ledger = &self.ledger;
                make!(
                    "reservation",
                    catalog.reservation(&spec.name),
                    create_reservation(ledger, &spec, NOW),
                    |revision| update_reservation(ledger, &spec, revision, NOW)
                );
            }
        }
    }

    fn delete(&mut self, kind: u8, deal: &mut Deal<'_>) {
        let catalog = self.catalog();
        match kind {
            13 => self.make(
                "delete network",
                delete_network(catalog, &deal.name(&NETWORKS), None),
            ),
            14 => {
                let step = delete_subnet(catalog, &deal.name(&SUBNETS), None);
                self.make("delete subnet", step.map(|step| step.change));
            }
            15 => {
                let (subnet, pool) = (deal.name(&SUBNETS), deal.name(&POOLS));
                self.make("delete pool", delete_pool(catalog, &subnet, &pool, None));
            }
            16 => self.make(
                "delete group",
                delete_group(catalog, &deal.name(&GROUPS), None),
            ),
            17 => self.make(
                "delete profile",
                delete_profile(catalog, &deal.name(&PROFILES), None),
            ),
            _ => {
                let planned = delete_reservation(catalog, &deal.name(&RESERVATIONS), None);
                self.make("delete reservation", planned);
            }
        }
    }

    /// Gives somebody an address that it may have: what allocation and leasing do.
    fn take(&mut self, deal: &mut Deal<'_>) {
        let cidr = deal.cidr();
        let (ip, node, pod) = (deal.address(&cidr), deal.name(&NODES), deal.pod());
        let (leases, profile) = (deal.number(3) == 0, deal.maybe(&PROFILES));
        let catalog = self.catalog();
        let Some(subnet) = catalog.subnet_of(ip).cloned() else {
            return;
        };
        let reservation = catalog.reservation_of(ip).cloned();
        let theirs = reservation.as_ref().map(|one| match &one.holder {
            Holder::Pod(holder) => *holder == pod,
            Holder::StatefulSet(set) => {
                let ordinal = set.ordinal_of(&pod);
                let family = crate::reservation::of_family(&one.addresses, ip.is_ipv4());
                ordinal.is_some() && family.map(|a| a.ip).position(|own| own == ip) == ordinal
            }
            Holder::Workload(_) => pod.name != "db",
        });
        let free = catalog
            .address(ip)
            .is_none_or(|record| record.is_released());
        let node_admitted = subnet.placement.admits(catalog.node(&node).unwrap());
        let allowed = match theirs {
            Some(theirs) => theirs && !leases,
            None => subnet.hands_out(ip),
        };
        if subnet.deleting || !free || !node_admitted || !allowed {
            return;
        }
        let attachment: Attachment = parse(&format!("c{}/eth0", self.next()));
        let revision = self.next();
        let state = if leases {
            AddressState::Leased {
                node: node.clone(),
                recalled: false,
                slot: None,
            }
        } else {
            AddressState::Bound {
                attachment: attachment.clone(),
            }
        };
        let mut edits = vec![Edit::Put(Object::Address(Arc::new(Address {
            ip,
            subnet: subnet.name.clone(),
            network: subnet.network.clone(),
            state,
            since: NOW,
            conflict: None,
            revision,
        })))];
        if !leases {
            edits.push(Edit::Put(Object::Endpoint(Arc::new(Endpoint {
                attachment,
                pod: Some(pod),
                node,
                network: subnet.network.clone(),
                mac: MacAddr::new([0x02, 0xbb, 0, 0, 0, 1]),
                addresses: vec![EndpointAddress {
                    ip,
                    subnet: subnet.name.clone(),
                }],
                pod_uid: None,
                profile: profile.filter(|profile| catalog.profile(profile).is_some()),
                reservation: reservation.map(|reservation| reservation.name.clone()),
                created: NOW,
                revision,
            }))));
        }
        let pool = self.pool_of(&subnet.name, ip);
        self.pools.insert(ip, pool);
        self.make::<crate::PreconditionError>("take", Ok(Change::new(revision, edits)));
    }

    fn give_back(&mut self, deal: &mut Deal<'_>) {
        let held: Vec<_> = self.pools.keys().copied().collect();
        if held.is_empty() {
            return;
        }
        let ip = held[usize::from(deal.number(255)) % held.len()];
        let mut record = Address::clone(self.catalog().address(ip).unwrap());
        let mut edits = Vec::new();
        if let AddressState::Bound { attachment } = &record.state {
            edits.push(Edit::Delete(Key::Endpoint(attachment.clone())));
        }
        record.state = AddressState::Released {
            owner: None,
            reservation: None,
        };
        record.revision = self.next();
        edits.push(Edit::Put(Object::Address(Arc::new(record))));
        self.pools.remove(&ip);
        let change = Change::new(self.next(), edits);
        self.make::<crate::PreconditionError>("give back", Ok(change));
    }

    fn pool_of(&self, subnet: &Name, ip: IpAddr) -> Option<Name> {
        let has = |pool: &&Arc<Pool>| pool.ranges.iter().any(|range| range.contains(ip));
        let pool = self.catalog().pools_of(subnet).find(has)?;
        Some(pool.name.clone())
    }

    /// What must hold, said again with no index, no order and no shared code.
    fn assert_sound(&self) {
        let catalog = self.catalog();
        let subnets: Vec<_> = catalog.subnets().collect();
        for (index, one) in subnets.iter().enumerate() {
            assert!(catalog.network(&one.network).is_some());
            for two in &subnets[index + 1..] {
                let apart =
                    one.cidr.last() < two.cidr.network() || two.cidr.last() < one.cidr.network();
                assert!(apart, "{} and {}", one.cidr, two.cidr);
            }
        }
        let mut vlans = BTreeSet::new();
        for network in catalog.networks() {
            assert!(vlans.insert((network.labels.get("fabric"), network.vlan)));
        }
        let mut reserved = BTreeMap::new();
        for reservation in catalog.reservations() {
            for address in &reservation.addresses {
                assert!(reserved.insert(address.ip, &reservation.name).is_none());
                self.assert_assignable(address.ip, &reservation.network);
            }
        }
        for address in catalog.addresses().filter(|a| !a.is_released()) {
            let subnet = self.assert_assignable(address.ip, &address.network);
            assert_eq!(subnet.name, address.subnet);
            assert!(!subnet.deleting);
            let node = match &address.state {
                AddressState::Bound { attachment } => &catalog.endpoint(attachment).unwrap().node,
                _ => address.held_by().unwrap(),
            };
            assert!(subnet.placement.admits(catalog.node(node).unwrap()));
            if !reserved.contains_key(&address.ip) {
                assert!(subnet.ranges.iter().any(|range| range.contains(address.ip)));
                assert_eq!(
                    self.pool_of(&subnet.name, address.ip),
                    self.pools[&address.ip]
                );
            }
        }
        for pool in catalog.pools() {
            let subnet = catalog.subnet(&pool.subnet).unwrap();
            for end in pool.ranges.iter().flat_map(|r| [r.first(), r.last()]) {
                assert!(subnet.ranges.iter().any(|range| range.contains(end)));
            }
        }
        for group in catalog.groups() {
            assert!(group.network.iter().all(|n| catalog.network(n).is_some()));
            assert!(group.profile.iter().all(|p| catalog.profile(p).is_some()));
            let bound = |pool: &Name| {
                catalog.pools().any(|one| {
                    let network = &catalog.subnet(&one.subnet).unwrap().network;
                    one.name == *pool && group.network.iter().all(|wanted| wanted == network)
                })
            };
            assert!(group.pool.iter().all(bound));
        }
    }

    fn assert_assignable(&self, ip: IpAddr, network: &Name) -> &Subnet {
        let mut homes = self.catalog().subnets().filter(|s| s.cidr.contains(ip));
        let home = homes.next().unwrap();
        assert_eq!(home.network, *network);
        assert_ne!(home.gateway, ip);
        assert!(!home.exclusions.iter().any(|range| range.contains(ip)));
        if ip.is_ipv4() && home.cidr.prefix() < 31 {
            assert!(ip != home.cidr.network() && ip != home.cidr.last());
        }
        home
    }
}

/// Everything of a catalog, as a store would give it back.
pub(super) fn objects(catalog: &Catalog) -> Vec<Object> {
    (catalog.networks().cloned().map(Object::Network))
        .chain(catalog.subnets().cloned().map(Object::Subnet))
        .chain(catalog.pools().cloned().map(Object::Pool))
        .chain(catalog.groups().cloned().map(Object::Group))
        .chain(catalog.profiles().cloned().map(Object::Profile))
        .chain(catalog.reservations().cloned().map(Object::Reservation))
        .chain(catalog.nodes().cloned().map(Object::Node))
        .chain(catalog.addresses().cloned().map(Object::Address))
        .chain(catalog.endpoints().cloned().map(Object::Endpoint))
        .chain(catalog.tokens().cloned().map(Object::Token))
        .chain(catalog.lockouts().cloned().map(Object::Lockout))
        .collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    /// Whatever is created, changed and deleted, with whatever values, the objects agree with each
    /// other, and what was looked up by index is what a store would give back.
    #[test]
    fn random_changes_keep_the_objects_in_agreement(ops in prop::collection::vec(op(), 100..400)) {
        let mut run = Run::new();
        for op in &ops {
            run.step(op);
        }
        let catalog = run.catalog();
        let loaded = Catalog::load(catalog.revision(), objects(catalog)).unwrap();
        prop_assert_eq!(&loaded, catalog);
    }
}

/// The property above would hold if everything were refused.
#[test]
fn random_changes_of_every_kind_are_made() {
    use proptest::strategy::ValueTree;
    use proptest::test_runner::TestRunner;
    let mut runner = TestRunner::deterministic();
    let mut made: BTreeMap<&str, u32> = BTreeMap::new();
    for _ in 0..40 {
        let ops = prop::collection::vec(op(), 400);
        let mut run = Run::new();
        for op in &ops.new_tree(&mut runner).unwrap().current() {
            run.step(op);
        }
        for (what, count) in run.made {
            *made.entry(what).or_default() += count;
        }
    }
    assert_eq!(made.len(), 24, "{made:?}");
    assert!(made.values().all(|count| *count >= 3), "{made:?}");
}
