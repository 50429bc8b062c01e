//! Sets of addresses, as ranges in order.

use std::net::IpAddr;

use trunkline_types::AddressRange;

use crate::free::{predecessor, successor};

/// The same addresses as ranges in order that neither overlap nor touch.
pub(crate) fn merged(ranges: impl IntoIterator<Item = AddressRange>) -> Vec<AddressRange> {
    let mut ranges: Vec<_> = ranges.into_iter().collect();
    ranges.sort_unstable();
    let mut merged: Vec<AddressRange> = Vec::with_capacity(ranges.len());
    for range in ranges {
        match merged.last_mut() {
            Some(last) if reaches(*last, range) => {
                *last = joined(*last, range);
            }
            _ => merged.push(range),
        }
    }
    merged
}

/// Whether `next`, which does not start before `range`, overlaps it or follows at once.
fn reaches(range: AddressRange, next: AddressRange) -> bool {
    range.contains(next.first()) || successor(range.last()) == Some(next.first())
}

fn joined(one: AddressRange, two: AddressRange) -> AddressRange {
    AddressRange::new(one.first(), one.last().max(two.last())).unwrap_or(one)
}

/// Two of the ranges, which are in order, that have addresses in common.
pub(crate) fn overlapping(ranges: &[AddressRange]) -> Option<(AddressRange, AddressRange)> {
    ranges.windows(2).find_map(|pair| match *pair {
        [first, second] if first.overlaps(second) => Some((first, second)),
        _ => None,
    })
}

/// What of `ranges` is not in `holes`. Both are in order, and overlap nothing of their own.
pub(crate) fn without(ranges: &[AddressRange], holes: &[AddressRange]) -> Vec<AddressRange> {
    let mut left = Vec::with_capacity(ranges.len());
    for range in ranges {
        let mut rest = Some(*range);
        // The first hole that can matter; they are in order, so the last addresses are as well.
        let from = holes.partition_point(|hole| hole.last() < range.first());
        for hole in holes.iter().skip(from) {
            let Some(part) = rest.filter(|part| part.overlaps(*hole)) else {
                break;
            };
            let before = predecessor(hole.first()).filter(|last| *last >= part.first());
            left.extend(before.and_then(|last| AddressRange::new(part.first(), last).ok()));
            let after = successor(hole.last()).filter(|first| *first <= part.last());
            rest = after.and_then(|first| AddressRange::new(first, part.last()).ok());
        }
        left.extend(rest);
    }
    left
}

/// The addresses of a range, in order.
pub(crate) fn each(range: AddressRange) -> impl Iterator<Item = IpAddr> {
    let next = move |ip: &IpAddr| successor(*ip).filter(|next| *next <= range.last());
    std::iter::successors(Some(range.first()), next)
}

/// Whether one of `ranges` has `ip`.
pub(crate) fn contain(ranges: &[AddressRange], ip: IpAddr) -> bool {
    ranges.iter().any(|range| range.contains(ip))
}

/// How many addresses the ranges have, which do not overlap; beyond `u64::MAX`, just that.
pub(crate) fn size(ranges: &[AddressRange]) -> u64 {
    let sizes = ranges
        .iter()
        .map(|range| (number(range.last()) - number(range.first())).saturating_add(1));
    let total = sizes.fold(0, u128::saturating_add);
    u64::try_from(total).unwrap_or(u64::MAX)
}

fn number(ip: IpAddr) -> u128 {
    match ip {
        IpAddr::V4(ip) => u32::from(ip).into(),
        IpAddr::V6(ip) => ip.into(),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::fixture::parse;

    /// Sixteen addresses at either end of a family, or in the middle.
    fn base() -> impl Strategy<Value = IpAddr> {
        prop::sample::select(vec![
            "0.0.0.0",
            "10.1.0.248",
            "255.255.255.240",
            "::",
            "fd00::fff8",
            "ffff:ffff:ffff:ffff:ffff:ffff:ffff:fff0",
        ])
        .prop_map(parse)
    }

    fn at(base: IpAddr, offset: u8) -> IpAddr {
        (0..offset).fold(base, |ip, _| successor(ip).unwrap())
    }

    fn some() -> impl Strategy<Value = Vec<(u8, u8)>> {
        prop::collection::vec((0u8..16, 0u8..16), 0..8)
    }

    fn ranges(base: IpAddr, bounds: &[(u8, u8)]) -> Vec<AddressRange> {
        let range = |(a, b): &(u8, u8)| {
            AddressRange::new(at(base, *a.min(b)), at(base, *a.max(b))).unwrap()
        };
        bounds.iter().map(range).collect()
    }

    fn plain(base: IpAddr, ranges: &[AddressRange]) -> Vec<bool> {
        (0..16).map(|n| contain(ranges, at(base, n))).collect()
    }

    proptest! {
        #[test]
        fn merged_ranges_have_the_same_addresses_and_do_not_touch(base in base(), bounds in some()) {
            let given = ranges(base, &bounds);
            let merged = merged(given.clone());
            prop_assert_eq!(plain(base, &merged), plain(base, &given));
            prop_assert!(merged.windows(2).all(|p| !reaches(p[0], p[1]) && p[0] < p[1]));
            let count = plain(base, &given).into_iter().filter(|is| *is).count();
            prop_assert_eq!(size(&merged), u64::try_from(count).unwrap());
        }

        #[test]
        fn holes_are_left_out_and_nothing_else(base in base(), bounds in some(), holes in some()) {
            let (given, holes) = (merged(ranges(base, &bounds)), merged(ranges(base, &holes)));
            let left = without(&given, &holes);
            let expected: Vec<_> = plain(base, &given)
                .into_iter()
                .zip(plain(base, &holes))
                .map(|(is, hole)| is && !hole)
                .collect();
            prop_assert_eq!(plain(base, &left), expected);
            prop_assert_eq!(overlapping(&left), None);
        }
    }

    #[test]
    fn a_whole_family_has_a_size() {
        let all = |text: &str| size(&[parse(text)]);
        assert_eq!(all("0.0.0.0-255.255.255.255"), 1 << 32);
        let v6 = "::-ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff";
        assert_eq!(all(v6), u64::MAX);
        assert_eq!(merged([parse(v6), parse("::1-::2")]), [parse(v6)]);
    }
}
