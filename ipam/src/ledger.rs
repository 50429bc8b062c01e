//! All objects and the free space of their subnets, in step.

use crate::free::Touched;
use crate::{Catalog, Change, Edit, FreeSpace, Kind, Reason, Refusal, Revision};

/// What the one writer plans with: the [`Catalog`] and the [`FreeSpace`] that follows from it.
#[derive(Clone, Debug, Default)]
pub struct Ledger {
    catalog: Catalog,
    free: FreeSpace,
    /// The last change of something that operators manage; that of the catalog to begin with, since
    /// it does not tell.
    managed: Revision,
}

/// What was when is no part of what there is.
impl PartialEq for Ledger {
    fn eq(&self, other: &Self) -> bool {
        self.catalog == other.catalog && self.free == other.free
    }
}

impl Eq for Ledger {}

/// Something that operators manage was changed since the revision that somebody looked at.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "networks, subnets, pools, groups, profiles or reservations were changed after revision \
     {seen}, or may have been: look again what would change, and name that revision"
)]
pub struct ChangedSince {
    /// What was looked at.
    pub seen: Revision,
    /// The last change of them.
    pub current: Revision,
}

impl Refusal for ChangedSince {
    fn reason(&self) -> Reason {
        let current = self.current;
        Reason::StaleRevision { current }
    }
}

impl Ledger {
    /// The ledger of `catalog`.
    #[must_use]
    pub fn of(catalog: Catalog) -> Self {
        let free = FreeSpace::of(&catalog);
        let managed = catalog.revision();
        Self {
            catalog,
            free,
            managed,
        }
    }

    /// Refuses somebody who looked at `seen` if something that operators manage was changed since:
    /// what pods and nodes do does not count.
    ///
    /// # Errors
    ///
    /// [`ChangedSince`] if so, or if that is not known any more.
    pub fn check_unchanged_since(&self, seen: Revision) -> Result<(), ChangedSince> {
        match self.managed > seen {
            true => Err(ChangedSince {
                seen,
                current: self.managed,
            }),
            false => Ok(()),
        }
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
        // A rehearsal stays at its revision, and comes to nothing.
        let is_new = change.revision() > self.catalog.revision();
        if is_new && change.edits().iter().any(is_managed) {
            self.managed = change.revision();
        }
        let touched = Touched::by(&self.catalog, change);
        self.catalog.apply(change);
        self.free.refresh(&self.catalog, &touched);
    }
}

/// Whether it is about something that operators manage.
fn is_managed(edit: &Edit) -> bool {
    let kind = match edit {
        Edit::Put(object) => object.key().kind(),
        Edit::Delete(key) => key.kind(),
    };
    matches!(
        kind,
        Kind::Network | Kind::Subnet | Kind::Pool | Kind::Group | Kind::Profile | Kind::Reservation
    )
}

#[cfg(test)]
mod tests;
