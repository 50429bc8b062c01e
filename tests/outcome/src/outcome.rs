//! What is told about a scenario.

use std::path::Path;
use std::time::Instant;

use anyhow::Context as _;
use serde::{Deserialize, Serialize};

/// One scenario (or bench) that ran.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Outcome {
    /// The group whose time budget it counts towards, for example `skeleton`; a bench is in `bench`.
    pub group: String,
    /// Its full name, for example `vlan::same_vlan_across_nodes`.
    pub name: String,
    /// Whether everything it expects was seen.
    pub passed: bool,
    /// How long it took, in seconds of the clock of the machine that it ran in.
    pub seconds: f64,
    /// Why it failed; none when it passed.
    pub message: Option<String>,
}

impl Outcome {
    /// How the scenario `name` of `group`, begun at `start`, has just ended.
    #[must_use]
    pub fn of(group: &str, name: &str, start: Instant, result: anyhow::Result<()>) -> Self {
        Self {
            group: group.to_owned(),
            name: name.to_owned(),
            passed: result.is_ok(),
            seconds: start.elapsed().as_secs_f64(),
            message: result.err().map(|error| format!("{error:#}")),
        }
    }
}

impl std::fmt::Display for Outcome {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let verdict = if self.passed { "passed" } else { "FAILED" };
        write!(f, "{:<60} {verdict}  {:5.1} s", self.name, self.seconds)?;
        match &self.message {
            Some(message) => write!(f, "\n    {message}"),
            None => Ok(()),
        }
    }
}

/// Writes `outcomes` to `file`, for whoever started the run. To be called after each scenario, so
/// that a run that hangs still tells what was done.
///
/// # Errors
///
/// The file cannot be written.
pub fn report(outcomes: &[Outcome], file: &Path) -> anyhow::Result<()> {
    std::fs::write(file, serde_json::to_vec_pretty(outcomes)?)
        .with_context(|| format!("cannot write `{}`", file.display()))
}
