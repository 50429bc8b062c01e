//! The MAC address that belongs to an IPv4 address.
//!
//! ```text
//! 02:01 : 0a:01:00:0a
//! ──┬──   ─────┬─────
//!   │          └ the IPv4 address, 10.1.0.10
//!   └ 02: locally administered, unicast; 01: Trunkline, scheme 1 (derived from IPv4)
//! ```
//!
//! An address is unique in the whole fabric, so its MAC address is unique on every VLAN. It stays
//! the same however often the address changes hands, so a neighbour's ARP entry that outlives a
//! pod is still right for its successor.

use std::net::Ipv4Addr;

use trunkline_types::MacAddr;

/// The MAC address of the pod that has `ip`.
#[must_use]
pub const fn mac_of(ip: Ipv4Addr) -> MacAddr {
    let [a, b, c, d] = ip.octets();
    MacAddr::new([0x02, 0x01, a, b, c, d])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mac_address_is_local_unicast_and_ends_with_the_ip_address() {
        let mac = mac_of(Ipv4Addr::new(10, 1, 0, 10));
        assert_eq!(mac.to_string(), "02:01:0a:01:00:0a");
        assert_eq!(mac.octets()[0] & 0b11, 0b10);
    }
}
