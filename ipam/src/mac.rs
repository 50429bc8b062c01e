//! The MAC address that belongs to an IP address.
//!
//! ```text
//! 02:01 : 0a:01:00:0a      06 : 5b:c1:77:03:e9
//! ──┬──   ─────┬─────      ─┬   ──────┬───────
//!   │          │            │         └ 40 bits: FNV-1a of the IPv6 address's 16 bytes in 64 bits,
//!   │          │            │           its upper 24 bits folded (xor) onto its lower 40
//!   │          │            └ locally administered, unicast; Trunkline, scheme 2 (IPv6)
//!   │          └ the IPv4 address, 10.1.0.10
//!   └ 02: locally administered, unicast; 01: Trunkline, scheme 1 (IPv4)
//! ```
//!
//! An interface with addresses of both families has the one of its IPv4 address. An address is
//! unique in the whole fabric, so a MAC address of scheme 1 is unique on every VLAN. Two IPv6
//! addresses may have one of scheme 2; then the second one is not handed out on the network while
//! the first one is in use. A MAC address stays the same however often the address changes hands,
//! so a neighbour's ARP entry that outlives a pod is still right for its successor.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use trunkline_types::MacAddr;

/// The MAC address of the pod that has `ip`, whatever else it has.
#[must_use]
pub const fn mac_of(ip: Ipv4Addr) -> MacAddr {
    let [a, b, c, d] = ip.octets();
    MacAddr::new([0x02, 0x01, a, b, c, d])
}

/// The MAC address of a pod that has `ip` and no address of the other family.
#[must_use]
pub const fn derived_mac(ip: IpAddr) -> MacAddr {
    match ip {
        IpAddr::V4(ip) => mac_of(ip),
        IpAddr::V6(ip) => mac_of_v6(ip),
    }
}

const fn mac_of_v6(ip: Ipv6Addr) -> MacAddr {
    let hash = fnv1a(&ip.octets());
    let [_, _, _, a, b, c, d, e] = (hash ^ (hash >> 40)).to_be_bytes();
    MacAddr::new([0x06, a, b, c, d, e])
}

/// The IPv4 address that `mac` follows from, if it is of scheme 1.
#[must_use]
pub(crate) const fn ip_of(mac: MacAddr) -> Option<Ipv4Addr> {
    match mac.octets() {
        [0x02, 0x01, a, b, c, d] => Some(Ipv4Addr::new(a, b, c, d)),
        _ => None,
    }
}

/// Whether an interface may have `mac`: it is one machine's, and not nobody's.
pub(crate) fn is_unicast(mac: MacAddr) -> bool {
    mac.octets()[0] & 1 == 0 && mac.octets() != [0; 6]
}

/// The FNV-1a hash of `bytes` in 64 bits. Not to be changed: stored MAC addresses follow from it.
pub(crate) const fn fnv1a(bytes: &[u8]) -> u64 {
    let mut hash = 0xcbf2_9ce4_8422_2325_u64;
    let mut rest = bytes;
    while let [byte, after @ ..] = rest {
        hash = (hash ^ *byte as u64).wrapping_mul(0x0100_0000_01b3);
        rest = after;
    }
    hash
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture::ip;

    #[test]
    fn a_mac_address_is_local_unicast_and_ends_with_the_ip_address() {
        let mac = mac_of(Ipv4Addr::new(10, 1, 0, 10));
        assert_eq!(mac.to_string(), "02:01:0a:01:00:0a");
        assert_eq!(mac.octets()[0] & 0b11, 0b10);
        assert_eq!(ip_of(mac), Some(Ipv4Addr::new(10, 1, 0, 10)));
    }

    #[test]
    fn the_hash_is_fnv_1a() {
        // The test vectors of the FNV reference code.
        assert_eq!(fnv1a(b""), 0xcbf2_9ce4_8422_2325);
        assert_eq!(fnv1a(b"a"), 0xaf63_dc4c_8601_ec8c);
        assert_eq!(fnv1a(b"foobar"), 0x8594_4171_f739_67e8);
    }

    #[test]
    fn an_ipv6_address_has_a_mac_address_that_stays() {
        let mac = derived_mac(ip("fd00:1::a"));
        assert_eq!(mac.octets()[0], 0x06);
        assert!(is_unicast(mac));
        assert_eq!(mac, derived_mac(ip("fd00:1::a")));
        assert_ne!(mac, derived_mac(ip("fd00:1::b")));
    }
}
