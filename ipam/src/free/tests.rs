use proptest::prelude::*;

use super::*;
use crate::fixture::{ip, parse};

fn set(ranges: &[&str], gateway: &str) -> FreeSet {
    let ranges: Vec<_> = ranges.iter().map(|range| parse(range)).collect();
    FreeSet::new(&ranges, ip(gateway))
}

fn drain(free: &mut FreeSet) -> Vec<String> {
    std::iter::from_fn(|| {
        let ip = free.longest_free()?;
        free.take(ip);
        Some(ip.to_string())
    })
    .collect()
}

#[test]
fn the_gateway_is_never_free() {
    for gateway in ["10.0.0.1", "10.0.0.2", "10.0.0.3"] {
        let given = drain(&mut set(&["10.0.0.1-10.0.0.3"], gateway));
        assert!(
            given.len() == 2 && !given.contains(&gateway.to_owned()),
            "{given:?}"
        );
    }
}

#[test]
fn returned_addresses_come_after_fresh_ones_in_order_of_return() {
    let mut free = set(&["10.0.0.2-10.0.0.4"], "10.0.0.1");
    free.take(ip("10.0.0.2"));
    free.take(ip("10.0.0.3"));
    free.release(ip("10.0.0.3"), Revision::new(8));
    free.release(ip("10.0.0.2"), Revision::new(9));
    assert_eq!(drain(&mut free), ["10.0.0.4", "10.0.0.3", "10.0.0.2"]);
}

#[test]
fn the_ends_of_a_family_do_not_overflow() {
    for range in [
        "0.0.0.0-0.0.0.1",
        "255.255.255.254-255.255.255.255",
        "::-::1",
        "ffff:ffff:ffff:ffff:ffff:ffff:ffff:fffe-ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
    ] {
        assert_eq!(drain(&mut set(&[range], "10.0.0.1")).len(), 2, "{range}");
    }
}

#[test]
fn a_whole_ipv6_subnet_is_one_interval() {
    let mut free = set(&["fd00::1-fd00::ffff:ffff:ffff:ffff"], "fd00::1");
    assert_eq!(free.longest_free(), Some(ip("fd00::2")));
    free.take(ip("fd00::8000:0:0:0"));
    assert_eq!(free.fresh.len(), 2);
}

proptest! {
    /// Whatever is taken and returned, the set holds exactly what a plain list would.
    #[test]
    fn the_set_agrees_with_a_plain_list(ops in prop::collection::vec((any::<bool>(), 0u8..32), 0..200)) {
        let mut free = set(&["10.0.0.0-10.0.0.31"], "10.9.0.1");
        let mut list: Vec<u8> = (0..32).collect();
        for (revision, (take, host)) in (1..).zip(ops) {
            let ip = IpAddr::from([10, 0, 0, host]);
            list.retain(|free| *free != host);
            if take {
                free.take(ip);
            } else {
                free.release(ip, Revision::new(revision));
                list.push(host);
            }
        }
        let expected: Vec<_> = list.iter().map(|host| format!("10.0.0.{host}")).collect();
        let mut given = drain(&mut free);
        // Fresh ones are all equally old, but lie before every returned one in the list as well.
        prop_assert_eq!(&given, &expected);
        given.sort();
        given.dedup();
        prop_assert_eq!(given.len(), expected.len());
    }
}
