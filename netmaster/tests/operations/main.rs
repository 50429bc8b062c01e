//! What is around the objects, over HTTP and on the command line: history, requests to nodes, the
//! check that everybody is of the same cluster, metrics, back-up and restore.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod around;
mod netmaster;
mod requests;
mod restore;
