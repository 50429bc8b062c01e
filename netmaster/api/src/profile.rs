//! Profiles: quality of service.

use serde::{Deserialize, Serialize};
use trunkline_types::{Bandwidth, Burst, Dscp, Labels, Name};
use utoipa::ToSchema;

use crate::{field, schema};

/// The limit of traffic in one direction.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Rate {
    /// In bits per second, 1,000 to 10^13.
    #[schema(value_type = u64, minimum = 1000, maximum = 10_000_000_000_000_i64)]
    pub bandwidth: Bandwidth,
    /// How much may be sent at once beyond that, 1 to 4294967295 bytes; if left out, what the
    /// node's shaper takes for the bandwidth.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<u32>, minimum = 1)]
    pub burst: Option<Burst>,
}

/// The profile that is wanted.
///
/// ```json
/// {"name": "gold", "egress": {"bandwidth": 1000000000, "burst": 65536}, "dscp": 46}
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ProfileSpec {
    /// The profile's name; no other profile has it.
    #[schema(value_type = schema::Name)]
    pub name: Name,
    /// The limit of what a pod receives; if left out, none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ingress: Option<Rate>,
    /// The limit of what a pod sends; if left out, none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub egress: Option<Rate>,
    /// What its packets are marked with, 0–63; if left out, what the pod set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<u8>, minimum = 0, maximum = 63)]
    pub dscp: Option<Dscp>,
    /// What selectors choose it by.
    #[serde(
        default,
        skip_serializing_if = "Labels::is_empty",
        deserialize_with = "field::labels"
    )]
    #[schema(value_type = schema::Labels)]
    pub labels: Labels,
}

/// What a pod's traffic is held to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Profile {
    /// The profile's name.
    #[schema(value_type = schema::Name)]
    pub name: Name,
    /// The limit of what a pod receives; absent if there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ingress: Option<Rate>,
    /// The limit of what a pod sends; absent if there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub egress: Option<Rate>,
    /// What its packets are marked with; absent if with what the pod set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<u8>, minimum = 0, maximum = 63)]
    pub dscp: Option<Dscp>,
    /// What selectors choose it by.
    #[serde(default, skip_serializing_if = "Labels::is_empty")]
    #[schema(value_type = schema::Labels)]
    pub labels: Labels,
    /// The number of the change that made it what it is.
    pub revision: u64,
}
