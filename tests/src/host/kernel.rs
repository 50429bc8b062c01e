//! The distribution's kernel for virtual machines: downloaded and unpacked, never installed.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, bail, ensure};

use super::setup::{apt_get, update_lists};

/// The packages that always depend on the newest kernel: Debian's, then Ubuntu's.
const LATEST: [&str; 2] = ["linux-image-cloud-amd64", "linux-image-virtual"];

/// An unpacked kernel with its modules.
#[derive(Debug)]
pub(super) struct Kernel {
    /// Laid out as a root directory: `boot/`, `lib/modules/`.
    tree: PathBuf,
    release: String,
}

impl Kernel {
    /// What `uname -r` says when it runs, for example `6.1.0-56-cloud-amd64`.
    pub(super) fn release(&self) -> &str {
        &self.release
    }

    /// The directory to hand to `modprobe -d`.
    pub(super) fn tree(&self) -> &Path {
        &self.tree
    }

    /// What boots.
    pub(super) fn image(&self) -> PathBuf {
        self.tree
            .join("boot")
            .join(format!("vmlinuz-{}", self.release))
    }

    /// Its modules.
    pub(super) fn modules(&self) -> PathBuf {
        self.tree.join("lib/modules").join(&self.release)
    }
}

/// The kernel that the package lists name, downloaded into `dir` unless it is there; or, where they name
/// none or it cannot be had, the newest that is there.
pub(super) fn fetch(dir: &Path) -> anyhow::Result<Kernel> {
    let kernels = dir.join("kernel");
    fs::create_dir_all(&kernels)
        .with_context(|| format!("cannot create `{}`", kernels.display()))?;
    if let Some(release) = latest()
        && let Some(kernel) = unpacked(&kernels, &release)
    {
        return Ok(kernel);
    }
    match download(&kernels) {
        Ok(kernel) => Ok(kernel),
        Err(error) => match newest(&kernels)? {
            Some(kernel) => {
                eprintln!(
                    "using kernel {} of an earlier run: {error:#}",
                    kernel.release
                );
                Ok(kernel)
            }
            None => Err(error),
        },
    }
}

fn unpacked(kernels: &Path, release: &str) -> Option<Kernel> {
    let tree = kernels.join(release);
    tree.is_dir().then(|| Kernel {
        tree,
        release: release.to_owned(),
    })
}

fn newest(kernels: &Path) -> anyhow::Result<Option<Kernel>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(kernels).context("cannot list the downloaded kernels")? {
        let entry = entry.context("cannot list the downloaded kernels")?;
        let unpacked_at = entry.metadata()?.modified()?;
        if let Ok(release) = entry.file_name().into_string()
            && !release.ends_with(PARTIAL)
        {
            found.push((unpacked_at, release));
        }
    }
    let newest = found.into_iter().max();
    Ok(newest.and_then(|(_, release)| unpacked(kernels, &release)))
}

/// Release of the newest kernel in the package lists.
fn latest() -> Option<String> {
    LATEST.iter().find_map(|package| {
        let output = Command::new("apt-cache")
            .args(["depends", package])
            .output()
            .ok()?;
        release_in(&String::from_utf8_lossy(&output.stdout))
    })
}

/// Finds the kernel's release in what `apt-cache depends` prints.
fn release_in(depends: &str) -> Option<String> {
    depends
        .lines()
        .filter_map(|line| line.trim().strip_prefix("Depends: linux-image-"))
        .find(|release| release.starts_with(|first: char| first.is_ascii_digit()))
        .map(str::to_owned)
}

const PARTIAL: &str = ".partial";

fn download(kernels: &Path) -> anyhow::Result<Kernel> {
    // Lists that are missing, or so old that the mirror has moved on, are fetched once.
    if let Some(release) = latest()
        && let Ok(kernel) = unpack(kernels, &release)
    {
        return Ok(kernel);
    }
    update_lists()?;
    let Some(release) = latest() else {
        bail!(
            "no package of {LATEST:?} is known here; the lab runs on Debian or Ubuntu, on x86-64"
        );
    };
    unpack(kernels, &release)
}

/// Downloads and unpacks one release under a name that only a complete tree gets.
fn unpack(kernels: &Path, release: &str) -> anyhow::Result<Kernel> {
    eprintln!("downloading kernel {release}");
    let partial = kernels.join(format!("{release}{PARTIAL}"));
    if partial.exists() {
        fs::remove_dir_all(&partial).context("cannot remove a half-unpacked kernel")?;
    }
    fs::create_dir(&partial).context("cannot create the kernel's directory")?;
    let mut packages = vec![format!("linux-image-{release}")];
    // Ubuntu has the modules in a package of their own.
    if release.ends_with("-generic") {
        packages.push(format!("linux-modules-{release}"));
    }
    let status = apt_get()
        .arg("download")
        .args(&packages)
        .current_dir(&partial)
        .status()
        .context("cannot run `apt-get download`")?;
    ensure!(
        status.success(),
        "`apt-get download {}` failed",
        packages.join(" ")
    );
    for entry in fs::read_dir(&partial).context("cannot list what was downloaded")? {
        let archive = entry?.path();
        if archive
            .extension()
            .is_some_and(|extension| extension == "deb")
        {
            succeed(Command::new("dpkg").arg("-x").arg(&archive).arg(&partial))?;
            fs::remove_file(&archive)
                .with_context(|| format!("cannot remove `{}`", archive.display()))?;
        }
    }
    unite_lib_dirs(&partial)?;
    succeed(Command::new("depmod").arg("-b").arg(&partial).arg(release))?;
    let tree = kernels.join(release);
    fs::rename(&partial, &tree)
        .with_context(|| format!("cannot move the kernel to `{}`", tree.display()))?;
    Ok(Kernel {
        tree,
        release: release.to_owned(),
    })
}

/// Makes `lib` and `usr/lib` the same: packages and kmod disagree, by version, on which has the modules.
fn unite_lib_dirs(tree: &Path) -> anyhow::Result<()> {
    let (link, points_to) = if tree.join("lib/modules").exists() {
        (tree.join("usr/lib"), "../lib")
    } else {
        (tree.join("lib"), "usr/lib")
    };
    if !link.exists() {
        fs::create_dir_all(tree.join("usr")).context("cannot create the kernel's `usr`")?;
        symlink(points_to, &link).with_context(|| format!("cannot link `{}`", link.display()))?;
    }
    Ok(())
}

fn succeed(command: &mut Command) -> anyhow::Result<()> {
    let status = command
        .status()
        .with_context(|| format!("cannot run {:?}", command.get_program()))?;
    ensure!(status.success(), "{command:?} failed");
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_release_is_that_of_the_versioned_image() {
        let depends = "linux-image-cloud-amd64\n  Depends: linux-image-6.1.0-56-cloud-amd64\n";

        assert_eq!(release_in(depends).as_deref(), Some("6.1.0-56-cloud-amd64"));
    }

    #[test]
    fn a_package_without_a_versioned_image_has_no_release() {
        let depends = "linux-image-virtual\n  Depends: linux-image-generic\n";

        assert_eq!(release_in(depends), None);
    }
}
