//! All objects and the free space of their subnets, in step.

use crate::free::Touched;
use crate::{Catalog, Change, FreeSpace};

/// What the one writer plans with: the [`Catalog`] and the [`FreeSpace`] that follows from it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ledger {
    catalog: Catalog,
    free: FreeSpace,
}

impl Ledger {
    /// The ledger of `catalog`.
    #[must_use]
    pub fn of(catalog: Catalog) -> Self {
        let free = FreeSpace::of(&catalog);
        Self { catalog, free }
    }

    /// All objects.
    #[must_use]
    pub fn catalog(&self) -> &Catalog {
        &self.catalog
    }

    /// The free space of all subnets.
    #[must_use]
    pub fn free(&self) -> &FreeSpace {
        &self.free
    }

    /// Makes `change`, which was planned on this ledger as it is.
    pub fn apply(&mut self, change: &Change) {
        let touched = Touched::by(&self.catalog, change);
        self.catalog.apply(change);
        self.free.refresh(&self.catalog, &touched);
    }
}

#[cfg(test)]
mod tests;
