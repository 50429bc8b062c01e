//! What is shown of an object.

use super::{Cell, Format};

/// Where a column is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Shown {
    /// In lists, and of one object alone.
    Always,
    /// In wide lists, and of one object alone.
    Wide,
    /// In lists only.
    InLists,
    /// Of one object alone.
    Alone,
}

/// A value of an object, with its head.
pub(crate) struct Column<T> {
    pub(crate) head: &'static str,
    shown: Shown,
    cell: fn(&T) -> Cell,
}

impl<T> Column<T> {
    pub(crate) const fn new(head: &'static str, shown: Shown, cell: fn(&T) -> Cell) -> Self {
        Self { head, shown, cell }
    }

    pub(super) fn of(&self, object: &T) -> Cell {
        (self.cell)(object)
    }

    pub(super) fn is_in_list(&self, format: Format) -> bool {
        match self.shown {
            Shown::Always | Shown::InLists => true,
            Shown::Wide => format == Format::Wide,
            Shown::Alone => false,
        }
    }

    pub(super) fn is_detail(&self) -> bool {
        self.shown != Shown::InLists
    }
}
