//! `netctl man`

use std::fs;
use std::path::PathBuf;

use clap::{Args as ClapArgs, CommandFactory as _};

use crate::args::Args;
use crate::failure::Failure;

/// Write the manual pages, one per command
#[derive(ClapArgs)]
#[command(after_help = "Example:\n  netctl man /usr/local/share/man/man1")]
pub(crate) struct Man {
    /// Where to; is made if it is not there
    directory: PathBuf,
}

impl Man {
    pub(crate) fn run(self) -> Result<(), Failure> {
        let failed = |error| Failure::File(self.directory.clone(), error);
        fs::create_dir_all(&self.directory).map_err(failed)?;
        // `help` would have a page for every page.
        let command = Args::command().disable_help_subcommand(true);
        clap_mangen::generate_to(command, &self.directory).map_err(failed)
    }
}
