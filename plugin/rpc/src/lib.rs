//! What the CNI executable and the node agent say to each other over the agent's unix socket.
//!
//! One connection carries one [`Request`] and one [`Reply`]. Each is a frame:
//!
//! ```text
//! 0        4                     4 + length
//! +--------+----------------------+
//! | length | JSON, `length` bytes |     length: u32, big-endian, at most 1 MiB
//! +--------+----------------------+
//! ```
//!
//! A request names the protocol version; an agent that does not speak it refuses with
//! [`RefusalCode::Protocol`]. The two come in one package, so a mismatch lasts only as long as an
//! upgrade that is half done.

mod frame;
mod message;

/// Where the agent listens, where nobody says otherwise.
pub const DEFAULT_SOCKET: &str = "/run/trunkline/netplugin.sock";

pub use frame::{FrameError, call, read_frame, write_frame};
pub use message::{
    AssignRequest, Assignment, Call, PROTOCOL, Refusal, RefusalCode, Reply, Request,
};
