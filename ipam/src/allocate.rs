//! Handing out addresses.

mod error;

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

use trunkline_types::{Attachment, Labels, MacAddr, Name, Pod};

use crate::{
    Address, AddressState, Catalog, Change, Edit, Endpoint, EndpointAddress, Holder, Ledger,
    Object, Placement, Planned, Policy, Timestamp, mac_of,
};

pub use error::{AddressUnfit, AllocateError, MacUnfit, NoSpace};

/// A wish for addresses.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AllocateRequest {
    /// Which interface of which container they are for.
    pub attachment: Attachment,
    /// The node the container runs on.
    pub node: Name,
    /// The fence the node got when it registered; none if it is not the node's agent that asks.
    pub fence: Option<u64>,
    /// The pod, if the runtime named one.
    pub pod: Option<Pod>,
    /// The orchestrator's id of the pod.
    pub pod_uid: Option<String>,
    /// The pod's labels, which groups choose by.
    pub pod_labels: Labels,
    /// The StatefulSet or workload that the pod is of.
    pub workload: Option<Holder>,
    /// The network that the pod itself names.
    pub network: Option<Name>,
    /// The pool that the pod itself names.
    pub pool: Option<Name>,
    /// The profile that the pod itself names.
    pub profile: Option<Name>,
    /// The very addresses it is to have, at most one of each family; empty if any will do.
    pub addresses: Vec<IpAddr>,
    /// The MAC address it is to have.
    pub mac: Option<MacAddr>,
    /// Addresses of the node's reserve that it has been given already; empty if none.
    pub leased: Vec<IpAddr>,
}

impl AllocateRequest {
    /// A wish for any addresses of `network`.
    #[must_use]
    pub fn any(attachment: Attachment, node: Name, network: Name) -> Self {
        Self {
            attachment,
            node,
            fence: None,
            pod: None,
            pod_uid: None,
            pod_labels: Labels::default(),
            workload: None,
            network: Some(network),
            pool: None,
            profile: None,
            addresses: Vec::new(),
            mac: None,
            leased: Vec::new(),
        }
    }
}

/// Plans an endpoint with addresses; one that is there already is the answer as it is.
///
/// # Errors
///
/// [`AllocateError`] if what is asked for is not there, is full, or contradicts what the
/// attachment has.
pub fn allocate(
    ledger: &Ledger,
    request: &AllocateRequest,
    _policy: &Policy,
    now: Timestamp,
) -> Result<Planned<Endpoint>, AllocateError> {
    let catalog = ledger.catalog();
    if let Some(existing) = catalog.endpoint(&request.attachment) {
        return Ok(Planned {
            object: existing.clone(),
            change: Change::none(catalog.revision()),
        });
    }
    let node = crate::node::fit(catalog, &request.node, request.fence)?;
    let network = request
        .network
        .as_ref()
        .ok_or_else(|| AllocateError::NoNetwork {
            pod: request.attachment.to_string(),
        })?;
    let here = Placement::Rack(node.rack.clone());
    let found = catalog
        .subnets_at(network, &here)
        .chain(catalog.subnets_at(network, &Placement::Anywhere))
        .find_map(
            |subnet| match ledger.free().of_subnet(subnet)?.longest_free()? {
                IpAddr::V4(ip) => Some((subnet, ip)),
                IpAddr::V6(_) => None,
            },
        );
    let (subnet, ip) = found.ok_or_else(|| NoSpace::NoSubnet {
        network: network.clone(),
    })?;
    Ok(bind(catalog, request, network, subnet, ip, now))
}

fn bind(
    catalog: &Catalog,
    request: &AllocateRequest,
    network: &Name,
    subnet: &Name,
    ip: Ipv4Addr,
    now: Timestamp,
) -> Planned<Endpoint> {
    let revision = catalog.revision().next();
    let address = Address {
        ip: ip.into(),
        subnet: subnet.clone(),
        network: network.clone(),
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
        network: network.clone(),
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
