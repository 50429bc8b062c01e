//! Who gets in, and what they may do: over real TLS, against a server in this process.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod audit;
mod authority;
mod certificates;
mod hostile;
mod join;
mod limits;
mod log;
mod many;
mod netmaster;
mod nodes;
mod pods;
mod roles;
mod rotation;
mod serve;
mod tokens;
