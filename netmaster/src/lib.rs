//! netmaster: the control plane, which owns networks, subnets and addresses.
//!
//! ```text
//! routes ── plan ──► allocator: one writer, if this ── batch ──► store ──► other replicas
//!    ▲               replica leads; plans in memory                │ durable
//!    ├── read ── catalog, as of the last durable batch ◄───────────┤
//!    └── watch ─ feed of batches ◄─────────────────────────────────┘
//! ```
//!
//! What is allowed is decided in the `ipam` crate, by pure functions. Here their requests come in
//! over HTTP, and their changes are made durable before anybody hears of them.

mod allocator;
mod app;
mod args;
mod audit;
mod backup;
mod certs;
mod check;
mod clock;
mod connections;
mod descriptors;
mod events;
mod failure;
mod feed;
mod forward;
mod history;
mod identity;
mod join;
mod limits;
mod log;
mod metrics;
mod orchestrator;
pub mod reading;
mod records;
mod replica;
mod replicas;
mod requests;
mod routes;
mod server;
mod store;
mod sweeper;
mod tasks;
mod tls;
mod tokens;
mod turns;
mod usage;

pub use args::{
    Args, Command, ConfigError, CredentialArgs, JoinArgs, ServeArgs, ServeConfig, StoreArgs,
    StoreConfig, SweeperArgs, TlsArgs,
};
pub use backup::{BackupArgs, BackupError, ReadError, RestoreArgs, RestoreError, backup, restore};
pub use certs::{AuthorityError, CertsArgs, CertsError, FileError, LeafError, certs};
pub use connections::Deadlines;
pub use join::{IssueError, NodeAuthority};
pub use log::{LogFilterError, start_log};
pub use orchestrator::{KubernetesArgs, KubernetesError};
pub use server::{Limits, ServeOptions, Server, ServerError, serve};
pub use store::{Embedded, Etcd, EtcdConfig, Opened, StoreError};
pub use sweeper::SweeperConfig;
pub use tls::{TlsError, TlsFiles};
