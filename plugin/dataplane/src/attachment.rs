//! One pod interface: the veth pair, its address and route, and its port on the bridge.

use std::fmt;
use std::net::IpAddr;

use trunkline_types::{Attachment, MacAddr, Mtu, VlanId};

use crate::owner;

/// An attachment as it should be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wanted {
    /// The attachment.
    pub attachment: Attachment,
    /// The VLAN that its port is an access port of.
    pub vlan: VlanId,
    /// The MTU of both ends, in bytes.
    pub mtu: Mtu,
    /// The pod interface's MAC address.
    pub mac: MacAddr,
    /// The pod's address.
    pub ip: IpAddr,
    /// The prefix length of the address's subnet, in bits.
    pub prefix: u8,
    /// Where the pod's default route leads.
    pub gateway: IpAddr,
}

/// What there is of an attachment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Seen {
    /// The link of the attachment's name on the node.
    pub host: Option<SeenHostLink>,
    /// The link of the attachment's interface name in the pod.
    pub pod: Option<SeenPodLink>,
    /// The bridge's ports that carry the attachment's mark.
    pub ports: Vec<SeenPort>,
}

/// The node's end of the pair.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SeenHostLink {
    /// Its alias.
    pub alias: Option<String>,
    /// Whether it is administratively up.
    pub up: bool,
}

/// The pod's end of the pair.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SeenPodLink {
    /// Its MAC address.
    pub mac: Option<MacAddr>,
    /// Its MTU, in bytes.
    pub mtu: u32,
    /// Whether it is administratively up.
    pub up: bool,
    /// Its addresses with prefix lengths.
    pub addresses: Vec<(IpAddr, u8)>,
    /// The gateways of the default routes through it.
    pub gateways: Vec<IpAddr>,
}

/// A port with the attachment's mark.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SeenPort {
    /// The port's name.
    pub name: String,
    /// The port's VLAN tag: a bare number, for it may have been changed to one that is no VLAN.
    pub tag: Option<u16>,
    /// What the mark says its address is.
    pub ip: Option<String>,
}

/// One step towards the wanted attachment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// Take a port out of the bridge: it has the mark, but is not as wanted.
    RemovePort(String),
    /// Delete what is left of a veth pair: one end is missing or wrong.
    DeleteLink,
    /// Create the veth pair, the pod's end in the pod with its MAC address and MTU.
    CreateLink,
    /// Put the node's end into the bridge, with VLAN tag and marks.
    AddPort,
    /// Bring the node's end up.
    RaiseHostLink,
    /// Give the pod's end its address.
    AddAddress,
    /// Bring the pod's end up.
    RaisePodLink,
    /// Route the rest of the world by way of the gateway.
    AddDefaultRoute,
}

impl Seen {
    /// Whether every part is there, right or wrong: a pod may be running on it.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        self.host.is_some() && self.pod.is_some() && !self.ports.is_empty()
    }
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::RemovePort(port) => write!(f, "remove port {port}"),
            Self::DeleteLink => f.write_str("delete the stale veth pair"),
            Self::CreateLink => f.write_str("create the veth pair"),
            Self::AddPort => f.write_str("add the port to the bridge"),
            Self::RaiseHostLink => f.write_str("bring the node's end up"),
            Self::AddAddress => f.write_str("add the address"),
            Self::RaisePodLink => f.write_str("bring the pod's end up"),
            Self::AddDefaultRoute => f.write_str("add the default route"),
        }
    }
}

/// Something that is not ours stands where the attachment should.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Conflict {
    /// A link of the attachment's name on the node has not our alias.
    #[error(
        "link `{link}` on the node is not ours (alias `{alias}`): remove it with \
         `ip link del {link}`"
    )]
    HostLink {
        /// The link's name.
        link: String,
        /// Its alias, empty if it has none.
        alias: String,
    },
    /// The pod has an interface of that name which is not the end of our pair.
    #[error("the pod already has an interface `{0}` that is not ours: use another CNI_IFNAME")]
    PodLink(String),
}

/// What to do so that the attachment becomes as wanted; nothing when it is.
///
/// The port is added before the pod's end is configured, so that Open vSwitch works while we do.
///
/// # Errors
///
/// [`Conflict`] when something that is not ours is in the way.
pub fn plan(wanted: &Wanted, seen: &Seen) -> Result<Vec<Action>, Conflict> {
    expect_no_conflict(&wanted.attachment, seen)?;
    let (host, pod) = (seen.host.as_ref(), seen.pod.as_ref());
    // Alias, MAC address and MTU are set at creation, so a pair without them is made anew.
    let whole = pod.filter(|pod| pod.mac == Some(wanted.mac) && pod.mtu == u32::from(wanted.mtu));
    let keep = host.is_some_and(|host| host.alias.is_some()) && whole.is_some();

    let mut actions = Vec::new();
    let link = owner::link_name(&wanted.attachment);
    let right = |port: &&SeenPort| {
        keep && port.name == link
            && port.tag == Some(wanted.vlan.into())
            && port.ip.as_deref() == Some(wanted.ip.to_string().as_str())
    };
    let wrong = seen.ports.iter().filter(|port| !right(port));
    actions.extend(wrong.map(|port| Action::RemovePort(port.name.clone())));
    if host.is_some() && !keep {
        actions.push(Action::DeleteLink);
    }
    if !keep {
        actions.push(Action::CreateLink);
    }
    if !seen.ports.iter().any(|port| right(&port)) {
        actions.push(Action::AddPort);
    }
    let whole = whole.filter(|_| keep);
    if !host.is_some_and(|host| keep && host.up) {
        actions.push(Action::RaiseHostLink);
    }
    if !whole.is_some_and(|pod| pod.addresses.contains(&(wanted.ip, wanted.prefix))) {
        actions.push(Action::AddAddress);
    }
    if !whole.is_some_and(|pod| pod.up) {
        actions.push(Action::RaisePodLink);
    }
    if !whole.is_some_and(|pod| pod.up && pod.gateways.contains(&wanted.gateway)) {
        actions.push(Action::AddDefaultRoute);
    }
    Ok(actions)
}

/// Whether anything that is not ours stands where the attachment should; no assignment is needed
/// to tell.
///
/// # Errors
///
/// [`Conflict`] says what.
pub fn expect_no_conflict(attachment: &Attachment, seen: &Seen) -> Result<(), Conflict> {
    match (&seen.host, &seen.pod) {
        (Some(host), _) if !owner::is_own_link(attachment, host.alias.as_deref()) => {
            Err(Conflict::HostLink {
                link: owner::link_name(attachment),
                alias: host.alias.clone().unwrap_or_default(),
            })
        }
        (None, Some(_)) => Err(Conflict::PodLink(attachment.ifname.to_string())),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests;
