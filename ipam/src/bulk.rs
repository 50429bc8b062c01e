//! Many things at once: planned one after the other, each on what those before it will do, and made
//! together or not at all.

mod apply;
mod effect;
mod import;
mod object;
mod rehearsal;

use trunkline_types::Name;

use crate::{Change, Key, Kind, Object, Reason, Refusal};

pub use apply::apply;
pub use effect::{Effect, EffectKind};
pub use import::{Adoption, Import, Place, import};
pub use object::ObjectSpec;
pub use rehearsal::Rehearsal;

/// What many plans come to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcomes {
    /// What becomes of each object: first of those that were asked for, in their order.
    pub objects: Vec<ObjectOutcome>,
    /// All of it.
    pub change: Change,
}

/// What becomes of one object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ObjectOutcome {
    /// Its place among what was asked for, from 0; none if it was not.
    pub index: Option<usize>,
    /// Which object.
    pub key: Key,
    /// How it is; none if it is not there.
    pub before: Option<Object>,
    /// How it will be; none if it goes.
    pub after: Option<Object>,
    /// Whom it touches.
    pub effects: Vec<Effect>,
}

/// Why nothing of it is made: every object that stands in the way, and there is at least one.
#[derive(Debug, thiserror::Error)]
#[error("{} of the objects cannot be as they are wanted, so nothing is changed", objects.len())]
pub struct Refused {
    /// In the order in which they were asked for.
    pub objects: Vec<ObjectRefusal>,
}

/// Why one object cannot be as it is wanted.
#[derive(Debug)]
pub struct ObjectRefusal {
    /// Its place among what was asked for, from 0; none if it was not.
    pub index: Option<usize>,
    /// Which object.
    pub key: Key,
    /// Why not.
    pub why: Why,
}

/// Any refusal of a plan.
pub type Why = Box<dyn Refusal + Send + Sync>;

impl<E: Refusal + Send + Sync + 'static> From<E> for Why {
    fn from(refusal: E) -> Self {
        Box::new(refusal)
    }
}

/// What only goes wrong among many.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
enum Contradiction {
    #[error("{key} is there twice, first as number {first}, counted from 0: leave one out")]
    Twice { key: Key, first: usize },
    #[error(
        "subnet `{subnet}` is not in the list, but its pool `{pool}` is: list the subnet too, or \
         leave the pool out"
    )]
    PoolListed { subnet: Name, pool: Name },
    #[error(
        "subnet `{subnet}` has more records than one change can delete: remove it first with \
         `netctl subnet rm {subnet}`"
    )]
    TooManyRecords { subnet: Name },
}

impl Refusal for Contradiction {
    fn reason(&self) -> Reason {
        match self {
            Self::Twice { .. } => Reason::Invalid,
            Self::PoolListed { .. } | Self::TooManyRecords { .. } => Reason::InUse(Kind::Subnet),
        }
    }

    fn field(&self) -> Option<&'static str> {
        match self {
            Self::Twice { .. } => Some("name"),
            Self::PoolListed { .. } | Self::TooManyRecords { .. } => None,
        }
    }
}

#[cfg(test)]
mod tests;
