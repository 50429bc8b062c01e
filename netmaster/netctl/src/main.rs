//! `netctl`: Trunkline's command line for operators. It talks to netmaster, and to nobody else.

mod args;
mod changes;
mod cmd;
mod config;
mod failure;
mod flag;
mod manifest;
mod noun;
mod progress;
mod quantity;
mod render;
mod session;
mod settings;

use std::process::ExitCode;

use clap::Parser as _;

use crate::args::Args;
use crate::failure::Failure;

fn main() -> ExitCode {
    // Where the kernel does not let it, there is nothing that whoever typed this could do.
    let _ = trunkline_netmaster_api::keep_memory_private();
    match run(Args::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        // Whoever read our output had enough of it.
        Err(failure) if failure.is_closed_pipe() => ExitCode::SUCCESS,
        Err(failure) => {
            // What was found has been printed.
            if !failure.is_told() {
                render::complain(&failure);
            }
            failure.exit_code()
        }
    }
}

fn run(args: Args) -> Result<(), Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(Failure::Output)?;
    runtime.block_on(cmd::run(args))
}
