//! Giving a pod what is reserved for it.

use std::net::IpAddr;
use std::sync::Arc;

use trunkline_types::Pod;

use super::fixed::{Given, Why};
use super::{AllocateError, NoSpace, Wish};
use crate::{Catalog, Holder, Reason, Refusal, Reservation, ReservedAddress, Timestamp, Workload};

/// A reservation that is for a pod, and what of it.
pub(super) struct Claim<'a> {
    pub(super) reservation: &'a Arc<Reservation>,
    part: Part,
}

/// What of a reservation is for one pod.
#[derive(Clone, Copy)]
enum Part {
    /// All of it.
    All,
    /// Of each family the address at this place.
    Ordinal(usize),
    /// Any one of each family.
    Any,
}

impl Claim<'_> {
    /// How many addresses of the family the reservation has, for this pod or not.
    fn count(&self, is_v4: bool) -> usize {
        self.of_family(is_v4).count()
    }

    fn of_family(&self, is_v4: bool) -> impl Iterator<Item = &ReservedAddress> {
        let addresses = self.reservation.addresses.iter();
        addresses.filter(move |address| address.ip.is_ipv4() == is_v4)
    }

    /// The addresses of the family that the pod may have.
    fn addresses(&self, is_v4: bool) -> impl Iterator<Item = &ReservedAddress> {
        let part = self.part;
        let own = self.of_family(is_v4).enumerate();
        own.filter(move |(place, _)| match part {
            Part::Ordinal(ordinal) => *place == ordinal,
            Part::All | Part::Any => true,
        })
        .map(|(_, address)| address)
    }

    /// The reserved address `ip`, if it is for the pod.
    pub(super) fn address(&self, ip: IpAddr) -> Option<&ReservedAddress> {
        self.addresses(ip.is_ipv4())
            .find(|address| address.ip == ip)
    }

    pub(super) fn has(&self, ip: IpAddr) -> bool {
        self.address(ip).is_some()
    }
}

/// The reservations that are for a pod, of whatever network, in the order in which they count: by
/// its own name first, then by its place in a StatefulSet, then as one of a workload. What the pod
/// is of is none if nobody knows that; one of the name of an ordinal is taken for one then.
#[must_use]
pub fn reservations_of_pod<'a>(
    catalog: &'a Catalog,
    pod: &Pod,
    workload: Option<&Holder>,
    now: Timestamp,
) -> Vec<&'a Arc<Reservation>> {
    let claims = claims_of(catalog, pod, workload, now).into_iter();
    claims.map(|claim| claim.reservation).collect()
}

fn claims_of<'a>(
    catalog: &'a Catalog,
    pod: &Pod,
    workload: Option<&Holder>,
    now: Timestamp,
) -> Vec<Claim<'a>> {
    let mut claims = Vec::new();
    for (holder, part) in holders(pod, workload) {
        let reservations = catalog.reservations_for(&holder);
        let current = reservations.filter(|one| one.expires.is_none_or(|end| end > now));
        claims.extend(current.map(|reservation| Claim { reservation, part }));
    }
    claims
}

/// Whom reservations name that are for the pod.
fn holders(pod: &Pod, workload: Option<&Holder>) -> Vec<(Holder, Part)> {
    let mut holders = vec![(Holder::Pod(pod.clone()), Part::All)];
    if let Some((name, ordinal)) = ordinal(&pod.name) {
        let set = Workload {
            namespace: pod.namespace.clone(),
            name: name.to_owned(),
        };
        // A pod of something else may have a name of that form.
        let set = Holder::StatefulSet(set);
        if workload.is_none_or(|workload| *workload == set) {
            holders.push((set, Part::Ordinal(ordinal)));
        }
    }
    if let Some(Holder::Workload(workload)) = workload
        && workload.namespace == pod.namespace
    {
        holders.push((Holder::Workload(workload.clone()), Part::Any));
    }
    holders
}

impl Wish<'_> {
    /// The reservations on the network that are for the pod, see [`reservations_of_pod`].
    pub(super) fn claims(&self) -> Vec<Claim<'_>> {
        let Some(pod) = &self.request.pod else {
            return Vec::new();
        };
        let catalog = self.ledger.catalog();
        let workload = self.request.workload.as_ref();
        let mut claims = claims_of(catalog, pod, workload, self.now);
        claims.retain(|claim| claim.reservation.network == self.network.name);
        claims
    }

    /// The address of the family that is reserved for the pod; none if there is no such
    /// reservation. One that is reserved and cannot be given is a refusal: the pod must not come up
    /// with another.
    pub(super) fn reserved(&self, is_v4: bool) -> Result<Option<Given>, AllocateError> {
        let claims = self.claims();
        let Some(claim) = claims.iter().find(|claim| claim.count(is_v4) > 0) else {
            return Ok(None);
        };
        let used_up = || NoSpace::ReservationUsedUp {
            reservation: claim.reservation.name.clone(),
            pod: self.request.name(),
            count: claim.count(is_v4),
        };
        let mut refusals = Vec::new();
        for ip in self.preferred(claim, is_v4) {
            match self.fixed(ip, Why::Reserved(claim)) {
                Ok(given) => return Ok(Some(given)),
                Err(refusal) => refusals.push(refusal),
            }
        }
        // Of a set it is not this or that address that matters, unless all are somewhere else.
        let taken = |refusal: &AllocateError| refusal.reason() == Reason::AddressInUse;
        let count = refusals.len();
        let elsewhere = refusals
            .into_iter()
            .find(|refusal| count == 1 || !taken(refusal));
        Err(elsewhere.unwrap_or_else(|| used_up().into()))
    }

    /// The reserved addresses in the order in which they are tried: the one the pod had last, then
    /// those nobody ever had, then the longest-free.
    fn preferred(&self, claim: &Claim<'_>, is_v4: bool) -> Vec<IpAddr> {
        let catalog = self.ledger.catalog();
        let mut ips: Vec<_> = claim.addresses(is_v4).map(|address| address.ip).collect();
        ips.sort_by_cached_key(|ip| {
            let record = catalog.address(*ip);
            let owner = record.and_then(|address| address.last_owner());
            let own = owner.is_some() && owner == self.request.pod.as_ref();
            (!own, record.map(|address| address.revision))
        });
        ips
    }
}

/// The name of the StatefulSet and the ordinal in it, if it is the name of a pod of one.
fn ordinal(pod: &str) -> Option<(&str, usize)> {
    let (name, ordinal) = pod.rsplit_once('-')?;
    let canonical = ordinal == "0" || !ordinal.starts_with('0');
    let digits = ordinal.bytes().all(|byte| byte.is_ascii_digit());
    (canonical && digits).then_some(())?;
    Some((name, ordinal.parse().ok()?))
}
