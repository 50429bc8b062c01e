//! The benches of the node: ratios of ours to another's, measured side by side in one run.
//!
//! Those of the control plane need no virtual machine: see `tests/control`.

mod add;

use trunkline_outcome::{Line, render};

use crate::scenarios::Context;

/// A bench: measures `pairs` pairs and returns its lines.
type Bench = fn(pairs: u32, context: &mut Context) -> anyhow::Result<Vec<Line>>;

const ALL: &[(&str, Bench)] = &[("add", add::measure)];

/// Runs the bench and prints its lines.
///
/// # Errors
///
/// There is no such bench, or it could not be measured. A goal that is not met is no error: it is
/// in the output.
pub fn run(name: &str, pairs: u32, json: bool, context: &mut Context) -> anyhow::Result<()> {
    print!("{}", render(&measure(name, pairs, context)?, json)?);
    Ok(())
}

/// The names of the benches.
pub fn names() -> impl Iterator<Item = &'static str> {
    ALL.iter().map(|(name, _)| *name)
}

/// Runs the bench and returns its lines.
///
/// # Errors
///
/// There is no such bench, or it could not be measured.
pub fn measure(name: &str, pairs: u32, context: &mut Context) -> anyhow::Result<Vec<Line>> {
    let Some((_, bench)) = ALL.iter().find(|(known, _)| *known == name) else {
        let known: Vec<_> = names().collect();
        anyhow::bail!(
            "there is no bench `{name}`: choose one of {}",
            known.join(", ")
        );
    };
    bench(pairs, context)
}
