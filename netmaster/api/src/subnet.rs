//! Subnets.

use std::net::IpAddr;

use serde::{Deserialize, Serialize};
use trunkline_types::{AddressRange, Attachment, Cidr, Labels, Name, Pod, Selector};
use utoipa::ToSchema;

use crate::{field, schema};

/// The subnet that is wanted.
///
/// ```json
/// {"name": "blue-r1", "network": "blue", "cidr": "10.1.0.0/24", "gateway": "10.1.0.1",
///  "ranges": ["10.1.0.10-10.1.0.99"], "exclusions": ["10.1.0.50"], "rack": "r1"}
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SubnetSpec {
    /// The subnet's name; no other subnet has it.
    #[schema(value_type = schema::Name)]
    pub name: Name,
    /// The network it is to belong to.
    #[schema(value_type = schema::Name)]
    pub network: Name,
    /// Its addresses, IPv4 or IPv6; no other subnet has any of them. An update may only grow it.
    #[schema(value_type = schema::Cidr)]
    pub cidr: Cidr,
    /// The top-of-rack switch's address in it; never handed out.
    #[serde(deserialize_with = "field::ip")]
    #[schema(value_type = schema::Ip)]
    pub gateway: IpAddr,
    /// What may be handed out, 1–256 ranges; if left out, every host address but the gateway.
    #[serde(
        default,
        skip_serializing_if = "Vec::is_empty",
        deserialize_with = "field::some_of::<_, _, 256>"
    )]
    #[schema(value_type = Vec<schema::AddressRange>, min_items = 1, max_items = 256)]
    pub ranges: Vec<AddressRange>,
    /// What of the ranges is not handed out, at most 256 ranges.
    #[serde(
        default,
        skip_serializing_if = "Vec::is_empty",
        deserialize_with = "field::list::<_, _, 256>"
    )]
    #[schema(value_type = Vec<schema::AddressRange>, max_items = 256)]
    pub exclusions: Vec<AddressRange>,
    /// The rack whose nodes may use it. Without this and `nodes`, all nodes may.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<schema::Name>)]
    pub rack: Option<Name>,
    /// The labels of the nodes that may use it; not together with `rack`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<schema::Selector>)]
    pub nodes: Option<Selector>,
    /// What selectors choose it by.
    #[serde(
        default,
        skip_serializing_if = "Labels::is_empty",
        deserialize_with = "field::labels"
    )]
    #[schema(value_type = schema::Labels)]
    pub labels: Labels,
}

/// A CIDR of a network.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Subnet {
    /// The subnet's name.
    #[schema(value_type = schema::Name)]
    pub name: Name,
    /// The network it belongs to.
    #[schema(value_type = schema::Name)]
    pub network: Name,
    /// Its addresses.
    #[schema(value_type = schema::Cidr)]
    pub cidr: Cidr,
    /// The top-of-rack switch's address in it; never handed out.
    #[schema(value_type = schema::Ip)]
    pub gateway: IpAddr,
    /// What may be handed out, in order.
    #[schema(value_type = Vec<schema::AddressRange>)]
    pub ranges: Vec<AddressRange>,
    /// What of the ranges is not handed out, in order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schema(value_type = Vec<schema::AddressRange>)]
    pub exclusions: Vec<AddressRange>,
    /// The rack whose nodes may use it; absent if others may.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<schema::Name>)]
    pub rack: Option<Name>,
    /// The labels of the nodes that may use it; absent if others may.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<schema::Selector>)]
    pub nodes: Option<Selector>,
    /// What selectors choose it by.
    #[serde(default, skip_serializing_if = "Labels::is_empty")]
    #[schema(value_type = schema::Labels)]
    pub labels: Labels,
    /// Whether it is being deleted: nothing of it is handed out any more.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub deleting: bool,
    /// How many addresses are in use, as of the answer: addresses come and go without changing
    /// the subnet.
    pub in_use: u64,
    /// How many addresses there are to hand out, in use or not.
    pub capacity: u64,
    /// The number of the change that made the subnet what it is.
    pub revision: u64,
}

/// The answer to the update of a subnet.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SubnetUpdated {
    /// The subnet as it is now.
    #[serde(flatten)]
    pub subnet: Subnet,
    /// If its gateway changed: the endpoints that were built with the old one, and keep it until
    /// their pods are built anew.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub old_gateway: Vec<OldGateway>,
}

/// A running endpoint that has a gateway of the past.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct OldGateway {
    /// The endpoint's attachment.
    #[schema(value_type = schema::Attachment)]
    pub attachment: Attachment,
    /// The pod, if the runtime named one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<crate::endpoint::PodSchema>)]
    pub pod: Option<Pod>,
    /// The node it runs on.
    #[schema(value_type = schema::Name)]
    pub node: Name,
}
