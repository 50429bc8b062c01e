//! The physical machine next door: on a VLAN, and none of Trunkline's business.

use std::net::IpAddr;

use super::netns::Netns;
use super::tor::Tor;

/// A host on an access port of the top-of-rack switch.
#[derive(Debug)]
pub struct PlainHost {
    netns: Netns,
    ip: IpAddr,
}

impl PlainHost {
    /// Plugs a host with `ip` into an access port of `vlan`, its default route to the gateway.
    pub(super) fn create(name: &str, tor: &Tor, vlan: u16, ip: IpAddr) -> anyhow::Result<Self> {
        let netns = Netns::create_machine(name)?;
        tor.plug_access(name, vlan, &netns, "eth0")?;
        let gateway = tor.gateway(vlan)?;
        netns.ip(&format!(
            "addr add {ip}/{} dev eth0\nlink set eth0 up\nroute add default via {}",
            gateway.prefix, gateway.ip
        ))?;
        Ok(Self { netns, ip })
    }

    /// The host's namespace.
    pub fn netns(&self) -> &Netns {
        &self.netns
    }

    /// The host's address.
    pub fn ip(&self) -> IpAddr {
        self.ip
    }
}
