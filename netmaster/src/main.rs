//! The `netmaster` executable.

use std::io::Write as _;
use std::process::ExitCode;

use clap::Parser as _;
use trunkline_netmaster::{Args, Command, serve, start_log};
use trunkline_types::chain;

#[tokio::main]
async fn main() -> ExitCode {
    let Command::Serve(args) = Args::parse().command;
    let outcome = async {
        start_log()?;
        serve(args.config()?).await?;
        anyhow::Ok(())
    };
    match outcome.await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // Nothing is left to do if nobody reads it.
            let _ = writeln!(std::io::stderr(), "netmaster: {}", chain(error.as_ref()));
            ExitCode::FAILURE
        }
    }
}
