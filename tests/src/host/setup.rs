//! Finds what is missing on this machine and installs it, or says what to install.

use std::fs::{self, OpenOptions};
use std::io::{ErrorKind, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, bail, ensure};

use super::interrupts::Interrupts;
use super::packages::{Need, PIECES, Piece, VIRTIOFSD};

/// Makes sure that every piece that is needed is on this machine, and that we may use it: for all
/// of the lab, or for its native half alone.
pub(super) fn ensure_for(machine: bool) -> anyhow::Result<()> {
    install_missing(|piece| machine || piece.needed != Need::Machine)?;
    // Sharing the root file system as every user means serving files as every user; and the native
    // half mounts a small disk, to fill it.
    ensure!(
        nix::unistd::geteuid().is_root(),
        "the lab shares this machine's root file system with its virtual machine, and mounts disks \
         of its own, which takes root; run it as root"
    );
    Ok(())
}

/// Makes sure that what builds need and what the unit tests start is on this machine; they need no
/// root.
pub(super) fn ensure_for_check() -> anyhow::Result<()> {
    install_missing(|piece| piece.needed != Need::Machine)
}

fn install_missing(wanted: impl Fn(&Piece) -> bool) -> anyhow::Result<()> {
    let missing = || -> Vec<&'static Piece> {
        let wanted = PIECES.iter().filter(|piece| wanted(piece));
        wanted.filter(|piece| piece.find().is_none()).collect()
    };
    let before = missing();
    if before.is_empty() {
        return Ok(());
    }
    install(&before)?;
    let still: Vec<_> = missing().iter().map(|piece| piece.name).collect();
    ensure!(
        still.is_empty(),
        "{} installed, yet still missing: {}",
        packages(&before).join(" "),
        still.join(", ")
    );
    Ok(())
}

fn install(missing: &[&Piece]) -> anyhow::Result<()> {
    let names: Vec<_> = missing.iter().map(|piece| piece.name).collect();
    eprintln!("the lab lacks {}", names.join(", "));
    if !nix::unistd::geteuid().is_root() || !has_apt() {
        bail!(advice(&packages(missing)));
    }
    update_lists()?;
    let packages = packages(missing);
    eprintln!("installing {}", packages.join(" "));
    let interrupts = Interrupts::take()?;
    let at_rest = ServicesAtRest::keep(Path::new(POLICY))?;
    let status = apt_get()
        .args(["install", "-y", "--no-install-recommends"])
        .args(&packages)
        .status()
        .context("cannot run `apt-get install`")?;
    drop(at_rest);
    drop(interrupts);
    ensure!(
        status.success(),
        "`apt-get install {}` failed",
        packages.join(" ")
    );
    Ok(())
}

/// For those whose machine we cannot or may not change.
fn advice(packages: &[&str]) -> String {
    format!(
        "install these packages (their names on Debian and Ubuntu) and try again: {}",
        packages.join(" ")
    )
}

fn packages(missing: &[&Piece]) -> Vec<&'static str> {
    let mut packages: Vec<_> = missing.iter().map(|piece| package(piece)).collect();
    packages.sort_unstable();
    packages.dedup();
    packages
}

fn package(piece: &Piece) -> &'static str {
    let split = piece.name == VIRTIOFSD.name && !is_known(VIRTIOFSD.package);
    if split {
        "qemu-system-common"
    } else {
        piece.package
    }
}

fn is_known(package: &str) -> bool {
    Command::new("apt-cache")
        .args(["show", package])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success())
}

fn has_apt() -> bool {
    Path::new("/usr/bin/apt-get").exists()
}

/// Fetches the package lists.
pub(super) fn update_lists() -> anyhow::Result<()> {
    let status = apt_get()
        .arg("update")
        .status()
        .context("cannot run `apt-get update`")?;
    ensure!(status.success(), "`apt-get update` failed");
    Ok(())
}

/// `apt-get`, quiet and with no questions. Its output goes where progress goes, so that a bench's JSON
/// stays clean.
pub(super) fn apt_get() -> Command {
    let mut command = Command::new("apt-get");
    command
        .env("DEBIAN_FRONTEND", "noninteractive")
        .arg("--quiet=2")
        // The download is written as root into a directory of ours, which the user `_apt` cannot enter.
        .args(["-o", "APT::Sandbox::User=root"])
        .args(["-o", "Dpkg::Use-Pty=0"])
        .stdin(Stdio::null())
        .stdout(std::io::stderr());
    command
}

/// What Debian's `invoke-rc.d` asks before it starts a service.
const POLICY: &str = "/usr/sbin/policy-rc.d";

/// While this lives, no package that is installed may start its services: the host must not come to run
/// an Open vSwitch because the lab wants the executables.
struct ServicesAtRest {
    /// None where the machine has a policy of its own; that one stays in force.
    policy: Option<PathBuf>,
}

impl ServicesAtRest {
    fn keep(policy: &Path) -> anyhow::Result<Self> {
        let created = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o755)
            .open(policy);
        match created {
            Ok(mut file) => {
                let at_rest = Self {
                    policy: Some(policy.to_owned()),
                };
                // 101: "action forbidden by policy".
                file.write_all(b"#!/bin/sh\nexit 101\n")
                    .with_context(|| format!("cannot write `{}`", policy.display()))?;
                Ok(at_rest)
            }
            Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(Self { policy: None }),
            Err(error) => {
                Err(error).with_context(|| format!("cannot create `{}`", policy.display()))
            }
        }
    }
}

impl Drop for ServicesAtRest {
    fn drop(&mut self) {
        if let Some(policy) = &self.policy
            && let Err(error) = fs::remove_file(policy)
        {
            eprintln!(
                "cannot remove `{}`: {error}; remove it by hand",
                policy.display()
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn policy(name: &str) -> PathBuf {
        std::env::temp_dir().join(format!("trunkline-{name}-{}", std::process::id()))
    }

    #[test]
    fn everything_missing_is_named_once_in_the_advice() {
        let missing: Vec<_> = PIECES.iter().collect();

        let advice = advice(&packages(&missing));

        assert_eq!(advice.matches("openvswitch-switch").count(), 1, "{advice}");
        for package in ["qemu-system-x86", "busybox-static", "kmod", "tcpdump"] {
            assert!(advice.contains(package), "{advice}");
        }
    }

    #[test]
    fn our_policy_is_gone_once_packages_are_installed() {
        let path = policy("ours");

        let at_rest = ServicesAtRest::keep(&path).unwrap();

        assert!(path.exists());
        drop(at_rest);
        assert!(!path.exists());
    }

    #[test]
    fn a_policy_that_was_there_stays_as_it_was() {
        let path = policy("theirs");
        fs::write(&path, "theirs").unwrap();

        drop(ServicesAtRest::keep(&path).unwrap());

        assert_eq!(fs::read_to_string(&path).unwrap(), "theirs");
        fs::remove_file(&path).unwrap();
    }
}
