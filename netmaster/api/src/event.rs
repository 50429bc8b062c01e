//! Events: what an operator should know of.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Something that happened.
///
/// ```json
/// {"revision": 17, "at": 1700000000, "kind": "address_conflict", "about": "address 10.1.0.7",
///  "message": "`02:00:00:00:00:07` answers for it, seen by node `node1`"}
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Event {
    /// The number of the change it happened with; no two events share one.
    pub revision: u64,
    /// When it happened, in seconds since 1970-01-01 00:00:00 UTC.
    pub at: u64,
    /// What kind of thing. The kinds are stable; a newer netmaster may know more of them.
    pub kind: String,
    /// What it is about: an object's kind and name, like `address 10.1.0.7`.
    pub about: String,
    /// What happened, in words.
    pub message: String,
}
