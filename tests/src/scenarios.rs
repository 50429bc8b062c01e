//! The scenarios: what the product promises, tried on real components.
//!
//! A scenario's name is `<file>::<function>`; its group is the time budget it counts towards.

mod bad_input;
mod cni;
mod context;
mod harness;
pub mod one_rack;
mod restart;
mod security;
mod vlan;

use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Instant;

use anyhow::Context as _;
use trunkline_outcome::{Outcome, report};

use crate::guest;
use crate::lab::write_diagnosis;

pub use context::Context;

/// One scenario.
pub struct Scenario {
    group: &'static str,
    name: &'static str,
    run: fn(&mut Context) -> anyhow::Result<()>,
}

impl Scenario {
    /// A scenario that counts towards the budget of `group`.
    pub const fn new(
        group: &'static str,
        name: &'static str,
        run: fn(&mut Context) -> anyhow::Result<()>,
    ) -> Self {
        Self { group, name, run }
    }

    /// Whether `filter` is part of the name, or the whole group.
    fn matches(&self, filter: &str) -> bool {
        self.name.contains(filter) || self.group == filter
    }
}

fn all() -> impl Iterator<Item = &'static Scenario> {
    [
        vlan::ALL,
        cni::ALL,
        restart::ALL,
        security::ALL,
        bad_input::ALL,
        harness::ALL,
    ]
    .into_iter()
    .flatten()
}

/// Whether `filter` matches any scenario.
pub fn any(filter: &str) -> bool {
    all().any(|scenario| scenario.matches(filter))
}

/// Runs the scenarios that `filter` matches, and tells the host in `results.json`.
pub fn run(filter: &str, long: bool, seed: Option<u64>) -> anyhow::Result<ExitCode> {
    let lab_dir = lab_dir()?;
    let seed = seed.unwrap_or_else(|| fastrand::u64(..));
    println!("seed {seed}");
    let mut context = Context::new(long);
    let mut outcomes = Vec::new();
    for scenario in all().filter(|scenario| scenario.matches(filter)) {
        context.rng = fastrand::Rng::with_seed(seed);
        let evidence = lab_dir.join(scenario.name.replace("::", "."));
        let outcome = run_one(scenario, &mut context, &evidence);
        println!("{outcome}");
        outcomes.push(outcome);
        report(&outcomes, &lab_dir.join("results.json"))?;
    }
    let passed = outcomes.iter().filter(|outcome| outcome.passed).count();
    println!(
        "scenarios: {passed} passed, {} failed",
        outcomes.len() - passed
    );
    Ok(if passed == outcomes.len() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

/// Runs one scenario; if it fails, its evidence goes to `evidence`.
fn run_one(scenario: &Scenario, context: &mut Context, evidence: &Path) -> Outcome {
    let start = Instant::now();
    let attempt = attempt(scenario.name, context, evidence, |context| {
        (scenario.run)(context)?;
        context.clean_up()
    });
    Outcome::of(scenario.group, scenario.name, start, attempt)
}

/// Runs `work`; if it fails or panics, what the lab looks like goes to `evidence`, and with
/// LAB_KEEP=1 a shell is opened in it. Then the lab is gone.
pub fn attempt<T>(
    name: &str,
    context: &mut Context,
    evidence: &Path,
    work: impl FnOnce(&mut Context) -> anyhow::Result<T>,
) -> anyhow::Result<T> {
    // What an earlier run left would pass for this one's.
    let _ = fs::remove_dir_all(evidence);
    let result = catch_unwind(AssertUnwindSafe(|| work(context)));
    let result = result.unwrap_or_else(|panic| Err(anyhow::anyhow!(panic_text(panic.as_ref()))));
    result.map_err(|error| {
        let failure = format!("{error:#}");
        let note = match write_diagnosis(context.lab(), &failure, evidence) {
            Ok(()) => format!("see {}", evidence.display()),
            Err(error) => format!("its evidence could not be written: {error:#}"),
        };
        if std::env::var_os("LAB_KEEP").is_some_and(|keep| keep == "1") {
            println!("{name} failed: {failure}; exit the shell to go on");
            if let Err(error) = guest::shell(context.lab()) {
                println!("{error:#}");
            }
        }
        // Whatever comes next is not to suffer for this one.
        context.discard_lab();
        anyhow::anyhow!("{failure} ({note})")
    })
}

fn panic_text(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    let text = text.or_else(|| panic.downcast_ref::<&str>().copied());
    format!("panicked: {}", text.unwrap_or("no message"))
}

/// The one directory that outlives the machine.
pub fn lab_dir() -> anyhow::Result<PathBuf> {
    std::env::var_os("LAB_DIR")
        .map(PathBuf::from)
        .context("LAB_DIR is not set")
}
