//! A small disk of its own, to be filled: a tmpfs in a mount namespace that nobody else sees.

use std::fs::File;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::Context as _;

use super::process::{Process, command};
use super::wait::wait_until;

/// What takes the room.
const FILLER: &str = "filler";

/// The disk. It is gone when this is dropped and whoever uses it has ended.
#[derive(Debug)]
pub struct Disk {
    /// A process that does nothing but be in the namespace.
    keeper: Process,
    /// Where it is mounted, in the namespace.
    pub path: PathBuf,
}

impl Disk {
    /// A disk of `mib` MiB, mounted below `dir`.
    ///
    /// # Errors
    ///
    /// We are not root, or the kernel refuses.
    pub async fn mount(dir: &Path, mib: u32) -> anyhow::Result<Self> {
        let path = dir.join("disk");
        std::fs::create_dir_all(&path)?;
        let mut unshare = command("unshare");
        unshare
            .args(["--mount", "--propagation", "private", "sh", "-ec"])
            .arg("mount -t tmpfs -o size=\"$1\" tmpfs \"$0\"; echo mounted; exec sleep infinity")
            .arg(&path)
            .arg(format!("{mib}m"));
        let mut keeper = Process::start("disk", dir, unshare)?;
        wait_until("the disk to be mounted", Duration::from_secs(10), || {
            let mounted = keeper.output().contains("mounted");
            let seen = keeper.check_running().map_err(|error| error.to_string());
            async move {
                seen?;
                mounted.then_some(()).ok_or("not mounted".to_owned())
            }
        })
        .await?;
        Ok(Self { keeper, path })
    }

    /// `program`, to be run where the disk can be seen.
    pub fn command(&self, program: &Path) -> Command {
        let mut nsenter = command("nsenter");
        nsenter
            .arg(format!("--mount=/proc/{}/ns/mnt", self.keeper.id()))
            .arg("--")
            .arg(program);
        nsenter
    }

    /// Takes all room that is left, to the last byte.
    ///
    /// # Errors
    ///
    /// Writing fails for another reason than that the disk is full.
    pub fn fill(&self) -> anyhow::Result<()> {
        let mut filler = File::create(self.seen_from_here(FILLER)?)?;
        let block = vec![0; 4096];
        loop {
            match filler.write_all(&block) {
                Ok(()) => {}
                Err(error) if error.kind() == std::io::ErrorKind::StorageFull => return Ok(()),
                Err(error) => return Err(error).context("cannot fill the disk"),
            }
        }
    }

    /// Gives the room back.
    ///
    /// # Errors
    ///
    /// There was nothing to give back.
    pub fn free(&self) -> anyhow::Result<()> {
        std::fs::remove_file(self.seen_from_here(FILLER)?).context("cannot free the disk")
    }

    /// The namespace's files, seen from ours.
    fn seen_from_here(&self, name: &str) -> anyhow::Result<PathBuf> {
        let inside = self.path.canonicalize()?;
        let root = PathBuf::from(format!("/proc/{}/root", self.keeper.id()));
        Ok(root.join(inside.strip_prefix("/")?).join(name))
    }
}
