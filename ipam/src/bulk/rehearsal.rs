//! Plans that build on each other, before any of them is made.

use std::collections::BTreeMap;

use crate::{Change, Edit, Key, Ledger, Object, Revision};

/// A ledger on which changes are tried. What was tried is folded into one change; the ledger is as
/// it was when the rehearsal ends, however it ends.
///
/// It costs what the changes cost, and not a copy of the ledger, which may have a million records.
#[derive(Debug)]
pub struct Rehearsal<'a> {
    ledger: &'a mut Ledger,
    /// All that is made has the one revision after this.
    base: Revision,
    touched: BTreeMap<Key, Touched>,
    made: usize,
}

/// An object that a change was made to.
#[derive(Debug)]
struct Touched {
    /// How it was at first; none if it was not there.
    before: Option<Object>,
    /// What becomes of it.
    edit: Edit,
    /// When that was made, among all edits.
    order: usize,
}

impl<'a> Rehearsal<'a> {
    /// A rehearsal on `ledger`.
    #[must_use]
    pub fn on(ledger: &'a mut Ledger) -> Self {
        Self {
            base: ledger.catalog().revision(),
            ledger,
            touched: BTreeMap::new(),
            made: 0,
        }
    }

    /// The ledger with everything that was made so far. Its revision does not move, so that all
    /// plans are for the same one.
    #[must_use]
    pub fn ledger(&self) -> &Ledger {
        self.ledger
    }

    /// Makes `change`, which was planned on the ledger as it is.
    pub fn make(&mut self, change: &Change) {
        if change.is_empty() {
            return;
        }
        for edit in change.edits() {
            let key = match edit {
                Edit::Put(object) => object.key(),
                Edit::Delete(key) => key.clone(),
            };
            let catalog = self.ledger.catalog();
            let touched = self.touched.entry(key).or_insert_with_key(|key| Touched {
                before: catalog.object(key),
                edit: edit.clone(),
                order: 0,
            });
            touched.edit = edit.clone();
            touched.order = self.made;
            self.made += 1;
        }
        let edits = change.edits().to_vec();
        self.ledger.apply(&Change::new(self.base, edits));
    }

    /// How an object was at first.
    #[must_use]
    pub fn before(&self, key: &Key) -> Option<Object> {
        match self.touched.get(key) {
            Some(touched) => touched.before.clone(),
            None => self.ledger.catalog().object(key),
        }
    }

    /// All that was made, each object once, as it is in the end.
    #[must_use]
    pub fn change(&self) -> Change {
        let mut touched: Vec<_> = self.touched.values().collect();
        // What came and went was never there.
        touched.retain(|one| one.before.is_some() || matches!(one.edit, Edit::Put(_)));
        touched.sort_by_key(|one| one.order);
        let edits: Vec<_> = touched.into_iter().map(|one| one.edit.clone()).collect();
        if edits.is_empty() {
            return Change::none(self.base);
        }
        Change::new(self.base.next(), edits)
    }
}

impl Drop for Rehearsal<'_> {
    fn drop(&mut self) {
        let back = std::mem::take(&mut self.touched);
        let edits = back.into_iter().map(|(key, touched)| match touched.before {
            Some(object) => Edit::Put(object),
            None => Edit::Delete(key),
        });
        let edits: Vec<_> = edits.collect();
        if !edits.is_empty() {
            self.ledger.apply(&Change::new(self.base, edits));
        }
    }
}
