use proptest::prelude::*;

use super::*;
use crate::fixture::{ip, parse};
use crate::{Policy, Revision, Timestamp};

const NOW: Timestamp = Timestamp::from_unix_seconds(1_000_000);

fn set(ranges: &[&str]) -> FreeSet {
    let ranges: Vec<_> = ranges.iter().map(|range| parse(range)).collect();
    FreeSet::new(&ranges)
}

fn drain(free: &mut FreeSet) -> Vec<String> {
    std::iter::from_fn(|| {
        let ip = free.in_order().next()?;
        free.take(ip);
        Some(ip.to_string())
    })
    .collect()
}

#[test]
fn returned_addresses_come_after_fresh_ones_in_order_of_return() {
    let mut free = set(&["10.0.0.2-10.0.0.4"]);
    for (address, revision) in [("10.0.0.3", 8), ("10.0.0.2", 9)] {
        free.take(ip(address));
        free.add_returned(ip(address), Revision::new(revision), NOW, None);
    }
    assert_eq!(drain(&mut free), ["10.0.0.4", "10.0.0.3", "10.0.0.2"]);
}

#[test]
fn what_was_released_lately_is_not_ready_but_found_by_its_owner() {
    let policy = Policy::default();
    let pod = |name: &str| trunkline_types::Pod {
        namespace: "shop".into(),
        name: name.into(),
    };
    let mut free = set(&["10.0.0.2-10.0.0.3"]);
    for (address, seconds, owner) in [("10.0.0.2", 999_930, "a"), ("10.0.0.3", 999_970, "b")] {
        free.take(ip(address));
        let since = Timestamp::from_unix_seconds(seconds);
        free.add_returned(
            ip(address),
            Revision::new(seconds),
            since,
            Some(&pod(owner)),
        );
    }
    let ready: Vec<_> = free.ready(&policy, NOW).collect();
    assert_eq!(ready, [ip("10.0.0.2")]);
    assert_eq!(free.cooling(&policy, NOW), 1);
    assert_eq!(
        free.last_of(&pod("b")).collect::<Vec<_>>(),
        [ip("10.0.0.3")]
    );
    assert_eq!(free.last_of(&pod("c")).next(), None);
    assert_eq!(free.ready(&policy, NOW.after(30)).count(), 2);
}

#[test]
fn a_clock_that_was_set_back_does_not_withhold_an_address_for_as_long() {
    let mut free = set(&["10.0.0.2-10.0.0.2"]);
    free.take(ip("10.0.0.2"));
    free.add_returned(ip("10.0.0.2"), Revision::new(1), NOW.after(86_400), None);
    assert_eq!(free.ready(&Policy::default(), NOW).count(), 1);
}

#[test]
fn the_ends_of_a_family_do_not_overflow() {
    for range in [
        "0.0.0.0-0.0.0.1",
        "255.255.255.254-255.255.255.255",
        "::-::1",
        "ffff:ffff:ffff:ffff:ffff:ffff:ffff:fffe-ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
    ] {
        let mut free = set(&[range]);
        let drained = drain(&mut free);
        assert_eq!(drained.len(), 2, "{range}");
        for address in drained {
            free.add_fresh(ip(&address));
        }
        assert_eq!(free, set(&[range]), "{range}");
    }
}

#[test]
fn a_whole_ipv6_subnet_costs_what_a_small_one_costs() {
    let mut free = set(&["fd00::2-fd00::ffff:ffff:ffff:ffff"]);
    assert_eq!(free.in_order().next(), Some(ip("fd00::2")));
    assert_eq!(free.free(), u64::MAX - 1);
    free.take(ip("fd00::8000:0:0:0"));
    assert_eq!(free.intervals(), 2);
    assert_eq!(free.free(), u64::MAX - 2);
}

proptest! {
    /// Whatever is taken and returned, the set holds exactly what a plain list would.
    #[test]
    fn the_set_agrees_with_a_plain_list(ops in prop::collection::vec((0u8..3, 0u8..32), 0..200)) {
        let mut free = set(&["10.0.0.0-10.0.0.31"]);
        let mut fresh: BTreeSet<u8> = (0..32).collect();
        let mut returned: Vec<u8> = Vec::new();
        for (revision, (op, host)) in (1..).zip(ops) {
            let ip = IpAddr::from([10, 0, 0, host]);
            fresh.remove(&host);
            returned.retain(|free| *free != host);
            free.take(ip);
            match op {
                0 => {}
                1 => {
                    free.add_returned(ip, Revision::new(revision), NOW, None);
                    returned.push(host);
                }
                _ => {
                    free.add_fresh(ip);
                    fresh.insert(host);
                }
            }
            let expected = fresh.iter().chain(&returned);
            let expected: Vec<_> = expected.map(|host| IpAddr::from([10, 0, 0, *host])).collect();
            prop_assert_eq!(free.in_order().collect::<Vec<_>>(), expected);
            prop_assert_eq!(free.free(), u64::try_from(fresh.len() + returned.len()).unwrap());
        }
        for host in 0..32 {
            let ip = IpAddr::from([10, 0, 0, host]);
            free.take(ip);
            free.add_fresh(ip);
        }
        prop_assert_eq!(free, set(&["10.0.0.0-10.0.0.31"]));
    }
}
