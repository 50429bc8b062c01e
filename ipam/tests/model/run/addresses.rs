//! What becomes of addresses: allocations, releases, reserves, conflicts.

use super::*;

impl Run {
    pub(super) fn allocate(&mut self) {
        let request = self.request();
        self.ask(&request);
    }

    pub(super) fn ask(&mut self, request: &AllocateRequest) {
        let planned = allocate(
            &self.books.ledger,
            request,
            &self.model.policy,
            self.model.now,
        );
        if let Some(held) = self.model.endpoints.get(&request.attachment) {
            let network = request.network.as_ref().unwrap_or(&held.network);
            let wanted = request.addresses.iter().chain(&request.leased);
            let same_pod = match (&held.pod, &request.pod) {
                (Some(had), Some(asks)) => had == asks,
                _ => true,
            };
            let same = same_pod
                && held.node == request.node
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

    pub(super) fn bound(
        &mut self,
        endpoint: &trunkline_ipam::Endpoint,
        revision: trunkline_ipam::Revision,
    ) {
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

    pub(super) fn release(&mut self) {
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

    pub(super) fn unbound(&mut self, attachment: &Attachment, revision: trunkline_ipam::Revision) {
        let held = self.model.endpoints.remove(attachment).unwrap();
        let now = self.model.now;
        for ip in held.ips {
            let record = self.record(ip);
            record.state = State::Released(held.pod.clone(), held.reservation.clone());
            record.since = now;
            record.revision = revision;
        }
    }

    pub(super) fn freed(&mut self, ip: IpAddr, revision: trunkline_ipam::Revision) {
        let now = self.model.now;
        let record = self.record(ip);
        record.state = State::Released(None, None);
        record.since = now;
        record.revision = revision;
    }

    pub(super) fn release_address(&mut self) {
        let wish = ReleaseAddress {
            ip: self.ip(),
            reason: "by an operator".to_owned(),
            force: self.chance(2),
            signs: Default::default(),
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
            _ => {
                let other = self.other_half(wish.ip);
                for ip in other.into_iter().chain([wish.ip]) {
                    self.freed(ip, change.revision());
                }
            }
        }
    }

    pub(super) fn lease(&mut self) {
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
                let mut others = slot.addresses.iter().map(|address| address.ip);
                let other = others.find(|other| *other != address.ip);
                let together = other.map_or(Together::Alone, Together::With);
                record.state = State::Leased(node.clone(), false, together);
                record.since = now;
                record.revision = leased.change.revision();
            }
        }
    }

    /// The slots that a node is to be leased.
    pub(super) fn drawn(
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

    pub(super) fn leased_of(&self, subnet: &Name) -> usize {
        let leases = self.model.records.iter().filter(|(ip, record)| {
            let is_leased = matches!(record.state, State::Leased(..));
            is_leased && self.catalog().address(**ip).unwrap().subnet == *subnet
        });
        leases.count()
    }

    pub(super) fn leases_on(&self, node: &Name) -> Vec<IpAddr> {
        let leases = self.model.records.iter();
        let leases = leases
            .filter(|(_, record)| matches!(&record.state, State::Leased(to, ..) if to == node));
        leases.map(|(ip, _)| *ip).collect()
    }

    /// What is still leased together with `ip`.
    pub(super) fn other_half(&self, ip: IpAddr) -> Option<IpAddr> {
        let State::Leased(node, _, Together::With(other)) = &self.model.records[&ip].state else {
            return None;
        };
        self.leases_on(node).contains(other).then_some(*other)
    }

    /// Binds something of the node's reserve, or something that is not, for a pod that may have
    /// other addresses.
    pub(super) fn bind_lease(&mut self) {
        let node = self.node();
        let mut leased = Vec::new();
        let leases = self.leases_on(&node);
        if leases.is_empty() || self.chance(8) {
            leased.push(self.ip());
        } else {
            leased.push(leases[self.random.usize(0..leases.len())]);
            let first = leased[0];
            let wrong = leases.iter().copied();
            let mut wrong = wrong.filter(|ip| ip.is_ipv4() != first.is_ipv4());
            match self.random.u8(0..8) {
                0 => {}
                1 => leased.extend(wrong.next_back()),
                _ => leased.extend(self.other_half(first)),
            }
        }
        let any = AllocateRequest::any(self.attachment(), node, name("blue"));
        let mut request = match self.chance(4) {
            true => AllocateRequest {
                network: None,
                ..self.request()
            },
            false => AllocateRequest {
                network: None,
                ..any.clone()
            },
        };
        request.node = any.node;
        if self.chance(8) {
            request.addresses = vec![leased[0]];
        }
        request.leased = leased;
        self.ask(&request);
    }

    pub(super) fn return_leases(&mut self) {
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
        let halves: Vec<_> = ips.iter().filter(|ip| own.contains(ip)).copied().collect();
        let halves = halves.into_iter().filter_map(|ip| self.other_half(ip));
        let ips: BTreeSet<_> = halves.chain(ips.iter().copied()).collect();
        for ip in own.intersection(&ips) {
            self.counts.one("returned");
            self.freed(*ip, step.change.revision());
        }
    }

    pub(super) fn recall(&mut self) {
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
                    asked.filter(|(_, record)| matches!(record.state, State::Leased(_, false, _)));
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
            if let State::Leased(_, recalled, _) = &mut record.state {
                *recalled = true;
            }
        }
    }

    pub(super) fn conflict(&mut self) {
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
        record.withhold(wish.mac, change.revision());
    }

    pub(super) fn clear(&mut self) {
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
        let Ok(change) = clear_conflict(self.catalog(), ip, &Clearance::Operator, self.model.now)
        else {
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
}
