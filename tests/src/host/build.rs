//! Builds what the lab runs. Outside the virtual machine, where there is a processor to do it.

use std::process::Command;

use super::steps::Step;
use super::workspace::Workspace;

/// Long-running processes and tools, and the native half of the lab. They share their dependencies,
/// and with them most of the time that the last one takes.
const PACKAGES: [&str; 4] = [
    "trunkline-netmaster",
    "trunkline-netctl",
    "trunkline-agent",
    "trunkline-control",
];

/// Package and executable of what a runtime starts for every pod: static, for the sake of its start-up
/// time and of hosts with another libc.
const STATIC: [(&str, &str); 2] = [
    ("trunkline-plugin", "trunkline"),
    ("trunkline-floor", "cni-floor"),
];

/// Builds everything that the lab runs.
pub(super) fn run(workspace: &Workspace) -> anyhow::Result<Step> {
    Step::run("build", &workspace.log_dir(), executables(workspace))
}

/// Builds that, and the unit tests.
pub(super) fn run_with_tests(workspace: &Workspace) -> anyhow::Result<Step> {
    let mut tests = workspace.cargo();
    tests.args(["test", "--workspace", "--no-run"]);
    let commands = executables(workspace).chain([tests]);
    Step::run("build", &workspace.log_dir(), commands)
}

fn executables(workspace: &Workspace) -> impl Iterator<Item = Command> {
    let mut processes = workspace.cargo();
    processes.args(["build", "--profile", workspace.profile().name()]);
    for package in PACKAGES {
        processes.args(["--package", package]);
    }
    let executables =
        STATIC.map(|(package, executable)| linked_statically(workspace, package, executable));
    std::iter::once(processes).chain(executables)
}

/// On the gnu target `crt-static` takes no extra toolchain. Only the last crate is given the flag, so its
/// dependencies are shared with all else.
fn linked_statically(workspace: &Workspace, package: &str, executable: &str) -> Command {
    let mut command = workspace.cargo();
    command.args([
        "rustc",
        "--profile",
        workspace.profile().name(),
        "--package",
        package,
        "--bin",
        executable,
    ]);
    command.args(["--", "-C", "target-feature=+crt-static"]);
    command
}
