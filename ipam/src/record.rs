//! What is kept of the past: who held an address, and what happened. Stored, but not in memory.

use std::net::IpAddr;

use serde::{Deserialize, Serialize};
use trunkline_types::{Attachment, MacAddr, Name, Pod};

use crate::{Revision, Timestamp};

/// One time that somebody held an address, from beginning to end. Written at the end; who holds an
/// address now is in its [`Address`](crate::Address).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Holding {
    /// The address.
    pub ip: IpAddr,
    /// The endpoint's attachment; none if a node held it for itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub attachment: Option<Attachment>,
    /// The pod, if the runtime named one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pod: Option<Pod>,
    /// The node it was on.
    pub node: Name,
    /// The network it was on.
    pub network: Name,
    /// The interface's MAC address, if it was an endpoint's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mac: Option<MacAddr>,
    /// When it was handed out.
    pub from: Timestamp,
    /// When it was taken back.
    pub to: Timestamp,
    /// Why: `released`, or what a sweep or an operator gave as the reason.
    pub reason: String,
    /// The change that ended it.
    pub revision: Revision,
}

/// Something that an operator should know of.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Event {
    /// When it happened.
    pub at: Timestamp,
    /// What kind of thing; stable.
    pub kind: EventKind,
    /// What it is about: an object's kind and name, like `address 10.1.0.7`.
    pub about: String,
    /// What happened, in words.
    pub message: String,
    /// The change it happened with; no two events share one.
    pub revision: Revision,
}

/// The kinds of events.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum EventKind {
    /// A foreign machine answers for an address.
    AddressConflict,
    /// A conflict is over.
    AddressConflictCleared,
    /// An address was taken back although nobody gave it back.
    AddressCollected,
    /// A node's leases were taken from it.
    NodeFenced,
    /// A reservation ended by its own rules.
    ReservationEnded,
    /// The cluster was restored from a back-up.
    EpochBegan,
    /// An operator had a node's report after a restore passed over.
    ReportWaived,
    /// A node reported a holding that contradicts the books.
    ReportContradicted,
}
