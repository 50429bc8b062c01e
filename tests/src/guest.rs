//! Inside the virtual machine: carries out what was asked for there.

use std::process::{Command, ExitCode};

use anyhow::Context;

use crate::cli::GuestCommand;
use crate::{benches, demo, scenarios};

/// Carries out `command`; its exit code becomes the lab's.
pub fn run(command: &GuestCommand) -> anyhow::Result<ExitCode> {
    match command {
        GuestCommand::Shell => shell(),
        GuestCommand::Rehearse { code: Some(code) } => Ok(ExitCode::from(*code)),
        GuestCommand::Rehearse { code: None } => {
            println!("hanging");
            loop {
                std::thread::park();
            }
        }
        GuestCommand::Demo { keep } => {
            let lab = demo::run(*keep)?;
            if *keep {
                demo::hint();
                shell()?;
            }
            drop(lab);
            Ok(ExitCode::SUCCESS)
        }
        GuestCommand::Test { filter, long, seed } => {
            scenarios::run(filter.as_deref().unwrap_or_default(), *long, *seed)
        }
        GuestCommand::Bench { name, json, pairs } => {
            benches::run(name, *pairs, *json)?;
            Ok(ExitCode::SUCCESS)
        }
    }
}

/// An interactive shell on the machine's terminal.
pub fn shell() -> anyhow::Result<ExitCode> {
    let status = Command::new("/bin/bash")
        .status()
        .context("cannot start a shell")?;
    let code = status.code().and_then(|code| u8::try_from(code).ok());
    Ok(code.map_or(ExitCode::FAILURE, ExitCode::from))
}
