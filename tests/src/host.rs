//! Outside the virtual machine: installs, builds, boots, reports.

mod build;
mod check;
mod control;
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
use crate::{benches, scenarios};
use control::Offer;
use machine::{Guest, Terminal};
use report::Report;
use witness::Witness;
use workspace::{Profile, Workspace};

/// Carries out `command`: in a fresh virtual machine, or on this machine what needs none.
pub fn run(command: &GuestCommand) -> anyhow::Result<ExitCode> {
    let begun = Instant::now();
    let workspace = Workspace::find(match command {
        GuestCommand::Bench { .. } => Profile::Release,
        _ => Profile::Quick,
    })?;
    let network = Witness::of_network(&workspace);
    match command {
        GuestCommand::Test {
            filter: Some(filter),
            ..
        } => {
            setup::ensure_for(scenarios::any(filter))?;
            test_some(&workspace, command, filter)
        }
        GuestCommand::Test { long, .. } => {
            setup::ensure_for(true)?;
            // A bare machine has no `ip` before the set-up, which changes no link or route.
            let network = network.or_else(|_| Witness::of_network(&workspace))?;
            test_all(&workspace, command, *long, begun, network)
        }
        GuestCommand::Rehearse { .. } => {
            setup::ensure_for(true)?;
            Ok(ExitCode::from(boot(&workspace, command)?))
        }
        GuestCommand::Demo { .. } | GuestCommand::Shell => {
            setup::ensure_for(true)?;
            build::run(&workspace)?.require()?;
            Ok(ExitCode::from(boot(&workspace, command)?))
        }
        GuestCommand::Bench { names, json, pairs } => bench(&workspace, names, *json, *pairs),
    }
}

/// Runs benches: those of the node in the virtual machine, the others on this one.
fn bench(
    workspace: &Workspace,
    names: &[String],
    json: bool,
    pairs: u32,
) -> anyhow::Result<ExitCode> {
    let (in_machine, native): (Vec<_>, Vec<_>) = names
        .iter()
        .cloned()
        .partition(|name| benches::names().any(|known| known == name));
    setup::ensure_for(!in_machine.is_empty())?;
    build::run(workspace)?.require()?;
    let known = Offer::of(workspace)?.benches;
    if let Some(unknown) = native.iter().find(|name| !known.contains(name)) {
        let mut all: Vec<_> = benches::names().map(str::to_owned).collect();
        all.extend(known.iter().cloned());
        bail!(
            "there is no bench `{unknown}`: choose of {}",
            all.join(", ")
        );
    }
    let mut code = 0;
    if !native.is_empty() {
        code = control::bench(workspace, &native, json, pairs, Some(NATIVE_BENCH))?;
    }
    if code == 0 && !in_machine.is_empty() {
        let names = in_machine;
        code = boot(workspace, &GuestCommand::Bench { names, json, pairs })?;
    }
    Ok(ExitCode::from(code))
}

/// Runs the checks that need no virtual machine.
pub fn check() -> anyhow::Result<ExitCode> {
    let workspace = Workspace::find(Profile::Quick)?;
    setup::ensure_for_check()?;
    let steps = check::run(&workspace)?;
    steps::conclude(&steps)
}

/// Installs what is missing.
pub fn setup() -> anyhow::Result<ExitCode> {
    let workspace = Workspace::find(Profile::Quick)?;
    setup::ensure_for(true)?;
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
    let build = build::run_with_tests(workspace)?;
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

/// Runs the scenarios that `filter` matches, on this machine and in the virtual one.
fn run_scenarios(
    workspace: &Workspace,
    command: &GuestCommand,
    report: &mut Report,
    filter: Option<&str>,
) -> anyhow::Result<()> {
    report::forget_scenarios(workspace)?;
    // Who failed has said so in its results; who ended badly has left none, or says something
    // that its results do not: both count.
    if let GuestCommand::Test { long, seed, .. } = command
        && Offer::of(workspace)?.matches(filter)
    {
        let ended = control::test(workspace, filter, *long, *seed, deadline(command));
        report.add_scenarios(&control::results_file(workspace), "`control`", ended)?;
    }
    if filter.is_none_or(scenarios::any) {
        let ended = boot(workspace, command);
        report.add_scenarios(&report::guest_results(workspace), "the guest", ended)?;
    }
    report.expect_scenarios(filter);
    Ok(())
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

/// How long native benches may take: filling a store with a million addresses takes its time.
const NATIVE_BENCH: Duration = Duration::from_secs(90 * 60);

/// How long either half may take from start to end; none where a person is at the keyboard.
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
