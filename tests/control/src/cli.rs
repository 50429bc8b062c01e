//! The command line, as `lab` uses it.

use std::future::Future;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::Context as _;
use clap::{Args, Parser, Subcommand};
use serde_json::json;
use tokio::signal::unix::{SignalKind, signal};

use crate::{benches, scenarios};

/// Run the control plane on real stores, through crashes of anything
///
/// `cargo lab test` and `cargo lab bench` call this; it can be called by hand as well. Everything it
/// starts listens on loopback and has ended when it ends.
#[derive(Debug, Parser)]
#[command(name = "control", version)]
pub struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Print the names of all scenarios and benches, as JSON
    List,
    /// Run the scenarios, or those that match
    Test {
        /// Run only scenarios whose name contains this text, or the whole group of this name
        filter: Option<String>,
        /// Take longer than a CI run has, for example 2,000 kills a store
        #[arg(long)]
        long: bool,
        /// Draw every choice from this seed; without it one is drawn and printed
        #[arg(long, value_name = "N")]
        seed: Option<u64>,
        #[command(flatten)]
        places: Places,
    },
    /// Measure ours and another side by side
    Bench {
        /// Which benches to run
        #[arg(required = true)]
        names: Vec<String>,
        /// Print one JSON object a line in place of the table
        #[arg(long)]
        json: bool,
        /// Interleaved pairs to measure; the result is their median
        #[arg(long, value_name = "N", default_value_t = 9, value_parser = clap::value_parser!(u32).range(9..))]
        pairs: u32,
        #[command(flatten)]
        places: Places,
    },
}

/// Where things are and go.
#[derive(Clone, Debug, Args)]
pub struct Places {
    /// netmaster's executable; without it, the one beside this executable
    #[arg(long, value_name = "FILE")]
    netmaster: Option<PathBuf>,
    /// Where each scenario gets a directory, which stays if the scenario fails
    #[arg(long, value_name = "DIRECTORY", default_value = "target/lab")]
    pub dir: PathBuf,
    /// Where to write how the scenarios went, as JSON
    #[arg(long, value_name = "FILE")]
    pub results: Option<PathBuf>,
}

impl Places {
    /// netmaster's executable.
    ///
    /// # Errors
    ///
    /// It is not there.
    pub fn executable(&self) -> anyhow::Result<PathBuf> {
        let path = match &self.netmaster {
            Some(path) => path.clone(),
            None => std::env::current_exe()
                .context("cannot tell where this executable is")?
                .with_file_name("netmaster"),
        };
        path.canonicalize().with_context(|| {
            format!(
                "`{}` is not there: build it with `cargo build --package trunkline-netmaster` and the \
                 profile of this executable, or name another with `--netmaster`",
                path.display()
            )
        })
    }
}

impl Cli {
    /// Carries out what was asked.
    ///
    /// # Errors
    ///
    /// It cannot be carried out. A scenario that fails is no error: it is in the exit code.
    pub fn run(self) -> anyhow::Result<ExitCode> {
        match self.command {
            Command::List => {
                let scenarios: Vec<_> = scenarios::names()
                    .map(|(group, name)| json!({"group": group, "name": name}))
                    .collect();
                let benches: Vec<_> = benches::names().collect();
                println!("{}", json!({"scenarios": scenarios, "benches": benches}));
                Ok(ExitCode::SUCCESS)
            }
            Command::Test {
                filter,
                long,
                seed,
                places,
            } => until_interrupted(scenarios::run(
                filter.as_deref().unwrap_or_default(),
                long,
                seed.unwrap_or_else(|| fastrand::u64(..)),
                &places,
            )),
            Command::Bench {
                names,
                json,
                pairs,
                places,
            } => until_interrupted(benches::run(&names, pairs, json, &places)),
        }
    }
}

/// Carries out `work`; a signal ends it, and with it every process that it started.
fn until_interrupted(
    work: impl Future<Output = anyhow::Result<ExitCode>>,
) -> anyhow::Result<ExitCode> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .context("cannot start the runtime")?;
    let result = runtime.block_on(async {
        let mut interrupt = signal(SignalKind::interrupt())?;
        let mut terminate = signal(SignalKind::terminate())?;
        // Dropping the work kills what it started; signals are received once.
        tokio::select! {
            result = work => result,
            _ = interrupt.recv() => anyhow::bail!("interrupted by SIGINT"),
            _ = terminate.recv() => anyhow::bail!("interrupted by SIGTERM"),
        }
    });
    // What still runs in the background has nothing left to do.
    runtime.shutdown_timeout(Duration::from_secs(1));
    result
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }
}
