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
mod backup;
mod clock;
mod connections;
mod events;
mod failure;
mod feed;
mod forward;
mod history;
mod log;
mod metrics;
mod orchestrator;
pub mod reading;
mod replica;
mod requests;
mod routes;
mod server;
mod store;
mod sweeper;
mod tasks;

pub use args::{
    Args, Command, ConfigError, ServeArgs, ServeConfig, StoreArgs, StoreConfig, SweeperArgs,
};
pub use backup::{BackupArgs, BackupError, ReadError, RestoreArgs, RestoreError, backup, restore};
pub use log::{LogFilterError, start_log};
pub use orchestrator::{KubernetesArgs, KubernetesError};
pub use server::{Limits, ServeOptions, Server, ServerError, serve};
pub use store::{Embedded, Etcd, EtcdConfig, Opened, StoreError};
pub use sweeper::SweeperConfig;
