//! Who a connection comes from: a member, or a client that may be cut off.

use std::collections::BTreeMap;
use std::fs;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};

/// Process ids by number, by which a connection is traced back to the one that opened it.
#[derive(Clone, Debug, Default)]
pub(super) struct Sources(Arc<Mutex<BTreeMap<usize, u32>>>);

impl Sources {
    /// The one with this number now runs as process `id`.
    pub(super) fn set(&self, number: usize, id: u32) {
        self.lock().insert(number, id);
    }

    /// Whose end of a connection has the address `peer`; none if it has gone already, or is nobody
    /// that we know.
    pub(super) fn at(&self, peer: SocketAddr) -> Option<usize> {
        let table = fs::read_to_string("/proc/net/tcp").ok()?;
        let socket = format!("socket:[{}]", inode_of(&table, peer)?);
        let known = self.lock();
        let holder = known.iter().find(|(_, id)| {
            let descriptors = fs::read_dir(format!("/proc/{id}/fd"));
            let links = descriptors.into_iter().flatten().flatten();
            links
                .filter_map(|entry| fs::read_link(entry.path()).ok())
                .any(|target| target.as_os_str() == socket.as_str())
        });
        holder.map(|(number, _)| *number)
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, BTreeMap<usize, u32>> {
        // A poisoned lock guards a whole map all the same.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The inode of the socket whose own address is `local`, in the form of `/proc/net/tcp`:
///
/// ```text
///   sl  local_address rem_address   st tx_queue:rx_queue tr:tm->when retrnsmt uid timeout inode
///    0: 0100007F:BE97 0100007F:5C1F 01 00000000:00000000 00:00000000 00000000   0       0 41523 …
/// ```
fn inode_of(table: &str, local: SocketAddr) -> Option<&str> {
    let SocketAddr::V4(local) = local else {
        return None;
    };
    // The kernel prints the address as a number in the machine's own byte order.
    let number = u32::from_ne_bytes(local.ip().octets());
    let wanted = format!("{number:08X}:{:04X}", local.port());
    table.lines().find_map(|line| {
        let mut fields = line.split_whitespace().skip(1);
        (fields.next()? == wanted).then(|| fields.nth(7))?
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_socket_is_found_by_its_own_address() {
        let table = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt\n\
             \x20  0: 0100007F:0016 00000000:0000 0A 00000000:00000000 00:00000000 00000000  0  0 11 1\n\
             \x20  1: 0100007F:BE97 0100007F:0016 01 00000000:00000000 00:00000000 00000000  0  0 22 1\n";
        if cfg!(target_endian = "little") {
            let at = |text: &str| inode_of(table, text.parse().unwrap());
            assert_eq!(at("127.0.0.1:48791"), Some("22"));
            assert_eq!(at("127.0.0.1:48792"), None);
        }
    }

    #[tokio::test]
    async fn a_connection_of_this_process_is_traced_to_it() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let near = std::net::TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let sources = Sources::default();
        let own = near.local_addr().unwrap();
        assert_eq!(sources.at(own), None);

        sources.set(2, std::process::id());

        assert_eq!(sources.at(own), Some(2));
    }
}
