//! What scenarios and benches are built from: processes, stores, clients, faults.

pub mod api;
pub mod authority;
pub mod disk;
pub mod etcd;
pub mod http;
pub mod netmaster;
pub mod process;
pub mod proxy;
pub mod wait;

use std::net::TcpListener;
use std::path::{Path, PathBuf};

use anyhow::Context as _;

/// What a scenario or bench is given.
#[derive(Clone, Debug)]
pub struct Context {
    /// A directory of its own, empty at first; kept if it fails.
    pub dir: PathBuf,
    /// netmaster's executable.
    pub executable: PathBuf,
    /// Whether to take longer than a default run has.
    pub long: bool,
    /// Where every choice comes from; the same seed gives the same choices.
    pub seed: u64,
}

impl Context {
    /// Choices for one part of a scenario; parts with different numbers choose differently.
    pub fn rng(&self, part: u64) -> fastrand::Rng {
        let mut rng = fastrand::Rng::with_seed(self.seed ^ part.rotate_left(32));
        // Seeds that differ in a few bits make first numbers that do.
        for _ in 0..4 {
            rng.u64(..);
        }
        rng
    }
}

/// Empties `dir`, or creates it.
///
/// # Errors
///
/// It cannot be done.
pub fn fresh_dir(dir: &Path) -> anyhow::Result<()> {
    let cannot = || format!("cannot make `{}` anew", dir.display());
    if dir.exists() {
        std::fs::remove_dir_all(dir).with_context(cannot)?;
    }
    std::fs::create_dir_all(dir).with_context(cannot)
}

/// `count` ports of the loopback address that nobody listens on.
///
/// Another process may take one before it is used; then whoever was to listen on it does not start,
/// and says so.
///
/// # Errors
///
/// There is none.
pub fn free_ports(count: usize) -> anyhow::Result<Vec<u16>> {
    // All of them are held until the last is found, so that they differ.
    let held: Vec<TcpListener> = (0..count)
        .map(|_| TcpListener::bind(("127.0.0.1", 0)))
        .collect::<Result<_, _>>()
        .context("cannot find a free port")?;
    held.iter()
        .map(|listener| Ok(listener.local_addr()?.port()))
        .collect()
}
