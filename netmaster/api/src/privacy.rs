//! Keeping what a process knows out of files and away from others.

use std::io;

use nix::sys::prctl::set_dumpable;
use nix::sys::resource::{Resource, setrlimit};

/// Has this process leave no core, and nobody but root look into its memory: keys and tokens are in
/// there. To be called first, before any secret is read. Programs that it starts leave no core
/// either.
///
/// What a process reads of itself in `/proc` stays open to it, but for `mem`, `environ` and the like,
/// which then belong to root.
///
/// # Errors
///
/// What the kernel says, if it does not let it. Both are tried.
pub fn keep_memory_private() -> io::Result<()> {
    let no_core = setrlimit(Resource::RLIMIT_CORE, 0, 0);
    let closed = set_dumpable(false);
    no_core.and(closed).map_err(io::Error::from)
}

#[cfg(test)]
mod tests {
    use nix::sys::prctl::get_dumpable;
    use nix::sys::resource::getrlimit;

    use super::*;

    #[test]
    fn no_core_is_left_and_nobody_looks_in() {
        keep_memory_private().unwrap();
        assert_eq!(getrlimit(Resource::RLIMIT_CORE), Ok((0, 0)));
        assert_eq!(get_dumpable(), Ok(false));
        // It still reads what it needs of itself.
        std::fs::read_to_string("/proc/self/status").unwrap();
        std::fs::read_link("/proc/self/exe").unwrap();
        std::fs::read_dir("/proc/self/fd").unwrap();
    }
}
