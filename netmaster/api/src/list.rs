//! Lists of objects.

use serde::{Deserialize, Serialize};

/// All objects of a kind, by name; `{"items": […]}`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct List<T> {
    /// The objects.
    pub items: Vec<T>,
}
