//! Why a subnet cannot be created, changed or deleted.

use std::net::IpAddr;

use trunkline_types::{Cidr, Name};

use super::SubnetLayoutError;
use crate::group::BOUND;
use crate::{Kind, Listing, PreconditionError, Reason, Refusal};

/// Why a subnet cannot be created.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CreateSubnetError {
    /// There is a subnet of that name.
    #[error(
        "subnet `{name}` exists already, with CIDR `{cidr}`: choose another name, or remove that \
         one first with `netctl subnet rm {name}`"
    )]
    NameInUse {
        /// The name.
        name: Name,
        /// The CIDR of the subnet that has it.
        cidr: Cidr,
    },
    /// Its network is not there.
    #[error(
        "network `{network}` does not exist: create it first with \
         `netctl network create {network} --vlan <id>`"
    )]
    NetworkNotFound {
        /// The network's name.
        network: Name,
    },
    /// Its addresses make no sense, or are another subnet's.
    #[error(transparent)]
    Layout(#[from] SubnetLayoutError),
}

impl Refusal for CreateSubnetError {
    fn reason(&self) -> Reason {
        match self {
            Self::NameInUse { .. } => Reason::NameInUse,
            Self::NetworkNotFound { .. } => Reason::NotFound(Kind::Network),
            Self::Layout(error) => error.reason(),
        }
    }

    fn field(&self) -> Option<&'static str> {
        match self {
            Self::Layout(error) => error.field(),
            _ => None,
        }
    }

    fn discreetly(&self) -> Option<&'static str> {
        match self {
            Self::Layout(error) => error.discreetly(),
            _ => None,
        }
    }
}

/// Why a subnet cannot be changed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UpdateSubnetError {
    /// It is not there, or not at that revision.
    #[error(transparent)]
    Precondition(#[from] PreconditionError),
    /// It is on its way out.
    #[error(
        "subnet `{subnet}` is being deleted: wait until `netctl subnet ls` shows it no more, and \
         create it anew"
    )]
    Deleting {
        /// The subnet.
        subnet: Name,
    },
    /// It would come to another network.
    #[error(
        "subnet `{subnet}` belongs to network `{network}` and stays there: remove it and create \
         one of network `{wanted}`"
    )]
    NetworkFixed {
        /// The subnet.
        subnet: Name,
        /// Its network.
        network: Name,
        /// The network that is asked for.
        wanted: Name,
    },
    /// Its addresses make no sense, or are another subnet's.
    #[error(transparent)]
    Layout(#[from] SubnetLayoutError),
    /// The new CIDR leaves out addresses of the old one.
    #[error(
        "CIDR `{wanted}` does not contain CIDR `{cidr}` of subnet `{subnet}`, which can only \
         grow in place: use one that contains it, or create another subnet"
    )]
    CidrNotGrown {
        /// The subnet.
        subnet: Name,
        /// Its CIDR.
        cidr: Cidr,
        /// The CIDR that is asked for.
        wanted: Cidr,
    },
    /// The new gateway is somebody's address.
    #[error(
        "address `{gateway}` is in use or reserved, so it cannot be the gateway of subnet \
         `{subnet}`: choose another one, or release it first, see `netctl address show {gateway}`"
    )]
    GatewayTaken {
        /// The subnet.
        subnet: Name,
        /// The gateway that is asked for.
        gateway: IpAddr,
    },
    /// Ranges, exclusions or CIDR would leave out addresses that somebody has.
    #[error(
        "subnet `{subnet}` cannot leave out {} address(es) that are in use or reserved, \
         {addresses}: keep them in its ranges, or release them first, see \
         `netctl address ls --subnet {subnet}`",
        addresses.total()
    )]
    AddressesLeftOut {
        /// The subnet.
        subnet: Name,
        /// The addresses.
        addresses: Listing,
    },
    /// Pools would have addresses that the subnet does not hand out.
    #[error(
        "pool(s) {pools} of subnet `{subnet}` have addresses beyond its new ranges: change them \
         first with `netctl pool set`"
    )]
    PoolsLeftOut {
        /// The subnet.
        subnet: Name,
        /// The pools.
        pools: Listing,
    },
    /// Nodes have addresses of it that may not use it any more.
    #[error(
        "subnet `{subnet}` cannot be taken from nodes that have {} address(es) of it, \
         {addresses}: move the pods elsewhere first, see `netctl address ls --subnet {subnet}`",
        addresses.total()
    )]
    NodesLeftOut {
        /// The subnet.
        subnet: Name,
        /// The addresses, and the nodes that have them.
        addresses: Listing,
    },
}

impl Refusal for UpdateSubnetError {
    fn reason(&self) -> Reason {
        match self {
            Self::Precondition(error) => error.reason(),
            Self::Deleting { .. } => Reason::Deleting(Kind::Subnet),
            Self::NetworkFixed { .. } => Reason::Invalid,
            Self::Layout(error) => error.reason(),
            Self::CidrNotGrown { .. } => Reason::Cidr,
            Self::GatewayTaken { .. } => Reason::AddressInUse,
            Self::AddressesLeftOut { .. }
            | Self::PoolsLeftOut { .. }
            | Self::NodesLeftOut { .. } => Reason::InUse(Kind::Subnet),
        }
    }

    fn field(&self) -> Option<&'static str> {
        match self {
            Self::Layout(error) => error.field(),
            Self::NetworkFixed { .. } => Some("network"),
            Self::CidrNotGrown { .. } => Some("cidr"),
            _ => None,
        }
    }

    fn discreetly(&self) -> Option<&'static str> {
        match self {
            Self::Layout(error) => error.discreetly(),
            _ => None,
        }
    }
}

/// Why a subnet cannot be deleted.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DeleteSubnetError {
    /// It is not there, or not at that revision.
    #[error(transparent)]
    Precondition(#[from] PreconditionError),
    /// Pods or nodes have addresses of it.
    #[error(
        "subnet `{subnet}` has {} address(es) in use, {addresses}: remove the pods that have them \
         first, see `netctl endpoint ls`",
        addresses.total()
    )]
    InUse {
        /// The subnet.
        subnet: Name,
        /// The addresses.
        addresses: Listing,
    },
    /// Addresses of it are reserved.
    #[error(
        "subnet `{subnet}` has addresses of {} reservation(s), {reservations}: remove them first \
         with `netctl reservation rm`",
        reservations.total()
    )]
    Reserved {
        /// The subnet.
        subnet: Name,
        /// The reservations.
        reservations: Listing,
    },
    /// A group binds a pool of it that no other subnet has.
    #[error(
        "subnet `{subnet}` has the last pool that {} group(s) bind, {groups}: bind them to another \
         pool first with `netctl group set`",
        groups.total()
    )]
    PoolBound {
        /// The subnet.
        subnet: Name,
        /// The groups.
        groups: Listing,
    },
}

impl Refusal for DeleteSubnetError {
    fn reason(&self) -> Reason {
        match self {
            Self::Precondition(error) => error.reason(),
            Self::InUse { .. } | Self::Reserved { .. } | Self::PoolBound { .. } => {
                Reason::InUse(Kind::Subnet)
            }
        }
    }

    fn discreetly(&self) -> Option<&'static str> {
        match self {
            Self::PoolBound { .. } => Some(BOUND),
            _ => None,
        }
    }
}
