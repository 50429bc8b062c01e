//! The lab's native half: the control plane on real stores, through crashes of anything.
//!
//! It sees netmaster only through its executable and its API. All it starts listens on loopback,
//! keeps its data below one directory, and has ended when it ends.

#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a command line tool: its output is its product"
)]

mod benches;
mod cli;
mod harness;
mod history;
mod scenarios;

use std::process::ExitCode;

use clap::Parser;

fn main() -> ExitCode {
    match cli::Cli::parse().run() {
        Ok(code) => code,
        Err(error) => {
            eprintln!("control: {error:#}");
            ExitCode::FAILURE
        }
    }
}
