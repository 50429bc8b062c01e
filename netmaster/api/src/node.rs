//! Nodes.

use serde::{Deserialize, Serialize};
use trunkline_types::Name;

/// A node as it describes itself; its name is in the URL.
///
/// ```json
/// {"rack": "r1"}
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NodeSpec {
    /// The rack it stands in, whose subnets its pods use.
    pub rack: Name,
}

/// A machine that pods run on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Node {
    /// The node's name.
    pub name: Name,
    /// The rack it stands in.
    pub rack: Name,
    /// The number of the change that made it what it is.
    pub revision: u64,
}
