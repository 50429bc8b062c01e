//! Lists of objects, and what changes about them.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::Problem;

/// Objects of a kind, in the order of their keys.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct List<T> {
    /// The objects.
    pub items: Vec<T>,
    /// The change after which a watch continues this list without a gap. All pages of a list have
    /// that of the first; their objects may be newer.
    #[serde(default)]
    pub revision: u64,
    /// Where the next page begins, for the parameter `continue`; absent on the last one.
    #[serde(default, rename = "continue", skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}

/// A line of a watch.
///
/// ```json
/// {"type": "put", "revision": 17, "object": {"name": "blue", "vlan": 100, "mtu": 1500, "revision": 17}}
/// {"type": "delete", "revision": 18, "key": "blue", "object": {"name": "blue", …}}
/// {"type": "bookmark", "revision": 19}
/// ```
///
/// `revision` is where to resume (`after`) once the line is dealt with. Of what happened together
/// all lines have the revision before, and a bookmark with the one after it follows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum WatchEvent<T> {
    /// An object was created or changed, or has come to match the selectors.
    Put {
        /// Where to resume; 0 as long as the first list is not complete.
        revision: u64,
        /// The object.
        object: T,
    },
    /// An object was deleted, or no longer matches the selectors.
    Delete {
        /// Where to resume.
        revision: u64,
        /// The object's key, as in its URL.
        key: String,
        /// How it was; absent if what it refers to is gone as well.
        #[serde(default = "Option::default", skip_serializing_if = "Option::is_none")]
        object: Option<T>,
    },
    /// Nothing that matches happened up to here.
    Bookmark {
        /// Where to resume.
        revision: u64,
    },
    /// The watch ends, and cannot be resumed where it was.
    Error {
        /// Why.
        problem: Problem,
    },
}

impl<T> WatchEvent<T> {
    /// Where to resume after this line.
    #[must_use]
    pub fn revision(&self) -> Option<u64> {
        match self {
            Self::Put { revision, .. }
            | Self::Delete { revision, .. }
            | Self::Bookmark { revision } => Some(*revision),
            Self::Error { .. } => None,
        }
    }
}
