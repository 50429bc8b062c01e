//! Network namespaces, by name.

use std::fs::{self, File};
use std::path::{Path, PathBuf};

use anyhow::Context;
use nix::mount::{MntFlags, MsFlags, mount, umount2};
use nix::net::if_::if_nameindex;
use nix::sched::{CloneFlags, setns, unshare};

use super::command::Invocation;
use super::wait::joined;

/// Where named namespaces are, for `ip netns` and for CNI runtimes alike.
const DIR: &str = "/run/netns";

/// No source, file system or option, for a bind mount.
const NONE: Option<&Path> = None;

/// A named network namespace; deleted when dropped.
#[derive(Debug)]
pub struct Netns {
    name: String,
}

impl Netns {
    /// Creates the namespace, with its loopback down, as a container runtime does.
    ///
    /// Without a process: under emulation each takes a tenth of a second, and a lab has many
    /// namespaces.
    ///
    /// # Errors
    ///
    /// The name is taken, or the kernel refuses.
    pub fn create(name: &str) -> anyhow::Result<Self> {
        let path = Path::new(DIR).join(name);
        fs::create_dir_all(DIR)?;
        File::create_new(&path).with_context(|| format!("can't create {}", path.display()))?;
        let netns = Self {
            name: name.to_owned(),
        };
        std::thread::scope(|scope| {
            joined(scope.spawn(|| {
                unshare(CloneFlags::CLONE_NEWNET).context("can't make a network namespace")?;
                let own = Path::new("/proc/thread-self/ns/net");
                mount(Some(own), &path, NONE, MsFlags::MS_BIND, NONE)
                    .with_context(|| format!("can't mount {}", path.display()))
            }))
        })?;
        Ok(netns)
    }

    /// Creates the namespace of a machine, with its loopback up.
    ///
    /// # Errors
    ///
    /// As [`Netns::create`].
    pub fn create_machine(name: &str) -> anyhow::Result<Self> {
        let netns = Self::create(name)?;
        netns.ip("link set lo up")?;
        Ok(netns)
    }

    /// The namespace's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The file that holds the namespace.
    pub fn path(&self) -> PathBuf {
        Path::new(DIR).join(&self.name)
    }

    /// The names of the links in the namespace.
    ///
    /// # Errors
    ///
    /// The namespace cannot be entered.
    pub fn links(&self) -> anyhow::Result<Vec<String>> {
        self.run(|| {
            let links = if_nameindex().context("can't list links")?;
            let names = links
                .iter()
                .map(|link| link.name().to_string_lossy().into_owned());
            Ok(names.collect())
        })
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
        // name, and creating it would say if not. The kernel takes the namespace apart later.
        let _ = umount2(&self.path(), MntFlags::MNT_DETACH);
        let _ = fs::remove_file(self.path());
    }
}

/// Runs `work` on a thread of its own inside the namespace at `path`.
///
/// # Errors
///
/// The namespace cannot be entered, or what `work` returns.
pub fn enter_and_run<T: Send>(
    path: &Path,
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
