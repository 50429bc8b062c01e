//! The naive model: a plain record for every address, and decisions by looking at all of them.

use std::collections::BTreeMap;
use std::net::IpAddr;

use trunkline_ipam::{
    AllocateRequest, Catalog, Epoch, Holder, Node, Placement, Policy, Reservation, ReservedAddress,
    Revision, Subnet, Timestamp, derived_mac,
};
use trunkline_types::{Attachment, MacAddr, Name, Pod};

use crate::world::universe;

/// Who has an address.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum State {
    /// Nobody ever had it.
    #[default]
    Fresh,
    /// A node, whether it is asked to give it back, and what it was leased with.
    Leased(Name, bool, Together),
    Bound(Attachment),
    Own(Name),
    /// Nobody, since some time.
    Released(Option<Pod>, Option<Name>),
}

/// What an address was leased with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Together {
    With(IpAddr),
    Alone,
    /// A node told of it after a restore.
    Unknown,
}

#[derive(Clone, Debug, Default)]
pub struct Record {
    pub state: State,
    pub since: Timestamp,
    pub revision: Revision,
    pub conflict: Option<MacAddr>,
}

impl Record {
    pub fn is_free(&self) -> bool {
        matches!(self.state, State::Fresh | State::Released(..))
    }

    /// Puts it in conflict; a node that has it in reserve is to give it back.
    pub fn withhold(&mut self, mac: MacAddr, revision: Revision) {
        self.conflict = Some(mac);
        self.revision = revision;
        if let State::Leased(_, recalled, _) = &mut self.state {
            *recalled = true;
        }
    }

    fn owner(&self) -> Option<&Pod> {
        match &self.state {
            State::Released(owner, _) => owner.as_ref(),
            _ => None,
        }
    }

    pub fn node<'a>(&'a self, model: &'a Model) -> Option<&'a Name> {
        match &self.state {
            State::Leased(node, ..) | State::Own(node) => Some(node),
            State::Bound(attachment) => Some(&model.endpoints[attachment].node),
            _ => None,
        }
    }
}

#[derive(Clone, Debug)]
pub struct Held {
    pub node: Name,
    pub network: Name,
    pub ips: Vec<IpAddr>,
    pub mac: MacAddr,
    pub pod: Option<Pod>,
    pub reservation: Option<Name>,
}

/// What an allocation comes to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Grant {
    pub network: Name,
    pub ips: Vec<IpAddr>,
    pub mac: MacAddr,
    pub reservation: Option<Name>,
}

pub struct Model {
    pub now: Timestamp,
    pub policy: Policy,
    pub records: BTreeMap<IpAddr, Record>,
    pub endpoints: BTreeMap<Attachment, Held>,
}

/// What a search is for.
#[derive(Clone, Copy)]
pub struct Search<'a> {
    pub network: &'a Name,
    pub node: &'a Node,
    pub pool: Option<&'a Name>,
    pub owner: Option<&'a Pod>,
    pub derives_mac: bool,
}

struct Refused;

impl Model {
    pub fn new(now: Timestamp, policy: Policy) -> Self {
        let fresh = |ip| (ip, Record::default());
        Self {
            now,
            policy,
            records: universe().into_iter().map(fresh).collect(),
            endpoints: BTreeMap::new(),
        }
    }

    pub fn is_cooling(&self, record: &Record) -> bool {
        let cool_down = self.policy.cool_down.as_secs();
        matches!(record.state, State::Released(..))
            && self.now < record.since.after(cool_down)
            && record.since <= self.now.after(cool_down)
    }

    pub fn usable<'a>(
        &self,
        catalog: &'a Catalog,
        network: &Name,
        node: &Node,
        is_v4: Option<bool>,
    ) -> Vec<&'a Subnet> {
        let rank = |subnet: &Subnet| match &subnet.placement {
            Placement::Rack(rack) => (*rack == node.rack).then_some(0),
            Placement::Nodes(nodes) => nodes.matches(&node.labels).then_some(1),
            Placement::Anywhere => Some(2),
        };
        let mut usable: Vec<_> = catalog
            .subnets()
            .filter(|subnet| subnet.network == *network && !subnet.deleting)
            .filter(|subnet| is_v4.is_none_or(|is_v4| subnet.gateway.is_ipv4() == is_v4))
            .filter_map(|subnet| Some((rank(subnet)?, &**subnet)))
            .collect();
        usable.sort_by_key(|(rank, subnet)| (*rank, &subnet.name));
        usable.into_iter().map(|(_, subnet)| subnet).collect()
    }

    pub fn gate(&self, catalog: &Catalog, subnet: &Subnet) -> bool {
        let cluster = catalog.cluster().unwrap();
        let admits = |node: &Node| match &subnet.placement {
            Placement::Rack(rack) => *rack == node.rack,
            Placement::Nodes(nodes) => nodes.matches(&node.labels),
            Placement::Anywhere => true,
        };
        let mut nodes = catalog.nodes().filter(|node| admits(node));
        cluster.epoch == Epoch::default()
            || nodes.all(|node| node.reported == cluster.epoch)
                && self.now >= cluster.since.after(self.policy.restore_hold.as_secs())
    }

    fn may_assign(subnet: &Subnet, ip: IpAddr) -> bool {
        ip != subnet.gateway
            && subnet.cidr.hosts().contains(ip)
            && !subnet.exclusions.iter().any(|range| range.contains(ip))
    }

    pub fn hands_out(subnet: &Subnet, ip: IpAddr) -> bool {
        Self::may_assign(subnet, ip) && subnet.ranges.iter().any(|range| range.contains(ip))
    }

    pub fn pool_of<'a>(catalog: &'a Catalog, subnet: &Subnet, ip: IpAddr) -> Option<&'a Name> {
        let mut pools = catalog.pools_of(&subnet.name);
        let pool = pools.find(|pool| pool.ranges.iter().any(|range| range.contains(ip)))?;
        Some(&pool.name)
    }

    /// The free addresses of a pool, or of none: those never used, and the others by release.
    pub fn free(
        &self,
        catalog: &Catalog,
        subnet: &Subnet,
        pool: Option<&Name>,
    ) -> (Vec<IpAddr>, Vec<IpAddr>) {
        let all = self
            .records
            .range(subnet.cidr.network()..=subnet.cidr.last());
        let reserved = |ip: IpAddr| {
            catalog
                .reservations()
                .any(|reservation| reservation.addresses.iter().any(|a| a.ip == ip))
        };
        let free: Vec<_> = all
            .filter(|(ip, record)| {
                record.is_free()
                    && record.conflict.is_none()
                    && Self::hands_out(subnet, **ip)
                    && Self::pool_of(catalog, subnet, **ip) == pool
                    && !reserved(**ip)
            })
            .collect();
        let (fresh, mut returned): (Vec<_>, Vec<_>) = free
            .into_iter()
            .partition(|(_, record)| record.state == State::Fresh);
        returned.sort_by_key(|(ip, record)| (record.revision, **ip));
        let ips = |list: Vec<(&IpAddr, &Record)>| list.into_iter().map(|(ip, _)| *ip).collect();
        (ips(fresh), ips(returned))
    }

    pub fn ready(&self, catalog: &Catalog, subnet: &Subnet, pool: Option<&Name>) -> Vec<IpAddr> {
        let (mut ready, returned) = self.free(catalog, subnet, pool);
        let cooled = |ip: &IpAddr| !self.is_cooling(&self.records[ip]);
        ready.extend(returned.into_iter().take_while(cooled));
        ready
    }

    /// Whether somebody on the network has the MAC address that follows from `ip`.
    fn mac_is_derivable(&self, catalog: &Catalog, network: &Name, ip: IpAddr) -> bool {
        self.mac_holder(catalog, network, derived_mac(ip)).is_none()
    }

    /// Somebody's address who has `mac` on the network, if only ahead of a pod.
    fn mac_holder(&self, catalog: &Catalog, network: &Name, mac: MacAddr) -> Option<IpAddr> {
        let held = self.endpoints.values();
        let mut held = held.filter(|held| held.network == *network && held.mac == mac);
        if let Some(held) = held.next() {
            return held.ips.first().copied();
        }
        let ahead = |(ip, record): (&IpAddr, &Record)| {
            let on_network = catalog.address(*ip)?.network == *network;
            let ahead = match &record.state {
                // Then it is the MAC address of the other half.
                State::Leased(_, _, Together::With(_)) => ip.is_ipv4(),
                State::Leased(..) | State::Own(_) => true,
                _ => false,
            };
            (on_network && ahead && derived_mac(*ip) == mac).then_some(*ip)
        };
        self.records.iter().find_map(ahead)
    }

    pub fn pick(&self, catalog: &Catalog, search: Search<'_>, is_v4: bool) -> Option<IpAddr> {
        let open: Vec<_> = self
            .usable(catalog, search.network, search.node, Some(is_v4))
            .into_iter()
            .filter(|subnet| self.gate(catalog, subnet))
            .filter(|subnet| match search.pool {
                Some(pool) => catalog.pool(&subnet.name, pool).is_some(),
                None => true,
            })
            .collect();
        let fits = |ip: &IpAddr| {
            !search.derives_mac || self.mac_is_derivable(catalog, search.network, *ip)
        };
        let ready = open.iter().find_map(|subnet| {
            let ready = self.ready(catalog, subnet, search.pool);
            ready.into_iter().find(fits)
        });
        ready.or_else(|| {
            let owner = search.owner?;
            open.iter().find_map(|subnet| {
                let (_, mut own) = self.free(catalog, subnet, search.pool);
                own.retain(|ip| self.records[ip].owner() == Some(owner));
                own.sort_unstable();
                own.into_iter().find(fits)
            })
        })
    }

    /// What `request` comes to, for an attachment that has nothing yet.
    pub fn grant(&self, catalog: &Catalog, request: &AllocateRequest) -> Option<Grant> {
        let node = catalog.node(&request.node)?;
        if node.removing.is_some() || request.fence.is_some_and(|fence| fence < node.fence) {
            return None;
        }
        let leased = request.leased.first();
        let leased = leased.filter(|ip| self.is_leased_to(**ip, &node.name));
        let of_lease = leased.map(|ip| catalog.address(*ip).unwrap().network.clone());
        let network = request.network.clone().or(of_lease)?;
        let mut given: Vec<(IpAddr, Option<ReservedAddress>, Option<Name>)> = Vec::new();
        if request.leased.is_empty() {
            let families = [true, false].map(|is_v4| {
                let usable = self.usable(catalog, &network, node, Some(is_v4));
                !usable.is_empty()
            });
            for is_v4 in [true, false] {
                let asked = request.addresses.iter().find(|ip| ip.is_ipv4() == is_v4);
                if let Some(&ip) = asked {
                    let claim = self.claims(catalog, request, &network);
                    let claim = claim.into_iter().find(|claim| has(claim, ip));
                    self.fixed(catalog, request, node, &network, ip, claim.as_ref())
                        .ok()?;
                    given.push(entry(ip, claim));
                } else if let Some(found) = self.reserved(catalog, request, node, &network, is_v4) {
                    given.push(found.ok()?);
                } else if families[usize::from(!is_v4)] {
                    let search = Search {
                        network: &network,
                        node,
                        pool: request.pool.as_ref(),
                        owner: request.pod.as_ref(),
                        derives_mac: request.mac.is_none() && given.is_empty(),
                    };
                    given.push((self.pick(catalog, search, is_v4)?, None, None));
                }
            }
        } else {
            let mut slot = request.leased.clone();
            slot.sort_unstable();
            let others = request.addresses.iter().any(|ip| !slot.contains(ip));
            let claimed = !self.claims(catalog, request, &network).is_empty();
            if others || claimed || request.pool.is_some() {
                return None;
            }
            for ip in slot.iter().copied() {
                self.fits_slot(catalog, node, &network, ip, &slot)?;
                given.push((ip, None, None));
            }
        }
        let (first, ..) = given.first()?;
        let pinned = given
            .iter()
            .find_map(|(_, address, _)| address.as_ref()?.mac);
        if pinned.is_some() && request.mac.is_some() && pinned != request.mac {
            return None;
        }
        let mac = pinned.or(request.mac).unwrap_or(derived_mac(*first));
        let holder = self.mac_holder(catalog, &network, mac);
        if holder.is_some_and(|holder| !given.iter().any(|(ip, ..)| *ip == holder)) {
            return None;
        }
        Some(Grant {
            network,
            mac,
            reservation: given
                .iter()
                .find_map(|(.., reservation)| reservation.clone()),
            ips: given.into_iter().map(|(ip, ..)| ip).collect(),
        })
    }

    fn is_leased_to(&self, ip: IpAddr, node: &Name) -> bool {
        let record = self.records.get(&ip);
        record.is_some_and(|record| matches!(&record.state, State::Leased(to, ..) if to == node))
    }

    /// Whether the node may give `ip` of its reserve to a pod, with all of `slot`.
    fn fits_slot(
        &self,
        catalog: &Catalog,
        node: &Node,
        network: &Name,
        ip: IpAddr,
        slot: &[IpAddr],
    ) -> Option<()> {
        let record = self.records.get(&ip)?;
        let State::Leased(_, _, together) = &record.state else {
            return None;
        };
        let both = [true, false].map(|is_v4| {
            let usable = self.usable(catalog, network, node, Some(is_v4));
            usable.is_empty() || slot.iter().any(|ip| ip.is_ipv4() == is_v4)
        });
        let whole = match together {
            Together::With(other) => slot.contains(other),
            Together::Alone => slot.len() == 1,
            Together::Unknown => slot.len() == 2 || both == [true, true],
        };
        let subnet = catalog.subnet_of(ip)?;
        let reserved = catalog.reservations().any(|one| {
            let has = one.addresses.iter().any(|address| address.ip == ip);
            has && one.expires.is_none_or(|end| end > self.now)
        });
        let fits = whole
            && self.is_leased_to(ip, &node.name)
            && subnet.network == *network
            && !subnet.deleting
            && record.conflict.is_none()
            && Self::hands_out(subnet, ip)
            && Self::pool_of(catalog, subnet, ip).is_none()
            && !reserved;
        fits.then_some(())
    }

    /// The reservations for the pod and what of each family is its part, the most certain first.
    fn claims(
        &self,
        catalog: &Catalog,
        request: &AllocateRequest,
        network: &Name,
    ) -> Vec<(Name, Vec<ReservedAddress>, usize)> {
        let Some(pod) = &request.pod else {
            return Vec::new();
        };
        let ordinal = pod
            .name
            .strip_prefix("db-")
            .and_then(|n| n.parse::<usize>().ok());
        let part = |reservation: &Reservation| {
            let all = reservation.addresses.clone();
            match &reservation.holder {
                Holder::Pod(of) => (of == pod).then_some((0, all)),
                Holder::StatefulSet(set) => {
                    let ordinal = ordinal.filter(|_| set.name == "db")?;
                    let workload = request.workload.as_ref();
                    if workload.is_some_and(|workload| *workload != reservation.holder) {
                        return None;
                    }
                    let families = [true, false].map(|is_v4| {
                        let mut own = all.iter().filter(|a| a.ip.is_ipv4() == is_v4);
                        own.nth(ordinal).cloned()
                    });
                    Some((1, families.into_iter().flatten().collect()))
                }
                Holder::Workload(_) => {
                    (request.workload.as_ref() == Some(&reservation.holder)).then_some((2, all))
                }
            }
        };
        let mut claims: Vec<_> = catalog
            .reservations()
            .filter(|one| one.network == *network)
            .filter(|one| one.expires.is_none_or(|end| end > self.now))
            .filter_map(|one| Some((part(one)?, one)))
            .collect();
        claims.sort_by_key(|((rank, _), one)| (*rank, one.name.clone()));
        let claim =
            |((_, own), one): ((u8, Vec<ReservedAddress>), &std::sync::Arc<Reservation>)| {
                let families = [true, false].map(|is_v4| {
                    usize::from(one.addresses.iter().any(|a| a.ip.is_ipv4() == is_v4))
                });
                (one.name.clone(), own, families[0] * 2 + families[1])
            };
        claims.into_iter().map(claim).collect()
    }

    #[expect(clippy::type_complexity, reason = "a plain model")]
    fn reserved(
        &self,
        catalog: &Catalog,
        request: &AllocateRequest,
        node: &Node,
        network: &Name,
        is_v4: bool,
    ) -> Option<Result<(IpAddr, Option<ReservedAddress>, Option<Name>), Refused>> {
        let bit = if is_v4 { 2 } else { 1 };
        let claims = self.claims(catalog, request, network);
        let claim = claims
            .into_iter()
            .find(|(.., families)| families & bit != 0)?;
        let mut ips: Vec<_> = claim.1.iter().map(|address| address.ip).collect();
        ips.retain(|ip| ip.is_ipv4() == is_v4);
        ips.sort_by_key(|ip| {
            let record = &self.records[ip];
            let own = record.owner().is_some() && record.owner() == request.pod.as_ref();
            let revision = (record.state != State::Fresh).then_some(record.revision);
            (!own, revision)
        });
        for ip in ips {
            let claimed = Some(&claim);
            if self
                .fixed(catalog, request, node, network, ip, claimed)
                .is_ok()
            {
                return Some(Ok(entry(ip, Some(claim))));
            }
        }
        Some(Err(Refused))
    }

    fn fixed(
        &self,
        catalog: &Catalog,
        request: &AllocateRequest,
        node: &Node,
        network: &Name,
        ip: IpAddr,
        claim: Option<&(Name, Vec<ReservedAddress>, usize)>,
    ) -> Result<(), Refused> {
        let fits = |is: bool| if is { Ok(()) } else { Err(Refused) };
        let mut subnets = self.usable(catalog, network, node, None).into_iter();
        let subnet = subnets
            .find(|subnet| subnet.cidr.contains(ip))
            .ok_or(Refused)?;
        fits(Self::may_assign(subnet, ip) && self.gate(catalog, subnet))?;
        if claim.is_none() {
            let reserved = catalog.reservations().any(|one| {
                let has = one.addresses.iter().any(|address| address.ip == ip);
                has && one.expires.is_none_or(|end| end > self.now)
            });
            let pool = Self::pool_of(catalog, subnet, ip);
            let of_pool = pool.is_none() || pool == request.pool.as_ref();
            fits(!reserved && Self::hands_out(subnet, ip) && of_pool)?;
        }
        let record = &self.records[&ip];
        fits(record.is_free() && record.conflict.is_none())?;
        let State::Released(owner, by) = &record.state else {
            return Ok(());
        };
        let same_owner = owner.is_some() && *owner == request.pod
            || claim.is_some_and(|(name, ..)| Some(name) == by.as_ref());
        fits(same_owner || !self.is_cooling(record))
    }
}

fn has(claim: &(Name, Vec<ReservedAddress>, usize), ip: IpAddr) -> bool {
    claim.1.iter().any(|address| address.ip == ip)
}

fn entry(
    ip: IpAddr,
    claim: Option<(Name, Vec<ReservedAddress>, usize)>,
) -> (IpAddr, Option<ReservedAddress>, Option<Name>) {
    match claim {
        None => (ip, None, None),
        Some((name, addresses, _)) => {
            let address = addresses.into_iter().find(|address| address.ip == ip);
            (ip, address, Some(name))
        }
    }
}
