//! Network namespaces.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::thread;

use nix::fcntl::OFlag;
use nix::sched::{CloneFlags, setns};
use nix::sys::statfs::{NSFS_MAGIC, fstatfs};

/// Why a network namespace cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum NetnsError {
    /// There is nothing at the path.
    #[error("there is no network namespace at `{}`: it was never made, or is gone", path.display())]
    NotFound {
        /// The path.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The path cannot be opened.
    #[error("cannot open network namespace `{}`: see its permissions, and run as root", path.display())]
    Open {
        /// The path.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// There is something else at the path.
    #[error(
        "`{}` is not a network namespace: give a path like `/run/netns/<name>` or \
         `/proc/<pid>/ns/net`", path.display()
    )]
    NotANetns {
        /// The path.
        path: PathBuf,
    },
    /// The kernel does not let us in.
    #[error("cannot enter network namespace `{}`: CAP_SYS_ADMIN is needed, run as root", path.display())]
    Enter {
        /// The path it was opened by.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// There is no thread to enter it with.
    #[error("cannot start a thread for network namespace `{}`: raise the limit of tasks", path.display())]
    Thread {
        /// The path it was opened by.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

impl NetnsError {
    /// Whether there is nothing at the path: for a removal, that is success.
    #[must_use]
    pub fn is_not_found(&self) -> bool {
        matches!(self, Self::NotFound { .. })
    }
}

/// An open network namespace, which lives at least as long as this value.
#[derive(Debug)]
pub struct Netns {
    file: File,
    path: PathBuf,
    /// Device and inode: what makes it this namespace and no other.
    identity: (u64, u64),
}

impl Netns {
    /// Opens the namespace at `path`.
    ///
    /// # Errors
    ///
    /// [`NetnsError::NotFound`], [`NetnsError::NotANetns`] if there is something else, or
    /// [`NetnsError::Open`].
    pub fn open(path: &Path) -> Result<Self, NetnsError> {
        let opened = OpenOptions::new()
            .read(true)
            // The path is the caller's word: a FIFO must not hang us.
            .custom_flags(OFlag::O_NONBLOCK.bits())
            .open(path);
        let path = path.to_owned();
        let file = match opened {
            Ok(file) => file,
            Err(source) if is_absent(&source) => {
                return Err(NetnsError::NotFound { path, source });
            }
            Err(source) => return Err(NetnsError::Open { path, source }),
        };
        let (kind, metadata) = match (fstatfs(&file), file.metadata()) {
            (Ok(kind), Ok(metadata)) => (kind, metadata),
            (Err(errno), _) => {
                return Err(NetnsError::Open {
                    path,
                    source: errno.into(),
                });
            }
            (_, Err(source)) => return Err(NetnsError::Open { path, source }),
        };
        // Namespaces of other kinds pass this; the kernel refuses them when they are entered.
        if kind.filesystem_type() != NSFS_MAGIC {
            return Err(NetnsError::NotANetns { path });
        }
        Ok(Self {
            file,
            path,
            identity: (metadata.dev(), metadata.ino()),
        })
    }

    /// Opens the namespace that the calling thread is in.
    ///
    /// # Errors
    ///
    /// [`NetnsError::NotFound`] if `/proc` is not mounted, or [`NetnsError::Open`].
    pub fn current() -> Result<Self, NetnsError> {
        Self::open(Path::new("/proc/thread-self/ns/net"))
    }

    /// Whether both are one and the same namespace, whatever paths they were opened by.
    #[must_use]
    pub fn is_same(&self, other: &Self) -> bool {
        self.identity == other.identity
    }

    /// The path it was opened by.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Runs `work` inside the namespace, on a thread that ends afterwards.
    pub(crate) fn run<T: Send>(&self, work: impl FnOnce() -> T + Send) -> Result<T, NetnsError> {
        let in_thread = || match setns(&self.file, CloneFlags::CLONE_NEWNET) {
            Ok(()) => Ok(work()),
            Err(nix::Error::EINVAL) => Err(NetnsError::NotANetns {
                path: self.path.clone(),
            }),
            Err(errno) => Err(NetnsError::Enter {
                path: self.path.clone(),
                source: errno.into(),
            }),
        };
        thread::scope(|scope| {
            let thread = thread::Builder::new()
                .spawn_scoped(scope, in_thread)
                .map_err(|source| NetnsError::Thread {
                    path: self.path.clone(),
                    source,
                })?;
            thread
                .join()
                .unwrap_or_else(|panic| std::panic::resume_unwind(panic))
        })
    }
}

impl AsFd for Netns {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.file.as_fd()
    }
}

/// Whether nothing is there, rather than something we may not have. A process that is gone has
/// its `/proc/<pid>/ns/net` answer ESRCH for a moment.
fn is_absent(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory
    ) || error.raw_os_error() == Some(nix::Error::ESRCH as i32)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing;

    #[test]
    fn a_path_with_nothing_at_it_is_not_found() {
        for gone in [
            "/run/netns/trunkline-none",
            "/proc/4294967295/ns/net",
            "/dev/null/x",
        ] {
            let error = Netns::open(Path::new(gone)).unwrap_err();
            assert!(error.is_not_found(), "{error:?}");
            assert!(error.to_string().contains(&format!("`{gone}`")), "{error}");
        }
    }

    #[test]
    fn a_path_with_something_else_at_it_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let fifo = folder.path().join("fifo");
        nix::unistd::mkfifo(&fifo, nix::sys::stat::Mode::S_IRWXU).unwrap();
        for other in [Path::new("/dev/null"), Path::new("/etc"), fifo.as_path()] {
            let error = Netns::open(other).unwrap_err();
            assert!(matches!(error, NetnsError::NotANetns { .. }), "{error:?}");
            assert!(!error.is_not_found());
        }
    }

    #[test]
    fn a_namespace_is_itself_by_any_path() {
        let here = Netns::current().unwrap();
        assert!(here.is_same(&Netns::open(Path::new("/proc/self/ns/net")).unwrap()));
    }

    #[test]
    fn work_runs_inside_and_the_caller_stays_outside() {
        let Some(inside) = testing::netns() else {
            return;
        };
        let outside = Netns::current().unwrap();
        let seen = inside.run(|| Netns::current().unwrap()).unwrap();
        assert!(seen.is_same(&inside) && !seen.is_same(&outside));
        assert!(Netns::current().unwrap().is_same(&outside));
    }

    #[test]
    fn a_namespace_of_another_kind_is_refused() {
        if testing::netns().is_none() {
            return;
        }
        let other = Netns::open(Path::new("/proc/self/ns/mnt")).unwrap();
        let error = other.run(|| ()).unwrap_err();
        assert!(matches!(error, NetnsError::NotANetns { .. }), "{error:?}");
    }
}
