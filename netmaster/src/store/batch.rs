//! Several changes as one transaction.

use std::collections::BTreeMap;

use trunkline_ipam::{Change, Edit, Revision};

use super::{codec, keys};

/// Edits of keys and values that are made together. No key is edited twice.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Batch {
    from: Revision,
    to: Revision,
    edits: BTreeMap<String, Option<Vec<u8>>>,
}

impl Batch {
    /// The edits of `changes`, which follow each other from revision `from`.
    ///
    /// # Errors
    ///
    /// An object that cannot be written as JSON; there is none.
    pub fn of<'a>(
        from: Revision,
        changes: impl IntoIterator<Item = &'a Change>,
    ) -> Result<Self, serde_json::Error> {
        let mut to = from;
        let mut edits = BTreeMap::new();
        for change in changes {
            to = change.revision();
            for edit in change.edits() {
                match edit {
                    Edit::Put(object) => {
                        edits.insert(keys::path(&object.key()), Some(codec::encode(object)?))
                    }
                    Edit::Delete(key) => edits.insert(keys::path(key), None),
                };
            }
        }
        edits.insert(keys::REVISION.to_owned(), Some(codec::encode_revision(to)?));
        Ok(Self { from, to, edits })
    }

    /// The revision that the store must be at.
    #[must_use]
    pub fn from(&self) -> Revision {
        self.from
    }

    /// The revision that the store will be at.
    #[must_use]
    pub fn to(&self) -> Revision {
        self.to
    }

    /// Keys with their new values; with `None`, the key goes.
    pub fn edits(&self) -> impl Iterator<Item = (&str, Option<&[u8]>)> {
        self.edits
            .iter()
            .map(|(key, value)| (key.as_str(), value.as_deref()))
    }
}
