//! Handing out addresses.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

use trunkline_types::{Attachment, Name, Pod};

use crate::{
    Address, AddressState, Catalog, Change, Edit, Endpoint, EndpointAddress, FreeSpace, Listing,
    Object, Placement, Planned, Timestamp, mac_of,
};

/// A wish for an address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AllocateRequest {
    /// Which interface of which container it is for.
    pub attachment: Attachment,
    /// The network it is to be on.
    pub network: Name,
    /// The node the container runs on.
    pub node: Name,
    /// The pod, if the runtime named one.
    pub pod: Option<Pod>,
}

/// Why no address is handed out.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AllocateError {
    /// The network is not there.
    #[error(
        "network `{network}` does not exist: create it with \
         `netctl network create {network} --vlan <id>`, or choose one of `netctl network ls`"
    )]
    NetworkNotFound {
        /// The network's name.
        network: Name,
    },
    /// The node never registered.
    #[error(
        "node `{node}` is not registered: netplugin registers its node when it starts, see \
         `netctl node ls`"
    )]
    NodeNotFound {
        /// The node's name.
        node: Name,
    },
    /// The attachment has an address of another network or on another node.
    #[error(
        "attachment `{}` has an address on network `{}` and node `{}`, so it cannot get one on \
         network `{wanted_network}` and node `{wanted_node}`: release the first one (CNI DEL) \
         before asking again",
        existing.attachment, existing.network, existing.node
    )]
    AttachmentInUse {
        /// What the attachment has.
        existing: Arc<Endpoint>,
        /// The network that was asked for.
        wanted_network: Name,
        /// The node that asked.
        wanted_node: Name,
    },
    /// The network has no subnet at all.
    #[error(
        "network `{network}` has no subnet: create one with \
         `netctl subnet create <name> --network {network} --cidr <cidr> --gateway <address>`"
    )]
    NoSubnet {
        /// The network.
        network: Name,
    },
    /// All its subnets belong to other racks.
    #[error(
        "network `{network}` has subnets for rack(s) {racks} only, and node `{node}` is in rack \
         `{rack}`: add a subnet with `netctl subnet create … --rack {rack}`, or run the pod in one \
         of those racks"
    )]
    NoSubnetForRack {
        /// The network.
        network: Name,
        /// The racks it has subnets for.
        racks: Listing,
        /// The node that asked.
        node: Name,
        /// The node's rack.
        rack: Name,
    },
    /// Every address that the node may use is in use.
    #[error(
        "network `{network}` has no free address for rack `{rack}`: {in_use} of {capacity} in use \
         in {subnets}; remove pods, see `netctl endpoint ls`, or add a subnet with \
         `netctl subnet create`"
    )]
    Full {
        /// The network.
        network: Name,
        /// The node's rack.
        rack: Name,
        /// The subnets that were tried.
        subnets: Listing,
        /// How many of their addresses are in use.
        in_use: u64,
        /// How many addresses they have to hand out.
        capacity: u64,
    },
}

/// Plans an endpoint with an address; one that is there already is the answer as it is.
///
/// Subnets that are bound to the node's rack come first, then those bound to none, each by name.
/// Within a subnet the longest-free address is taken.
///
/// # Errors
///
/// [`AllocateError`] if what is asked for is not there, is full, or contradicts what the
/// attachment has.
pub fn allocate(
    catalog: &Catalog,
    free: &FreeSpace,
    request: &AllocateRequest,
    now: Timestamp,
) -> Result<Planned<Endpoint>, AllocateError> {
    if let Some(existing) = catalog.endpoint(&request.attachment) {
        return repeated(catalog, existing, request);
    }
    if catalog.network(&request.network).is_none() {
        return Err(AllocateError::NetworkNotFound {
            network: request.network.clone(),
        });
    }
    let Some(node) = catalog.node(&request.node) else {
        return Err(AllocateError::NodeNotFound {
            node: request.node.clone(),
        });
    };
    let (subnet, ip) = choose(catalog, free, &request.network, &node.rack)
        .ok_or_else(|| nothing_free(catalog, request, &node.rack))?;
    Ok(bind(catalog, request, subnet, ip, now))
}

/// The answer for an attachment that has an address.
fn repeated(
    catalog: &Catalog,
    existing: &Arc<Endpoint>,
    request: &AllocateRequest,
) -> Result<Planned<Endpoint>, AllocateError> {
    if existing.network == request.network && existing.node == request.node {
        return Ok(Planned {
            object: existing.clone(),
            change: Change::none(catalog.revision()),
        });
    }
    Err(AllocateError::AttachmentInUse {
        existing: existing.clone(),
        wanted_network: request.network.clone(),
        wanted_node: request.node.clone(),
    })
}

/// The subnets of `network` that nodes of `rack` may use, in order of preference.
fn candidates<'a>(
    catalog: &'a Catalog,
    network: &'a Name,
    rack: &'a Name,
) -> impl Iterator<Item = &'a Name> {
    let here = Placement::Rack(rack.clone());
    let here: Vec<_> = catalog.subnets_at(network, &here).collect();
    here.into_iter()
        .chain(catalog.subnets_at(network, &Placement::Anywhere))
}

fn choose<'a>(
    catalog: &'a Catalog,
    free: &FreeSpace,
    network: &'a Name,
    rack: &'a Name,
) -> Option<(&'a Name, Ipv4Addr)> {
    candidates(catalog, network, rack).find_map(|subnet| {
        match free.of_subnet(subnet)?.longest_free()? {
            IpAddr::V4(ip) => Some((subnet, ip)),
            // No IPv6 subnet is created so far, and IPv6 has no MAC address scheme yet.
            IpAddr::V6(_) => None,
        }
    })
}

fn nothing_free(catalog: &Catalog, request: &AllocateRequest, rack: &Name) -> AllocateError {
    let network = request.network.clone();
    let subnets = || candidates(catalog, &request.network, rack);
    if subnets().next().is_some() {
        return AllocateError::Full {
            rack: rack.clone(),
            subnets: Listing::of(subnets()),
            in_use: subnets().map(|subnet| catalog.in_use(subnet)).sum(),
            capacity: subnets()
                .filter_map(|subnet| catalog.subnet(subnet))
                .map(|subnet| subnet.capacity())
                .fold(0, u64::saturating_add),
            network,
        };
    }
    let racks =
        Listing::of(catalog.placements_of(&request.network).filter_map(
            |placement| match placement {
                Placement::Rack(rack) => Some(rack),
                _ => None,
            },
        ));
    if racks.is_empty() {
        return AllocateError::NoSubnet { network };
    }
    AllocateError::NoSubnetForRack {
        network,
        racks,
        node: request.node.clone(),
        rack: rack.clone(),
    }
}

fn bind(
    catalog: &Catalog,
    request: &AllocateRequest,
    subnet: &Name,
    ip: Ipv4Addr,
    now: Timestamp,
) -> Planned<Endpoint> {
    let revision = catalog.revision().next();
    let address = Address {
        ip: ip.into(),
        subnet: subnet.clone(),
        network: request.network.clone(),
        state: AddressState::Bound {
            attachment: request.attachment.clone(),
        },
        since: now,
        conflict: None,
        revision,
    };
    let endpoint = Arc::new(Endpoint {
        attachment: request.attachment.clone(),
        pod: request.pod.clone(),
        node: request.node.clone(),
        network: request.network.clone(),
        mac: mac_of(ip),
        addresses: vec![EndpointAddress {
            ip: ip.into(),
            subnet: subnet.clone(),
        }],
        pod_uid: None,
        profile: None,
        reservation: None,
        created: now,
        revision,
    });
    let edits = vec![
        Edit::Put(Object::Address(Arc::new(address))),
        Edit::Put(Object::Endpoint(endpoint.clone())),
    ];
    Planned {
        object: endpoint,
        change: Change::new(revision, edits),
    }
}

#[cfg(test)]
mod tests;
