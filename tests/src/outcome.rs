//! What the guest tells the host about a scenario: the contract of `target/lab/results.json`.

use serde::{Deserialize, Serialize};

/// One scenario (or bench) that ran inside the virtual machine.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Outcome {
    /// The group whose time budget it counts towards, for example `skeleton`; a bench is in `bench`.
    pub group: String,
    /// Its full name, for example `vlan::same_vlan_across_nodes`.
    pub name: String,
    /// Whether everything it expects was seen.
    pub passed: bool,
    /// How long it took, in seconds of the guest's clock.
    pub seconds: f64,
    /// Why it failed; none when it passed.
    pub message: Option<String>,
}
