//! File descriptors: one for each connection, and some for everything else.

use nix::sys::resource::{Resource, getrlimit, setrlimit};
use tracing::{info, warn};

/// How many are kept for what is no connection of a client: the store, etcd, other replicas.
const OWN: u64 = 256;

/// Takes as many file descriptors as there may be, and answers how many of `wanted` connections
/// they are enough for. With one more than that, the store could not open its files.
pub(crate) fn room_for(wanted: usize) -> usize {
    let Ok((soft, hard)) = getrlimit(Resource::RLIMIT_NOFILE) else {
        return wanted;
    };
    let raised = setrlimit(Resource::RLIMIT_NOFILE, hard, hard).is_ok();
    let limit = if raised { hard } else { soft };
    let connections = connections(limit, wanted);
    if connections < wanted {
        warn!(
            limit,
            connections,
            wanted,
            "fewer connections are served than `--max-connections` says: raise `ulimit -n`"
        );
    } else {
        info!(limit, connections, "file descriptors");
    }
    connections
}

fn connections(limit: u64, wanted: usize) -> usize {
    let room = usize::try_from(limit.saturating_sub(OWN)).unwrap_or(usize::MAX);
    // With hardly any it may go wrong, and without connections it certainly does.
    wanted.min(room.max(16))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn some_are_kept_for_the_store() {
        assert_eq!(connections(1024, 30_000), 768);
        assert_eq!(connections(1_000_000, 30_000), 30_000);
        assert_eq!(connections(u64::MAX, 30_000), 30_000);
        assert_eq!(connections(100, 30_000), 16);
    }
}
