//! The top-of-rack switch: a VLAN-aware Linux bridge, with a VLAN interface as the gateway of each
//! subnet and routing between them.

use std::collections::BTreeMap;
use std::net::IpAddr;

use anyhow::Context;

use super::command::Invocation;
use super::netns::Netns;

/// The switch's bridge.
const BRIDGE: &str = "sw0";

/// The gateways' MAC address. Left to itself a bridge takes the lowest of its ports', so that it
/// would change when a node is switched off.
const MAC: &str = "02:ff:00:00:00:fe";

/// A gateway address with its prefix length.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Gateway {
    /// The address.
    pub ip: IpAddr,
    /// The subnet's prefix length, in bits.
    pub prefix: u8,
}

/// A top-of-rack switch in a namespace of its own.
#[derive(Debug)]
pub struct Tor {
    netns: Netns,
    gateways: BTreeMap<u16, Gateway>,
}

impl Tor {
    /// Creates the switch of `rack` with a gateway on each VLAN.
    pub(super) fn create(rack: &str, gateways: BTreeMap<u16, Gateway>) -> anyhow::Result<Self> {
        let netns = Netns::create_machine(&format!("tor-{rack}"))?;
        // No default VLAN: a frame without a tag from a trunk port belongs nowhere.
        netns.ip(&format!(
            "link add {BRIDGE} address {MAC} type bridge vlan_filtering 1 vlan_default_pvid 0\n\
             link set {BRIDGE} up"
        ))?;
        let tor = Self { netns, gateways };
        let mut members = String::new();
        let mut links = String::new();
        for (vlan, gateway) in &tor.gateways {
            members += &format!("vlan add dev {BRIDGE} vid {vlan} self\n");
            links += &format!(
                "link add link {BRIDGE} name vlan{vlan} type vlan id {vlan}\n\
                 addr add {}/{} dev vlan{vlan}\n\
                 link set vlan{vlan} up\n",
                gateway.ip, gateway.prefix
            );
        }
        tor.bridge(&members)?;
        tor.netns.ip(&links)?;
        tor.netns
            .command("sysctl")
            .args(["-q", "-w", "net.ipv4.ip_forward=1"])
            .succeed()?;
        Ok(tor)
    }

    /// The switch's namespace.
    pub(super) fn netns(&self) -> &Netns {
        &self.netns
    }

    /// The gateway on `vlan`.
    ///
    /// # Errors
    ///
    /// The switch has none there.
    pub fn gateway(&self, vlan: u16) -> anyhow::Result<Gateway> {
        let gateway = self.gateways.get(&vlan).copied();
        gateway.with_context(|| format!("{} has no VLAN {vlan}", self.netns.name()))
    }

    /// Joins `link` in `peer` to a trunk port of all VLANs.
    pub(super) fn plug_trunk(&self, port: &str, peer: &Netns, link: &str) -> anyhow::Result<()> {
        self.plug(port, peer, link)?;
        let members: String = self
            .gateways
            .keys()
            .map(|vlan| format!("vlan add dev {port} vid {vlan}\n"))
            .collect();
        self.bridge(&members)
    }

    /// Joins `link` in `peer` to an access port of `vlan`.
    pub(super) fn plug_access(
        &self,
        port: &str,
        vlan: u16,
        peer: &Netns,
        link: &str,
    ) -> anyhow::Result<()> {
        self.plug(port, peer, link)?;
        self.bridge(&format!("vlan add dev {port} vid {vlan} pvid untagged"))
    }

    /// Routes everything of `other` over a link between the two switches.
    pub(super) fn route_to(&self, other: &Self) -> anyhow::Result<()> {
        let (link, other_link) = (
            format!("to-{}", other.short()),
            format!("to-{}", self.short()),
        );
        self.netns.ip(&format!(
            "link add {link} type veth peer name {other_link} netns {}\n\
             addr add 198.51.100.0/31 dev {link}\nlink set {link} up",
            other.netns.name()
        ))?;
        other.netns.ip(&format!(
            "addr add 198.51.100.1/31 dev {other_link}\nlink set {other_link} up"
        ))?;
        self.route_by(other, "198.51.100.1")?;
        other.route_by(self, "198.51.100.0")
    }

    /// Takes a port down, as a pulled cable would, or up again.
    pub(super) fn set_port(&self, port: &str, up: bool) -> anyhow::Result<()> {
        self.netns.ip(&format!(
            "link set {port} {}",
            if up { "up" } else { "down" }
        ))
    }

    fn plug(&self, port: &str, peer: &Netns, link: &str) -> anyhow::Result<()> {
        self.netns.ip(&format!(
            "link add {port} type veth peer name {link} netns {}\n\
             link set {port} master {BRIDGE}\n\
             link set {port} up",
            peer.name()
        ))
    }

    fn bridge(&self, script: &str) -> anyhow::Result<()> {
        let bridge = Invocation::new("bridge").args(["-n", self.netns.name(), "-batch", "-"]);
        bridge.stdin(script).succeed()?;
        Ok(())
    }

    fn route_by(&self, other: &Self, hop: &str) -> anyhow::Result<()> {
        let routes: String = other
            .gateways
            .values()
            .map(|gateway| {
                format!(
                    "route add {}/{} via {hop}\n",
                    network(*gateway),
                    gateway.prefix
                )
            })
            .collect();
        self.netns.ip(&routes)
    }

    /// The rack's name, from `tor-<rack>`.
    fn short(&self) -> &str {
        self.netns.name().trim_start_matches("tor-")
    }
}

/// The network address of a gateway's subnet.
fn network(gateway: Gateway) -> IpAddr {
    match gateway.ip {
        IpAddr::V4(ip) => {
            let mask = u32::MAX
                .checked_shl(32 - u32::from(gateway.prefix))
                .unwrap_or(0);
            IpAddr::V4((u32::from(ip) & mask).into())
        }
        IpAddr::V6(ip) => {
            let mask = u128::MAX
                .checked_shl(128 - u32::from(gateway.prefix))
                .unwrap_or(0);
            IpAddr::V6((u128::from(ip) & mask).into())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_network_of_a_gateway_has_no_host_bits() {
        let gateway = |ip: &str, prefix| Gateway {
            ip: ip.parse().unwrap(),
            prefix,
        };
        assert_eq!(network(gateway("10.1.0.254", 24)).to_string(), "10.1.0.0");
        assert_eq!(network(gateway("10.1.0.254", 0)).to_string(), "0.0.0.0");
        assert_eq!(network(gateway("fd00::ff", 64)).to_string(), "fd00::");
    }
}
