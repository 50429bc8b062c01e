//! The command line: what can be asked of the lab, and which half answers.

use std::fs::File;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context;
use clap::{Parser, Subcommand};
use serde::{Deserialize, Serialize};

use crate::{guest, host};

/// Run Trunkline on real components, in a virtual machine that leaves this one as it was.
///
/// Open vSwitch, VLANs, the top-of-rack switch and the pods all live in a small virtual machine with
/// Debian's stock kernel. It sees this machine's files but writes only to `target/lab`. What is missing
/// to run it is installed on Debian and Ubuntu when you are root; elsewhere the lab says what to install.
#[derive(Debug, Parser)]
#[command(name = "cargo lab", bin_name = "cargo lab", version)]
pub struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    #[command(flatten)]
    InMachine(GuestCommand),
    /// Check formatting, lints, unit tests and dependency rules
    ///
    /// Needs no virtual machine. Runs every step even when one fails, and keeps each step's output in
    /// `target/lab/check/`.
    Check,
    /// Install what the lab needs, and nothing else
    ///
    /// `demo`, `test`, `shell` and `bench` do this by themselves; use it to prepare a machine before it
    /// goes offline.
    Setup,
    /// The half that runs inside the virtual machine
    #[command(hide = true)]
    Guest {
        /// JSON file with the [`GuestCommand`] to carry out
        command: PathBuf,
    },
}

/// What is carried out inside the virtual machine; of tests and benches, those of the node. Those
/// of the control plane need no virtual machine.
#[derive(Debug, Clone, PartialEq, Eq, Subcommand, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum GuestCommand {
    /// Show the main job: four pods with real addresses on two VLANs
    ///
    /// Builds one rack with two nodes and a plain host beside them, attaches four pods through the CNI
    /// executable, proves with real packets that they reach whom they should, and takes all away again.
    Demo {
        /// Leave a shell in the running lab, with a hint of things to try
        #[arg(long)]
        keep: bool,
    },
    /// Run every check and every scenario; or, with FILTER, the scenarios that match
    ///
    /// Without FILTER this is what CI runs: build, checks, all scenarios, time budgets and the coverage
    /// pages; the last line counts what passed and failed. What a failed scenario left behind is in
    /// `target/lab/<scenario>/`; with LAB_KEEP=1 in the environment it opens a shell in place.
    Test {
        /// Run only scenarios whose name contains this text, for example `vlan::`, or the whole group
        /// of this name, for example `skeleton`
        filter: Option<String>,
        /// Also run what takes longer than a CI run has
        #[arg(long)]
        long: bool,
        /// Repeat a run that drew its choices from this seed; without it one is drawn and printed
        #[arg(long, value_name = "N")]
        seed: Option<u64>,
    },
    /// End with CODE, or without it never: how the lab tests its own machine
    #[command(hide = true)]
    Rehearse {
        /// The exit code to end with
        code: Option<u8>,
    },
    /// Open a shell in the virtual machine
    ///
    /// With the built executables, Open vSwitch and everything of this machine in place, and nothing
    /// running. Ctrl-] ends the machine.
    Shell,
    /// Measure ours and another side by side, for example `cargo lab bench add`
    ///
    /// `add` runs in the virtual machine; `alloc`, `restart` and `watch` run on this machine, on
    /// loopback and below `target/lab`.
    Bench {
        /// Which benches to run
        #[arg(required = true, value_name = "NAME")]
        names: Vec<String>,
        /// Print one JSON object a line in place of the table
        #[arg(long)]
        json: bool,
        /// Interleaved pairs to measure; the result is their median
        #[arg(long, value_name = "N", default_value_t = 9, value_parser = clap::value_parser!(u32).range(9..))]
        pairs: u32,
    },
}

impl Cli {
    /// Carries out what was asked.
    pub fn run(self) -> anyhow::Result<ExitCode> {
        match self.command {
            Command::InMachine(command) => host::run(&command),
            Command::Check => host::check(),
            Command::Setup => host::setup(),
            Command::Guest { command } => {
                let file = File::open(&command)
                    .with_context(|| format!("cannot open `{}`", command.display()))?;
                let command = serde_json::from_reader(file)
                    .with_context(|| format!("`{}` holds no command", command.display()))?;
                guest::run(&command)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn a_guest_command_survives_its_way_into_the_machine() {
        let command = GuestCommand::Test {
            filter: Some("vlan::".into()),
            long: true,
            seed: Some(7),
        };

        let json = serde_json::to_string(&command).unwrap();

        assert_eq!(
            serde_json::from_str::<GuestCommand>(&json).unwrap(),
            command
        );
    }
}
