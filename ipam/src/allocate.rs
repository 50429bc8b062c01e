//! Handing out addresses.

mod choose;
mod error;
mod fixed;
mod gate;
mod leased;
mod reserved;

use std::net::IpAddr;
use std::sync::Arc;

use trunkline_types::{Attachment, Labels, MacAddr, Name, Pod};

use crate::node::fit;
use crate::{
    Address, AddressState, Change, Edit, Endpoint, EndpointAddress, Holder, Kind, Ledger, Network,
    Node, Object, Planned, Policy, Resolution, Revision, Subject, Timestamp, mac, resolve,
};

pub(crate) use choose::{Search, derived, place};
pub use error::{AddressUnfit, AllocateError, MacUnfit, NoSpace};
use fixed::{Given, Why};
pub(crate) use gate::check_gate;
pub use leased::LeaseUnfit;
pub use reserved::reservations_of_pod;

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
    /// The slot of the node's reserve that it has been given already, whole; empty if none.
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

    /// What messages call it by: the pod, or without one the attachment.
    fn name(&self) -> String {
        match &self.pod {
            Some(pod) => pod.to_string(),
            None => self.attachment.to_string(),
        }
    }
}

/// What a request comes to, once it is known what the pod is bound to.
struct Wish<'a> {
    ledger: &'a Ledger,
    request: &'a AllocateRequest,
    node: &'a Arc<Node>,
    network: &'a Arc<Network>,
    pool: Option<Name>,
    policy: &'a Policy,
    now: Timestamp,
}

/// Plans an endpoint with addresses; one that is there already is the answer as it is.
///
/// Network, pool and profile are what the request names, else what the most specific group binds.
/// The interface gets one address of each family that the network has for the node, or none at all.
/// What the node has in reserve it gets if nothing asks for other addresses than any.
/// Each is, in this order: the one that is asked for; the one that is reserved for the pod; the
/// longest-free one of the pool or, without one, of what belongs to no pool. Subnets of the node's
/// rack come first, then those that select the node, then those for all.
///
/// # Errors
///
/// [`AllocateError`] if what is asked for is not there, is full, or contradicts what the
/// attachment has.
pub fn allocate(
    ledger: &Ledger,
    request: &AllocateRequest,
    policy: &Policy,
    now: Timestamp,
) -> Result<Planned<Endpoint>, AllocateError> {
    let catalog = ledger.catalog();
    let existing = catalog.endpoint(&request.attachment);
    if let Some(existing) = existing {
        check_repeated(existing, request)?;
    }
    let node = fit(catalog, &request.node, request.fence)?;
    if let Some(existing) = existing {
        return Ok(Planned {
            object: existing.clone(),
            change: Change::none(catalog.revision()),
        });
    }
    let resolution = resolve(
        catalog,
        &Subject {
            node: Some(node),
            namespace: request.pod.as_ref().map(|pod| pod.namespace.as_str()),
            labels: &request.pod_labels,
            network: request.network.as_ref(),
            pool: request.pool.as_ref(),
            profile: request.profile.as_ref(),
        },
    );
    let wish = Wish {
        ledger,
        request,
        node,
        network: network(ledger, request, &resolution)?,
        pool: resolution.pool.map(|choice| choice.value),
        policy,
        now,
    };
    let profile = resolution.profile.map(|choice| choice.value);
    if let Some(profile) = &profile
        && catalog.profile(profile).is_none()
    {
        return Err(AllocateError::NotFound {
            kind: Kind::Profile,
            name: profile.clone(),
        });
    }
    let given = wish.grant()?;
    let mac = wish.mac(&given)?;
    Ok(wish.bind(given, mac, profile))
}

/// Whether the answer for an attachment that has addresses can be these.
fn check_repeated(
    existing: &Arc<Endpoint>,
    request: &AllocateRequest,
) -> Result<(), AllocateError> {
    let network = request.network.as_ref().unwrap_or(&existing.network);
    let wanted = request.addresses.iter().chain(&request.leased);
    let pods = existing.pod.as_ref().zip(request.pod.as_ref());
    let missing = |ip: &&IpAddr| !existing.addresses.iter().any(|has| has.ip == **ip);
    let wanted = if existing.node != request.node || existing.network != *network {
        format!("one on network `{network}` and node `{}`", request.node)
    } else if let Some(ip) = wanted.clone().find(missing) {
        format!("address `{ip}`")
    } else if let Some((had, asks)) = pods.filter(|(had, asks)| had != asks) {
        format!("one for pod `{asks}` in place of `{had}`")
    } else {
        return Ok(());
    };
    Err(AllocateError::AttachmentInUse {
        existing: existing.clone(),
        wanted,
    })
}

/// The network that the interface is to be on. If nobody says which, it is that of the leased
/// addresses: the node has plugged it in there.
fn network<'a>(
    ledger: &'a Ledger,
    request: &AllocateRequest,
    resolution: &Resolution,
) -> Result<&'a Arc<Network>, AllocateError> {
    let catalog = ledger.catalog();
    let name = match (&resolution.network, request.leased.first()) {
        (Some(choice), _) => &choice.value,
        (None, Some(ip)) => &leased::lease(catalog, &request.node, *ip)?.network,
        (None, None) => {
            return Err(AllocateError::NoNetwork {
                pod: request.name(),
            });
        }
    };
    catalog
        .network(name)
        .ok_or_else(|| AllocateError::NotFound {
            kind: Kind::Network,
            name: name.clone(),
        })
}

impl Wish<'_> {
    fn search(&self) -> Search<'_> {
        Search {
            ledger: self.ledger,
            node: self.node,
            network: &self.network.name,
            pool: self.pool.as_ref(),
            owner: self.request.pod.as_ref(),
            derives_mac: self.request.mac.is_none(),
            policy: self.policy,
            now: self.now,
        }
    }

    /// The addresses, IPv4 first.
    fn grant(&self) -> Result<Vec<Given>, AllocateError> {
        if !self.request.leased.is_empty() {
            return self.leased();
        }
        let search = self.search();
        let [asked_v4, asked_v6] = self.asked()?;
        let families = search.families();
        let mut given = Vec::with_capacity(2);
        for (is_v4, asked) in [(true, asked_v4), (false, asked_v6)] {
            if let Some(ip) = asked {
                given.push(self.fixed(ip, Why::Asked)?);
            } else if let Some(reserved) = self.reserved(is_v4)? {
                given.push(reserved);
            } else if families.has(is_v4) {
                // The MAC address follows from the IPv4 address, if there is one.
                let derives_mac = search.derives_mac && given.is_empty();
                let (ip, subnet) = Search {
                    derives_mac,
                    ..search
                }
                .pick(is_v4)?;
                given.push(Given {
                    ip,
                    subnet: subnet.name.clone(),
                    mac: None,
                    reservation: None,
                });
            }
        }
        if given.is_empty() {
            return Err(search.nowhere().into());
        }
        Ok(given)
    }

    /// The MAC address: what the reservation pins, else what is asked for, else what was leased
    /// with the addresses, else what follows from them.
    fn mac(&self, given: &[Given]) -> Result<MacAddr, AllocateError> {
        let asked = self.request.mac;
        let pinned = given.iter().find_map(|given| {
            let reservation = given.reservation.as_ref()?;
            Some((given.mac?, reservation))
        });
        if let (Some(mac), Some((pinned, reservation))) = (asked, pinned)
            && mac != pinned
        {
            return Err(MacUnfit::Pinned {
                mac,
                reservation: reservation.clone(),
                pinned,
            }
            .into());
        }
        let ips = || given.iter().map(|given| given.ip);
        let pinned = pinned.map(|(mac, _)| mac);
        let of_slot = given.iter().find_map(|given| given.mac);
        let mac = pinned.or(asked).or(of_slot);
        let mac = mac.unwrap_or_else(|| derived(ips()));
        if !mac::is_unicast(mac) {
            return Err(MacUnfit::NotUnicast { mac }.into());
        }
        let holder = self.ledger.catalog().mac_holder(&self.network.name, mac);
        match holder.filter(|holder| !ips().any(|ip| ip == *holder)) {
            None => Ok(mac),
            Some(ip) => Err(MacUnfit::InUse {
                mac,
                network: self.network.name.clone(),
                ip,
            }
            .into()),
        }
    }

    /// The change that gives the addresses. Names are those of the objects there are, so that a
    /// million records share them.
    fn bind(&self, given: Vec<Given>, mac: MacAddr, profile: Option<Name>) -> Planned<Endpoint> {
        let catalog = self.ledger.catalog();
        let revision = catalog.revision().next();
        let mut edits = Vec::with_capacity(given.len() + 1);
        for one in &given {
            edits.push(self.bound(one, revision));
        }
        let profile = profile.and_then(|name| catalog.profile(&name));
        let endpoint = Arc::new(Endpoint {
            attachment: self.request.attachment.clone(),
            pod: self.request.pod.clone(),
            node: self.node.name.clone(),
            network: self.network.name.clone(),
            mac,
            reservation: given.iter().find_map(|given| given.reservation.clone()),
            addresses: given
                .into_iter()
                .map(|given| EndpointAddress {
                    ip: given.ip,
                    subnet: given.subnet,
                })
                .collect(),
            pod_uid: self.request.pod_uid.clone(),
            profile: profile.map(|profile| profile.name.clone()),
            created: self.now,
            revision,
        });
        edits.push(Edit::Put(Object::Endpoint(endpoint.clone())));
        Planned {
            object: endpoint,
            change: Change::new(revision, edits),
        }
    }

    fn bound(&self, given: &Given, revision: Revision) -> Edit {
        let before = self.ledger.catalog().address(given.ip);
        Edit::Put(Object::Address(Arc::new(Address {
            ip: given.ip,
            subnet: given.subnet.clone(),
            network: self.network.name.clone(),
            state: AddressState::Bound {
                attachment: self.request.attachment.clone(),
            },
            since: self.now,
            conflict: before.and_then(|before| before.conflict.clone()),
            revision,
        })))
    }
}

#[cfg(test)]
mod tests;
