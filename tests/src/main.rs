//! The lab: runs Trunkline on real components, in a virtual machine of its own.
//!
//! One executable with two halves. Outside the machine (`host`) it installs what is missing, builds,
//! boots the machine and reports; inside (`guest`) it builds topologies and runs what was asked for.

#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a command line tool: its output is its product"
)]

mod benches;
mod cli;
mod demo;
mod guest;
mod host;
mod lab;
mod scenarios;

use std::process::ExitCode;

use clap::Parser;

fn main() -> ExitCode {
    match cli::Cli::parse().run() {
        Ok(code) => code,
        Err(error) => {
            eprintln!("lab: {error:#}");
            ExitCode::FAILURE
        }
    }
}
