//! Pools.

use serde::{Deserialize, Serialize};
use trunkline_types::{AddressRange, Labels, Name};
use utoipa::ToSchema;

use crate::{field, schema};

/// The pool that is wanted.
///
/// ```json
/// {"subnet": "blue-r1", "name": "nodes", "ranges": ["10.1.0.200-10.1.0.240"]}
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PoolSpec {
    /// The subnet it is to be a part of.
    #[schema(value_type = schema::Name)]
    pub subnet: Name,
    /// The pool's name; no other pool of the subnet has it. Nodes' own addresses come from the
    /// pools named `nodes`.
    #[schema(value_type = schema::Name)]
    pub name: Name,
    /// Its addresses, 1–256 ranges within those of the subnet; no other pool of the subnet has any
    /// of them.
    #[serde(deserialize_with = "field::list::<_, _, 256>")]
    #[schema(value_type = Vec<schema::AddressRange>, min_items = 1, max_items = 256)]
    pub ranges: Vec<AddressRange>,
    /// What selectors choose it by.
    #[serde(
        default,
        skip_serializing_if = "Labels::is_empty",
        deserialize_with = "field::labels"
    )]
    #[schema(value_type = schema::Labels)]
    pub labels: Labels,
}

/// A named range of a subnet. Its addresses go only to those who are bound to it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Pool {
    /// The subnet it is a part of.
    #[schema(value_type = schema::Name)]
    pub subnet: Name,
    /// The pool's name.
    #[schema(value_type = schema::Name)]
    pub name: Name,
    /// Its addresses, in order.
    #[schema(value_type = Vec<schema::AddressRange>)]
    pub ranges: Vec<AddressRange>,
    /// What selectors choose it by.
    #[serde(default, skip_serializing_if = "Labels::is_empty")]
    #[schema(value_type = schema::Labels)]
    pub labels: Labels,
    /// The number of the change that made it what it is.
    pub revision: u64,
}
