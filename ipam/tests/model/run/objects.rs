//! What becomes of subnets, pools, reservations, nodes and epochs.

use super::*;

impl Run {
    pub(super) fn update_subnet(&mut self) {
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

    pub(super) fn delete_subnet(&mut self) {
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

    pub(super) fn create_subnet(&mut self) {
        let missing: Vec<_> = subnets()
            .into_iter()
            .filter(|[spec, _]| self.catalog().subnet(&spec.name).is_none())
            .collect();
        if let Some([spec, _]) = missing.first() {
            let change = create_subnet(self.catalog(), spec).unwrap().change;
            self.make("create subnet", &change);
        }
    }

    pub(super) fn pool(&mut self) {
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

    pub(super) fn reserve(&mut self) {
        let number = self.random.u8(0..8);
        let holder = match self.random.u8(0..8) {
            0..4 => Holder::Pod(pod(self.random.u8(0..10))),
            4..7 => Self::stateful_set(),
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

    pub(super) fn end_reservation(&mut self) {
        let reservation = name(&format!("res-{}", self.random.u8(0..8)));
        if let Ok(change) = delete_reservation(self.catalog(), &reservation, None) {
            self.make("end reservation", &change);
        }
    }

    /// One step of a removal, which other operations may come between.
    pub(super) fn remove_node(&mut self) {
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

    pub(super) fn farewell(&mut self) {
        let node = self.node();
        let Some(known) = self.catalog().node(&node).cloned() else {
            return;
        };
        let step = farewell(self.catalog(), &node, known.fence, self.model.now).unwrap();
        self.taken(&node, &step.change);
    }

    /// What a change takes from a node, which must have had it.
    pub(super) fn taken(&mut self, node: &Name, change: &Change) {
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

    pub(super) fn register_node(&mut self) {
        let missing = |index: &usize| self.catalog().node(&name(NODES[*index].0)).is_none();
        let index = (0..NODES.len()).find(missing);
        let index = index.unwrap_or_else(|| self.random.usize(0..NODES.len()));
        self.register(&node_spec(index));
    }

    pub(super) fn register(&mut self, spec: &NodeSpec) {
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

    pub(super) fn begin_epoch(&mut self) {
        if !self.chance(3) {
            return;
        }
        let change = begin_epoch(self.catalog(), Epoch::default(), self.model.now);
        self.make("epoch", &change);
    }

    pub(super) fn waive(&mut self) {
        let node = self.node();
        if let Ok(change) = waive_report(self.catalog(), &node, self.model.now) {
            self.make("waive", &change);
        }
    }

    /// A node's report: it holds what the books say but perhaps for one interface, and perhaps one
    /// that the books do not know or give to another node, or something in its reserve.
    pub(super) fn report(&mut self) {
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
        let epoch = self.catalog().epoch();
        let is_known = self.model.endpoints.contains_key(&attachment);
        // Of a node that has not reported it may yet turn out that it does not hold it either.
        let holder = self.model.records[&ip].node(&self.model).cloned();
        let other = holder.as_ref().filter(|other| **other != node);
        let other = other.and_then(|other| self.catalog().node(other));
        let contradicts = other.is_some_and(|other| other.reported == epoch) && !is_known;
        let mac = MacAddr::new([2, 0xcc, 0, 0, 0, self.random.u8(..)]);
        if holder.is_none() && !is_known || contradicts {
            holds.push(Reported {
                attachment,
                addresses: vec![ip],
                mac,
                network: name("blue"),
                pod: None,
            });
        }
        // Of a report that is owed a node is believed that it holds what another one has as well.
        let is_bound = matches!(self.model.records[&ip].state, State::Bound(_));
        let subnet = self.catalog().subnet_of(ip);
        let is_near = subnet.is_some_and(|subnet| subnet.placement.admits(&known));
        let withholds = known.reported != epoch && is_bound && is_near;
        let conflict = self.model.records[&ip].conflict;
        let mut leases = self.leases_on(&node);
        leases.push(self.ip());
        let wish = Report {
            node: node.clone(),
            fence: known.fence,
            epoch: self.catalog().epoch(),
            leases,
            holds,
            vouched: None,
        };
        for _ in 0..50 {
            let Ok(step) = report(self.catalog(), &wish, self.model.now) else {
                assert!(known.removing.is_some());
                return;
            };
            let is_new = !step.change.is_empty();
            if is_new {
                self.reported(&node, &step.change);
            }
            if step.done {
                if contradicts {
                    self.counts.one("contradicted");
                    let address = self.catalog().address(ip).unwrap();
                    match withholds {
                        true => assert_eq!(address.conflict.as_ref().unwrap().node, node),
                        false => assert_eq!(self.model.records[&ip].conflict, conflict),
                    }
                }
                if is_new {
                    self.counts.one("reported");
                }
                return;
            }
        }
        panic!("a report that does not end");
    }

    /// What becomes of an address that a node says it has in reserve, or holds although another
    /// node does or it cannot have been given that.
    fn told(&mut self, node: &Name, address: &Address) {
        let now = self.model.now;
        let record = self.record(address.ip);
        let conflict = address.conflict.as_ref().map(|conflict| conflict.mac);
        let is_seen = address.conflict.as_ref();
        let is_seen = is_seen.is_some_and(|seen| seen.node == *node && seen.seen == now);
        if matches!(address.state, AddressState::Leased { .. }) {
            assert!(record.is_free());
            record.state = State::Leased(node.clone(), false, Together::Unknown);
            record.since = now;
            record.revision = address.revision;
        } else if conflict != record.conflict || is_seen && record.revision != address.revision {
            if record.state == State::Fresh {
                record.state = State::Released(None, None);
                record.since = now;
            }
            record.withhold(conflict.unwrap(), address.revision);
        }
    }

    pub(super) fn reported(&mut self, node: &Name, change: &Change) {
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
                Edit::Put(Object::Address(address)) => self.told(node, address),
                _ => {}
            }
        }
    }
}
