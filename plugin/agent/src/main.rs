//! `netplugin`, the node agent: keeps the node's bridge and uplink as configured, and answers
//! the CNI executable's questions with what netmaster decides. It never decides who owns an
//! address.

mod args;
mod bridge;
mod certificate;
mod cni_server;
mod config;
mod netmaster;
mod tombstones;
mod wire;

use std::process::ExitCode;

use clap::Parser;

fn main() -> ExitCode {
    tracing_subscriber::fmt()
        .with_env_filter(
            tracing_subscriber::EnvFilter::try_from_env("TRUNKLINE_LOG")
                .unwrap_or_else(|_| "info".into()),
        )
        .with_writer(std::io::stderr)
        .init();
    if let Err(error) = trunkline_netmaster_api::keep_memory_private() {
        tracing::warn!(%error, "a core of this process would hold its secrets");
    }
    match wire::run(args::Args::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!(error = format!("{error:#}"), "netplugin stops");
            ExitCode::FAILURE
        }
    }
}
