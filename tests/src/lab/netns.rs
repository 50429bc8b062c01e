//! Network namespaces, by name.

use std::fs::File;
use std::path::PathBuf;

use anyhow::Context;
use nix::sched::{CloneFlags, setns};

use super::command::Invocation;
use super::wait::joined;

/// A named network namespace; deleted when dropped.
#[derive(Debug)]
pub struct Netns {
    name: String,
}

impl Netns {
    /// Creates the namespace, with its loopback up.
    ///
    /// # Errors
    ///
    /// What `ip` says, for one if the name is taken.
    pub fn create(name: &str) -> anyhow::Result<Self> {
        Invocation::new("ip")
            .args(["netns", "add", name])
            .succeed()?;
        let netns = Self {
            name: name.to_owned(),
        };
        netns.ip("link set lo up")?;
        Ok(netns)
    }

    /// The namespace's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The file that holds the namespace.
    pub fn path(&self) -> PathBuf {
        PathBuf::from("/run/netns").join(&self.name)
    }

    /// A command that will run in the namespace.
    pub fn command(&self, program: &str) -> Invocation {
        Invocation::new(program).in_netns(&self.path())
    }

    /// Runs the lines of `script` as `ip` commands in the namespace.
    ///
    /// # Errors
    ///
    /// What `ip` says.
    pub fn ip(&self, script: &str) -> anyhow::Result<()> {
        Invocation::new("ip")
            .args(["-n", &self.name, "-batch", "-"])
            .stdin(script)
            .succeed()?;
        Ok(())
    }

    /// Runs `work` on a thread of its own inside the namespace.
    ///
    /// # Errors
    ///
    /// The namespace cannot be entered, or what `work` returns.
    pub fn run<T: Send>(
        &self,
        work: impl FnOnce() -> anyhow::Result<T> + Send,
    ) -> anyhow::Result<T> {
        enter_and_run(&self.path(), work)
    }
}

impl Drop for Netns {
    fn drop(&mut self) {
        // The machine is thrown away after the run; what counts is that the next lab can use the
        // name, and creating it would say if not.
        let _ = Invocation::new("ip")
            .args(["netns", "del", &self.name])
            .run();
    }
}

/// Runs `work` on a thread of its own inside the namespace at `path`.
///
/// # Errors
///
/// The namespace cannot be entered, or what `work` returns.
pub fn enter_and_run<T: Send>(
    path: &std::path::Path,
    work: impl FnOnce() -> anyhow::Result<T> + Send,
) -> anyhow::Result<T> {
    let file =
        File::open(path).with_context(|| format!("no network namespace {}", path.display()))?;
    std::thread::scope(|scope| {
        joined(scope.spawn(|| {
            setns(&file, CloneFlags::CLONE_NEWNET).context("can't enter the network namespace")?;
            work()
        }))
    })
}
