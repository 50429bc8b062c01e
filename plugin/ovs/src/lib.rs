//! The Open vSwitch adapter: what Trunkline reads from and writes to a node's switch database.
//!
//! [`Switch`] is all we need of such a database: read a bridge, find the ports that carry a mark,
//! apply actions as one transaction, wait until ovs-vswitchd has carried them out. [`OvsdbSwitch`]
//! does it over ovsdb-server's socket (RFC 7047); [`FakeSwitch`] does it in memory, with the same
//! refusals, and one contract test suite runs on both.
//!
//! The adapter takes no decisions: which port belongs where is planned elsewhere, and passed in as
//! [`Action`]s. It never touches a row it was not told about, and it sends no OpenFlow.
//!
//! # Why not `ovsdb::Client`
//!
//! The wire types of the crate `ovsdb` (requests, sets, maps, uuids) are used as they are. Its
//! client and codec cannot be: they print every message to standard output, which would corrupt
//! the answer of a CNI plugin; they panic on messages they cannot decode and on the server's own
//! `echo` requests; they look for the end of a message without regard to escaped quotes; they
//! cannot decode error objects; and `select` is the one operation they know. Hence our own
//! `codec` and `client`.

/// Where ovsdb-server listens, where nobody says otherwise: Debian's place, and Fedora's.
pub const DEFAULT_SOCKET: &str = "/run/openvswitch/db.sock";

mod action;
mod client;
mod codec;
mod error;
#[cfg(any(test, feature = "fake"))]
mod fake;
mod row;
mod switch;

pub use action::{Action, NewPort};
pub use codec::ProtocolError;
pub use error::SwitchError;
#[cfg(any(test, feature = "fake"))]
pub use fake::FakeSwitch;
pub use row::{Bridge, FailMode, Interface, Port};
pub use switch::{Applied, OvsdbSwitch, Switch};
