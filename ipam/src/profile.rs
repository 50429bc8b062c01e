//! Profiles: quality of service.

mod plan;

use serde::{Deserialize, Serialize};
use trunkline_types::{Dscp, Labels, Name, Rate};

use crate::Revision;

pub use plan::{DeleteProfileError, create_profile, delete_profile, update_profile};

/// What a pod's traffic is held to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Profile {
    /// The profile's name; unique.
    pub name: Name,
    /// The limit of what the pod receives; without one, none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ingress: Option<Rate>,
    /// The limit of what the pod sends; without one, none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub egress: Option<Rate>,
    /// What its packets are marked with; without one, what the pod set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dscp: Option<Dscp>,
    /// What selectors choose it by.
    #[serde(default, skip_serializing_if = "Labels::is_empty")]
    pub labels: Labels,
    /// The change that made it what it is.
    pub revision: Revision,
}

/// The profile that is wanted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProfileSpec {
    /// The profile's name.
    pub name: Name,
    /// The limit of what the pod receives.
    pub ingress: Option<Rate>,
    /// The limit of what the pod sends.
    pub egress: Option<Rate>,
    /// What its packets are marked with.
    pub dscp: Option<Dscp>,
    /// What selectors choose it by.
    pub labels: Labels,
}

#[cfg(test)]
mod tests;
