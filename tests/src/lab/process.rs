//! Long-running processes of the lab.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::time::Duration;

use anyhow::Context;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use super::command::Invocation;
use super::wait::wait_until;

/// How long a process may take to end when asked to.
const STOP_DEADLINE: Duration = Duration::from_secs(10);

/// A running process with its log; killed when dropped.
#[derive(Debug)]
pub struct Process {
    name: String,
    log: PathBuf,
    /// How long the log was already when this process started, in bytes.
    log_start: usize,
    child: Child,
}

impl Process {
    /// Starts `invocation` with its output appended to `<dir>/<name>.log`.
    ///
    /// # Errors
    ///
    /// The log cannot be opened or the process not started.
    pub fn start(name: &str, dir: &Path, invocation: Invocation) -> anyhow::Result<Self> {
        let log = dir.join(format!("{name}.log"));
        let file = File::options()
            .create(true)
            .append(true)
            .open(&log)
            .with_context(|| format!("can't open {}", log.display()))?;
        let log_start = usize::try_from(file.metadata()?.len())?;
        let child = invocation.spawn(Stdio::null(), file.try_clone()?.into(), file.into())?;
        Ok(Self {
            name: name.to_owned(),
            log,
            log_start,
            child,
        })
    }

    /// What it logged; not what one of the same name did before it.
    pub fn log(&self) -> String {
        let log = std::fs::read(&self.log).unwrap_or_default();
        let own = log.get(self.log_start..).unwrap_or_default();
        String::from_utf8_lossy(own).into_owned()
    }

    /// Fails with the end of its log if it is no longer running.
    ///
    /// # Errors
    ///
    /// It ended.
    pub fn check_running(&mut self) -> anyhow::Result<()> {
        match self.child.try_wait()? {
            None => Ok(()),
            Some(status) => {
                let log = self.log();
                let lines: Vec<_> = log.lines().rev().take(5).collect();
                let tail: Vec<_> = lines.into_iter().rev().collect();
                anyhow::bail!("{} ended with {status}: {}", self.name, tail.join("\n"))
            }
        }
    }

    /// Ends it with SIGKILL, as a crash would.
    ///
    /// # Errors
    ///
    /// The kernel refuses.
    pub fn kill(mut self) -> anyhow::Result<()> {
        self.child.kill()?;
        self.child.wait()?;
        Ok(())
    }

    /// Asks it to end with SIGTERM and waits until it has.
    ///
    /// # Errors
    ///
    /// It is not gone by the deadline.
    pub fn stop(mut self) -> anyhow::Result<()> {
        kill(
            Pid::from_raw(i32::try_from(self.child.id())?),
            Signal::SIGTERM,
        )?;
        let what = format!("{} to end", self.name);
        wait_until(&what, STOP_DEADLINE, || match self.child.try_wait() {
            Ok(Some(_)) => Ok(()),
            Ok(None) => Err("still running".to_owned()),
            Err(error) => Err(error.to_string()),
        })
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // Ended already, or about to.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
