//! How the whole is, and how full subnets are.

use serde::{Deserialize, Serialize};
use trunkline_types::Name;
use utoipa::ToSchema;

use crate::schema;

/// How the whole is, in one look.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Status {
    /// The cluster's id.
    pub cluster: String,
    /// How often it was restored from a back-up.
    pub epoch: u64,
    /// The number of the last change that the replica that answers knows of.
    pub revision: u64,
    /// That replica's version.
    pub version: String,
    /// Whether the leader answers. A follower knows less: of nodes only what is stored, and nothing
    /// of other replicas and commits.
    pub leading: bool,
    /// The URL of the leader; absent if nobody leads, or nobody knows who.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub leader: Option<String>,
    /// The replicas that are known, the one that answers first.
    pub replicas: Vec<ReplicaStatus>,
    /// The store.
    pub store: StoreStatus,
    /// The subnets that are close to full: 80 % taken, or full within three days; the fullest
    /// first, at most 50.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub subnets: Vec<SubnetUse>,
    /// The nodes.
    pub nodes: NodesStatus,
}

/// One netmaster.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ReplicaStatus {
    /// Where other replicas reach it.
    pub url: String,
    /// Whether it leads.
    pub leading: bool,
    /// The number of the last change that it was known to have seen.
    pub revision: u64,
    /// How many seconds ago it was heard.
    pub heard: u64,
}

/// The store.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct StoreStatus {
    /// `embedded` or `etcd`.
    pub kind: String,
    /// Why its size cannot be told; absent if it can.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub problem: Option<String>,
    /// How many bytes it takes; absent if that is not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub size: Option<u64>,
    /// How many more bytes there is room for; absent if that is not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub free: Option<u64>,
    /// How its last commits went, at most 256.
    pub commits: Commits,
}

/// How the last commits went.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Commits {
    /// How many are looked at; 0 on a follower, which makes none.
    pub count: u64,
    /// How many of them failed.
    pub failed: u64,
    /// How long half of the others took at most, in microseconds.
    pub median_us: u64,
    /// How long 99 of 100 of them took at most, in microseconds.
    pub p99_us: u64,
    /// How many seconds ago the last one was; absent if there was none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last: Option<u64>,
}

/// The nodes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct NodesStatus {
    /// How many were heard lately.
    pub heard: u64,
    /// How many were not.
    pub silent: u64,
    /// Those, the longest silent first, at most 100.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub silent_nodes: Vec<SilentNode>,
    /// How many have yet to report after a restore.
    pub awaited: u64,
}

/// A node that was not heard lately.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SilentNode {
    /// Its name.
    #[schema(value_type = schema::Name)]
    pub name: Name,
    /// The rack it stands in.
    #[schema(value_type = schema::Name)]
    pub rack: Name,
    /// When it was last heard, in seconds since 1970-01-01 00:00:00 UTC.
    pub last_heard: u64,
}

/// How full subnets are.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Usage {
    /// The subnets, the fullest first.
    pub subnets: Vec<SubnetUse>,
    /// How many there are in all.
    pub total: u64,
}

/// How full a subnet is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SubnetUse {
    /// The subnet.
    #[schema(value_type = schema::Name)]
    pub name: Name,
    /// Its network.
    #[schema(value_type = schema::Name)]
    pub network: Name,
    /// How many of its addresses are in use, or reserved and so not for everybody.
    pub taken: u64,
    /// How many addresses it hands out in all.
    pub capacity: u64,
    /// How many more are taken by the hour, by the last quarter of an hour; less than 0 if fewer;
    /// absent if it has not been looked at for long enough.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hourly: Option<i64>,
    /// When it will be full, if it goes on like that.
    pub forecast: Forecast,
}

/// When a subnet will be full, by how its use went lately: since netmaster started, and over about
/// two and a half days at most.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum Forecast {
    /// Nothing can be said yet.
    TooLittleHistory {
        /// For how many seconds it has been looked at.
        seconds: u64,
    },
    /// It is.
    Full,
    /// In so many seconds.
    FullIn {
        /// How many.
        seconds: u64,
    },
    /// Not within a year.
    Distant,
    /// Something of a newer netmaster.
    #[serde(other)]
    Unknown,
}
