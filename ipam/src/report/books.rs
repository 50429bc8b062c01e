//! A node's report, compared with the books.

mod dispute;

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::sync::Arc;

use trunkline_types::{Attachment, Name};

use super::{Held, Report};
use crate::address::Tenant;
use crate::change::STEP_EDITS;
use crate::release::Ending;
use crate::{
    Address, AddressState, Catalog, Edit, Endpoint, EndpointAddress, Event, EventKind, Key,
    Listing, Node, Object, Reservation, Revision, Subnet, Timestamp,
};

use dispute::Contradiction;

/// The books, and the report of one node.
pub(super) struct Books<'a> {
    pub(super) catalog: &'a Catalog,
    pub(super) node: &'a Node,
    pub(super) report: &'a Report,
    pub(super) now: Timestamp,
    pub(super) revision: Revision,
}

/// What the comparison comes to.
#[derive(Default)]
pub(super) struct Findings<'a> {
    /// What is to be written down as it is, as far as it fits.
    pub(super) known: Vec<Edit>,
    /// What the books give to somebody else, or the node cannot have been given.
    pub(super) contradictions: Vec<Contradiction<'a>>,
    /// The nodes that must report first.
    pub(super) awaited: BTreeSet<Name>,
    /// The addresses that no subnet has, and so no record can be made of.
    pub(super) foreign: Vec<IpAddr>,
}

/// What becomes of one thing that the node holds.
enum Verdict<'a> {
    /// The books say so as well.
    Agreed,
    /// The books know nothing to the contrary.
    News(Vec<&'a Arc<Subnet>>),
    /// The books give it to that node, which has not reported.
    Awaits(&'a Name),
    /// The books give it to somebody else, who has it.
    Contradicts(String),
    /// It contradicts itself.
    Odd(&'static str),
    /// No subnet has it.
    Foreign(IpAddr),
}

impl<'a> Books<'a> {
    /// The end of what the books give to the node and it does not hold, as far as it fits.
    pub(super) fn ended(&self) -> Vec<Edit> {
        let ending = Ending {
            catalog: self.catalog,
            reason: "the node did not hold it when it reported after a restore",
            now: self.now,
            revision: self.revision,
        };
        let holds = &self.report.holds;
        let held: BTreeSet<_> = holds.iter().flat_map(|held| &held.addresses).collect();
        let kept = |endpoint: &Endpoint| holds.iter().any(|held| held.is(endpoint));
        let endpoints = self.catalog.endpoints_on(&self.node.name);
        let endpoints = endpoints
            .filter(|endpoint| !kept(endpoint))
            .map(|endpoint| ending.endpoint(endpoint));
        let leases = self.catalog.leased_to(&self.node.name);
        let leases = leases
            .filter(|lease| !self.report.leases.contains(&lease.ip) && !held.contains(&lease.ip))
            .map(|lease| vec![ending.lease(lease)]);
        let mut edits = Vec::new();
        for more in endpoints.chain(leases) {
            edits.extend(more);
            if edits.len() >= STEP_EDITS {
                break;
            }
        }
        edits
    }

    pub(super) fn compare(&self) -> Findings<'a> {
        let mut findings = Findings::default();
        // Two of a report's holdings may contradict each other; the second one is judged when the
        // first one is in the books.
        let mut addresses = BTreeSet::new();
        let mut attachments = BTreeSet::new();
        for held in &self.report.holds {
            if findings.known.len() >= STEP_EDITS {
                break;
            }
            match self.verdict(held) {
                Verdict::Agreed => {}
                Verdict::News(subnets) => {
                    let is_first = attachments.insert(&held.attachment)
                        & held
                            .addresses
                            .iter()
                            .fold(true, |first, ip| addresses.insert(*ip) & first);
                    match self.doubt(held, &subnets) {
                        Some(why) => findings.contradictions.push(Contradiction::of(held, why)),
                        None if is_first => findings.known.extend(self.adopted(held, &subnets)),
                        None => {}
                    }
                }
                Verdict::Awaits(node) => {
                    findings.awaited.insert(node.clone());
                }
                Verdict::Contradicts(why) => {
                    findings.contradictions.push(Contradiction::of(held, why));
                }
                Verdict::Odd(why) => findings.contradictions.push(Contradiction::odd(held, why)),
                Verdict::Foreign(ip) => findings.foreign.push(ip),
            }
        }
        for ip in &self.report.leases {
            if findings.known.len() < STEP_EDITS && addresses.insert(*ip) {
                self.compare_lease(*ip, &mut findings);
            }
        }
        findings
    }

    /// The node's holdings that the books give to somebody else.
    pub(super) fn contradictions(&self) -> Vec<Contradiction<'a>> {
        let holds = self.report.holds.iter();
        let contradictions = holds.filter_map(|held| match self.verdict(held) {
            Verdict::Contradicts(why) => Some(Contradiction::of(held, why)),
            Verdict::Odd(why) => Some(Contradiction::odd(held, why)),
            Verdict::Agreed | Verdict::News(_) | Verdict::Awaits(_) | Verdict::Foreign(_) => None,
        });
        contradictions.collect()
    }

    fn verdict(&self, held: &Held) -> Verdict<'a> {
        let catalog = self.catalog;
        if let Some(endpoint) = catalog.endpoint(&held.attachment) {
            return if endpoint.node == self.node.name && held.is(endpoint) {
                Verdict::Agreed
            } else {
                self.against(&endpoint.node, format!("`{}` on", held.attachment))
            };
        }
        let mut subnets: Vec<&Arc<Subnet>> = Vec::with_capacity(2);
        for ip in &held.addresses {
            let Some(subnet) = self.subnet(*ip) else {
                return Verdict::Foreign(*ip);
            };
            if let Some(address) = catalog.address(*ip)
                && !crate::reserve::is_leased_to(address, &self.node.name)
                && let Some(tenant) = Tenant::of(catalog, address)
            {
                return self.against(tenant.node, format!("`{ip}` to {} on", tenant.who));
            }
            let fits = |other: &Arc<Subnet>| {
                other.network == subnet.network
                    && other.cidr.network().is_ipv4() != subnet.cidr.network().is_ipv4()
            };
            if !subnets.iter().all(|other| fits(other)) {
                return Verdict::Odd("its addresses do not go together");
            }
            subnets.push(subnet);
        }
        match held.addresses.is_empty() {
            true => Verdict::Agreed,
            false => Verdict::News(subnets),
        }
    }

    fn against(&self, node: &'a Name, what: String) -> Verdict<'a> {
        let unreported = |other: &&Arc<Node>| other.reported != self.catalog.epoch();
        let other = self.catalog.node(node).filter(unreported);
        match other {
            Some(other) if other.name != self.node.name => Verdict::Awaits(&other.name),
            _ => Verdict::Contradicts(format!("the books give {what} node `{node}`")),
        }
    }

    fn subnet(&self, ip: IpAddr) -> Option<&'a Arc<Subnet>> {
        let subnet = self.catalog.subnet_of(ip)?;
        (subnet.may_assign(ip) && !subnet.deleting).then_some(subnet)
    }

    /// Why the node cannot have been given what it holds, although the books give it to nobody; none
    /// if it can.
    fn doubt(&self, held: &Held, subnets: &[&Arc<Subnet>]) -> Option<String> {
        let is_far = |subnet: &&&Arc<Subnet>| !subnet.placement.admits(self.node);
        if let Some(subnet) = subnets.iter().find(is_far) {
            return Some(format!("subnet `{}` is not for it", subnet.name));
        }
        let vouched = self.report.vouched.as_ref();
        let known_as = match (vouched, &held.pod) {
            (None, _) => None,
            (Some(_), None) => return Some("it names no pod".to_owned()),
            (Some(vouched), Some(pod)) => match vouched.get(pod) {
                Some(known_as) => Some(known_as),
                None => return Some(format!("pod `{pod}` was not given to it")),
            },
        };
        let is_for = |reservation: &&Arc<Reservation>| {
            let pod = held.pod.as_ref();
            let holder = &reservation.holder;
            pod.is_some_and(|pod| match known_as {
                Some(known_as) => holder.is_pod(pod) || known_as.contains(holder),
                // Nobody can tell.
                None => holder.may_be(pod),
            })
        };
        let addresses = held.addresses.iter();
        let mut kept = addresses.filter_map(|ip| self.catalog.reservation_of(*ip));
        let others = kept.find(|reservation| !is_for(reservation))?;
        Some(format!(
            "reservation `{}` keeps that for somebody else",
            others.name
        ))
    }

    /// The endpoint as the node holds it.
    fn adopted(&self, held: &Held, subnets: &[&Arc<Subnet>]) -> Vec<Edit> {
        let own = || held.addresses.iter().zip(subnets);
        let mut edits: Vec<_> = own()
            .map(|(ip, subnet)| {
                self.record(
                    *ip,
                    subnet,
                    AddressState::Bound {
                        attachment: held.attachment.clone(),
                    },
                )
            })
            .collect();
        let mut addresses: Vec<_> = own()
            .map(|(ip, subnet)| EndpointAddress {
                ip: *ip,
                subnet: subnet.name.clone(),
            })
            .collect();
        addresses.sort_by_key(|address| address.ip);
        let network = subnets
            .first()
            .map_or(&held.network, |subnet| &subnet.network);
        let reservation = held
            .addresses
            .iter()
            .find_map(|ip| self.catalog.reservation_of(*ip));
        edits.push(Edit::Put(Object::Endpoint(Arc::new(Endpoint {
            attachment: held.attachment.clone(),
            pod: held.pod.clone(),
            node: self.node.name.clone(),
            network: network.clone(),
            mac: held.mac,
            addresses,
            pod_uid: None,
            profile: None,
            reservation: reservation.map(|reservation| reservation.name.clone()),
            created: self.now,
            revision: self.revision,
        }))));
        edits
    }

    fn record(&self, ip: IpAddr, subnet: &Subnet, state: AddressState) -> Edit {
        let before = self.catalog.address(ip);
        Edit::Put(Object::Address(Arc::new(Address {
            ip,
            subnet: subnet.name.clone(),
            network: subnet.network.clone(),
            state,
            since: self.now,
            conflict: before.and_then(|before| before.conflict.clone()),
            revision: self.revision,
        })))
    }

    /// A slot that nobody else has is the node's. One that somebody has is not, and the node drops
    /// it when it compares its reserve with the books: no pod has it yet, so nothing is in conflict.
    fn compare_lease(&self, ip: IpAddr, findings: &mut Findings<'_>) {
        let Some(subnet) = self.subnet(ip) else {
            return;
        };
        // No lease is of another node's subnet, or reserved.
        if !subnet.placement.admits(self.node) || self.catalog.reservation_of(ip).is_some() {
            return;
        }
        let record = self.catalog.address(ip);
        if record.is_none_or(|address| address.is_released()) {
            let node = self.node.name.clone();
            let state = AddressState::Leased {
                node,
                recalled: false,
                // The node tells addresses, and not which of them go together.
                slot: None,
            };
            findings.known.push(self.record(ip, subnet, state));
        }
    }

    /// The node as one that has reported, with an event of what is not written down otherwise.
    pub(super) fn reported(&self, findings: &Findings<'_>) -> Vec<Edit> {
        let mut edits = vec![Edit::Put(Object::Node(Arc::new(Node {
            reported: self.catalog.epoch(),
            // The back-up may be older than the last time that its leases were taken from it.
            fence: self.node.fence.max(self.report.fence),
            last_heard: self.node.last_heard.max(self.now),
            revision: self.revision,
            ..self.node.clone()
        })))];
        let foreign = (!findings.foreign.is_empty()).then(|| {
            format!(
                "node `{}` holds {}, which no subnet has: the subnet may be missing from the \
                 back-up",
                self.node.name,
                Listing::of(&findings.foreign)
            )
        });
        let disputed = self.disputes(&findings.contradictions).left;
        let said: Vec<String> = disputed.into_iter().chain(foreign).collect();
        if !said.is_empty() {
            edits.push(self.event(said.join("; ")));
        }
        edits
    }

    /// An event about the node.
    fn event(&self, message: String) -> Edit {
        let about = Key::Node(self.node.name.clone());
        Edit::Put(Object::Event(Arc::new(Event {
            at: self.now,
            kind: EventKind::ReportContradicted,
            about: about.to_string(),
            message,
            revision: self.revision,
        })))
    }
}

impl Held {
    /// Whether it is that endpoint: the same interface with the same addresses.
    fn is(&self, endpoint: &Endpoint) -> bool {
        let has = |attachment: &Attachment| *attachment == self.attachment;
        let own: BTreeSet<_> = self.addresses.iter().collect();
        let books: BTreeSet<_> = endpoint.addresses.iter().map(|a| &a.ip).collect();
        has(&endpoint.attachment) && own == books
    }
}
