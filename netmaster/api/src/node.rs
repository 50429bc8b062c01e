//! Nodes, and what their agents say and ask.

use std::net::IpAddr;

use serde::{Deserialize, Serialize};
use trunkline_types::{Attachment, ContainerId, Labels, MacAddr, Mtu, Name, Pod, VlanId};
use utoipa::ToSchema;

use crate::endpoint::PodSchema;
use crate::{EndpointAddress, field, schema};

/// A node as it describes itself; its name is in the URL.
///
/// ```json
/// {"rack": "r1", "labels": {"zone": "a"}, "boot_id": "5d0c…", "agent_version": "0.1.0"}
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NodeSpec {
    /// The rack it stands in, whose subnets its pods use. If an operator has said another one, that
    /// stays until something else is said here than before.
    #[schema(value_type = schema::Name)]
    pub rack: Name,
    /// What subnets' and groups' selectors choose it by.
    #[serde(
        default,
        skip_serializing_if = "Labels::is_empty",
        deserialize_with = "field::labels"
    )]
    #[schema(value_type = schema::Labels)]
    pub labels: Labels,
    /// The kernel's boot id, 1–128 bytes; tells a reboot from a restart of the agent.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        deserialize_with = "field::id"
    )]
    #[schema(min_length = 1, max_length = 128)]
    pub boot_id: Option<String>,
    /// The version of the agent, 1–128 bytes.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        deserialize_with = "field::id"
    )]
    #[schema(min_length = 1, max_length = 128)]
    pub agent_version: Option<String>,
}

/// What an operator changes about a node. What is left out stays as it is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NodeEdit {
    /// The revision the node was seen at.
    pub revision: u64,
    /// The rack it stands in, until its agent says another one than before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<schema::Name>)]
    pub rack: Option<Name>,
    /// All its labels.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        deserialize_with = "field::some_labels"
    )]
    #[schema(value_type = Option<schema::Labels>)]
    pub labels: Option<Labels>,
}

/// A machine that pods run on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Node {
    /// The node's name.
    #[schema(value_type = schema::Name)]
    pub name: Name,
    /// The rack it stands in.
    #[schema(value_type = schema::Name)]
    pub rack: Name,
    /// The rack that its agent says, if an operator has said another one since.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<schema::Name>)]
    pub agent_rack: Option<Name>,
    /// What subnets' and groups' selectors choose it by.
    #[serde(default, skip_serializing_if = "Labels::is_empty")]
    #[schema(value_type = schema::Labels)]
    pub labels: Labels,
    /// The kernel's boot id when it last registered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub boot_id: Option<String>,
    /// The version of its agent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agent_version: Option<String>,
    /// When it was last heard, in seconds since 1970-01-01 00:00:00 UTC. Not every sign of life is
    /// written, so it may have been heard up to ten minutes later.
    #[serde(default)]
    pub last_heard: u64,
    /// Goes up whenever its reserve is taken from it; requests with an older one are refused.
    #[serde(default)]
    pub fence: u64,
    /// The last epoch in which it reported what it holds.
    #[serde(default)]
    pub reported: u64,
    /// Whether it is being removed: nothing is handed out to it any more.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub removing: bool,
    /// Its own addresses, at most one of each family, from the pools `nodes` of its rack.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub addresses: Vec<EndpointAddress>,
    /// The number of the change that made it what it is.
    pub revision: u64,
}

/// The answer to a node that registers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Registration {
    /// The node as it is registered.
    #[serde(flatten)]
    pub node: Node,
    /// The cluster it is registered with; absent while netmaster has not founded one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cluster: Option<ClusterPoint>,
}

/// A cluster, and how much of its history has been seen.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ClusterPoint {
    /// Drawn at random when netmaster first started; agents refuse another one.
    pub id: String,
    /// How often the cluster was restored from a back-up; agents refuse an older one.
    pub epoch: u64,
    /// The number of the last change; agents refuse an older one.
    pub revision: u64,
}

/// A wish for addresses to keep in reserve.
///
/// ```json
/// {"fence": 1, "network": "blue", "count": 8}
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ReserveSpec {
    /// The node's fence, as it was told when it registered.
    pub fence: u64,
    /// The network they are to be of.
    #[schema(value_type = schema::Name)]
    pub network: Name,
    /// How many pods they are to suffice for, 1–32; there may come fewer.
    #[serde(deserialize_with = "field::in_range::<_, 1, 32>")]
    #[schema(minimum = 1, maximum = 32)]
    pub count: u32,
}

/// Addresses that a node keeps in reserve.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Reserve {
    /// The network they are of.
    #[schema(value_type = schema::Name)]
    pub network: Name,
    /// The network's VLAN.
    #[schema(value_type = u16, minimum = 1, maximum = 4094)]
    pub vlan: VlanId,
    /// The network's MTU, in bytes.
    #[schema(value_type = u16, minimum = 1280, maximum = 9216)]
    pub mtu: Mtu,
    /// What was handed out, each for one pod; as many as there are, so perhaps none.
    pub slots: Vec<Slot>,
}

/// What one pod needs of a node's reserve.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Slot {
    /// One address of each family that the network has.
    pub addresses: Vec<EndpointAddress>,
    /// The MAC address that goes with them.
    #[schema(value_type = schema::Mac)]
    pub mac: MacAddr,
}

/// Addresses of its reserve that a node gives back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ReserveReturn {
    /// The node's fence.
    pub fence: u64,
    /// The addresses, at most 1024. Those that are not in its reserve are left alone.
    #[serde(deserialize_with = "field::ips")]
    #[schema(value_type = Vec<schema::Ip>, max_items = 1024)]
    pub addresses: Vec<IpAddr>,
}

/// What a node holds: the report after a restore, and evidence for the sweeper at any time.
///
/// ```json
/// {"fence": 1, "epoch": 0, "runtime": ["4f5e1c"], "reserve": ["10.1.0.20"],
///  "ovsdb": [{"attachment": "4f5e1c/eth0", "network": "blue", "mac": "02:01:0a:01:00:0a",
///             "addresses": ["10.1.0.10"], "pod": {"namespace": "shop", "name": "web-0"}}]}
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct HoldingsReport {
    /// The node's fence.
    pub fence: u64,
    /// The epoch that the node knows.
    pub epoch: u64,
    /// The attachments that its switch has, at most 4096.
    #[serde(deserialize_with = "field::list::<_, _, 4096>")]
    #[schema(max_items = 4096)]
    pub ovsdb: Vec<Held>,
    /// The containers that its runtime has, at most 4096; `null` or left out if the runtime could
    /// not be asked, which proves nothing.
    #[serde(default, deserialize_with = "field::some_list::<_, _, 4096>")]
    #[schema(value_type = Option<Vec<schema::ContainerId>>, max_items = 4096)]
    pub runtime: Option<Vec<ContainerId>>,
    /// The addresses that it keeps in reserve, at most 1024.
    #[serde(default, deserialize_with = "field::ips")]
    #[schema(value_type = Vec<schema::Ip>, max_items = 1024)]
    pub reserve: Vec<IpAddr>,
}

/// One attachment that a node's switch has.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Held {
    /// The attachment.
    #[schema(value_type = schema::Attachment)]
    pub attachment: Attachment,
    /// The network it is on.
    #[schema(value_type = schema::Name)]
    pub network: Name,
    /// Its MAC address.
    #[schema(value_type = schema::Mac)]
    pub mac: MacAddr,
    /// Its addresses, 1–2, at most one of each family.
    #[serde(deserialize_with = "field::fixed")]
    #[schema(value_type = Vec<schema::Ip>, min_items = 1, max_items = 2)]
    pub addresses: Vec<IpAddr>,
    /// The pod, if the runtime named one.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        deserialize_with = "field::pod"
    )]
    #[schema(value_type = Option<PodSchema>)]
    pub pod: Option<Pod>,
}

/// That a node's agent stops.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Farewell {
    /// The node's fence.
    pub fence: u64,
}
