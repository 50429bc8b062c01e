//! Host directories in the guest, by virtiofs.

use std::fs::{self, File};
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use anyhow::Context;

use super::child::{self, Child};
use crate::host::packages::VIRTIOFSD;

/// A directory that virtiofsd serves to one virtual machine.
pub(super) struct Share {
    /// What the guest mounts.
    tag: &'static str,
    socket: PathBuf,
    /// Keeps `socket` a valid name.
    _socket_dir: File,
    _server: Child,
}

impl Share {
    /// Serves `source` under `tag`, over a socket in `socket_dir`.
    pub(super) fn serve(
        tag: &'static str,
        source: &Path,
        socket_dir: &Path,
        log: &File,
    ) -> anyhow::Result<Self> {
        let dir = File::open(socket_dir)
            .with_context(|| format!("cannot open `{}`", socket_dir.display()))?;
        let name = format!("{tag}.sock");
        // Left by a run that was killed, if it is there at all.
        let _ = fs::remove_file(socket_dir.join(&name));
        // A socket's path holds 107 bytes, and a target directory can be deeper than that: name it by way
        // of our own descriptor.
        let socket = PathBuf::from(format!(
            "/proc/{}/fd/{}/{name}",
            std::process::id(),
            dir.as_raw_fd()
        ));
        let listener = UnixListener::bind(&socket)
            .with_context(|| format!("cannot listen on `{name}` in `{}`", socket_dir.display()))?;
        let program = VIRTIOFSD.find().context("virtiofsd has gone")?;
        // Descriptor 0 is the listening socket: QEMU can connect at once, with no wait for virtiofsd, and
        // virtiofsd leaves no lock file in /run.
        let server = Child::spawn(
            child::command(program)
                .arg("--fd=0")
                .args(["-o", &format!("source={}", source.display())])
                .args([
                    "-o",
                    "cache=always",
                    "-o",
                    "sandbox=chroot",
                    "-o",
                    "log_level=warn",
                ])
                .stdin(OwnedFd::from(listener))
                .stdout(Stdio::null())
                .stderr(log.try_clone().context("cannot share the log")?),
        )?;
        Ok(Self {
            tag,
            socket,
            _socket_dir: dir,
            _server: server,
        })
    }

    /// The device that has it in the guest.
    pub(super) fn qemu_args(&self) -> [String; 4] {
        let (tag, socket) = (self.tag, self.socket.display());
        [
            "-chardev".into(),
            format!("socket,id={tag},path={socket}"),
            "-device".into(),
            format!("vhost-user-fs-pci,chardev={tag},tag={tag}"),
        ]
    }
}
