//! Random operations on the ledger and the model alike.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::net::IpAddr;

use trunkline_ipam::{
    Address, AddressState, AllocateRequest, Catalog, Change, ConflictReport, Edit,
    Held as Reported, Holder, Key, LeaseRequest, Ledger, NodeSpec, Object, Policy, PoolSpec,
    Release, ReleaseAddress, RemovalCause, Report, ReservationSpec, ReservedAddress, Retention,
    Wanted, Workload, allocate, begin_epoch, clear_conflict, create_pool, create_reservation,
    create_subnet, delete_pool, delete_reservation, delete_subnet, derived_mac, farewell, lease,
    recall, register_node, release, release_address, remove_node, report, report_conflict,
    return_leases, unfinished_removals, update_subnet, waive_report,
};
use trunkline_types::{Attachment, MacAddr, Name};

use crate::model::{Grant, Held, Model, Record, Search, State};
use crate::world::{Books, NETWORKS, NODES, POOLS, START, name, node_spec, parse, pod, subnets};

/// How often something was done and not refused.
#[derive(Default)]
pub struct Counts(BTreeMap<&'static str, u64>);

impl Counts {
    fn one(&mut self, what: &'static str) {
        *self.0.entry(what).or_default() += 1;
    }

    pub fn add(&mut self, other: &Self) {
        for (what, count) in &other.0 {
            *self.0.entry(what).or_default() += count;
        }
    }

    /// What must not be rare, by how many of ten thousand operations, and how often it was.
    pub fn shares(&self) -> Vec<(&'static str, u64, u64)> {
        let least = [
            ("allocated", 500),
            ("refused", 500),
            ("released", 300),
            ("dual", 100),
            ("reserved", 40),
            ("fixed", 10),
            ("pooled", 8),
            ("leased", 12),
            ("bound from the reserve", 5),
            ("returned", 3),
            ("conflict", 50),
            ("cleared", 50),
            ("subnet updated", 12),
            ("reserved again", 20),
            ("node removed", 5),
            ("restarted", 50),
            ("own address", 8),
            ("reported", 8),
        ];
        let count = |what| self.0.get(what).copied().unwrap_or_default();
        least
            .map(|(what, least)| (what, least, count(what)))
            .to_vec()
    }
}

/// One run of operations; panics where the ledger and the model part.
pub fn run(seed: u64, operations: u64) -> Counts {
    let policy = Policy::default();
    let mut run = Run {
        random: fastrand::Rng::with_seed(seed),
        books: Books::new(&policy),
        model: Model::new(START, policy),
        counts: Counts::default(),
        log: VecDeque::new(),
    };
    let guard = Guard(seed);
    for operation in 0..operations {
        run.step();
        run.agree();
        if operation % 32 == 0 {
            run.in_order();
        }
    }
    run.restored();
    std::mem::forget(guard);
    run.counts
}

/// Says which seed it was, if a run panics.
struct Guard(u64);

impl Drop for Guard {
    fn drop(&mut self) {
        println!("to see it again: LEDGER_SEED={}", self.0);
    }
}

struct Run {
    random: fastrand::Rng,
    books: Books,
    model: Model,
    counts: Counts,
    log: VecDeque<(&'static str, Change)>,
}

impl Run {
    fn step(&mut self) {
        if self.catalog().unreported().next().is_some() && self.chance(4) {
            return self.report();
        }
        if !unfinished_removals(self.catalog()).is_empty() && self.chance(4) {
            return self.remove_node();
        }
        match self.random.u32(0..1000) {
            0..380 => self.allocate(),
            380..580 => self.release(),
            580..590 => self.release_address(),
            590..650 => self.lease(),
            650..700 => self.bind_lease(),
            700..740 => self.return_leases(),
            740..745 => self.recall(),
            745..765 => self.conflict(),
            765..785 => self.clear(),
            785..805 => self.update_subnet(),
            805..810 => self.delete_subnet(),
            810..815 => self.create_subnet(),
            815..830 => self.pool(),
            830..860 => self.reserve(),
            860..880 => self.end_reservation(),
            880..890 => self.remove_node(),
            890..915 => self.register_node(),
            915..917 => self.farewell(),
            917..918 => self.begin_epoch(),
            918..930 => self.report(),
            930..932 => self.waive(),
            932..945 => self.restart(),
            _ => self.clock(),
        }
    }

    fn catalog(&self) -> &Catalog {
        self.books.catalog()
    }

    fn make(&mut self, what: &'static str, change: &Change) {
        if self.log.len() == 20 {
            self.log.pop_front();
        }
        self.log.push_back((what, change.clone()));
        self.books.make(change);
    }

    fn attachment(&mut self) -> Attachment {
        let interface = if self.random.u8(0..4) == 0 {
            "net1"
        } else {
            "eth0"
        };
        parse(&format!("c{}/{interface}", self.random.u8(0..40)))
    }

    fn node(&mut self) -> Name {
        name(NODES[self.random.usize(0..NODES.len())].0)
    }

    fn network(&mut self) -> Name {
        name(NETWORKS[self.random.usize(0..NETWORKS.len())])
    }

    fn ip(&mut self) -> IpAddr {
        let place = self.random.usize(0..self.model.records.len());
        *self.model.records.keys().nth(place).unwrap()
    }

    fn record(&mut self, ip: IpAddr) -> &mut Record {
        self.model.records.get_mut(&ip).unwrap()
    }

    fn chance(&mut self, of: u8) -> bool {
        self.random.u8(0..of) == 0
    }

    fn workload() -> Holder {
        Holder::Workload(Workload {
            namespace: "shop".to_owned(),
            name: "web".to_owned(),
        })
    }

    fn request(&mut self) -> AllocateRequest {
        let network = self.network();
        let mut request = AllocateRequest::any(self.attachment(), self.node(), network);
        if !self.chance(5) {
            let number = self.random.u8(0..10);
            request.pod = Some(pod(number));
            request.workload = (number >= 4).then(Self::workload);
        }
        if self.chance(10) {
            request.pool = Some(name("web"));
        }
        if self.chance(8) {
            let network = request.network.clone();
            let own = subnets().into_iter().map(|[whole, _]| whole);
            let own: Vec<_> = own
                .filter(|one| Some(&one.network) == network.as_ref())
                .collect();
            let cidr = own[self.random.usize(0..own.len())].cidr;
            let ips = self.model.records.range(cidr.network()..=cidr.last());
            let ips: Vec<_> = ips.map(|(ip, _)| *ip).collect();
            request.addresses = vec![ips[self.random.usize(0..ips.len())]];
            let other = self.ip();
            if self.chance(4) && other.is_ipv4() != request.addresses[0].is_ipv4() {
                request.addresses.push(other);
            }
        }
        if self.chance(16) {
            request.mac = Some(self.mac());
        }
        request
    }

    fn mac(&mut self) -> MacAddr {
        match self.random.u8(0..3) {
            0 => derived_mac(self.ip()),
            _ => MacAddr::new([2, 0xaa, 0, 0, 0, self.random.u8(0..4)]),
        }
    }

    fn allocate(&mut self) {
        let request = self.request();
        self.ask(&request);
    }

    fn ask(&mut self, request: &AllocateRequest) {
        let planned = allocate(
            &self.books.ledger,
            request,
            &self.model.policy,
            self.model.now,
        );
        if let Some(held) = self.model.endpoints.get(&request.attachment) {
            let network = request.network.as_ref().unwrap_or(&held.network);
            let wanted = request.addresses.iter().chain(&request.leased);
            let same = held.node == request.node
                && held.network == *network
                && wanted.clone().all(|ip| held.ips.contains(ip));
            let gone = self.catalog().node(&request.node);
            if same && gone.is_some_and(|node| node.removing.is_none()) {
                let planned = planned.unwrap();
                assert!(planned.change.is_empty());
                assert!(
                    planned
                        .object
                        .addresses
                        .iter()
                        .all(|a| held.ips.contains(&a.ip))
                );
            } else {
                planned.unwrap_err();
            }
            return;
        }
        let expected = self.model.grant(self.catalog(), request);
        let actual = planned.as_ref().ok().map(|planned| Grant {
            network: planned.object.network.clone(),
            ips: planned.object.addresses.iter().map(|a| a.ip).collect(),
            mac: planned.object.mac,
            reservation: planned.object.reservation.clone(),
        });
        assert_eq!(
            actual,
            expected,
            "{request:?}: {:?}\n{:#?}",
            planned.as_ref().err(),
            self.log
        );
        let Ok(planned) = planned else {
            self.counts.one("refused");
            return;
        };
        self.counts.one("allocated");
        let endpoint = &planned.object;
        for (what, is) in [
            ("dual", endpoint.addresses.len() == 2),
            ("reserved", endpoint.reservation.is_some()),
            ("fixed", !request.addresses.is_empty()),
            ("pooled", request.pool.is_some()),
            ("bound from the reserve", !request.leased.is_empty()),
        ] {
            if is {
                self.counts.one(what);
            }
        }
        self.make("allocate", &planned.change);
        self.bound(&planned.object, planned.change.revision());
    }

    fn bound(&mut self, endpoint: &trunkline_ipam::Endpoint, revision: trunkline_ipam::Revision) {
        let now = self.model.now;
        let ips: Vec<_> = endpoint
            .addresses
            .iter()
            .map(|address| address.ip)
            .collect();
        for ip in &ips {
            let record = self.record(*ip);
            record.state = State::Bound(endpoint.attachment.clone());
            record.since = now;
            record.revision = revision;
        }
        let held = Held {
            node: endpoint.node.clone(),
            network: endpoint.network.clone(),
            ips,
            mac: endpoint.mac,
            pod: endpoint.pod.clone(),
            reservation: endpoint.reservation.clone(),
        };
        let before = self
            .model
            .endpoints
            .insert(endpoint.attachment.clone(), held);
        assert!(before.is_none());
    }

    fn release(&mut self) {
        let attachment = self.attachment();
        let held = self.model.endpoints.get(&attachment).cloned();
        let endpoint = self.catalog().endpoint(&attachment);
        let current = endpoint.map(|endpoint| endpoint.revision);
        let stale = self.chance(8);
        let wish = Release {
            attachment: attachment.clone(),
            reason: "released".to_owned(),
            expected: if stale {
                Some(self.catalog().revision().next())
            } else {
                current
            },
        };
        let change = release(self.catalog(), &wish, self.model.now);
        if stale && held.is_some() {
            change.unwrap_err();
            return;
        }
        let change = change.unwrap();
        assert_eq!(change.is_empty(), held.is_none());
        self.make("release", &change);
        if held.is_some() {
            self.counts.one("released");
            self.unbound(&attachment, change.revision());
        }
    }

    fn unbound(&mut self, attachment: &Attachment, revision: trunkline_ipam::Revision) {
        let held = self.model.endpoints.remove(attachment).unwrap();
        let now = self.model.now;
        for ip in held.ips {
            let record = self.record(ip);
            record.state = State::Released(held.pod.clone(), held.reservation.clone());
            record.since = now;
            record.revision = revision;
        }
    }

    fn freed(&mut self, ip: IpAddr, revision: trunkline_ipam::Revision) {
        let now = self.model.now;
        let record = self.record(ip);
        record.state = State::Released(None, None);
        record.since = now;
        record.revision = revision;
    }

    fn release_address(&mut self) {
        let wish = ReleaseAddress {
            ip: self.ip(),
            reason: "by an operator".to_owned(),
            force: self.chance(2),
        };
        let change = release_address(self.catalog(), &wish, &self.model.policy, self.model.now);
        let state = self.model.records[&wish.ip].state.clone();
        if matches!(state, State::Fresh | State::Released(..)) {
            change.unwrap_err();
            return;
        }
        let Ok(change) = change else {
            assert!(!wish.force);
            return;
        };
        self.make("release address", &change);
        match state {
            State::Bound(attachment) => self.unbound(&attachment, change.revision()),
            _ => self.freed(wish.ip, change.revision()),
        }
    }

    fn lease(&mut self) {
        let (node, network) = (self.node(), self.network());
        let Some(record) = self.catalog().node(&node).cloned() else {
            return;
        };
        let wish = LeaseRequest {
            node: node.clone(),
            fence: record.fence - u64::from(self.chance(10)),
            network: network.clone(),
            count: self.random.u32(0..4),
        };
        let leased = lease(
            &self.books.ledger,
            &wish,
            &self.model.policy,
            self.model.now,
        );
        let expected = if record.removing.is_some() || wish.fence < record.fence {
            None
        } else {
            self.drawn(&record, &network, usize::try_from(wish.count).unwrap())
        };
        let slots = leased.as_ref().ok().map(|leased| {
            let ips = |slot: &trunkline_ipam::Slot| slot.addresses.iter().map(|a| a.ip).collect();
            leased.slots.iter().map(ips).collect::<Vec<Vec<IpAddr>>>()
        });
        assert_eq!(slots, expected, "{wish:?} {:#?}", self.log);
        let Ok(leased) = leased else { return };
        self.make("lease", &leased.change);
        let now = self.model.now;
        for slot in &leased.slots {
            assert_eq!(slot.mac, derived_mac(slot.addresses[0].ip));
            for address in &slot.addresses {
                self.counts.one("leased");
                let record = self.record(address.ip);
                record.state = State::Leased(node.clone(), false);
                record.since = now;
                record.revision = leased.change.revision();
            }
        }
    }

    /// The slots that a node is to be leased.
    fn drawn(
        &self,
        node: &trunkline_ipam::Node,
        network: &Name,
        count: usize,
    ) -> Option<Vec<Vec<IpAddr>>> {
        let catalog = self.catalog();
        let mut families = Vec::new();
        let mut slots = count;
        for is_v4 in [true, false] {
            let usable = self.model.usable(catalog, network, node, Some(is_v4));
            if usable.is_empty() {
                continue;
            }
            let (mut drawn, mut closed) = (Vec::new(), false);
            for subnet in usable {
                if drawn.len() == slots {
                    break;
                }
                if !self.model.gate(catalog, subnet) {
                    closed = true;
                    continue;
                }
                let (fresh, returned) = self.model.free(catalog, subnet, None);
                let leased = self.leased_of(&subnet.name);
                let budget = ((fresh.len() + returned.len() + leased) / 8).saturating_sub(leased);
                let ready = self.model.ready(catalog, subnet, None);
                let odd = |ip: &IpAddr| {
                    let mac = derived_mac(*ip);
                    let mut held = self.model.endpoints.values();
                    let first = families.is_empty();
                    first && held.any(|held| held.network == *network && held.mac == mac)
                };
                let fits = ready.into_iter().filter(|ip| !odd(ip));
                drawn.extend(fits.take(budget.min(slots - drawn.len())));
            }
            if drawn.is_empty() && closed {
                return None;
            }
            slots = drawn.len();
            families.push(drawn);
        }
        (!families.is_empty()).then_some(())?;
        let slot = |place| families.iter().map(|drawn| drawn[place]).collect();
        Some((0..slots).map(slot).collect())
    }

    fn leased_of(&self, subnet: &Name) -> usize {
        let leases = self.model.records.iter().filter(|(ip, record)| {
            let is_leased = matches!(record.state, State::Leased(..));
            is_leased && self.catalog().address(**ip).unwrap().subnet == *subnet
        });
        leases.count()
    }

    fn leases_on(&self, node: &Name) -> Vec<IpAddr> {
        let leases = self.model.records.iter();
        let leases = leases
            .filter(|(_, record)| matches!(&record.state, State::Leased(to, _) if to == node));
        leases.map(|(ip, _)| *ip).collect()
    }

    /// Binds something of the node's reserve, or something that is not.
    fn bind_lease(&mut self) {
        let node = self.node();
        let mut leased = Vec::new();
        let leases = self.leases_on(&node);
        if leases.is_empty() || self.chance(8) {
            leased.push(self.ip());
        } else {
            leased.push(leases[self.random.usize(0..leases.len())]);
            let network = |ip: IpAddr| self.books.catalog().address(ip).unwrap().network.clone();
            let first = leased[0];
            let mut rest = leases.iter().copied();
            let other =
                rest.find(|ip| ip.is_ipv4() != first.is_ipv4() && network(*ip) == network(first));
            leased.extend(other);
        }
        let request = AllocateRequest {
            network: None,
            leased,
            ..AllocateRequest::any(self.attachment(), node, name("blue"))
        };
        self.ask(&request);
    }

    fn return_leases(&mut self) {
        let node = self.node();
        let Some(record) = self.catalog().node(&node).cloned() else {
            return;
        };
        let mut ips = self.leases_on(&node);
        ips.retain(|_| self.random.bool());
        ips.push(self.ip());
        let step = return_leases(self.catalog(), &node, record.fence, &ips, self.model.now);
        if record.removing.is_some() {
            step.unwrap_err();
            return;
        }
        let step = step.unwrap();
        assert!(step.done);
        self.make("return", &step.change);
        let own: BTreeSet<_> = self.leases_on(&node).into_iter().collect();
        let ips: BTreeSet<_> = ips.into_iter().collect();
        for ip in own.intersection(&ips) {
            self.counts.one("returned");
            self.freed(*ip, step.change.revision());
        }
    }

    fn recall(&mut self) {
        let change = recall(&self.books.ledger, &self.model.policy, self.model.now);
        let mut expected = BTreeSet::new();
        for subnet in self.catalog().subnets() {
            let range = subnet.cidr.network()..=subnet.cidr.last();
            let leases = self.model.records.range(range);
            let leases: Vec<_> = leases
                .filter(|(_, record)| matches!(record.state, State::Leased(..)))
                .collect();
            let (fresh, returned) = self.model.free(self.catalog(), subnet, None);
            let free = if subnet.deleting {
                0
            } else {
                fresh.len() + returned.len()
            };
            if free < leases.len() {
                let keep = if subnet.deleting {
                    0
                } else {
                    (free + leases.len()) / 8
                };
                let asked = leases.into_iter().skip(keep);
                let asked =
                    asked.filter(|(_, record)| matches!(record.state, State::Leased(_, false)));
                expected.extend(asked.map(|(ip, _)| *ip));
            }
        }
        let ips = |edit: &Edit| match edit {
            Edit::Put(Object::Address(address)) => address.ip,
            other => panic!("{other:?}"),
        };
        let actual: BTreeSet<_> = change.edits().iter().map(ips).collect();
        assert_eq!(actual, expected);
        self.make("recall", &change);
        for ip in actual {
            let record = self.record(ip);
            record.revision = change.revision();
            if let State::Leased(_, recalled) = &mut record.state {
                *recalled = true;
            }
        }
    }

    fn conflict(&mut self) {
        let wish = ConflictReport {
            ip: self.ip(),
            mac: MacAddr::new([0, 0xbb, 0, 0, 0, self.random.u8(0..2)]),
            node: self.node(),
        };
        let now = self.model.now;
        let Ok(change) = report_conflict(self.catalog(), &wish, now) else {
            return;
        };
        self.make("conflict", &change);
        if change.is_empty() {
            let known = self.model.records[&wish.ip].conflict;
            assert_eq!(known, Some(wish.mac));
            return;
        }
        self.counts.one("conflict");
        let record = self.record(wish.ip);
        if record.state == State::Fresh {
            record.state = State::Released(None, None);
            record.since = now;
        }
        record.conflict = Some(wish.mac);
        record.revision = change.revision();
    }

    fn clear(&mut self) {
        let conflicts: Vec<_> = self
            .model
            .records
            .iter()
            .filter(|(_, record)| record.conflict.is_some())
            .map(|(ip, _)| *ip)
            .collect();
        let ip = match conflicts.as_slice() {
            [] => self.ip(),
            some => some[self.random.usize(0..some.len())],
        };
        let Ok(change) = clear_conflict(self.catalog(), ip, self.model.now) else {
            assert!(conflicts.is_empty());
            return;
        };
        assert_eq!(change.is_empty(), conflicts.is_empty());
        self.make("clear", &change);
        if !change.is_empty() {
            self.counts.one("cleared");
            let record = self.record(ip);
            record.conflict = None;
            record.revision = change.revision();
        }
    }

    fn update_subnet(&mut self) {
        let index = self.random.usize(0..subnets().len());
        let spec = subnets().swap_remove(index)[self.random.usize(0..2)].clone();
        let Some(current) = self.catalog().subnet(&spec.name).cloned() else {
            return;
        };
        if let Ok(update) = update_subnet(self.catalog(), &spec, current.revision) {
            if !update.planned.change.is_empty() {
                self.counts.one("subnet updated");
            }
            self.make("update subnet", &update.planned.change);
        }
    }

    fn delete_subnet(&mut self) {
        let index = self.random.usize(0..subnets().len());
        let [spec, _] = subnets().swap_remove(index);
        let Ok(step) = delete_subnet(self.catalog(), &spec.name, None) else {
            return;
        };
        self.make("delete subnet", &step.change);
        for edit in step.change.edits() {
            if let Edit::Delete(Key::Address(ip)) = edit {
                assert!(self.model.records[ip].is_free());
                *self.record(*ip) = Record::default();
            }
        }
    }

    fn create_subnet(&mut self) {
        let missing: Vec<_> = subnets()
            .into_iter()
            .filter(|[spec, _]| self.catalog().subnet(&spec.name).is_none())
            .collect();
        if let Some([spec, _]) = missing.first() {
            let change = create_subnet(self.catalog(), spec).unwrap().change;
            self.make("create subnet", &change);
        }
    }

    fn pool(&mut self) {
        let (subnet, pool, range) = POOLS[self.random.usize(0..POOLS.len())];
        let spec = PoolSpec {
            subnet: name(subnet),
            name: name(pool),
            ranges: vec![parse(range)],
            labels: Default::default(),
        };
        let deletes = self.chance(4);
        let change = match self.catalog().pool(&spec.subnet, &spec.name) {
            None => create_pool(self.catalog(), &spec)
                .map(|planned| planned.change)
                .ok(),
            Some(_) if deletes => delete_pool(self.catalog(), &spec.subnet, &spec.name, None).ok(),
            Some(_) => None,
        };
        if let Some(change) = change {
            self.make("pool", &change);
        }
    }

    fn reserve(&mut self) {
        let number = self.random.u8(0..8);
        let holder = match self.random.u8(0..8) {
            0..4 => Holder::Pod(pod(self.random.u8(0..10))),
            4..7 => Holder::StatefulSet(Workload {
                namespace: "shop".to_owned(),
                name: "db".to_owned(),
            }),
            _ => Self::workload(),
        };
        let count = match &holder {
            Holder::Pod(_) => 1,
            _ => self.random.u32(1..4),
        };
        let one = subnets().swap_remove(self.random.usize(0..subnets().len()))[0].clone();
        let addresses = if self.chance(2) {
            Wanted::Any {
                subnets: vec![one.name.clone()],
                count,
            }
        } else {
            let own: Vec<_> = (self.model.records.keys().copied())
                .filter(|ip| one.cidr.contains(*ip))
                .collect();
            let mut ips = BTreeSet::new();
            for _ in 0..count {
                ips.insert(own[self.random.usize(0..own.len())]);
            }
            let pin = self.chance(3);
            let pinned = pin.then(|| self.mac());
            let address = |(place, ip)| ReservedAddress {
                ip,
                mac: pinned.filter(|_| place == 0),
            };
            Wanted::Named(ips.into_iter().enumerate().map(address).collect())
        };
        let expires = self.chance(3).then(|| self.model.now.after(200));
        let spec = ReservationSpec {
            name: name(&format!("res-{number}")),
            network: one.network,
            holder,
            addresses,
            spare: 0,
            retention: Retention::Forever,
            owner: String::new(),
            reason: String::new(),
            expires,
            labels: Default::default(),
        };
        let planned = create_reservation(&self.books.ledger, &spec, self.model.now);
        if let Ok(planned) = planned {
            self.counts.one("reserved again");
            self.make("reserve", &planned.change);
        }
    }

    fn end_reservation(&mut self) {
        let reservation = name(&format!("res-{}", self.random.u8(0..8)));
        if let Ok(change) = delete_reservation(self.catalog(), &reservation, None) {
            self.make("end reservation", &change);
        }
    }

    /// One step of a removal, which other operations may come between.
    fn remove_node(&mut self) {
        let mut unfinished = unfinished_removals(self.catalog()).into_iter();
        let node = match unfinished.next() {
            Some((node, _)) => node,
            None if self.chance(3) => self.node(),
            None => return,
        };
        let causes = [
            RemovalCause::PoweredOff,
            RemovalCause::OutOfService,
            RemovalCause::Offline,
            RemovalCause::Operator,
        ];
        let why = causes[self.random.usize(0..causes.len())];
        let holds = self.model.records.values();
        let holds = holds.filter(|record| record.node(&self.model) == Some(&node));
        let holds = holds.count();
        let known = self.catalog().node(&node).cloned();
        let step = remove_node(self.catalog(), &node, why, self.model.now);
        let begun = known.as_ref().is_some_and(|known| known.removing.is_some());
        if known.is_none() || why == RemovalCause::Operator && holds > 0 && !begun {
            step.unwrap_err();
            return;
        }
        // An operator's word takes the node, but only one that holds nothing.
        let Ok(step) = step else {
            assert_eq!(why, RemovalCause::Operator);
            return;
        };
        self.taken(&node, &step.change);
        if step.done && self.catalog().node(&node).is_none() {
            self.counts.one("node removed");
            let mut records = self.model.records.values();
            assert!(records.all(|record| record.node(&self.model) != Some(&node)));
        }
    }

    fn farewell(&mut self) {
        let node = self.node();
        let Some(known) = self.catalog().node(&node).cloned() else {
            return;
        };
        let step = farewell(self.catalog(), &node, known.fence, self.model.now).unwrap();
        self.taken(&node, &step.change);
    }

    /// What a change takes from a node, which must have had it.
    fn taken(&mut self, node: &Name, change: &Change) {
        self.make("taken", change);
        for edit in change.edits() {
            match edit {
                Edit::Delete(Key::Endpoint(attachment)) => {
                    assert_eq!(self.model.endpoints[attachment].node, *node);
                    self.unbound(attachment, change.revision());
                }
                Edit::Put(Object::Address(address)) => {
                    if matches!(self.model.records[&address.ip].state, State::Released(..)) {
                        // With its endpoint.
                        continue;
                    }
                    let record = &self.model.records[&address.ip];
                    assert_eq!(record.node(&self.model), Some(node));
                    self.freed(address.ip, change.revision());
                }
                _ => {}
            }
        }
    }

    fn register_node(&mut self) {
        let missing = |index: &usize| self.catalog().node(&name(NODES[*index].0)).is_none();
        let index = (0..NODES.len()).find(missing);
        let index = index.unwrap_or_else(|| self.random.usize(0..NODES.len()));
        self.register(&node_spec(index));
    }

    fn register(&mut self, spec: &NodeSpec) {
        let known = self.catalog().node(&spec.name).cloned();
        let planned = register_node(&self.books.ledger, spec, &self.model.policy, self.model.now);
        if known.as_ref().is_some_and(|known| known.removing.is_some()) {
            planned.unwrap_err();
            return;
        }
        let planned = planned.unwrap();
        if let Some(known) = &known {
            assert_eq!(planned.object.fence, known.fence);
        }
        let before = known
            .map(|known| known.addresses.clone())
            .unwrap_or_default();
        let pool = name("nodes");
        let search = Search {
            network: &name("green"),
            node: &planned.object,
            pool: Some(&pool),
            owner: None,
            derives_mac: true,
        };
        let mut expected: Vec<_> = before.iter().map(|address| address.ip).collect();
        let reported = planned.object.reported == self.catalog().epoch();
        if expected.is_empty() && reported {
            expected.extend(self.model.pick(self.catalog(), search, true));
        }
        let actual: Vec<_> = planned.object.addresses.iter().map(|a| a.ip).collect();
        assert_eq!(actual, expected, "{:#?}", self.log);
        self.make("register", &planned.change);
        for address in planned.object.addresses.iter().skip(before.len()) {
            self.counts.one("own address");
            let now = self.model.now;
            let record = self.record(address.ip);
            record.state = State::Own(spec.name.clone());
            record.since = now;
            record.revision = planned.change.revision();
        }
    }

    fn begin_epoch(&mut self) {
        if !self.chance(3) {
            return;
        }
        let change = begin_epoch(self.catalog(), self.model.now);
        self.make("epoch", &change);
    }

    fn waive(&mut self) {
        let node = self.node();
        if let Ok(change) = waive_report(self.catalog(), &node, self.model.now) {
            self.make("waive", &change);
        }
    }

    /// A node's report: it holds what the books say but perhaps for one interface, and perhaps one
    /// that the books do not know.
    fn report(&mut self) {
        let node = self.node();
        let Some(known) = self.catalog().node(&node).cloned() else {
            return;
        };
        let mut holds: Vec<_> = (self.model.endpoints.iter())
            .filter(|(_, held)| held.node == node)
            .map(|(attachment, held)| Reported {
                attachment: attachment.clone(),
                addresses: held.ips.clone(),
                mac: held.mac,
                network: held.network.clone(),
                pod: held.pod.clone(),
            })
            .collect();
        if !holds.is_empty() && self.chance(2) {
            holds.remove(self.random.usize(0..holds.len()));
        }
        let (ip, attachment) = (self.ip(), self.attachment());
        let is_news =
            self.model.records[&ip].is_free() && !self.model.endpoints.contains_key(&attachment);
        if is_news {
            holds.push(Reported {
                attachment,
                addresses: vec![ip],
                mac: MacAddr::new([2, 0xcc, 0, 0, 0, self.random.u8(..)]),
                network: name("blue"),
                pod: None,
            });
        }
        let wish = Report {
            node: node.clone(),
            fence: known.fence,
            epoch: self.catalog().epoch(),
            leases: self.leases_on(&node),
            holds,
        };
        for _ in 0..50 {
            let Ok(step) = report(self.catalog(), &wish, self.model.now) else {
                assert!(known.removing.is_some());
                return;
            };
            if step.change.is_empty() {
                assert!(step.done);
                return;
            }
            self.reported(&node, &step.change);
            if step.done {
                self.counts.one("reported");
                return;
            }
        }
        panic!("a report that does not end");
    }

    fn reported(&mut self, node: &Name, change: &Change) {
        self.make("report", change);
        for edit in change.edits() {
            match edit {
                Edit::Delete(Key::Endpoint(attachment)) => {
                    assert_eq!(self.model.endpoints[attachment].node, *node);
                    self.unbound(attachment, change.revision());
                }
                Edit::Put(Object::Endpoint(endpoint)) => {
                    let free = |ip: IpAddr| self.model.records[&ip].is_free();
                    assert!(endpoint.addresses.iter().all(|address| free(address.ip)));
                    self.bound(endpoint, change.revision());
                }
                _ => {}
            }
        }
    }

    /// The ledger as a new leader would load it.
    fn restart(&mut self) {
        self.counts.one("restarted");
        let mut objects: Vec<_> = self.books.stored.values().cloned().collect();
        self.random.shuffle(&mut objects);
        let loaded = Catalog::load(self.catalog().revision(), objects).unwrap();
        let loaded = Ledger::of(loaded);
        assert!(
            loaded == self.books.ledger,
            "what is loaded is not what was there"
        );
        self.books.ledger = loaded;
    }

    fn clock(&mut self) {
        let seconds = self.random.u64(0..40);
        let now = self.model.now.unix_seconds();
        let later = match self.random.u8(0..50) {
            0 => now + 5_000,
            1 => now - 30,
            _ => now + seconds,
        };
        self.model.now = trunkline_ipam::Timestamp::from_unix_seconds(later);
    }

    /// The books and the model say the same of every address.
    fn agree(&self) {
        let catalog = self.catalog();
        for (ip, record) in &self.model.records {
            let address = catalog.address(*ip);
            let same = match address {
                None => record.state == State::Fresh,
                Some(address) => is_same(address, record),
            };
            assert!(same, "{ip}: {record:?}, {address:?}\n{:#?}", self.log);
        }
        assert_eq!(catalog.endpoints().count(), self.model.endpoints.len());
    }

    /// What holds between all objects, and what is kept up step by step.
    fn in_order(&self) {
        let catalog = self.catalog();
        catalog.check().unwrap();
        assert!(Ledger::of(catalog.clone()) == self.books.ledger);
        let mut macs = BTreeSet::new();
        for (attachment, held) in &self.model.endpoints {
            // What a node reports after a restore is taken as it is.
            let reported = held.mac.octets()[1] == 0xcc;
            assert!(
                reported || macs.insert((&held.network, held.mac)),
                "{}",
                held.mac
            );
            let endpoint = catalog.endpoint(attachment).unwrap();
            assert_eq!((endpoint.mac, &endpoint.node), (held.mac, &held.node));
        }
        for subnet in catalog.subnets() {
            let range = subnet.cidr.network()..=subnet.cidr.last();
            let held = self.model.records.range(range);
            let held = held.filter(|(_, record)| !record.is_free()).count();
            assert_eq!(catalog.in_use(&subnet.name), u64::try_from(held).unwrap());
        }
    }

    /// When everything is given back, everything can be handed out again.
    fn restored(&mut self) {
        for attachment in self.model.endpoints.keys().cloned().collect::<Vec<_>>() {
            let wish = Release {
                attachment: attachment.clone(),
                reason: "the end".to_owned(),
                expected: None,
            };
            let change = release(self.catalog(), &wish, self.model.now).unwrap();
            self.make("release", &change);
            self.unbound(&attachment, change.revision());
        }
        for reservation in self
            .catalog()
            .reservations()
            .map(|one| one.name.clone())
            .collect::<Vec<_>>()
        {
            let change = delete_reservation(self.catalog(), &reservation, None).unwrap();
            self.make("end reservation", &change);
        }
        for (index, (node, ..)) in NODES.iter().enumerate() {
            let node = name(node);
            while self.catalog().node(&node).is_some() {
                let why = RemovalCause::PoweredOff;
                let step = remove_node(self.catalog(), &node, why, self.model.now).unwrap();
                self.taken(&node, &step.change);
            }
            self.model.now = self.model.now.after(5_000);
            self.register(&NodeSpec {
                rack: name("r9"),
                ..node_spec(index)
            });
            let change = waive_report(self.catalog(), &node, self.model.now).unwrap();
            self.make("waive", &change);
        }
        self.agree_on_capacity();
    }

    fn agree_on_capacity(&mut self) {
        let now = self.model.now.after(10_000);
        for subnet in self.books.catalog().subnets() {
            let space = self.books.ledger.free().of_subnet(&subnet.name);
            let Some(space) = space else { continue };
            let pools = self.books.catalog().pools_of(&subnet.name);
            let names: Vec<_> = pools.map(|pool| Some(&pool.name)).chain([None]).collect();
            let mut ready = 0;
            for pool in names {
                let set = space.set(pool).unwrap();
                let ips: BTreeSet<_> = set.ready(&self.model.policy, now).collect();
                ready += ips.len();
                assert_eq!(set.free(), u64::try_from(ips.len()).unwrap());
            }
            let range = subnet.cidr.network()..=subnet.cidr.last();
            let missing = self.model.records.range(range).filter(|(ip, record)| {
                Model::hands_out(subnet, **ip) && (record.conflict.is_some() || !record.is_free())
            });
            let capacity = usize::try_from(subnet.capacity()).unwrap();
            assert_eq!(ready + missing.count(), capacity, "{}", subnet.name);
        }
    }
}

fn is_same(address: &Address, record: &Record) -> bool {
    let state = match (&address.state, &record.state) {
        (AddressState::Leased { node, recalled }, State::Leased(to, asked)) => {
            node == to && recalled == asked
        }
        (AddressState::Bound { attachment }, State::Bound(to)) => attachment == to,
        (AddressState::Node { node }, State::Own(to)) => node == to,
        (AddressState::Released { owner, reservation }, State::Released(last, by)) => {
            owner.as_deref() == last.as_ref() && reservation == by
        }
        _ => false,
    };
    state
        && address.since == record.since
        && address.revision == record.revision
        && address.conflict.as_ref().map(|conflict| conflict.mac) == record.conflict
}
