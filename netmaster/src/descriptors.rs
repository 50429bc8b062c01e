//! File descriptors: one for each connection, and some for everything else.

use nix::sys::resource::{Resource, getrlimit, setrlimit};
use tracing::{info, warn};

/// How many are kept for what is no connection of a client: the store, etcd, other replicas.
const OWN: u64 = 256;

/// What file descriptors are for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Room {
    /// Connections of clients.
    pub(crate) connections: usize,
    /// Requests that a follower has passed on, each on a connection of its own.
    pub(crate) forwarded: usize,
}

/// Takes as many file descriptors as there may be, and answers what they are enough for, if `wanted`
/// connections are to be served. With one more than that, the store could not open its files.
pub(crate) fn room_for(wanted: usize) -> Room {
    let Ok((soft, hard)) = getrlimit(Resource::RLIMIT_NOFILE) else {
        return room(u64::MAX, wanted);
    };
    let raised = setrlimit(Resource::RLIMIT_NOFILE, hard, hard).is_ok();
    let limit = if raised { hard } else { soft };
    let room = room(limit, wanted);
    let Room {
        connections,
        forwarded,
    } = room;
    if connections < wanted {
        warn!(
            limit,
            connections,
            forwarded,
            wanted,
            "fewer connections are served than `--max-connections` says: raise `ulimit -n`"
        );
    } else {
        info!(limit, connections, forwarded, "file descriptors");
    }
    room
}

/// For every two connections one request may be with the leader.
fn room(limit: u64, wanted: usize) -> Room {
    let all = usize::try_from(limit.saturating_sub(OWN)).unwrap_or(usize::MAX);
    // With hardly any it may go wrong, and without connections it certainly does.
    let all = all.max(24);
    let connections = wanted.min(all - all / 3);
    Room {
        connections,
        forwarded: connections.div_ceil(2).min(all - connections),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn some_are_kept_for_the_store() {
        for (limit, connections, forwarded) in [
            (1024, 512, 256),
            (1_000_000, 30_000, 15_000),
            (u64::MAX, 30_000, 15_000),
            (100, 16, 8),
        ] {
            let room = room(limit, 30_000);
            assert_eq!((room.connections, room.forwarded), (connections, forwarded));
        }
    }

    #[test]
    fn connections_and_what_is_passed_on_are_never_more_than_there_are() {
        for limit in 300..3000 {
            for wanted in [1, 100, 1000, 5000] {
                let room = room(limit, wanted);
                let all = room.connections + room.forwarded;
                assert!(all as u64 <= limit - OWN, "{limit} {wanted}: {room:?}");
                assert!(room.connections > 0 && room.forwarded > 0);
            }
        }
    }
}
