//! The checks that need no virtual machine.

use super::steps::Step;
use super::workspace::Workspace;

/// Name and cargo arguments of each step.
const STEPS: [(&str, &[&str]); 3] = [
    ("fmt", &["fmt", "--all", "--check"]),
    (
        "clippy",
        &[
            "clippy",
            "--workspace",
            "--all-targets",
            "--",
            "-D",
            "warnings",
        ],
    ),
    (TESTS, &["test", "--workspace", "--no-fail-fast"]),
];

/// The step whose log lists the unit tests.
pub(super) const TESTS: &str = "test";

/// How many tests of an executable run at a time. Most of those that take long wait for a process, a
/// socket or a clock, so there may be more of them than processors.
const TEST_THREADS: &str = "4";

/// Runs every step, whether or not the one before it passed.
pub(super) fn run(workspace: &Workspace) -> anyhow::Result<Vec<Step>> {
    let run = |(name, args): (&'static str, &[&str])| {
        let mut command = workspace.cargo();
        command.args(args).env("RUST_TEST_THREADS", TEST_THREADS);
        Step::run(name, &workspace.log_dir(), [command])
    };
    STEPS.into_iter().map(run).collect()
}
