//! Outside the virtual machine: installs, builds, boots, reports.

mod build;
mod check;
mod coverage;
mod cpio;
mod initramfs;
mod interrupts;
mod kernel;
mod machine;
mod packages;
mod report;
mod setup;
mod steps;
mod test_log;
mod witness;
mod workspace;

use std::process::ExitCode;
use std::time::{Duration, Instant};

use anyhow::{bail, ensure};

use crate::cli::GuestCommand;
use machine::{Guest, Terminal};
use report::Report;
use witness::Witness;
use workspace::Workspace;

/// Carries out `command` inside a fresh virtual machine.
pub fn run(command: &GuestCommand) -> anyhow::Result<ExitCode> {
    let begun = Instant::now();
    let workspace = Workspace::find()?;
    let network = Witness::of_network(&workspace);
    setup::ensure()?;
    match command {
        GuestCommand::Test {
            filter: Some(filter),
            ..
        } => test_some(&workspace, command, filter),
        GuestCommand::Test { long, .. } => {
            // A bare machine has no `ip` before the set-up, which changes no link or route.
            let network = network.or_else(|_| Witness::of_network(&workspace))?;
            test_all(&workspace, command, *long, begun, network)
        }
        GuestCommand::Rehearse { .. } => Ok(ExitCode::from(boot(&workspace, command)?)),
        GuestCommand::Demo { .. } | GuestCommand::Shell | GuestCommand::Bench { .. } => {
            build::run(&workspace)?.require()?;
            Ok(ExitCode::from(boot(&workspace, command)?))
        }
    }
}

/// Runs the checks that need no virtual machine.
pub fn check() -> anyhow::Result<ExitCode> {
    let workspace = Workspace::find()?;
    setup::ensure_for_check()?;
    let steps = check::run(&workspace)?;
    steps::conclude(&steps)
}

/// Installs what is missing.
pub fn setup() -> anyhow::Result<ExitCode> {
    let workspace = Workspace::find()?;
    setup::ensure()?;
    let kernel = kernel::fetch(&workspace.machine_dir())?;
    eprintln!("the lab is ready, with kernel {}", kernel.release());
    Ok(ExitCode::SUCCESS)
}

/// Runs the scenarios that `filter` matches.
fn test_some(
    workspace: &Workspace,
    command: &GuestCommand,
    filter: &str,
) -> anyhow::Result<ExitCode> {
    build::run(workspace)?.require()?;
    let mut report = Report::of_scenarios();
    run_scenarios(workspace, command, &mut report, Some(filter))?;
    Ok(report.conclude())
}

/// Runs everything, as CI does. `network` was seen before anything was installed, at `begun`.
fn test_all(
    workspace: &Workspace,
    command: &GuestCommand,
    long: bool,
    begun: Instant,
    network: Witness,
) -> anyhow::Result<ExitCode> {
    let files = Witness::of_files();
    let build = build::run(workspace)?;
    build.require()?;
    let mut report = Report::of_everything(build, check::run(workspace)?)?;
    run_scenarios(workspace, command, &mut report, None)?;
    report.add_step("exit_code", rehearse_exit_code(workspace));
    report.add_step("deadline", rehearse_deadline(workspace));
    let network_now = Witness::of_network(workspace)?;
    let untouched = network_now.expect_same(&network);
    report.add_step(
        "host_untouched",
        untouched.and(Witness::of_files().expect_same(&files)),
    );
    // A person at a kept lab, or a long run, takes the time it takes.
    if !long && !kept() {
        report.hold_to_budgets(begun.elapsed());
    }
    report.hold_to_coverage(workspace)?;
    Ok(report.conclude())
}

fn run_scenarios(
    workspace: &Workspace,
    command: &GuestCommand,
    report: &mut Report,
    filter: Option<&str>,
) -> anyhow::Result<()> {
    report::forget_scenarios(workspace)?;
    // A guest that failed has said so in its results; one that ended badly has left none, or says
    // something that its results do not: both count.
    let ended = boot(workspace, command);
    report.add_scenarios(workspace, ended, filter)
}

fn boot(workspace: &Workspace, command: &GuestCommand) -> anyhow::Result<u8> {
    boot_until(workspace, command, deadline(command))
}

fn boot_until(
    workspace: &Workspace,
    command: &GuestCommand,
    deadline: Option<Duration>,
) -> anyhow::Result<u8> {
    let kernel = kernel::fetch(&workspace.machine_dir())?;
    let terminal = terminal(command);
    machine::run(
        workspace,
        &kernel,
        &Guest {
            command,
            terminal,
            deadline,
        },
    )
}

/// The guest's exit code is the command's.
fn rehearse_exit_code(workspace: &Workspace) -> anyhow::Result<()> {
    let code = boot(workspace, &GuestCommand::Rehearse { code: Some(7) })?;
    ensure!(
        code == 7,
        "a guest that ends with 7 made the lab end with {code}"
    );
    Ok(())
}

/// A guest that hangs is ended by its deadline, with its last state shown.
fn rehearse_deadline(workspace: &Workspace) -> anyhow::Result<()> {
    const DEADLINE: Duration = Duration::from_secs(30);
    let begun = Instant::now();
    let hang = GuestCommand::Rehearse { code: None };
    let Err(error) = boot_until(workspace, &hang, Some(DEADLINE)) else {
        bail!("a guest that hangs for ever came to an end");
    };
    let text = format!("{error:#}");
    ensure!(
        text.contains("hanging"),
        "the last state is not told: {text}"
    );
    let took = begun.elapsed();
    ensure!(
        took < 2 * DEADLINE,
        "a deadline of {DEADLINE:?} was held after {took:?}"
    );
    Ok(())
}

/// `LAB_KEEP=1`: whatever fails leaves a shell in place.
fn kept() -> bool {
    std::env::var_os("LAB_KEEP").is_some_and(|value| value == "1")
}

fn terminal(command: &GuestCommand) -> Terminal {
    match command {
        GuestCommand::Shell | GuestCommand::Demo { keep: true } => Terminal::Interactive,
        _ if kept() => Terminal::Interactive,
        _ => Terminal::Stream,
    }
}

/// How long the guest may take from start to end; none where a person is at the keyboard.
fn deadline(command: &GuestCommand) -> Option<Duration> {
    const MINUTE: Duration = Duration::from_secs(60);
    match (command, terminal(command)) {
        (_, Terminal::Interactive) | (GuestCommand::Shell, _) => None,
        (GuestCommand::Rehearse { .. }, _) => Some(2 * MINUTE),
        (GuestCommand::Demo { .. }, _) => Some(10 * MINUTE),
        (GuestCommand::Test { long: true, .. }, _) => Some(180 * MINUTE),
        (GuestCommand::Test { .. } | GuestCommand::Bench { .. }, _) => Some(30 * MINUTE),
    }
}
