//! Pools: named ranges of a subnet, kept for a group or for nodes.

mod error;
mod plan;

use serde::{Deserialize, Serialize};
use trunkline_types::{AddressRange, Labels, Name};

use crate::Revision;

pub use error::{CreatePoolError, DeletePoolError, PoolRangesError, UpdatePoolError};
pub use plan::{create_pool, delete_pool, update_pool};

/// A named range of a subnet. Its addresses go only to those who ask for the pool by name.
///
/// Subnets of several racks may each have a pool of one name; together they are what a group
/// binds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pool {
    /// The subnet it is a part of.
    pub subnet: Name,
    /// The pool's name; unique in its subnet.
    pub name: Name,
    /// Its addresses, in order; no other pool of the subnet has any of them.
    pub ranges: Vec<AddressRange>,
    /// What selectors choose it by.
    #[serde(default, skip_serializing_if = "Labels::is_empty")]
    pub labels: Labels,
    /// The change that made it what it is.
    pub revision: Revision,
}

/// The pool that is wanted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PoolSpec {
    /// The subnet it is to be a part of.
    pub subnet: Name,
    /// The pool's name.
    pub name: Name,
    /// Its addresses.
    pub ranges: Vec<AddressRange>,
    /// What selectors choose it by.
    pub labels: Labels,
}

impl Pool {
    /// The name of the pool that nodes' own addresses come from.
    pub const NODES: &str = "nodes";
}

#[cfg(test)]
mod tests;
