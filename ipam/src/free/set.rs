//! One set of free addresses.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, Ipv4Addr};

use trunkline_types::{AddressRange, Pod};

use super::{predecessor, successor};
use crate::mac::fnv1a;
use crate::{Policy, Revision, Timestamp, ranges};

/// Free addresses, the longest-free first.
///
/// Addresses that were never handed out are kept as intervals, so that a whole /8 costs as much as
/// a /24; those that came back are kept in the order in which they did. Every operation takes
/// O(log n) of the intervals and returned addresses, whatever the size or fill.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FreeSet {
    capacity: u64,
    /// Never handed out: each interval's first and last address. They neither overlap nor touch.
    fresh: BTreeMap<IpAddr, IpAddr>,
    /// How many addresses that are. It wraps for the whole of IPv6 only, which no subnet is.
    fresh_count: u128,
    /// Handed out and returned, by the revision of the return. One change may return several
    /// addresses, hence the address in the key.
    returned: BTreeMap<(Revision, IpAddr), Returned>,
    /// The same the other way round, to find an address in `returned`.
    returned_at: BTreeMap<IpAddr, Revision>,
    /// The hash of their last owner, if they had one, and the address.
    owned: BTreeSet<(u64, IpAddr)>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Returned {
    since: Timestamp,
    owner: Option<u64>,
}

impl FreeSet {
    /// All addresses of `ranges`, which do not overlap, none of them ever handed out.
    #[must_use]
    pub fn new(ranges: &[AddressRange]) -> Self {
        let merged = ranges::merged(ranges.iter().copied());
        Self {
            capacity: ranges::size(&merged),
            fresh_count: merged
                .iter()
                .map(|range| size(range.first(), range.last()))
                .sum(),
            fresh: merged
                .iter()
                .map(|range| (range.first(), range.last()))
                .collect(),
            ..Self::default()
        }
    }

    /// How many addresses belong to the set, free or not; beyond `u64::MAX`, just that.
    #[must_use]
    pub fn capacity(&self) -> u64 {
        self.capacity
    }

    /// How many are free, those released lately among them; beyond `u64::MAX`, just that.
    #[must_use]
    pub fn free(&self) -> u64 {
        let returned = u64::try_from(self.returned.len()).unwrap_or(u64::MAX);
        let fresh = u64::try_from(self.fresh_count).unwrap_or(u64::MAX);
        fresh.saturating_add(returned)
    }

    /// Whether none is free, not even one released lately.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.fresh.is_empty() && self.returned.is_empty()
    }

    /// The free addresses that may be handed out to anybody now: those that never were, then the
    /// others in the order of their return.
    pub fn ready(&self, policy: &Policy, now: Timestamp) -> impl Iterator<Item = IpAddr> {
        let returned = self
            .returned
            .iter()
            .take_while(move |(_, returned)| !policy.is_cooling(returned.since, now));
        self.never_used().chain(returned.map(|((_, ip), _)| *ip))
    }

    /// All free addresses in the same order, those released lately at the end.
    pub fn in_order(&self) -> impl Iterator<Item = IpAddr> {
        let returned = self.returned.keys().map(|(_, ip)| *ip);
        self.never_used().chain(returned)
    }

    /// The free addresses that `owner` had last, or somebody whose name has the same hash.
    pub(crate) fn last_of(&self, owner: &Pod) -> impl Iterator<Item = IpAddr> {
        let hash = hash(owner);
        let lowest = IpAddr::V4(Ipv4Addr::UNSPECIFIED);
        self.owned
            .range((hash, lowest)..)
            .take_while(move |(of, _)| *of == hash)
            .map(|(_, ip)| *ip)
    }

    fn never_used(&self) -> impl Iterator<Item = IpAddr> {
        let intervals = self.fresh.iter();
        let intervals = intervals.filter_map(|(first, last)| AddressRange::new(*first, *last).ok());
        intervals.flat_map(ranges::each)
    }

    /// Removes `ip`, if it is free.
    pub(crate) fn take(&mut self, ip: IpAddr) {
        if let Some(revision) = self.returned_at.remove(&ip) {
            let returned = self.returned.remove(&(revision, ip));
            if let Some(owner) = returned.and_then(|returned| returned.owner) {
                self.owned.remove(&(owner, ip));
            }
            return;
        }
        let Some((&first, &last)) = self.fresh.range(..=ip).next_back() else {
            return;
        };
        if ip > last {
            return;
        }
        self.fresh_count -= 1;
        self.fresh.remove(&first);
        if let Some(before) = predecessor(ip).filter(|before| *before >= first) {
            self.fresh.insert(first, before);
        }
        if let Some(after) = successor(ip).filter(|after| *after <= last) {
            self.fresh.insert(after, last);
        }
    }

    /// Adds `ip`, which is not free, as one that never was handed out.
    pub(crate) fn add_fresh(&mut self, ip: IpAddr) {
        self.fresh_count += 1;
        let last = successor(ip)
            .and_then(|next| self.fresh.remove(&next))
            .unwrap_or(ip);
        match self.fresh.range_mut(..ip).next_back() {
            Some((_, before)) if successor(*before) == Some(ip) => *before = last,
            _ => {
                self.fresh.insert(ip, last);
            }
        }
    }

    /// Adds `ip`, which is not free, as one that was returned.
    pub(crate) fn add_returned(
        &mut self,
        ip: IpAddr,
        revision: Revision,
        since: Timestamp,
        owner: Option<&Pod>,
    ) {
        let owner = owner.map(hash);
        self.returned
            .insert((revision, ip), Returned { since, owner });
        self.returned_at.insert(ip, revision);
        self.owned.extend(owner.map(|owner| (owner, ip)));
    }

    #[cfg(test)]
    pub(super) fn intervals(&self) -> usize {
        self.fresh.len()
    }

    /// How many are kept for their last owner now.
    pub(crate) fn cooling(&self, policy: &Policy, now: Timestamp) -> u64 {
        let ready = self
            .returned
            .values()
            .take_while(|returned| !policy.is_cooling(returned.since, now));
        u64::try_from(self.returned.len() - ready.count()).unwrap_or(u64::MAX)
    }
}

fn size(first: IpAddr, last: IpAddr) -> u128 {
    let number = |ip| match ip {
        IpAddr::V4(ip) => u128::from(u32::from(ip)),
        IpAddr::V6(ip) => u128::from(ip),
    };
    (number(last) - number(first)).wrapping_add(1)
}

fn hash(pod: &Pod) -> u64 {
    fnv1a(pod.to_string().as_bytes())
}
