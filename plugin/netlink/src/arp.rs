//! ARP over Ethernet (RFC 826), as bytes.

use std::net::Ipv4Addr;

use trunkline_types::MacAddr;

/// An Ethernet frame of the least length without its checksum, which the NIC adds (IEEE 802.3).
/// ARP is shorter: the rest is padding.
pub(crate) const FRAME_LEN: usize = 60;

const ETHERTYPE_ARP: [u8; 2] = [0x08, 0x06];
const HARDWARE_ETHERNET: [u8; 2] = [0x00, 0x01];
const PROTOCOL_IPV4: [u8; 2] = [0x08, 0x00];
const LENGTHS: [u8; 2] = [6, 4];
const REQUEST: [u8; 2] = [0x00, 0x01];
const UNKNOWN: [u8; 6] = [0; 6];

/// An ARP announcement: a broadcast request whose sender and target address are both `ip`
/// (RFC 5227, section 3).
pub(crate) fn announcement(mac: MacAddr, ip: Ipv4Addr) -> [u8; FRAME_LEN] {
    let (mac, ip) = (mac.octets(), ip.octets());
    let fields: [&[u8]; 11] = [
        &MacAddr::BROADCAST.octets(),
        &mac,
        &ETHERTYPE_ARP,
        &HARDWARE_ETHERNET,
        &PROTOCOL_IPV4,
        &LENGTHS,
        &REQUEST,
        &mac,
        &ip,
        &UNKNOWN,
        &ip,
    ];
    let mut frame = [0; FRAME_LEN];
    for (byte, value) in frame.iter_mut().zip(fields.into_iter().flatten()) {
        *byte = *value;
    }
    frame
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_announcement_is_these_bytes() {
        let mac = MacAddr::new([0x02, 0x01, 0x0a, 0x01, 0x00, 0x0a]);
        let frame = announcement(mac, Ipv4Addr::new(10, 1, 0, 10));
        #[rustfmt::skip]
        let expected = [
            0xff, 0xff, 0xff, 0xff, 0xff, 0xff, // to everyone
            0x02, 0x01, 0x0a, 0x01, 0x00, 0x0a, // from the MAC
            0x08, 0x06, // ARP
            0x00, 0x01, 0x08, 0x00, 6, 4, // Ethernet and IPv4, with their lengths
            0x00, 0x01, // request
            0x02, 0x01, 0x0a, 0x01, 0x00, 0x0a, 10, 1, 0, 10, // sender
            0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 10, 1, 0, 10, // target
        ];
        assert_eq!(frame[..expected.len()], expected);
        assert!(frame[expected.len()..].iter().all(|byte| *byte == 0));
    }
}
