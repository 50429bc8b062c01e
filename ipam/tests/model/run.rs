//! Random operations on the ledger and the model alike.

mod addresses;
mod objects;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::net::IpAddr;

use trunkline_ipam::{
    Address, AddressState, AllocateRequest, Catalog, Change, Clearance, ConflictReport, Edit,
    Epoch, Held as Reported, Holder, Key, LeaseRequest, Ledger, NodeSpec, Object, Policy, PoolSpec,
    Release, ReleaseAddress, RemovalCause, Report, ReservationSpec, ReservedAddress, Retention,
    Wanted, Workload, allocate, begin_epoch, clear_conflict, create_pool, create_reservation,
    create_subnet, delete_pool, delete_reservation, delete_subnet, derived_mac, farewell, lease,
    recall, register_node, release, release_address, remove_node, report, report_conflict,
    return_leases, unfinished_removals, update_subnet, waive_report,
};
use trunkline_types::{Attachment, MacAddr, Name};

use crate::model::{Grant, Held, Model, Record, Search, State, Together};
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
            ("contradicted", 2),
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

    fn stateful_set() -> Holder {
        Holder::StatefulSet(Workload {
            namespace: "shop".to_owned(),
            name: "db".to_owned(),
        })
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
            request.workload = match number {
                4.. => Some(Self::workload()),
                _ if self.chance(4) => Some(Self::workload()),
                _ if self.chance(2) => Some(Self::stateful_set()),
                _ => None,
            };
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
        // Not before: after a restore a node may have told that it has one of them in reserve.
        for reservation in self
            .catalog()
            .reservations()
            .map(|one| one.name.clone())
            .collect::<Vec<_>>()
        {
            let change = delete_reservation(self.catalog(), &reservation, None).unwrap();
            self.make("end reservation", &change);
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
        (
            AddressState::Leased {
                node,
                recalled,
                slot,
            },
            State::Leased(to, asked, together),
        ) => {
            let partner = slot.as_ref().map(|slot| slot.partner);
            let same = match together {
                Together::With(other) => partner == Some(Some(*other)),
                Together::Alone => partner == Some(None),
                Together::Unknown => partner.is_none(),
            };
            same && node == to && recalled == asked
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
