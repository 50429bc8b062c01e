//! The cluster as a whole, and the replica that answers.

use serde::{Deserialize, Serialize};
use trunkline_types::Name;
use utoipa::ToSchema;

use crate::schema;

/// Which cluster this is, and where it is.
///
/// ```json
/// {"id": "5d0c…", "epoch": 0, "since": 1700000000, "revision": 17, "leading": true,
///  "version": "0.1.0"}
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Cluster {
    /// Drawn at random when netmaster first started; agents refuse another one.
    pub id: String,
    /// How often the cluster was restored from a back-up; agents refuse an older one.
    pub epoch: u64,
    /// When this epoch began, in seconds since 1970-01-01 00:00:00 UTC.
    pub since: u64,
    /// The number of the last change that this replica knows of.
    pub revision: u64,
    /// Whether this replica leads.
    pub leading: bool,
    /// The URL of the leader, if that is another replica and known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub leader: Option<String>,
    /// This replica's version.
    pub version: String,
    /// Subnets that hand out nothing, because nodes have not reported since the last restore.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub awaiting: Vec<Awaiting>,
}

/// A node whose report is awaited.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Awaiting {
    /// The node.
    #[schema(value_type = schema::Name)]
    pub node: Name,
    /// Its rack, whose subnets wait.
    #[schema(value_type = schema::Name)]
    pub rack: Name,
}

/// Headers that say which cluster somebody is of and how much of it they have seen, and one for
/// replicas among each other. Every answer has the first three. A request may have them, with the highest that its sender has seen; a netmaster that
/// is of another cluster, or older, refuses it.
pub mod header {
    /// The cluster's id.
    pub const CLUSTER: &str = "trunkline-cluster";
    /// The epoch, a number.
    pub const EPOCH: &str = "trunkline-epoch";
    /// The revision, a number.
    pub const REVISION: &str = "trunkline-revision";
    /// Between replicas: the URL of the follower that asks.
    pub const REPLICA: &str = "trunkline-replica";
    /// On whose behalf a replica passes a request on. Believed of replicas only; from anybody else
    /// it is refused.
    pub const IDENTITY: &str = "trunkline-identity";
}
