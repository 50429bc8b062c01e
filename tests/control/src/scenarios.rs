//! The scenarios: what the control plane promises, tried on real stores and real processes.
//!
//! A scenario's name is `<file>::<function>`; its group is the time budget it counts towards.

mod clients;
mod crash;
mod outage;
mod replicas;
mod restore;

use std::future::Future;
use std::pin::Pin;
use std::process::ExitCode;
use std::time::Instant;

use trunkline_outcome::{Outcome, report};

use crate::benches;
use crate::cli::Places;
use crate::harness::{Context, fresh_dir};

type Run = fn(Context) -> Pin<Box<dyn Future<Output = anyhow::Result<()>>>>;

/// One scenario.
pub struct Scenario {
    group: &'static str,
    name: &'static str,
    run: Run,
}

impl Scenario {
    /// A scenario that counts towards the budget of group `netmaster`.
    const fn new(name: &'static str, run: Run) -> Self {
        Self {
            group: "netmaster",
            name,
            run,
        }
    }

    /// The rehearsal of a bench.
    const fn bench(name: &'static str, run: Run) -> Self {
        Self {
            group: "bench",
            name,
            run,
        }
    }

    /// Whether `filter` is part of the name, or the whole group.
    fn matches(&self, filter: &str) -> bool {
        self.name.contains(filter) || self.group == filter
    }
}

/// The benches, on a small scale: that they work, not what they measure.
const BENCHES: &[Scenario] = &[
    Scenario::bench("alloc", |context| {
        Box::pin(benches::rehearse("alloc", context))
    }),
    Scenario::bench("restart", |context| {
        Box::pin(benches::rehearse("restart", context))
    }),
    Scenario::bench("watch", |context| {
        Box::pin(benches::rehearse("watch", context))
    }),
];

fn all() -> impl Iterator<Item = &'static Scenario> {
    [
        crash::ALL,
        replicas::ALL,
        outage::ALL,
        restore::ALL,
        BENCHES,
    ]
    .into_iter()
    .flatten()
}

/// Group and name of every scenario.
pub fn names() -> impl Iterator<Item = (&'static str, &'static str)> {
    all().map(|scenario| (scenario.group, scenario.name))
}

/// Runs the scenarios that `filter` matches.
///
/// # Errors
///
/// There is no netmaster, or the results cannot be written.
pub async fn run(filter: &str, long: bool, seed: u64, places: &Places) -> anyhow::Result<ExitCode> {
    let executable = places.executable()?;
    println!("seed {seed}");
    let mut outcomes: Vec<Outcome> = Vec::new();
    for scenario in all().filter(|scenario| scenario.matches(filter)) {
        let context = Context {
            dir: places.dir.join(scenario.name.replace("::", ".")),
            executable: executable.clone(),
            long,
            seed,
        };
        let start = Instant::now();
        let result = attempt(scenario, context).await;
        let outcome = Outcome::of(scenario.group, scenario.name, start, result);
        println!("{outcome}");
        outcomes.push(outcome);
        if let Some(file) = &places.results {
            report(&outcomes, file)?;
        }
    }
    let passed = outcomes.iter().filter(|outcome| outcome.passed).count();
    let failed = outcomes.len() - passed;
    println!("native scenarios: {passed} passed, {failed} failed");
    Ok(if failed == 0 {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

/// Runs one scenario in a directory of its own, which stays if it fails.
async fn attempt(scenario: &Scenario, context: Context) -> anyhow::Result<()> {
    let dir = context.dir.clone();
    fresh_dir(&dir)?;
    let failure = (scenario.run)(context).await;
    match failure {
        Ok(()) => Ok(std::fs::remove_dir_all(&dir)?),
        Err(error) => Err(anyhow::anyhow!("{error:#} (see {})", dir.display())),
    }
}
