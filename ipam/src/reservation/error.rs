//! Why a reservation cannot be created, changed or deleted.

use std::net::IpAddr;

use trunkline_types::{MacAddr, Name};

use super::ReservationShapeError;
use crate::{Kind, Listing, NameInUse, PreconditionError, Reason, Refusal};

/// Why addresses cannot be reserved.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReserveAddressError {
    /// It is not in the network.
    #[error(
        "address `{ip}` is in no subnet of network `{network}`: choose one that is, see \
         `netctl subnet ls`"
    )]
    NoSubnet {
        /// The address.
        ip: IpAddr,
        /// The network.
        network: Name,
    },
    /// Nobody may have it.
    #[error(
        "address `{ip}` is {what} of subnet `{subnet}`: choose another one, see \
         `netctl subnet show {subnet}`"
    )]
    Withheld {
        /// The address.
        ip: IpAddr,
        /// What it is instead.
        what: &'static str,
        /// The subnet.
        subnet: Name,
    },
    /// The subnet is on its way out.
    #[error("subnet `{subnet}` is being deleted: choose another one, see `netctl subnet ls`")]
    SubnetDeleting {
        /// The subnet.
        subnet: Name,
    },
    /// Another reservation has it.
    #[error(
        "address `{ip}` is reserved by `{reservation}`: choose another one, or remove it there \
         first with `netctl reservation set {reservation}`"
    )]
    Reserved {
        /// The address.
        ip: IpAddr,
        /// The other reservation.
        reservation: Name,
    },
    /// Somebody else has it.
    #[error(
        "address `{ip}` is in use by {user}: choose another one, or release it first, see \
         `netctl address show {ip}`"
    )]
    InUse {
        /// The address.
        ip: IpAddr,
        /// Who has it.
        user: String,
    },
    /// Somebody else on the network has the MAC address.
    #[error("MAC address `{mac}` of `{ip}` is that of {user} already: choose another one")]
    MacInUse {
        /// The address it was to be pinned for.
        ip: IpAddr,
        /// The MAC address.
        mac: MacAddr,
        /// Who has it.
        user: String,
    },
    /// The subnets to choose from are not one, or one of each family.
    #[error("{given} are not one subnet, or one of each family: name those")]
    Subnets {
        /// What was given.
        given: Listing,
    },
    /// A subnet to choose from is not there.
    #[error("subnet `{subnet}` does not exist: choose one of `netctl subnet ls`")]
    SubnetNotFound {
        /// The subnet's name.
        subnet: Name,
    },
    /// A subnet to choose from belongs to another network.
    #[error(
        "subnet `{subnet}` belongs to network `{actual}` and not to `{network}`: choose one of \
         `netctl subnet ls --network {network}`"
    )]
    OtherNetwork {
        /// The subnet.
        subnet: Name,
        /// Its network.
        actual: Name,
        /// The reservation's network.
        network: Name,
    },
    /// There are not as many addresses.
    #[error(
        "subnet `{subnet}` has {free} address(es) to reserve, and {wanted} are wanted: release \
         some, see `netctl address ls --subnet {subnet}`, or choose another subnet"
    )]
    Full {
        /// The subnet.
        subnet: Name,
        /// How many more are wanted.
        wanted: usize,
        /// How many there are.
        free: usize,
    },
}

impl Refusal for ReserveAddressError {
    fn reason(&self) -> Reason {
        match self {
            Self::NoSubnet { .. } | Self::Subnets { .. } | Self::OtherNetwork { .. } => {
                Reason::Invalid
            }
            Self::SubnetDeleting { .. } => Reason::Deleting(Kind::Subnet),
            Self::Withheld { .. }
            | Self::Reserved { .. }
            | Self::InUse { .. }
            | Self::MacInUse { .. } => Reason::AddressInUse,
            Self::SubnetNotFound { .. } => Reason::NotFound(Kind::Subnet),
            Self::Full { .. } => Reason::Full,
        }
    }

    fn field(&self) -> Option<&'static str> {
        match self {
            Self::NoSubnet { .. } => Some("addresses"),
            Self::Subnets { .. } | Self::OtherNetwork { .. } => Some("subnets"),
            _ => None,
        }
    }

    fn discreetly(&self) -> Option<&'static str> {
        match self {
            Self::OtherNetwork { .. } => Some(
                "a subnet that it names is of another network: choose one of its own, see \
                 `netctl subnet ls`",
            ),
            _ => None,
        }
    }
}

/// Why a reservation cannot be created.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CreateReservationError {
    /// There is one of that name.
    #[error(transparent)]
    NameInUse(#[from] NameInUse),
    /// Its network is not there.
    #[error("network `{network}` does not exist: choose one of `netctl network ls`")]
    NetworkNotFound {
        /// The network's name.
        network: Name,
    },
    /// There can be no such reservation.
    #[error(transparent)]
    Shape(#[from] ReservationShapeError),
    /// Its addresses cannot be reserved.
    #[error(transparent)]
    Address(#[from] ReserveAddressError),
}

impl Refusal for CreateReservationError {
    fn reason(&self) -> Reason {
        match self {
            Self::NameInUse(error) => error.reason(),
            Self::NetworkNotFound { .. } => Reason::NotFound(Kind::Network),
            Self::Shape(error) => error.reason(),
            Self::Address(error) => error.reason(),
        }
    }

    fn field(&self) -> Option<&'static str> {
        match self {
            Self::Shape(error) => error.field(),
            Self::Address(error) => error.field(),
            _ => None,
        }
    }

    fn discreetly(&self) -> Option<&'static str> {
        match self {
            Self::Address(error) => error.discreetly(),
            _ => None,
        }
    }
}

/// Why a reservation cannot be changed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UpdateReservationError {
    /// It is not there, or not at that revision.
    #[error(transparent)]
    Precondition(#[from] PreconditionError),
    /// It would come to another network.
    #[error(
        "reservation `{reservation}` is of network `{network}` and stays there: create another one \
         of network `{wanted}`"
    )]
    NetworkFixed {
        /// The reservation.
        reservation: Name,
        /// Its network.
        network: Name,
        /// The network that is asked for.
        wanted: Name,
    },
    /// There can be no such reservation.
    #[error(transparent)]
    Shape(#[from] ReservationShapeError),
    /// Its addresses cannot be reserved.
    #[error(transparent)]
    Address(#[from] ReserveAddressError),
    /// It would lose addresses that its holder has.
    #[error(
        "reservation `{reservation}` cannot leave out {} address(es) that are in use, \
         {addresses}: remove the pods first",
        addresses.total()
    )]
    InUse {
        /// The reservation.
        reservation: Name,
        /// The addresses, and who has them.
        addresses: Listing,
    },
}

impl Refusal for UpdateReservationError {
    fn reason(&self) -> Reason {
        match self {
            Self::Precondition(error) => error.reason(),
            Self::NetworkFixed { .. } => Reason::Invalid,
            Self::Shape(error) => error.reason(),
            Self::Address(error) => error.reason(),
            Self::InUse { .. } => Reason::InUse(Kind::Reservation),
        }
    }

    fn field(&self) -> Option<&'static str> {
        match self {
            Self::NetworkFixed { .. } => Some("network"),
            Self::Shape(error) => error.field(),
            Self::Address(error) => error.field(),
            _ => None,
        }
    }

    fn discreetly(&self) -> Option<&'static str> {
        match self {
            Self::Address(error) => error.discreetly(),
            _ => None,
        }
    }
}

/// Why a reservation cannot be deleted.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DeleteReservationError {
    /// It is not there, or not at that revision.
    #[error(transparent)]
    Precondition(#[from] PreconditionError),
    /// Its holder has addresses of it.
    #[error(
        "reservation `{reservation}` has {} address(es) in use, {addresses}: remove the pods \
         first, or let it expire with `netctl reservation set {reservation} --expires`",
        addresses.total()
    )]
    InUse {
        /// The reservation.
        reservation: Name,
        /// The addresses, and who has them.
        addresses: Listing,
    },
}

impl Refusal for DeleteReservationError {
    fn reason(&self) -> Reason {
        match self {
            Self::Precondition(error) => error.reason(),
            Self::InUse { .. } => Reason::InUse(Kind::Reservation),
        }
    }
}
