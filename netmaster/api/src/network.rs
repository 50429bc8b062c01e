//! Networks.

use serde::{Deserialize, Serialize};
use trunkline_types::{Labels, Mtu, Name, VlanId};
use utoipa::ToSchema;

use crate::{field, schema};

/// The network that is wanted.
///
/// ```json
/// {"name": "blue", "vlan": 100, "mtu": 9000, "labels": {"fabric": "west"}}
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NetworkSpec {
    /// The network's name; no other network has it.
    #[schema(value_type = schema::Name)]
    pub name: Name,
    /// Its VLAN, 1–4094; no other network of the same fabric (label `fabric`) has it.
    #[schema(value_type = u16, minimum = 1, maximum = 4094)]
    pub vlan: VlanId,
    /// The largest IP packet, 1280–9216 bytes; 1500 if left out.
    #[serde(default)]
    #[schema(value_type = u16, minimum = 1280, maximum = 9216, default = 1500)]
    pub mtu: Mtu,
    /// What selectors choose it by.
    #[serde(
        default,
        skip_serializing_if = "Labels::is_empty",
        deserialize_with = "field::labels"
    )]
    #[schema(value_type = schema::Labels)]
    pub labels: Labels,
}

/// A layer-2 domain.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Network {
    /// The network's name.
    #[schema(value_type = schema::Name)]
    pub name: Name,
    /// Its VLAN.
    #[schema(value_type = u16, minimum = 1, maximum = 4094)]
    pub vlan: VlanId,
    /// The largest IP packet, in bytes.
    #[schema(value_type = u16, minimum = 1280, maximum = 9216)]
    pub mtu: Mtu,
    /// What selectors choose it by.
    #[serde(default, skip_serializing_if = "Labels::is_empty")]
    #[schema(value_type = schema::Labels)]
    pub labels: Labels,
    /// The number of the change that made it what it is.
    pub revision: u64,
}
