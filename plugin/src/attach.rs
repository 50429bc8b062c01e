//! Reads what there is of one attachment on this node, and carries a plan out on it.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::time::Duration;

use trunkline_dataplane::attachment::{
    Action, Conflict, Seen, SeenHostLink, SeenPodLink, SeenPort, Wanted, plan,
};
use trunkline_dataplane::owner;
use trunkline_netlink::{AnnounceError, LinkError, Links, Netns, Veth, announce};
use trunkline_ovs::{Action as SwitchAction, NewPort, OvsdbSwitch, Port, Switch, SwitchError};
use trunkline_types::{Attachment, InterfaceName, Name, Pod};

/// How long Open vSwitch may take to act on a new port. An emulated machine with 20 new ports at
/// once took 5 s.
const SWITCH_DEADLINE: Duration = Duration::from_secs(10);
/// How often the address is announced: once may be lost, more is noise.
const ANNOUNCEMENTS: u8 = 2;

/// Why an interface could not be built or removed.
#[derive(Debug, thiserror::Error)]
pub enum AttachError {
    /// Something that is not ours is in the way.
    #[error(transparent)]
    Conflict(#[from] Conflict),
    /// The kernel refused.
    #[error(transparent)]
    Link(#[from] LinkError),
    /// The address could not be announced.
    #[error(transparent)]
    Announce(#[from] AnnounceError),
    /// A link that was there a moment ago is not.
    #[error(
        "link `{0}` vanished while it was being set up: the container may be gone, see its runtime's log"
    )]
    LinkVanished(String),
    /// OVSDB refused or is away.
    #[error(transparent)]
    Switch(#[from] SwitchError),
    /// Open vSwitch took the port but cannot use it.
    #[error(transparent)]
    Port(#[from] PortError),
    /// The address is of a family that this version cannot plug.
    #[error("address `{0}` is not IPv4: this version plugs IPv4 subnets only")]
    Family(IpAddr),
}

/// Open vSwitch took the port but cannot use it.
#[derive(Debug, thiserror::Error)]
#[error("port `{port}` on bridge `{bridge}` does not work: {reason}")]
pub struct PortError {
    port: String,
    bridge: InterfaceName,
    reason: String,
}

/// The places on this node where an attachment leaves traces.
pub struct Site<'a> {
    /// The bridge's name.
    pub bridge: &'a InterfaceName,
    /// The switch database.
    pub switch: &'a OvsdbSwitch,
    /// The node's links.
    pub host: &'a Links,
}

/// The pod's side.
pub struct PodSide<'a> {
    /// The pod's network namespace.
    pub netns: &'a Netns,
    /// The links in it.
    pub links: &'a Links,
}

/// What is written on the port beside the wanted state, for people and for the agent.
pub struct Label {
    /// The network's name.
    pub network: Name,
    /// The pod, if the runtime named one.
    pub pod: Option<Pod>,
}

/// Reads what there is of the attachment.
pub async fn look(
    site: &Site<'_>,
    pod: &PodSide<'_>,
    attachment: &Attachment,
) -> Result<Seen, AttachError> {
    let host = site.host.link(&owner::link_name(attachment)).await?;
    let pod_link = match pod.links.link(attachment.ifname.as_str()).await? {
        None => None,
        Some(link) => Some(SeenPodLink {
            mac: link.mac,
            mtu: link.mtu,
            up: link.up,
            addresses: pod.links.addresses(link.index).await?,
            gateways: pod.links.default_gateways(link.index).await?,
        }),
    };
    let ports = marked_ports(site, attachment).await?;
    Ok(Seen {
        host: host.map(|link| SeenHostLink {
            alias: link.alias,
            up: link.up,
        }),
        pod: pod_link,
        ports: ports
            .into_iter()
            .map(|port| SeenPort {
                ip: port.external_ids.get(owner::IP).cloned(),
                name: port.name,
                tag: port.tag,
            })
            .collect(),
    })
}

/// Makes the attachment as wanted, waits until Open vSwitch has it, and announces the address.
pub async fn build(
    site: &Site<'_>,
    pod: &PodSide<'_>,
    wanted: &Wanted,
    label: &Label,
    seen: &Seen,
) -> Result<(), AttachError> {
    let IpAddr::V4(ip) = wanted.ip else {
        return Err(AttachError::Family(wanted.ip));
    };
    let mut applied = None;
    for action in plan(wanted, seen)? {
        if let Some(change) = switch_change(site.bridge, wanted, label, &action) {
            applied = Some(site.switch.apply(&change).await?);
        } else {
            change_links(site.host, pod, wanted, &action).await?;
        }
    }
    if let Some(applied) = applied {
        site.switch.settled(applied, SWITCH_DEADLINE).await?;
        check_port(site, &wanted.attachment).await?;
    }
    let ifname = &wanted.attachment.ifname;
    // Not before the port forwards, else the announcement is lost.
    Ok(announce(pod.netns, ifname, wanted.mac, ip, ANNOUNCEMENTS)?)
}

/// Takes the attachment's port and link away; what is already gone is no error. A tombstone
/// remains on the bridge until the agent has told netmaster.
///
/// Both are tried even if the first fails, so that what can be unplugged is.
pub async fn unplug(site: &Site<'_>, attachment: &Attachment) -> Result<(), AttachError> {
    let port = remove_port(site, attachment).await;
    let link = remove_link(site.host, attachment).await;
    port.and(link)
}

async fn remove_port(site: &Site<'_>, attachment: &Attachment) -> Result<(), AttachError> {
    let bridge = || site.bridge.to_string();
    let ports = marked_ports(site, attachment).await?;
    let ip = ports
        .iter()
        .find_map(|port| port.external_ids.get(owner::IP).cloned());
    let mut change: Vec<_> = ports
        .into_iter()
        .map(|port| SwitchAction::RemovePort {
            bridge: bridge(),
            name: port.name,
        })
        .collect();
    change.push(SwitchAction::SetBridgeIds {
        bridge: bridge(),
        set: BTreeMap::from([(owner::tombstone(attachment), ip.unwrap_or_default())]),
        remove: BTreeSet::new(),
    });
    match site.switch.apply(&change).await {
        // No bridge, no port, and nowhere to put a tombstone: the agent releases without one.
        Ok(_) | Err(SwitchError::BridgeMissing { .. }) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

async fn remove_link(host: &Links, attachment: &Attachment) -> Result<(), AttachError> {
    let name = owner::link_name(attachment);
    let Some(link) = host.link(&name).await? else {
        return Ok(());
    };
    if !owner::is_own_link(attachment, link.alias.as_deref()) {
        let alias = link.alias.unwrap_or_default();
        return Err(Conflict::HostLink { link: name, alias }.into());
    }
    host.delete(&name).await?;
    Ok(())
}

async fn marked_ports(site: &Site<'_>, attachment: &Attachment) -> Result<Vec<Port>, SwitchError> {
    let mark = attachment.to_string();
    site.switch
        .ports_of(site.bridge.as_str(), owner::ATTACHMENT, &mark)
        .await
}

/// The OVSDB transaction of an action, if it is one for OVSDB.
fn switch_change(
    bridge: &InterfaceName,
    wanted: &Wanted,
    label: &Label,
    action: &Action,
) -> Option<Vec<SwitchAction>> {
    let bridge = bridge.to_string();
    match action {
        Action::RemovePort(name) => Some(vec![SwitchAction::RemovePort {
            bridge,
            name: name.clone(),
        }]),
        Action::AddPort => Some(vec![
            SwitchAction::AddPort(NewPort {
                bridge: bridge.clone(),
                name: owner::link_name(&wanted.attachment),
                tag: Some(wanted.vlan),
                ofport_request: None,
                external_ids: marks(wanted, label),
            }),
            // The attachment lives: a tombstone left by an earlier DEL must not free its address.
            SwitchAction::SetBridgeIds {
                bridge,
                set: BTreeMap::new(),
                remove: BTreeSet::from([owner::tombstone(&wanted.attachment)]),
            },
        ]),
        _ => None,
    }
}

fn marks(wanted: &Wanted, label: &Label) -> BTreeMap<String, String> {
    let mut marks = BTreeMap::from([
        (owner::ATTACHMENT.to_owned(), wanted.attachment.to_string()),
        (owner::NETWORK.to_owned(), label.network.to_string()),
        (owner::IP.to_owned(), wanted.ip.to_string()),
        (owner::MAC.to_owned(), wanted.mac.to_string()),
    ]);
    if let Some(pod) = &label.pod {
        marks.insert(owner::POD.to_owned(), pod.to_string());
    }
    marks
}

async fn change_links(
    host: &Links,
    pod: &PodSide<'_>,
    wanted: &Wanted,
    action: &Action,
) -> Result<(), AttachError> {
    let name = owner::link_name(&wanted.attachment);
    let ifname = wanted.attachment.ifname.as_str();
    match action {
        Action::RemovePort(_) | Action::AddPort => Ok(()),
        Action::DeleteLink => {
            host.delete(&name).await?;
            Ok(())
        }
        Action::CreateLink => {
            let pair = Veth {
                host: &name,
                alias: &owner::link_alias(&wanted.attachment),
                peer: &wanted.attachment.ifname,
                peer_mac: wanted.mac,
                mtu: wanted.mtu,
                peer_netns: pod.netns,
            };
            Ok(host.create_veth(&pair).await?)
        }
        Action::RaiseHostLink => Ok(host.set_up(index(host, &name).await?).await?),
        Action::RaisePodLink => Ok(pod.links.set_up(index(pod.links, ifname).await?).await?),
        Action::AddAddress => {
            let index = index(pod.links, ifname).await?;
            Ok(pod
                .links
                .add_address(index, wanted.ip, wanted.prefix)
                .await?)
        }
        Action::AddDefaultRoute => {
            let index = index(pod.links, ifname).await?;
            Ok(pod.links.add_default_route(index, wanted.gateway).await?)
        }
    }
}

async fn index(links: &Links, name: &str) -> Result<u32, AttachError> {
    let link = links.link(name).await?;
    Ok(link
        .ok_or_else(|| AttachError::LinkVanished(name.to_owned()))?
        .index)
}

async fn check_port(site: &Site<'_>, attachment: &Attachment) -> Result<(), AttachError> {
    let ports = marked_ports(site, attachment).await?;
    let interfaces: Vec<_> = ports.iter().flat_map(|port| &port.interfaces).collect();
    if interfaces
        .iter()
        .any(|interface| interface.ofport.is_some())
    {
        return Ok(());
    }
    let reason = interfaces
        .iter()
        .find_map(|interface| interface.error.clone());
    Err(AttachError::Port(PortError {
        port: owner::link_name(attachment),
        bridge: site.bridge.clone(),
        reason: reason.unwrap_or_else(|| "it has no OpenFlow port, see ovs-vswitchd's log".into()),
    }))
}
