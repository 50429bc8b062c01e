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
mod audit;
mod bulk;
mod catalog;
mod change;
mod cluster;
mod conflict;
mod discrepancy;
mod endpoint;
#[cfg(test)]
mod fixture;
mod forecast;
mod free;
mod group;
mod ledger;
mod listing;
mod lockout;
mod mac;
mod network;
mod node;
mod policy;
mod pool;
mod precondition;
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
mod token;

pub use address::{Address, AddressState, Conflict, LeasedSlot};
pub use allocate::{
    AddressUnfit, AllocateError, AllocateRequest, LeaseUnfit, MacUnfit, NoSpace, allocate,
    reservations_of_pod,
};
pub use audit::{Audit, AuditResult, AuditedObject};
pub use bulk::{
    Adoption, Effect, EffectKind, Import, ObjectOutcome, ObjectRefusal, ObjectSpec, Outcomes,
    Place, Refused, Rehearsal, apply, import,
};
pub use catalog::{Catalog, Inconsistency, Loading};
pub use change::{Change, Edit, Key, Object, Planned, Revision, Step};
pub use cluster::{Cluster, Epoch, begin_epoch, found_cluster, waive_report};
pub use conflict::{
    Clearance, ConflictError, ConflictReport, clear_conflict, report_conflict, sight_conflict,
};
pub use discrepancy::{
    Discrepancy, DiscrepancyKind, NodeReport, RepairError, Witnesses, discrepancies, repair,
};
pub use endpoint::{Endpoint, EndpointAddress};
pub use forecast::{Forecast, Sample, forecast, hourly_rate};
pub use free::{FreeSet, FreeSpace, SubnetSpace};
pub use group::{
    Binding, Choice, CreateGroupError, Group, GroupRulesError, GroupSpec, Level, Miss, Outcome,
    Resolution, Rung, Scope, Subject, UpdateGroupError, create_group, delete_group, explain,
    resolve, update_group,
};
pub use ledger::{ChangedSince, Ledger};
pub use listing::Listing;
pub use lockout::{Lockout, lock_out};
pub use mac::{derived_mac, mac_of};
pub use network::{
    CreateNetworkError, DeleteNetworkError, Network, NetworkSpec, UpdateNetworkError, VlanInUse,
    create_network, delete_network, update_network,
};
pub use node::{
    Node, NodeEdit, NodeSpec, NodeUnfit, RegisterNodeError, Removal, RemovalCause, RemoveNodeError,
    UpdateNodeError, farewell, overdue_nodes, register_node, remove_node, unfinished_removals,
    update_node,
};
pub use policy::Policy;
pub use pool::{
    CreatePoolError, DeletePoolError, Pool, PoolRangesError, PoolSpec, UpdatePoolError,
    create_pool, delete_pool, update_pool,
};
pub use precondition::{NameInUse, PreconditionError};
pub use profile::{
    DeleteProfileError, Profile, ProfileSpec, create_profile, delete_profile, update_profile,
};
pub use record::{Event, EventKind, Holding};
pub use refusal::{Kind, Reason, Refusal};
pub use release::{
    Release, ReleaseAddress, ReleaseAddressError, ReleaseError, SignsOfLife, release,
    release_address,
};
pub use report::{Held, Report, ReportError, report};
pub use reservation::{
    CreateReservationError, DeleteReservationError, Holder, Reservation, ReservationShapeError,
    ReservationSpec, ReserveAddressError, ReservedAddress, Retention, UpdateReservationError,
    Wanted, Workload, create_reservation, delete_reservation, update_reservation,
};
pub use reserve::{LeaseError, LeaseRequest, Leased, Slot, lease, recall, return_leases};
pub use subnet::{
    CreateSubnetError, DeleteSubnetError, FormerGateway, Placement, Subnet, SubnetLayoutError,
    SubnetSpec, SubnetUpdate, UpdateSubnetError, create_subnet, delete_subnet, update_subnet,
};
pub use sweep::{Evidence, Finding, Sweep, collect, due_reservations, end_reservation};
pub use timestamp::Timestamp;
pub use token::{
    CreateTokenError, Digest, DigestError, Grant, JoinError, Token, TokenRole, TokenSpec,
    create_token, delete_token, overdue_tokens, use_to_join,
};
