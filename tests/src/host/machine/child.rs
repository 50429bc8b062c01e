//! A child process that does not outlive us.

use std::ffi::OsStr;
use std::os::unix::process::CommandExt;
use std::process::{self, ChildStdin, ChildStdout, Command, ExitStatus};

use anyhow::Context;

/// A child that is killed and reaped when this is dropped.
pub(super) struct Child(process::Child);

/// `program` such that the kernel kills it should we be killed, and that Ctrl-C does not reach it: we
/// are the one to end it.
pub(super) fn command(program: impl AsRef<OsStr>) -> Command {
    let mut command = Command::new("setpriv");
    command.args(["--pdeathsig", "KILL", "--"]).arg(program);
    command.process_group(0);
    command
}

impl Child {
    /// Starts `command`.
    pub(super) fn spawn(command: &mut Command) -> anyhow::Result<Self> {
        let child = command
            .spawn()
            .with_context(|| format!("cannot run {command:?}"))?;
        Ok(Self(child))
    }

    /// Its status, once it has ended.
    pub(super) fn ended(&mut self) -> anyhow::Result<Option<ExitStatus>> {
        self.0.try_wait().context("cannot wait for a child process")
    }

    /// Kills it, unless it has ended, and waits until it is gone.
    pub(super) fn end(&mut self) {
        // Both fail only for a child that has been waited for, which is what we want.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }

    /// The pipe into it.
    pub(super) fn take_stdin(&mut self) -> anyhow::Result<ChildStdin> {
        self.0
            .stdin
            .take()
            .context("the child has no pipe to its input")
    }

    /// The pipe out of it.
    pub(super) fn take_stdout(&mut self) -> anyhow::Result<ChildStdout> {
        self.0
            .stdout
            .take()
            .context("the child has no pipe from its output")
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        self.end();
    }
}
