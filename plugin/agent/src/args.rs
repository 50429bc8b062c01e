//! The command line.

use std::path::PathBuf;

use clap::{Parser, Subcommand};

/// The node agent of Trunkline.
///
/// Runs once on each node. Logs go to standard error; TRUNKLINE_LOG sets the level (error, warn,
/// info, debug, trace), info if unset.
#[derive(Debug, Parser)]
#[command(name = "netplugin", version)]
pub struct Args {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// What the agent can be told to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Keep this node until told to stop (SIGTERM or SIGINT).
    ///
    /// Example: netplugin run --config /etc/trunkline/netplugin.json
    Run {
        /// The configuration, a JSON file.
        #[arg(long, value_name = "FILE")]
        config: PathBuf,
    },
}
