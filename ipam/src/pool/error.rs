//! Why a pool cannot be created, changed or deleted.

use trunkline_types::{AddressRange, Name};

use crate::group::BOUND;
use crate::{Key, Kind, Listing, NameInUse, PreconditionError, Reason, Refusal};

/// Why a pool cannot have those ranges.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PoolRangesError {
    /// Its subnet is on its way out.
    #[error("subnet `{subnet}` is being deleted: choose another one, see `netctl subnet ls`")]
    SubnetDeleting {
        /// The subnet.
        subnet: Name,
    },
    /// It has none, or more than anybody needs.
    #[error("a pool has 1–{max} ranges, and not {given}: name them like `10.1.0.10-10.1.0.99`")]
    Number {
        /// How many were given.
        given: usize,
        /// How many there may be.
        max: usize,
    },
    /// Two of them have addresses in common.
    #[error("ranges `{first}` and `{second}` overlap: join them, or make them disjoint")]
    Overlap {
        /// One of them.
        first: AddressRange,
        /// The other one.
        second: AddressRange,
    },
    /// One has addresses that the subnet does not hand out.
    #[error(
        "range `{range}` is not within the ranges of subnet `{subnet}`: stay within {ranges}, or \
         widen those first with `netctl subnet set {subnet}`"
    )]
    Outside {
        /// The range.
        range: AddressRange,
        /// The subnet.
        subnet: Name,
        /// The subnet's ranges.
        ranges: Listing,
    },
    /// Another pool of the subnet has some of the addresses.
    #[error("range `{range}` overlaps pool `{sibling}` of the same subnet: make them disjoint")]
    Sibling {
        /// The range.
        range: AddressRange,
        /// The other pool.
        sibling: Name,
    },
    /// Addresses would come into it that somebody has without asking for the pool.
    #[error(
        "{key} cannot take in {} address(es) that are in use, {addresses}: choose other ranges, or \
         move the pods first, see `netctl address ls`",
        addresses.total()
    )]
    Entering {
        /// The pool.
        key: Key,
        /// The addresses.
        addresses: Listing,
    },
    /// Addresses would leave it that somebody has by it.
    #[error(
        "{key} cannot leave out {} address(es) that are in use, {addresses}: keep them in its \
         ranges, or move the pods first, see `netctl address ls`",
        addresses.total()
    )]
    Leaving {
        /// The pool.
        key: Key,
        /// The addresses.
        addresses: Listing,
    },
}

impl Refusal for PoolRangesError {
    fn reason(&self) -> Reason {
        match self {
            Self::SubnetDeleting { .. } => Reason::Deleting(Kind::Subnet),
            Self::Number { .. } | Self::Overlap { .. } | Self::Outside { .. } => Reason::Range,
            Self::Sibling { .. } => Reason::Overlap,
            Self::Entering { .. } => Reason::AddressInUse,
            Self::Leaving { .. } => Reason::InUse(Kind::Pool),
        }
    }

    fn field(&self) -> Option<&'static str> {
        match self {
            Self::Number { .. } | Self::Overlap { .. } | Self::Outside { .. } => Some("ranges"),
            _ => None,
        }
    }
}

/// Why a pool cannot be created.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CreatePoolError {
    /// There is one of that name in the subnet.
    #[error(transparent)]
    NameInUse(#[from] NameInUse),
    /// Its subnet is not there.
    #[error("subnet `{subnet}` does not exist: choose one of `netctl subnet ls`")]
    SubnetNotFound {
        /// The subnet's name.
        subnet: Name,
    },
    /// It cannot have those ranges.
    #[error(transparent)]
    Ranges(#[from] PoolRangesError),
}

impl Refusal for CreatePoolError {
    fn reason(&self) -> Reason {
        match self {
            Self::NameInUse(error) => error.reason(),
            Self::SubnetNotFound { .. } => Reason::NotFound(Kind::Subnet),
            Self::Ranges(error) => error.reason(),
        }
    }

    fn field(&self) -> Option<&'static str> {
        match self {
            Self::Ranges(error) => error.field(),
            _ => None,
        }
    }
}

/// Why a pool cannot be changed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UpdatePoolError {
    /// It is not there, or not at that revision.
    #[error(transparent)]
    Precondition(#[from] PreconditionError),
    /// It cannot have those ranges.
    #[error(transparent)]
    Ranges(#[from] PoolRangesError),
}

impl Refusal for UpdatePoolError {
    fn reason(&self) -> Reason {
        match self {
            Self::Precondition(error) => error.reason(),
            Self::Ranges(error) => error.reason(),
        }
    }

    fn field(&self) -> Option<&'static str> {
        match self {
            Self::Ranges(error) => error.field(),
            _ => None,
        }
    }
}

/// Why a pool cannot be deleted.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DeletePoolError {
    /// It is not there, or not at that revision.
    #[error(transparent)]
    Precondition(#[from] PreconditionError),
    /// Pods or nodes have addresses of it.
    #[error(
        "{key} has {} address(es) in use, {addresses}: remove the pods or nodes that have them \
         first, see `netctl address ls`",
        addresses.total()
    )]
    InUse {
        /// The pool.
        key: Key,
        /// The addresses.
        addresses: Listing,
    },
    /// Groups bind it, and no other pool of its name is there for them.
    #[error(
        "{key} is the last pool that {} group(s) bind, {groups}: bind them to another one first \
         with `netctl group set`",
        groups.total()
    )]
    Bound {
        /// The pool.
        key: Key,
        /// The groups.
        groups: Listing,
    },
}

impl Refusal for DeletePoolError {
    fn reason(&self) -> Reason {
        match self {
            Self::Precondition(error) => error.reason(),
            Self::InUse { .. } | Self::Bound { .. } => Reason::InUse(Kind::Pool),
        }
    }

    fn discreetly(&self) -> Option<&'static str> {
        match self {
            Self::Bound { .. } => Some(BOUND),
            _ => None,
        }
    }
}
