//! The `netmaster` executable.

use std::io::Write as _;
use std::process::ExitCode;

use clap::Parser as _;
use trunkline_netmaster::{Args, Command, backup, certs, restore, serve, start_log};
use trunkline_netmaster_api::keep_memory_private;
use trunkline_types::chain;

/// A start frees as much as it keeps, on other threads than it was taken on. With glibc's allocator
/// that takes nearly twice the time, and some memory more.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

#[tokio::main]
async fn main() -> ExitCode {
    match run(Args::parse().command).await {
        // Nobody has to read what was done.
        Ok(summary) => {
            let _ = std::io::stdout().write_all(summary.as_bytes());
            ExitCode::SUCCESS
        }
        Err(error) => {
            // Nothing is left to do if nobody reads it.
            let _ = writeln!(std::io::stderr(), "netmaster: {}", chain(error.as_ref()));
            ExitCode::FAILURE
        }
    }
}

/// Does what is asked, and answers what there is to say about it.
async fn run(command: Command) -> anyhow::Result<String> {
    start_log()?;
    if let Err(error) = keep_memory_private() {
        tracing::warn!(
            error = chain(&error),
            "a core of this process would hold its secrets"
        );
    }
    match command {
        Command::Serve(args) => {
            serve(args.config()?).await?;
            Ok(String::new())
        }
        Command::Backup(args) => Ok(backup(args).await? + "\n"),
        Command::Certs(args) => Ok(certs(args)? + "\n"),
        Command::Restore(args) => Ok(restore(args).await? + "\n"),
    }
}
