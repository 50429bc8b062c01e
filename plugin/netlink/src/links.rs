//! Links, addresses and routes of one network namespace, over rtnetlink.

#[cfg(test)]
mod tests;

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::os::fd::{AsFd, AsRawFd};
use std::time::Duration;

use futures_util::TryStreamExt;
use netlink_packet_route::address::{AddressAttribute, AddressMessage};
use netlink_packet_route::link::{InfoData, InfoVeth, LinkAttribute, LinkFlags, LinkMessage};
use netlink_packet_route::route::{RouteAddress, RouteAttribute, RouteHeader, RouteMessage};
use rtnetlink::{Handle, LinkUnspec, LinkVeth, RouteMessageBuilder};
use tokio::runtime;
use tokio::time::timeout;
use trunkline_types::{InterfaceName, MacAddr, Mtu};

use crate::error::{LinkError, Operation};
use crate::netns::Netns;

/// How long the kernel gets for one request. It answers in microseconds unless its one lock for
/// all links is held by others, as when namespaces with many links are torn down.
const DEADLINE: Duration = Duration::from_secs(10);

/// A network interface.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Link {
    /// Its number in its namespace.
    pub index: u32,
    /// Its name.
    pub name: String,
    /// What it is for, in free text: how we know a link of ours.
    pub alias: Option<String>,
    /// Its Ethernet address; `None` if it has none, or one of another length.
    pub mac: Option<MacAddr>,
    /// The largest packet it carries, in bytes.
    pub mtu: u32,
    /// Whether it is switched on (not: whether there is a carrier).
    pub up: bool,
    /// The index of the link it belongs to, in that one's namespace: for a veth, its peer.
    pub peer_index: Option<u32>,
}

/// A veth pair to be: one end here, the other inside a namespace.
#[derive(Clone, Copy, Debug)]
pub struct Veth<'a> {
    /// The name of the end that stays here.
    pub host: &'a str,
    /// What to note on that end.
    pub alias: &'a str,
    /// The name of the end inside the namespace.
    pub peer: &'a InterfaceName,
    /// The MAC address of the end inside the namespace.
    pub peer_mac: MacAddr,
    /// The MTU of both ends.
    pub mtu: Mtu,
    /// The namespace.
    pub peer_netns: &'a Netns,
}

/// An rtnetlink socket, which stays in the namespace it was opened in.
#[derive(Clone, Debug)]
pub struct Links {
    handle: Handle,
}

impl Links {
    /// Opens a socket in the namespace of the calling thread. It is served by a task of the
    /// current tokio runtime, which must have its I/O and time drivers on.
    ///
    /// # Errors
    ///
    /// [`LinkError::Socket`], also if there is no runtime.
    pub fn here() -> Result<Self, LinkError> {
        let runtime = runtime::Handle::try_current().map_err(|error| LinkError::Socket {
            source: std::io::Error::other(error),
        })?;
        Self::open(&runtime)
    }

    /// Opens a socket in `netns`; the calling thread stays where it is.
    ///
    /// # Errors
    ///
    /// [`LinkError::Netns`] if the namespace cannot be entered, [`LinkError::Socket`].
    pub fn in_netns(netns: &Netns) -> Result<Self, LinkError> {
        let runtime = runtime::Handle::try_current().map_err(|error| LinkError::Socket {
            source: std::io::Error::other(error),
        })?;
        netns.run(|| Self::open(&runtime))?
    }

    fn open(runtime: &runtime::Handle) -> Result<Self, LinkError> {
        let _entered = runtime.enter();
        let (connection, handle, _) =
            rtnetlink::new_connection().map_err(|source| LinkError::Socket { source })?;
        runtime.spawn(connection);
        Ok(Self { handle })
    }

    /// Awaits the kernel's answer, but not for ever.
    async fn answer<T>(
        &self,
        operation: Operation,
        request: impl Future<Output = Result<T, rtnetlink::Error>>,
    ) -> Result<T, LinkError> {
        match timeout(DEADLINE, request).await {
            Ok(Ok(answer)) => Ok(answer),
            Ok(Err(error)) => Err(LinkError::new(operation, error)),
            Err(_) => Err(LinkError::Timeout {
                operation,
                deadline: DEADLINE,
            }),
        }
    }

    /// The link of that name; `None` if there is none.
    ///
    /// # Errors
    ///
    /// [`LinkError`] if the kernel cannot be asked.
    pub async fn link(&self, name: &str) -> Result<Option<Link>, LinkError> {
        let operation = Operation::ReadLink {
            name: name.to_owned(),
        };
        let mut request = Box::pin(self.handle.link().get().match_name(name).execute());
        match self.answer(operation, request.try_next()).await {
            Ok(message) => Ok(message.map(|message| link(&message))),
            Err(error) if error.is_not_found() => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Makes a veth pair. The inner end is born in its namespace with its name, MAC and MTU, so
    /// nothing has to be moved or renamed, and it never shows here.
    ///
    /// # Errors
    ///
    /// [`LinkError`], for which [`LinkError::is_exists`] holds if either name is taken. Nothing
    /// is left behind, unless the process ends between the two messages this takes.
    pub async fn create_veth(&self, veth: &Veth<'_>) -> Result<(), LinkError> {
        let peer = LinkUnspec::new_with_name(veth.peer.as_str())
            .address(veth.peer_mac.octets().to_vec())
            .mtu(veth.mtu.into())
            .setns_by_fd(veth.peer_netns.as_fd().as_raw_fd())
            .build();
        let pair = LinkVeth::new(veth.host, veth.peer.as_str())
            .mtu(veth.mtu.into())
            .set_info_data(InfoData::Veth(InfoVeth::Peer(peer)))
            .build();
        let operation = Operation::CreateVeth {
            host: veth.host.to_owned(),
            peer: veth.peer.as_str().to_owned(),
        };
        self.answer(operation, self.handle.link().add(pair).execute())
            .await?;

        // The kernel looks at an alias only when it changes a link, not when it makes one
        // (`rtnl_create_link`), hence the second message.
        let alias = LinkUnspec::new_with_name(veth.host)
            .alias(veth.alias)
            .build();
        let operation = Operation::SetAlias {
            name: veth.host.to_owned(),
            alias: veth.alias.to_owned(),
        };
        let result = self
            .answer(operation, self.handle.link().change(alias).execute())
            .await;
        if result.is_err() {
            // Without its alias nobody would know the pair as ours. The first error says more
            // than one of the removal could.
            let _ = self.delete(veth.host).await;
        }
        result
    }

    /// Switches a link on.
    ///
    /// # Errors
    ///
    /// [`LinkError`], for which [`LinkError::is_not_found`] holds if there is no such link.
    pub async fn set_up(&self, index: u32) -> Result<(), LinkError> {
        let message = LinkUnspec::new_with_index(index).up().build();
        let change = self.handle.link().change(message).execute();
        self.answer(Operation::SetUp { index }, change).await
    }

    /// Deletes the link of that name, and says whether there was one. With one end of a veth pair
    /// goes the other.
    ///
    /// # Errors
    ///
    /// [`LinkError`] if the kernel refuses.
    pub async fn delete(&self, name: &str) -> Result<bool, LinkError> {
        let operation = Operation::Delete {
            name: name.to_owned(),
        };
        // By name, not index: one message, and no time for another link to get the index.
        let message = LinkUnspec::new_with_name(name).build();
        match self
            .answer(
                operation,
                self.handle.link().del_with_message(message).execute(),
            )
            .await
        {
            Ok(()) => Ok(true),
            Err(error) if error.is_not_found() => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// The addresses of a link with their prefix lengths, link-local ones included.
    ///
    /// # Errors
    ///
    /// [`LinkError`] if the kernel cannot be asked.
    pub async fn addresses(&self, index: u32) -> Result<Vec<(IpAddr, u8)>, LinkError> {
        let request = self
            .handle
            .address()
            .get()
            .set_link_index_filter(index)
            .execute();
        let messages = self
            .answer(
                Operation::ReadAddresses { index },
                request.try_collect::<Vec<_>>(),
            )
            .await?;
        Ok(messages.iter().filter_map(address).collect())
    }

    /// Gives a link an address. That it has it already is a success.
    ///
    /// # Errors
    ///
    /// [`LinkError`], for which [`LinkError::is_exists`] holds if the link has the address with
    /// another prefix length.
    pub async fn add_address(&self, index: u32, ip: IpAddr, prefix: u8) -> Result<(), LinkError> {
        let request = self.handle.address().add(index, ip, prefix).execute();
        match self
            .answer(Operation::AddAddress { index, ip, prefix }, request)
            .await
        {
            Err(error) if error.is_exists() => {
                let there = self.addresses(index).await?.contains(&(ip, prefix));
                if there { Ok(()) } else { Err(error) }
            }
            result => result,
        }
    }

    /// The gateways of the default routes that leave by a link (main table, both families).
    ///
    /// # Errors
    ///
    /// [`LinkError`] if the kernel cannot be asked.
    pub async fn default_gateways(&self, index: u32) -> Result<Vec<IpAddr>, LinkError> {
        let requests = [
            RouteMessageBuilder::<Ipv4Addr>::new().build(),
            RouteMessageBuilder::<Ipv6Addr>::new().build(),
        ];
        let mut gateways = Vec::new();
        for request in requests {
            let routes = self.handle.route().get(request).execute();
            let found = routes.try_filter_map(async |route| Ok(gateway(&route, index)));
            let found = self.answer(
                Operation::ReadRoutes { index },
                found.try_collect::<Vec<_>>(),
            );
            gateways.extend(found.await?);
        }
        Ok(gateways)
    }

    /// Adds a default route by way of `gateway` to a link. That it is there already is a success.
    ///
    /// # Errors
    ///
    /// [`LinkError`], for which [`LinkError::is_exists`] holds if there is another default route.
    pub async fn add_default_route(&self, index: u32, gateway: IpAddr) -> Result<(), LinkError> {
        let route = match gateway {
            IpAddr::V4(ip) => RouteMessageBuilder::<Ipv4Addr>::new()
                .output_interface(index)
                .gateway(ip)
                .build(),
            IpAddr::V6(ip) => RouteMessageBuilder::<Ipv6Addr>::new()
                .output_interface(index)
                .gateway(ip)
                .build(),
        };
        let operation = Operation::AddDefaultRoute { index, gateway };
        match self
            .answer(operation, self.handle.route().add(route).execute())
            .await
        {
            Err(error) if error.is_exists() => {
                let there = self.default_gateways(index).await?.contains(&gateway);
                if there { Ok(()) } else { Err(error) }
            }
            result => result,
        }
    }
}

fn link(message: &LinkMessage) -> Link {
    let mut link = Link {
        index: message.header.index,
        name: String::new(),
        alias: None,
        mac: None,
        mtu: 0,
        up: message.header.flags.contains(LinkFlags::Up),
        peer_index: None,
    };
    for attribute in &message.attributes {
        match attribute {
            LinkAttribute::IfName(name) => link.name.clone_from(name),
            LinkAttribute::IfAlias(alias) => link.alias = Some(alias.clone()),
            LinkAttribute::Address(bytes) => {
                link.mac = <[u8; 6]>::try_from(bytes.as_slice()).ok().map(MacAddr::new);
            }
            LinkAttribute::Mtu(mtu) => link.mtu = *mtu,
            LinkAttribute::Link(index) => link.peer_index = Some(*index),
            _ => {}
        }
    }
    link
}

fn address(message: &AddressMessage) -> Option<(IpAddr, u8)> {
    let mut ip = None;
    for attribute in &message.attributes {
        match attribute {
            // On a point-to-point link `Address` is the other end's.
            AddressAttribute::Local(local) => return Some((*local, message.header.prefix_len)),
            AddressAttribute::Address(address) => ip = Some(*address),
            _ => {}
        }
    }
    ip.map(|ip| (ip, message.header.prefix_len))
}

/// The gateway, if this is a default route of the main table that leaves by link `index`.
fn gateway(route: &RouteMessage, index: u32) -> Option<IpAddr> {
    let default = route.header.destination_prefix_length == 0
        && route.header.table == RouteHeader::RT_TABLE_MAIN;
    let leaves = route.attributes.contains(&RouteAttribute::Oif(index));
    let gateway = route
        .attributes
        .iter()
        .find_map(|attribute| match attribute {
            RouteAttribute::Gateway(RouteAddress::Inet(ip)) => Some(IpAddr::V4(*ip)),
            RouteAttribute::Gateway(RouteAddress::Inet6(ip)) => Some(IpAddr::V6(*ip)),
            _ => None,
        });
    gateway.filter(|_| default && leaves)
}
