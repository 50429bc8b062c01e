//! Telling the neighbours who has an address now.

use std::io;
use std::net::Ipv4Addr;
use std::os::fd::AsRawFd;

use nix::ifaddrs::getifaddrs;
use nix::sys::socket::{AddressFamily, LinkAddr, MsgFlags, SockFlag, SockType, sendto, socket};
use trunkline_types::{InterfaceName, MacAddr};

use crate::arp;
use crate::netns::{Netns, NetnsError};

/// Why an address was not announced.
#[derive(Debug, thiserror::Error)]
pub enum AnnounceError {
    /// The namespace cannot be entered.
    #[error(transparent)]
    Netns(#[from] NetnsError),
    /// There is no such link in the namespace.
    #[error("cannot announce `{ip}`: there is no link `{ifname}` in the network namespace")]
    LinkMissing {
        /// The address.
        ip: Ipv4Addr,
        /// The link.
        ifname: InterfaceName,
    },
    /// The frame cannot be sent.
    #[error("cannot announce `{ip}` on link `{ifname}`: set the link up, and run with CAP_NET_RAW")]
    Send {
        /// The address.
        ip: Ipv4Addr,
        /// The link.
        ifname: InterfaceName,
        /// What the system said.
        source: io::Error,
    },
}

/// Sends ARP announcements (gratuitous ARP) by the link `ifname` inside `netns`, `times` times at
/// once, so that neighbours and switches forget who had `ip` before.
///
/// It never waits: a frame that does not fit into the link's queue is an error.
///
/// # Errors
///
/// [`AnnounceError`].
pub fn announce(
    netns: &Netns,
    ifname: &InterfaceName,
    mac: MacAddr,
    ip: Ipv4Addr,
    times: u8,
) -> Result<(), AnnounceError> {
    let frame = arp::announcement(mac, ip);
    let sent = netns.run(|| -> nix::Result<bool> {
        let Some(link) = link_address(ifname)? else {
            return Ok(false);
        };
        // Without a protocol, the socket receives nothing; the kernel takes that of a frame to
        // send from the frame.
        let socket = socket(
            AddressFamily::Packet,
            SockType::Raw,
            SockFlag::SOCK_CLOEXEC,
            None,
        )?;
        for _ in 0..times {
            sendto(socket.as_raw_fd(), &frame, &link, MsgFlags::MSG_DONTWAIT)?;
        }
        Ok(true)
    })?;
    match sent {
        Ok(true) => Ok(()),
        Ok(false) => Err(AnnounceError::LinkMissing {
            ip,
            ifname: ifname.clone(),
        }),
        Err(errno) => Err(AnnounceError::Send {
            ip,
            ifname: ifname.clone(),
            source: errno.into(),
        }),
    }
}

/// The `sockaddr_ll` of a link of the calling thread's namespace.
///
/// Taken from the list of all, for there is no safe way to build one; a pod has few links.
fn link_address(ifname: &InterfaceName) -> nix::Result<Option<LinkAddr>> {
    Ok(getifaddrs()?
        .filter(|interface| interface.interface_name == ifname.as_str())
        .find_map(|interface| interface.address?.as_link_addr().copied()))
}

#[cfg(test)]
mod tests {
    use nix::errno::Errno;

    use super::*;
    use crate::testing;

    #[test]
    fn an_absent_link_is_named() {
        let Some(netns) = testing::netns() else {
            return;
        };
        let ifname = "eth7".parse().unwrap();
        let error = announce(&netns, &ifname, MacAddr::BROADCAST, Ipv4Addr::LOCALHOST, 1);
        let error = error.unwrap_err();
        assert!(
            matches!(error, AnnounceError::LinkMissing { .. }),
            "{error:?}"
        );
    }

    #[test]
    fn a_link_that_is_down_is_an_error() {
        let Some(netns) = testing::netns() else {
            return;
        };
        let ifname = "lo".parse().unwrap();
        match announce(&netns, &ifname, MacAddr::BROADCAST, Ipv4Addr::LOCALHOST, 1) {
            Err(AnnounceError::Send { source, .. }) => {
                assert_eq!(source.raw_os_error(), Some(Errno::ENETDOWN as i32));
            }
            other => panic!("{other:?}"),
        }
    }
}
