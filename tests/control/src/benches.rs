//! The benches of the control plane: see `trunkline_outcome::Line` for the contract of their output.

mod alloc;
mod cost;
mod load;
mod restart;
mod watch;

use std::future::Future;
use std::pin::Pin;
use std::process::ExitCode;

use trunkline_outcome::{Line, MIN_PAIRS, render};

use crate::cli::Places;
use crate::harness::{Context, fresh_dir};

type Measure = fn(Context, Extent) -> Pin<Box<dyn Future<Output = anyhow::Result<Vec<Line>>>>>;

const ALL: &[(&str, Measure)] = &[
    ("alloc", |context, extent| {
        Box::pin(alloc::measure(context, extent))
    }),
    ("restart", |context, extent| {
        Box::pin(restart::measure(context, extent))
    }),
    ("watch", |context, extent| {
        Box::pin(watch::measure(context, extent))
    }),
];

/// How much a bench does.
#[derive(Clone, Copy, Debug)]
pub struct Extent {
    /// How many pairs it measures.
    pub pairs: u32,
    /// Whether it is only to show that it works: everything is small then, and no figure means
    /// anything.
    pub rehearsal: bool,
}

impl Extent {
    /// `full`, or `small` in a rehearsal.
    fn of<T>(self, full: T, small: T) -> T {
        if self.rehearsal { small } else { full }
    }
}

/// The names of the benches.
pub fn names() -> impl Iterator<Item = &'static str> {
    ALL.iter().map(|(name, _)| *name)
}

/// Runs the benches and prints their lines.
///
/// # Errors
///
/// There is no such bench, or it could not be measured. A goal that is not met is no error: it is
/// in the output.
pub async fn run(
    names: &[String],
    pairs: u32,
    json: bool,
    places: &Places,
) -> anyhow::Result<ExitCode> {
    for name in names {
        let context = Context {
            dir: places.dir.join(format!("bench.{name}")),
            executable: places.executable()?,
            long: false,
            seed: 0,
        };
        let dir = context.dir.clone();
        fresh_dir(&dir)?;
        let rehearsal = false;
        let lines = measure(name, context, Extent { pairs, rehearsal }).await?;
        print!("{}", render(&lines, json)?);
        std::fs::remove_dir_all(&dir)?;
    }
    Ok(ExitCode::SUCCESS)
}

/// Runs the bench `name` on a small scale and checks that it measured something.
///
/// # Errors
///
/// It did not.
pub async fn rehearse(name: &str, context: Context) -> anyhow::Result<()> {
    let extent = Extent {
        pairs: MIN_PAIRS,
        rehearsal: true,
    };
    let lines = measure(name, context, extent).await?;
    anyhow::ensure!(!lines.is_empty(), "nothing was measured");
    for line in &lines {
        anyhow::ensure!(
            line.ours > 0.0 && line.ratio > 0.0,
            "nothing was measured: {line:?}"
        );
    }
    Ok(())
}

async fn measure(name: &str, context: Context, extent: Extent) -> anyhow::Result<Vec<Line>> {
    let Some((_, bench)) = ALL.iter().find(|(known, _)| *known == name) else {
        let known: Vec<_> = names().collect();
        anyhow::bail!("there is no bench `{name}`: choose of {}", known.join(", "));
    };
    bench(context, extent).await
}
