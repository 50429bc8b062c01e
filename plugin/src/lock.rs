//! One verb at a time on one attachment.
//!
//! The specification forbids a runtime to call for one attachment twice at the same time; one that
//! does so all the same (a retry while the first call still runs) must not make us release an
//! address that the other call has just plugged.

use std::fs::{DirBuilder, File};
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::fcntl::{FcntlArg, fcntl};
use nix::libc;
use trunkline_dataplane::owner;
use trunkline_types::Attachment;

/// How long another call for the same attachment may take.
const DEADLINE: Duration = Duration::from_secs(30);
/// Between two looks.
const PAUSE: Duration = Duration::from_millis(20);

/// Held until dropped; the kernel drops it with the process.
#[derive(Debug)]
pub struct AttachmentLock {
    _file: File,
}

/// Why the attachment could not be locked.
#[derive(Debug, thiserror::Error)]
pub enum LockError {
    /// The lock's file cannot be used.
    #[error("can't lock `{}`", .path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What the kernel said.
        #[source]
        source: io::Error,
    },
    /// Another call goes on.
    #[error("another call for attachment `{0}` still goes on: try again when it has ended")]
    Busy(Attachment),
}

impl AttachmentLock {
    /// Takes the attachment's lock: one byte of a file in `directory`, so that nothing is left to
    /// clean up.
    pub async fn take(directory: &Path, attachment: &Attachment) -> Result<Self, LockError> {
        let path = directory.join("attachments.lock");
        let failed = |source| LockError::File {
            path: path.clone(),
            source,
        };
        // The mode is the agent's too: whoever comes first makes it.
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(directory)
            .map_err(failed)?;
        let file = File::options()
            .create(true)
            .truncate(false)
            .write(true)
            .open(&path)
            .map_err(failed)?;
        let begun = Instant::now();
        loop {
            match fcntl(&file, FcntlArg::F_OFD_SETLK(&one_byte(attachment))) {
                Ok(_) => return Ok(Self { _file: file }),
                Err(Errno::EAGAIN | Errno::EACCES) if begun.elapsed() < DEADLINE => {
                    tokio::time::sleep(PAUSE).await;
                }
                Err(Errno::EAGAIN | Errno::EACCES) => {
                    return Err(LockError::Busy(attachment.clone()));
                }
                Err(errno) => return Err(failed(errno.into())),
            }
        }
    }
}

/// A write lock on the attachment's byte. Files may be shorter than what is locked of them.
#[expect(
    clippy::cast_possible_truncation,
    reason = "constants of one digit, which C has in a wider type than the field's"
)]
fn one_byte(attachment: &Attachment) -> libc::flock {
    libc::flock {
        l_type: libc::F_WRLCK as libc::c_short,
        l_whence: libc::SEEK_SET as libc::c_short,
        // Without the sign bit; that two attachments share a byte is as good as impossible, and
        // would only make one wait for the other.
        l_start: (owner::attachment_hash(attachment) >> 1).cast_signed(),
        l_len: 1,
        l_pid: 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn attachment(text: &str) -> Attachment {
        text.parse().unwrap()
    }

    #[tokio::test(start_paused = true)]
    async fn one_attachment_is_locked_once_and_another_is_not_concerned() {
        let dir = tempfile::tempdir().unwrap();
        let first = AttachmentLock::take(dir.path(), &attachment("c1/eth0"))
            .await
            .unwrap();
        let _other = AttachmentLock::take(dir.path(), &attachment("c2/eth0"))
            .await
            .unwrap();
        let same = attachment("c1/eth0");
        let wait = AttachmentLock::take(dir.path(), &same);
        assert!(
            tokio::time::timeout(Duration::from_secs(1), wait)
                .await
                .is_err()
        );
        drop(first);
        AttachmentLock::take(dir.path(), &attachment("c1/eth0"))
            .await
            .unwrap();
    }
}
