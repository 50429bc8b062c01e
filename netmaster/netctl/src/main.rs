//! `netctl`: Trunkline's command line for operators. It talks to netmaster, and to nobody else.

mod args;
mod cmd;
mod failure;
mod render;

use std::io::Write as _;
use std::process::ExitCode;

use clap::Parser as _;

use crate::args::Args;
use crate::failure::Failure;

fn main() -> ExitCode {
    let failure = match run(&Args::parse()) {
        Ok(()) => return ExitCode::SUCCESS,
        // Whoever read our output had enough of it.
        Err(failure) if failure.is_closed_pipe() => return ExitCode::SUCCESS,
        Err(failure) => failure,
    };
    // If even this cannot be written, the exit code is left to tell.
    let _ = writeln!(std::io::stderr(), "netctl: {failure}");
    failure.exit_code()
}

fn run(args: &Args) -> Result<(), Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(Failure::Output)?;
    let text = runtime.block_on(cmd::run(args))?;
    let mut stdout = std::io::stdout().lock();
    stdout
        .write_all(text.as_bytes())
        .and_then(|()| stdout.flush())
        .map_err(Failure::Output)
}
