//! The netmaster API, version 1: what goes over the wire, and a client.
//!
//! Everything is described in `docs/api.md` and, for programs, in `docs/openapi.json`. What is not
//! done is answered with a [`Problem`]. Requests are checked strictly: a field that is not known
//! is an error. Answers are read tolerantly, so that a client works with a newer netmaster.
//!
//! The objects here are views: an [`Endpoint`] has the VLAN of its network and the gateway of its
//! subnet, so that nobody has to ask three times. What is stored is another matter, and another
//! crate's.

mod address;
mod audit;
mod bulk;
mod check;
mod client;
mod cluster;
mod code;
mod endpoint;
mod event;
mod explain;
mod field;
mod group;
mod history;
mod join;
mod list;
mod network;
mod node;
mod pool;
mod privacy;
mod problem;
mod profile;
mod request;
mod reservation;
mod resource;
mod role;
mod schema;
mod status;
mod subnet;
mod token;
mod update;

pub use address::{Address, AddressRelease, AddressState, Conflict, ConflictReport};
pub use audit::{Audit, AuditedObject, Refusals};
pub use bulk::{
    AdoptedAddress, Apply, Changes, Effect, Export, FieldChange, ImportSpec, Manifest,
    ObjectChange, Op, Touch, TouchedEndpoint,
};
pub use check::{Check, Finding, FindingRef, Repair, RepairSpec, Repairs};
pub use client::{
    Answer, ApplyOptions, Client, ClientError, Credentials, CredentialsError, Query, Watch, exposed,
};
pub use cluster::{Awaiting, Cluster, header};
pub use code::ErrorCode;
pub use endpoint::{Endpoint, EndpointAddress, EndpointSpec, Qos};
pub use event::Event;
pub use explain::{Choice, ExplainSpec, Explanation, PodExistence, Rung};
pub use group::{Group, GroupSpec, Level};
pub use history::{AddressHistory, Holding};
pub use join::{CertificateSpec, JoinSpec, NodeCertificate};
pub use list::{List, WatchEvent};
pub use network::{Network, NetworkSpec};
pub use node::{
    ClusterPoint, Farewell, Held, HoldingsReport, Node, NodeEdit, NodeSpec, Registration, Reserve,
    ReserveReturn, ReserveSpec, Slot,
};
pub use pool::{Pool, PoolSpec};
pub use privacy::keep_memory_private;
pub use problem::{Problem, RefusedObject};
pub use profile::{Profile, ProfileSpec, Rate};
pub use request::{
    AnswerErrorCode, AnswerLine, Capture, NodeRequest, NodeRequestError, NodeRequestSpec, Probe,
    ProbeAnswer, Protocol, ToAgent, Trace,
};
pub use reservation::{
    Holder, HolderKind, Reservation, ReservationSpec, ReservedAddress, Retention,
};
pub use resource::{Managed, PoolName, PoolNameError, Resource, ResourceKey};
pub use role::{Role, RoleError};
pub use status::{
    Commits, Forecast, NodesStatus, ReplicaStatus, SilentNode, Status, StoreStatus, SubnetUse,
    Usage,
};
pub use subnet::{OldGateway, Subnet, SubnetSpec, SubnetUpdated};
pub use token::{Secret, Token, TokenCreated, TokenSpec};
pub use update::Update;
