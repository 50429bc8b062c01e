//! Whether store, nodes and reservations agree with each other.

use serde::{Deserialize, Serialize};
use trunkline_types::Name;
use utoipa::ToSchema;

use crate::{ErrorCode, field, schema};

/// What does not agree.
///
/// ```json
/// {"revision": 17, "total": 1, "nodes": 12, "findings": [
///    {"code": "lease_lost", "kind": "address", "name": "10.1.0.20", "revision": 9, "safe": true,
///     "evidence": "address `10.1.0.20` is leased to node `n1`, which has it neither …",
///     "command": "netctl address release 10.1.0.20 --force --reason …"}]}
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Check {
    /// The number of the last change that was looked at.
    pub revision: u64,
    /// How many things do not agree.
    pub total: u64,
    /// The first 1000 of them, in the order of codes and objects.
    pub findings: Vec<Finding>,
    /// How many nodes have said lately what they hold, so that it could be compared.
    pub nodes: u64,
    /// The nodes that have not, so that nothing is known of them; the first 100.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schema(value_type = Vec<schema::Name>)]
    pub unheard: Vec<Name>,
    /// How many those are in all.
    #[serde(default)]
    pub unheard_total: u64,
}

/// Something that does not agree.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Finding {
    /// What kind of thing; stable. `docs/api.md` has the list.
    pub code: String,
    /// The kind of the object that it is about, like `address`.
    pub kind: String,
    /// The object's name.
    pub name: String,
    /// The number of the change that made the object what it is; 0 if the books have no such
    /// object.
    pub revision: u64,
    /// What says so.
    pub evidence: String,
    /// What to type to repair it.
    pub command: String,
    /// Whether it can be repaired at once: what says so is certain, and nobody loses anything.
    pub safe: bool,
}

/// What is to be repaired.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RepairSpec {
    /// What was found, at most 1000; only what is safe is repaired.
    #[serde(deserialize_with = "field::list::<_, _, 1000>")]
    #[schema(max_items = 1000)]
    pub findings: Vec<FindingRef>,
}

/// Names something that was found.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct FindingRef {
    /// Its code.
    pub code: String,
    /// The kind of its object.
    pub kind: String,
    /// The object's name.
    pub name: String,
    /// The revision that the object was seen at; nothing is done if it is at another one.
    pub revision: u64,
}

impl From<&Finding> for FindingRef {
    fn from(finding: &Finding) -> Self {
        Self {
            code: finding.code.clone(),
            kind: finding.kind.clone(),
            name: finding.name.clone(),
            revision: finding.revision,
        }
    }
}

/// What became of what was to be repaired, in the order in which it was asked for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Repairs {
    /// One for each.
    pub repairs: Vec<Repair>,
}

/// What became of one thing that was to be repaired.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Repair {
    /// What was to be repaired.
    pub finding: FindingRef,
    /// Whether it is repaired.
    pub repaired: bool,
    /// If not, why, for programs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<ErrorCode>,
    /// If not, why, in words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
}
