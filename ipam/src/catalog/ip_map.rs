//! Values by address, in order.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::ops::{Bound, RangeInclusive};

/// A map with the IPv4 addresses apart: their keys take four bytes instead of [`IpAddr`]'s
/// seventeen, and there may be a million of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct IpMap<V> {
    v4: BTreeMap<Ipv4Addr, V>,
    v6: BTreeMap<Ipv6Addr, V>,
}

impl<V> Default for IpMap<V> {
    fn default() -> Self {
        Self {
            v4: BTreeMap::new(),
            v6: BTreeMap::new(),
        }
    }
}

impl<V> FromIterator<(IpAddr, V)> for IpMap<V> {
    fn from_iter<I: IntoIterator<Item = (IpAddr, V)>>(values: I) -> Self {
        let (mut v4, mut v6) = (Vec::new(), Vec::new());
        for (ip, value) in values {
            match ip {
                IpAddr::V4(ip) => v4.push((ip, value)),
                IpAddr::V6(ip) => v6.push((ip, value)),
            }
        }
        Self {
            v4: v4.into_iter().collect(),
            v6: v6.into_iter().collect(),
        }
    }
}

impl<V> IpMap<V> {
    pub(super) fn get(&self, ip: &IpAddr) -> Option<&V> {
        match ip {
            IpAddr::V4(ip) => self.v4.get(ip),
            IpAddr::V6(ip) => self.v6.get(ip),
        }
    }

    pub(super) fn insert(&mut self, ip: IpAddr, value: V) -> Option<V> {
        match ip {
            IpAddr::V4(ip) => self.v4.insert(ip, value),
            IpAddr::V6(ip) => self.v6.insert(ip, value),
        }
    }

    pub(super) fn remove(&mut self, ip: &IpAddr) -> Option<V> {
        match ip {
            IpAddr::V4(ip) => self.v4.remove(ip),
            IpAddr::V6(ip) => self.v6.remove(ip),
        }
    }

    /// IPv4 first, as [`IpAddr`] has it.
    pub(super) fn values(&self) -> impl Iterator<Item = &V> {
        self.v4.values().chain(self.v6.values())
    }

    /// The values of a range, whose ends are of one family.
    pub(super) fn range(&self, range: RangeInclusive<IpAddr>) -> impl Iterator<Item = &V> {
        let (v4, v6) = match (range.start(), range.end()) {
            (IpAddr::V4(first), IpAddr::V4(last)) if first <= last => {
                (Some(self.v4.range(first..=last)), None)
            }
            (IpAddr::V6(first), IpAddr::V6(last)) if first <= last => {
                (None, Some(self.v6.range(first..=last)))
            }
            _ => (None, None),
        };
        let v4 = v4.into_iter().flatten().map(|(_, value)| value);
        v4.chain(v6.into_iter().flatten().map(|(_, value)| value))
    }

    /// The values after that address, in order; all of them without one.
    pub(super) fn after(&self, ip: Option<IpAddr>) -> impl Iterator<Item = &V> {
        let (v4, v6) = match ip {
            None => (Bound::Unbounded, Bound::Unbounded),
            Some(IpAddr::V4(ip)) => (Bound::Excluded(ip), Bound::Unbounded),
            Some(IpAddr::V6(ip)) => (Bound::Excluded(Ipv4Addr::BROADCAST), Bound::Excluded(ip)),
        };
        let v4 = self
            .v4
            .range((v4, Bound::Unbounded))
            .map(|(_, value)| value);
        v4.chain(
            self.v6
                .range((v6, Bound::Unbounded))
                .map(|(_, value)| value),
        )
    }
}
