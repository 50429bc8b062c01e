//! Why a network cannot be created, changed or deleted.

use trunkline_types::{Name, VlanId};

use crate::group::BOUND;
use crate::{Kind, Listing, PreconditionError, Reason, Refusal};

/// Another network has the VLAN.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "VLAN `{vlan}` is in use by network `{network}`: choose another VLAN, or add subnets to \
     `{network}`"
)]
pub struct VlanInUse {
    /// The VLAN.
    pub vlan: VlanId,
    /// The network that has it.
    pub network: Name,
}

/// Why a network cannot be created.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CreateNetworkError {
    /// There is a network of that name.
    #[error(
        "network `{name}` exists already, with VLAN `{vlan}`: choose another name, or remove that \
         one first with `netctl network rm {name}`"
    )]
    NameInUse {
        /// The name.
        name: Name,
        /// The VLAN of the network that has it.
        vlan: VlanId,
    },
    /// Another network has the VLAN.
    #[error(transparent)]
    VlanInUse(#[from] VlanInUse),
}

impl VlanInUse {
    const DISCREETLY: &str = "its VLAN is another network's: leave the one that it has, or ask \
                              somebody who is for all networks";
}

impl Refusal for CreateNetworkError {
    fn reason(&self) -> Reason {
        match self {
            Self::NameInUse { .. } => Reason::NameInUse,
            Self::VlanInUse(_) => Reason::VlanInUse,
        }
    }

    fn discreetly(&self) -> Option<&'static str> {
        match self {
            Self::NameInUse { .. } => None,
            Self::VlanInUse(_) => Some(VlanInUse::DISCREETLY),
        }
    }
}

/// Why a network cannot be changed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UpdateNetworkError {
    /// It is not there, or not at that revision.
    #[error(transparent)]
    Precondition(#[from] PreconditionError),
    /// Another network has the VLAN.
    #[error(transparent)]
    VlanInUse(#[from] VlanInUse),
    /// Pods or nodes are on the old VLAN.
    #[error(
        "network `{network}` cannot leave VLAN `{vlan}` while {} address(es) of it are in use, \
         {addresses}: create another network, move the pods there, and remove this one, see \
         `netctl address ls --network {network}`",
        addresses.total()
    )]
    VlanLive {
        /// The network.
        network: Name,
        /// The VLAN it has.
        vlan: VlanId,
        /// The addresses.
        addresses: Listing,
    },
}

impl Refusal for UpdateNetworkError {
    fn reason(&self) -> Reason {
        match self {
            Self::Precondition(error) => error.reason(),
            Self::VlanInUse(_) => Reason::VlanInUse,
            Self::VlanLive { .. } => Reason::InUse(Kind::Network),
        }
    }

    fn discreetly(&self) -> Option<&'static str> {
        match self {
            Self::VlanInUse(_) => Some(VlanInUse::DISCREETLY),
            _ => None,
        }
    }
}

/// Why a network cannot be deleted.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DeleteNetworkError {
    /// It is not there, or not at that revision.
    #[error(transparent)]
    Precondition(#[from] PreconditionError),
    /// It has subnets.
    #[error(
        "network `{network}` has {} subnet(s), {subnets}: remove them first with \
         `netctl subnet rm`",
        subnets.total()
    )]
    HasSubnets {
        /// The network.
        network: Name,
        /// Its subnets.
        subnets: Listing,
    },
    /// Addresses of it are reserved.
    #[error(
        "network `{network}` has {} reservation(s), {reservations}: remove them first with \
         `netctl reservation rm`",
        reservations.total()
    )]
    HasReservations {
        /// The network.
        network: Name,
        /// The reservations.
        reservations: Listing,
    },
    /// Groups bind it.
    #[error(
        "network `{network}` is bound by {} group(s), {groups}: bind them to another one first \
         with `netctl group set`",
        groups.total()
    )]
    HasGroups {
        /// The network.
        network: Name,
        /// The groups.
        groups: Listing,
    },
}

impl Refusal for DeleteNetworkError {
    fn reason(&self) -> Reason {
        match self {
            Self::Precondition(error) => error.reason(),
            Self::HasSubnets { .. } | Self::HasReservations { .. } | Self::HasGroups { .. } => {
                Reason::InUse(Kind::Network)
            }
        }
    }

    fn discreetly(&self) -> Option<&'static str> {
        match self {
            Self::HasGroups { .. } => Some(BOUND),
            _ => None,
        }
    }
}
