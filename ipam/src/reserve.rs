//! Node reserves: addresses leased to a node before any pod asks for them.

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::sync::Arc;

use trunkline_types::{MacAddr, Name};

use crate::allocate::{Search, check_gate, derived};
use crate::change::STEP_EDITS;
use crate::node::fit;
use crate::release::Ending;
use crate::{
    Address, AddressState, Catalog, Change, Edit, EndpointAddress, Kind, LeasedSlot, Ledger,
    NoSpace, Node, NodeUnfit, Object, Policy, Reason, Refusal, Step, Subnet, Timestamp,
};

/// A node's wish for addresses ahead of need.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LeaseRequest {
    /// The node.
    pub node: Name,
    /// The fence it got when it registered.
    pub fence: u64,
    /// The network they are to be on.
    pub network: Name,
    /// How many more slots it wants; at most [`LeaseRequest::MAX_COUNT`] are given at once.
    pub count: u32,
}

/// What one pod will need.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Slot {
    /// Its addresses, one of each family that the network has for the node.
    pub addresses: Vec<EndpointAddress>,
    /// The MAC address that goes with them.
    pub mac: MacAddr,
}

/// What a node is leased, and the change that makes it so.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Leased {
    /// The slots; as many as the reserves' share of free addresses leaves, perhaps none.
    pub slots: Vec<Slot>,
    /// What to do about it.
    pub change: Change,
}

impl LeaseRequest {
    /// What fits into one change beside the records of two families.
    pub const MAX_COUNT: u32 = 32;
}

/// Why nothing is leased.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LeaseError {
    /// The node may not ask.
    #[error(transparent)]
    Unfit(#[from] NodeUnfit),
    /// The network is not there.
    #[error("network `{network}` does not exist: choose one of `netctl network ls`")]
    NetworkNotFound {
        /// The network's name.
        network: Name,
    },
    /// The network has no subnet for the node, or none that may hand out.
    #[error(transparent)]
    NoSpace(#[from] NoSpace),
}

impl Refusal for LeaseError {
    fn reason(&self) -> Reason {
        match self {
            Self::Unfit(unfit) => unfit.reason(),
            Self::NetworkNotFound { .. } => Reason::NotFound(Kind::Network),
            Self::NoSpace(space) => space.reason(),
        }
    }
}

/// Plans leases for a node.
///
/// Each slot has an address of each family that the network has for the node, or there is none. All
/// reserves of a subnet together stay within [`Policy::reserve_share`] of what is not in use.
///
/// # Errors
///
/// [`LeaseError`] if the node may not ask, or nothing on the network is for it. That the reserves'
/// share is used up is no error: fewer slots are given, or none.
pub fn lease(
    ledger: &Ledger,
    request: &LeaseRequest,
    policy: &Policy,
    now: Timestamp,
) -> Result<Leased, LeaseError> {
    let catalog = ledger.catalog();
    let node = fit(catalog, &request.node, Some(request.fence))?;
    let Some(network) = catalog.network(&request.network) else {
        return Err(LeaseError::NetworkNotFound {
            network: request.network.clone(),
        });
    };
    let search = Search {
        ledger,
        node,
        network: &network.name,
        pool: None,
        owner: None,
        derives_mac: true,
        policy,
        now,
    };
    let families = search.families();
    if families.is_none() {
        return Err(search.nowhere().into());
    }
    let count = usize::try_from(request.count.min(LeaseRequest::MAX_COUNT)).unwrap_or(usize::MAX);
    let mut drawn: [Vec<(IpAddr, &Arc<Subnet>)>; 2] = [Vec::new(), Vec::new()];
    let mut slots = count;
    for (drawn, is_v4) in drawn.iter_mut().zip([true, false]) {
        if families.has(is_v4) {
            // The MAC address follows from the IPv4 address, if there is one.
            let derives_mac = is_v4 || !families.has(true);
            *drawn = draw(
                &Search {
                    derives_mac,
                    ..search
                },
                is_v4,
                slots,
            )?;
            slots = drawn.len();
        }
    }
    Ok(leased(ledger, node, &drawn, slots, now))
}

/// Up to `count` addresses of the family that the reserves' share leaves.
fn draw<'a>(
    search: &Search<'a>,
    is_v4: bool,
    count: usize,
) -> Result<Vec<(IpAddr, &'a Arc<Subnet>)>, NoSpace> {
    let catalog = search.ledger.catalog();
    let mut drawn = Vec::new();
    let mut closed = None;
    for (subnet, set) in search.sets(is_v4) {
        let left = count - drawn.len();
        if left == 0 {
            break;
        }
        if let Err(error) = check_gate(catalog, subnet, search.policy, search.now) {
            closed.get_or_insert(error);
            continue;
        }
        let budget = allowance(set.free(), catalog.leased(&subnet.name), search.policy);
        let budget = usize::try_from(budget).unwrap_or(usize::MAX).min(left);
        let ready = set.ready(search.policy, search.now);
        let ready = ready.filter(|ip| search.mac_is_free(*ip)).take(budget);
        drawn.extend(ready.map(|ip| (ip, subnet)));
    }
    match closed {
        Some(error) if drawn.is_empty() => Err(error),
        _ => Ok(drawn),
    }
}

/// How many more addresses of a subnet may be leased: the share is of what is free or leased.
fn allowance(free: u64, leased: u64, policy: &Policy) -> u64 {
    let share = free.saturating_add(leased) / policy.reserve_share.max(1);
    share.saturating_sub(leased)
}

fn leased(
    ledger: &Ledger,
    node: &Node,
    drawn: &[Vec<(IpAddr, &Arc<Subnet>)>; 2],
    slots: usize,
    now: Timestamp,
) -> Leased {
    let catalog = ledger.catalog();
    let revision = catalog.revision().next();
    let mut edits = Vec::new();
    let mut slot = |place: usize| {
        let own: Vec<_> = drawn.iter().filter_map(|drawn| drawn.get(place)).collect();
        let mac = derived(own.iter().map(|(ip, _)| *ip));
        for (ip, subnet) in &own {
            let partner = own
                .iter()
                .map(|(other, _)| *other)
                .find(|other| other != ip);
            let slot = LeasedSlot { partner, mac };
            edits.push(Edit::Put(Object::Address(Arc::new(Address {
                ip: *ip,
                subnet: subnet.name.clone(),
                network: subnet.network.clone(),
                state: AddressState::Leased {
                    node: node.name.clone(),
                    recalled: false,
                    slot: Some(Box::new(slot)),
                },
                since: now,
                conflict: None,
                revision,
            }))));
        }
        let addresses = own.into_iter().map(|(ip, subnet)| EndpointAddress {
            ip: *ip,
            subnet: subnet.name.clone(),
        });
        let addresses = addresses.collect();
        Slot { addresses, mac }
    };
    let slots: Vec<_> = (0..slots).map(&mut slot).collect();
    let change = match edits.is_empty() {
        true => Change::none(catalog.revision()),
        false => Change::new(revision, edits),
    };
    Leased { slots, change }
}

/// Plans the next step of the return of leases that the node has dropped. A slot of which one
/// address is returned goes with both. What is not leased to it is passed over, so that a repeated
/// return succeeds.
///
/// # Errors
///
/// [`NodeUnfit`] if the node is not there or speaks with an older fence.
pub fn return_leases(
    catalog: &Catalog,
    node: &Name,
    fence: u64,
    addresses: &[IpAddr],
    now: Timestamp,
) -> Result<Step, NodeUnfit> {
    let node = fit(catalog, node, Some(fence))?;
    let ending = Ending {
        catalog,
        reason: "",
        now,
        revision: catalog.revision().next(),
    };
    // Each once, whatever the node says: a change has no key twice.
    let addresses: BTreeSet<_> = addresses.iter().copied().collect();
    let lease = |ip: &IpAddr| {
        let address = catalog.address(*ip);
        address.filter(|address| is_leased_to(address, &node.name))
    };
    let halves = addresses.iter().filter_map(lease);
    let halves = halves.filter_map(|half| Some(other_half(catalog, half)?.ip));
    let addresses: BTreeSet<_> = halves.chain(addresses.iter().copied()).collect();
    let mut leases = addresses.iter().filter_map(lease);
    let first = leases.by_ref().take(STEP_EDITS);
    let edits: Vec<_> = first.map(|address| ending.lease(address)).collect();
    let change = match edits.is_empty() {
        true => Change::none(catalog.revision()),
        false => Change::new(ending.revision, edits),
    };
    let done = leases.next().is_none();
    Ok(Step { change, done })
}

pub(crate) fn is_leased_to(address: &Address, node: &Name) -> bool {
    matches!(&address.state, AddressState::Leased { node: to, .. } if to == node)
}

/// What is leased together with `address`, as far as it still is.
pub(crate) fn other_half<'a>(catalog: &'a Catalog, address: &Address) -> Option<&'a Arc<Address>> {
    let AddressState::Leased {
        node,
        slot: Some(slot),
        ..
    } = &address.state
    else {
        return None;
    };
    let other = catalog.address(slot.partner?)?;
    is_leased_to(other, node).then_some(other)
}

/// Plans asking nodes for their leases of subnets that run low: where less is free than is leased,
/// as many as are beyond the share. A node that is asked drops the slot first and then returns it;
/// only that frees the address. Empty when nothing is to be asked; otherwise call again after the
/// change, for it takes no more than fits into one.
#[must_use]
pub fn recall(ledger: &Ledger, policy: &Policy, _now: Timestamp) -> Change {
    let catalog = ledger.catalog();
    let revision = catalog.revision().next();
    let mut edits = Vec::new();
    for (subnet, leases) in catalog.lenders() {
        let leased = catalog.leased(&subnet.name);
        let space = ledger.free().of_subnet(&subnet.name);
        // Nothing of a subnet that is being deleted is free; its leases are all wanted back.
        let free = space.map_or(0, |space| space.general().free());
        if free >= leased {
            continue;
        }
        let keep = match space {
            Some(_) => free.saturating_add(leased) / policy.reserve_share.max(1),
            None => 0,
        };
        let keep = usize::try_from(keep).unwrap_or(usize::MAX);
        for address in leases.skip(keep) {
            if edits.len() == STEP_EDITS {
                break;
            }
            edits.extend(recalled(address).map(|address| {
                let address = Address {
                    revision,
                    ..address
                };
                Edit::Put(Object::Address(Arc::new(address)))
            }));
        }
    }
    match edits.is_empty() {
        true => Change::none(catalog.revision()),
        false => Change::new(revision, edits),
    }
}

/// The lease as one that is asked for; none if it is already.
pub(crate) fn recalled(address: &Address) -> Option<Address> {
    let AddressState::Leased {
        node,
        recalled: false,
        slot,
    } = &address.state
    else {
        return None;
    };
    Some(Address {
        state: AddressState::Leased {
            node: node.clone(),
            recalled: true,
            slot: slot.clone(),
        },
        ..address.clone()
    })
}

#[cfg(test)]
mod tests;
