//! What a node should look like, and what to do about the difference. Pure: no sockets, no clock,
//! no async runtime; the adapters (`plugin/ovs`, `plugin/netlink`) read and write the real thing.
//!
//! Everything here has one shape: a *wanted* state, a *seen* state, and a `plan` of ordered
//! actions that is plain data, prints as text, and is empty when nothing is to do. A plan that
//! stopped half-way is no harm: plan again from what is then seen.

pub mod attachment;
pub mod bridge;
pub mod owner;
