//! The benches: ratios of ours to another's, measured side by side in one run.
//!
//! Every bench has one output contract: a table for people, or one JSON object a line, see
//! [`Line`]. A figure is the median of at least [`MIN_PAIRS`] pairs; the two of a pair are
//! measured one right after the other, taking turns at going first, so that what slows the
//! machine down slows both.

mod add;
mod line;

pub use line::{Line, MIN_PAIRS};

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
    let lines = measure(name, pairs, context)?;
    if json {
        for line in &lines {
            println!("{}", serde_json::to_string(line)?);
        }
    } else {
        print!("{}", line::table(&lines));
    }
    Ok(())
}

/// Runs the bench and returns its lines.
///
/// # Errors
///
/// There is no such bench, or it could not be measured.
pub fn measure(name: &str, pairs: u32, context: &mut Context) -> anyhow::Result<Vec<Line>> {
    let Some((_, bench)) = ALL.iter().find(|(known, _)| *known == name) else {
        let known: Vec<_> = ALL.iter().map(|(known, _)| *known).collect();
        anyhow::bail!(
            "there is no bench `{name}`: choose one of {}",
            known.join(", ")
        );
    };
    bench(pairs, context)
}
