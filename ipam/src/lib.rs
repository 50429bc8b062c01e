//! Who has which address: every decision of netmaster, as pure functions.
//!
//! A function reads the [`Ledger`] (the [`Catalog`] of all objects and the [`FreeSpace`] of their
//! subnets), takes a request and the time, and answers either with a typed refusal or with a
//! [`Change`]: puts and deletes as data. Nothing has happened then; the caller makes the change
//! durable and applies it. This crate does no I/O, reads no clock and knows no async runtime.
//!
//! The objects here are the form that is stored: each fact once. What goes over the wire is
//! joined from them (an endpoint's VLAN is its network's) and belongs to the API crate.

mod address;
mod allocate;
mod catalog;
mod change;
mod cluster;
mod conflict;
mod endpoint;
#[cfg(test)]
mod fixture;
mod free;
mod group;
mod ledger;
mod listing;
mod mac;
mod network;
mod node;
mod policy;
mod pool;
mod profile;
mod ranges;
mod record;
mod refusal;
mod release;
mod report;
mod reservation;
mod reserve;
mod subnet;
mod sweep;
mod timestamp;

pub use address::{Address, AddressState, Conflict};
pub use allocate::{AddressUnfit, AllocateError, AllocateRequest, MacUnfit, NoSpace, allocate};
pub use catalog::{Catalog, Inconsistency};
pub use change::{Change, Edit, Key, Object, Planned, Revision, Step};
pub use cluster::{Cluster, Epoch, begin_epoch, found_cluster, waive_report};
pub use conflict::{ConflictError, ConflictReport, clear_conflict, report_conflict};
pub use endpoint::{Endpoint, EndpointAddress};
pub use free::{FreeSet, FreeSpace, SubnetSpace};
pub use group::{
    Binding, Choice, Group, GroupSpec, Level, Miss, Outcome, Resolution, Rung, Scope, Subject,
    explain, resolve,
};
pub use ledger::Ledger;
pub use listing::Listing;
pub use mac::{derived_mac, mac_of};
pub use network::{
    CreateNetworkError, DeleteNetworkError, Network, NetworkSpec, create_network, delete_network,
};
pub use node::{
    Node, NodeSpec, NodeUnfit, RegisterNodeError, Removal, RemovalCause, RemoveNodeError, farewell,
    overdue_nodes, register_node, remove_node,
};
pub use policy::Policy;
pub use pool::{Pool, PoolSpec};
pub use profile::{Profile, ProfileSpec};
pub use record::{Event, EventKind, Holding};
pub use refusal::{Kind, Reason, Refusal};
pub use release::{
    Release, ReleaseAddress, ReleaseAddressError, ReleaseError, release, release_address,
};
pub use report::{Held, Report, ReportError, report};
pub use reservation::{
    Holder, Reservation, ReservationSpec, ReservedAddress, Retention, Wanted, Workload,
};
pub use reserve::{LeaseError, LeaseRequest, Leased, Slot, lease, recall, return_leases};
pub use subnet::{
    CreateSubnetError, DeleteSubnetError, Placement, Subnet, SubnetSpec, create_subnet,
    delete_subnet,
};
pub use sweep::{Evidence, Finding, Sweep, collect, due_reservations};
pub use timestamp::Timestamp;
