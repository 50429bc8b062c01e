//! Where things are: asked of cargo once, so that a moved target directory is honoured.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, ensure};
use serde::Deserialize;

/// The directories of this checkout.
#[derive(Debug)]
pub(super) struct Workspace {
    root: PathBuf,
    target: PathBuf,
    /// This executable. Found before anything is built: a build may replace it while it runs, and then
    /// the kernel no longer tells its path.
    executable: PathBuf,
    profile: Profile,
}

/// How the executables that the lab runs are built: a profile of cargo.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Profile {
    /// Optimised, and built soon: for all that shows behaviour.
    Quick,
    /// As they are shipped: for benches.
    Release,
}

impl Profile {
    /// Its name for cargo, and that of its directory.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Quick => "quick",
            Self::Release => "release",
        }
    }
}

#[derive(Deserialize)]
struct Metadata {
    workspace_root: PathBuf,
    target_directory: PathBuf,
}

impl Workspace {
    /// Asks cargo about the workspace of the current directory, whose executables are built as
    /// `profile` says.
    pub(super) fn find(profile: Profile) -> anyhow::Result<Self> {
        let executable = std::env::current_exe().context("cannot tell this executable's path")?;
        let output = Command::new(cargo())
            .args([
                "metadata",
                "--no-deps",
                "--offline",
                "--format-version",
                "1",
            ])
            .output()
            .context("cannot run `cargo metadata`")?;
        ensure!(
            output.status.success(),
            "`cargo metadata` failed: {}",
            String::from_utf8_lossy(&output.stderr).trim()
        );
        let metadata: Metadata = serde_json::from_slice(&output.stdout)
            .context("cannot read the answer of `cargo metadata`")?;
        let found = Self {
            root: metadata.workspace_root,
            target: metadata.target_directory,
            executable,
            profile,
        };
        fs::create_dir_all(found.machine_dir())
            .with_context(|| format!("cannot create `{}`", found.machine_dir().display()))?;
        Ok(found)
    }

    /// The root of the checkout.
    pub(super) fn root(&self) -> &Path {
        &self.root
    }

    /// cargo's target directory.
    pub(super) fn target(&self) -> &Path {
        &self.target
    }

    /// How the executables are built.
    pub(super) fn profile(&self) -> Profile {
        self.profile
    }

    /// Where the executables are built.
    pub(super) fn executables(&self) -> PathBuf {
        self.target.join(self.profile.name())
    }

    /// This executable.
    pub(super) fn executable(&self) -> &Path {
        &self.executable
    }

    /// The one directory that the guest can write to.
    pub(super) fn lab_dir(&self) -> PathBuf {
        self.target.join("lab")
    }

    /// The virtual machine's own files: kernel, initramfs, logs.
    pub(super) fn machine_dir(&self) -> PathBuf {
        self.lab_dir().join("vm")
    }

    /// Where the steps outside the virtual machine leave their output.
    pub(super) fn log_dir(&self) -> PathBuf {
        self.lab_dir().join("check")
    }

    /// `cargo`, to be run at the root of the checkout, as if from a shell.
    pub(super) fn cargo(&self) -> Command {
        let mut command = Command::new(cargo());
        command.current_dir(&self.root);
        // What `cargo run` tells this executable of itself; build scripts would run again for it.
        for (name, _) in std::env::vars_os() {
            let text = name.to_string_lossy();
            if text.starts_with("CARGO_PKG_") || text.starts_with("CARGO_MANIFEST_") {
                command.env_remove(&name);
            }
        }
        command
    }
}

/// The cargo that started us, so that a toolchain given as `cargo +name lab` is kept.
fn cargo() -> OsString {
    std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into())
}
