//! Inside the virtual machine: carries out what was asked for there.

use std::process::{Command, ExitCode};

use anyhow::Context as _;

use crate::cli::GuestCommand;
use crate::lab::Lab;
use crate::scenarios::{Context, one_rack};
use crate::{benches, demo, scenarios};

/// Carries out `command`; its exit code becomes the lab's.
pub fn run(command: &GuestCommand) -> anyhow::Result<ExitCode> {
    match command {
        GuestCommand::Shell => shell(None),
        GuestCommand::Rehearse { code: Some(code) } => Ok(ExitCode::from(*code)),
        GuestCommand::Rehearse { code: None } => {
            println!("hanging");
            loop {
                std::thread::park();
            }
        }
        GuestCommand::Demo { keep } => with_evidence("demo", |context| {
            demo::run(*keep, || context.build(one_rack::topology()))?;
            if *keep {
                demo::hint();
                shell(context.lab())?;
            }
            Ok(())
        }),
        GuestCommand::Test { filter, long, seed } => {
            scenarios::run(filter.as_deref().unwrap_or_default(), *long, *seed)
        }
        GuestCommand::Bench { names, json, pairs } => with_evidence("bench", |context| {
            let mut names = names.iter();
            names.try_for_each(|name| benches::run(name, *pairs, *json, context))
        }),
    }
}

/// Runs `work` in a lab; if it fails, what the lab looks like is in `target/lab/<name>/`.
fn with_evidence(
    name: &str,
    work: impl FnOnce(&mut Context) -> anyhow::Result<()>,
) -> anyhow::Result<ExitCode> {
    let evidence = scenarios::lab_dir()?.join(name);
    scenarios::attempt(name, &mut Context::new(false), &evidence, work)?;
    Ok(ExitCode::SUCCESS)
}

/// An interactive shell on the machine's terminal; where there is a lab, netctl is its operator's.
pub fn shell(lab: Option<&Lab>) -> anyhow::Result<ExitCode> {
    let operator = lab.map(|lab| lab.netmaster().environment());
    let status = Command::new("/bin/bash")
        .envs(operator.unwrap_or_default())
        .status()
        .context("cannot start a shell")?;
    let code = status.code().and_then(|code| u8::try_from(code).ok());
    Ok(code.map_or(ExitCode::FAILURE, ExitCode::from))
}
