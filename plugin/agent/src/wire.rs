//! Builds the agent's parts and connects them; ends them in the other order.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use tokio::signal::unix::{SignalKind, signal};
use trunkline_ovs::OvsdbSwitch;

use crate::args::{Args, Command};
use crate::bridge::BridgeReconciler;
use crate::certificate::{Membership, keep_watched};
use crate::cni_server::{CniServer, Desk};
use crate::config::Config;
use crate::netmaster::Netmaster;
use crate::tombstones::Tombstones;

/// How long one OVSDB call may take.
const OVSDB_DEADLINE: Duration = Duration::from_secs(10);

/// Runs the agent until it is told to stop.
///
/// # Errors
///
/// What keeps it from starting: the configuration, a socket that is taken.
pub fn run(args: Args) -> anyhow::Result<()> {
    let Command::Run { config } = args.command;
    let config = Config::read(&config)?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .context("can't start the async runtime")?;
    runtime.block_on(keep(config))
}

async fn keep(config: Config) -> anyhow::Result<()> {
    let mut terminate = signal(SignalKind::terminate()).context("can't wait for SIGTERM")?;
    let mut interrupt = signal(SignalKind::interrupt()).context("can't wait for SIGINT")?;

    let membership = Membership::of(&config);
    if let Some(membership) = &membership {
        // Cancel-safe: what was begun is found and gone on with at the next start.
        tokio::select! {
            () = membership.obtain() => {}
            _ = terminate.recv() => return Ok(()),
            _ = interrupt.recv() => return Ok(()),
        }
    }
    let switch = Arc::new(OvsdbSwitch::new(&config.ovsdb_socket, OVSDB_DEADLINE));
    let netmaster = Netmaster::new(&config)?;
    let tombstones = Arc::new(Tombstones::new(
        config.bridge.clone(),
        Arc::clone(&switch),
        netmaster.clone(),
    ));
    let reconciler = BridgeReconciler::new(&config, Arc::clone(&switch));
    let server = CniServer::bind(&config.socket)?;
    let desk = Desk::new(
        netmaster.clone(),
        Arc::clone(&tombstones),
        reconciler.state(),
    );

    // Each branch loops for ever, so the first to end is a signal; dropping the others cancels
    // them between two steps, and every step is one transaction or one request.
    tokio::select! {
        () = keep_certificate(membership.as_ref(), config.netmaster_cert.as_deref()) => {}
        () = netmaster.keep_registered() => {}
        () = reconciler.keep() => {}
        () = tombstones.keep_settling() => {}
        () = server.serve(desk) => {}
        _ = terminate.recv() => tracing::info!("stopping on SIGTERM"),
        _ = interrupt.recv() => tracing::info!("stopping on SIGINT"),
    }
    Ok(())
}

/// Renews the certificate, or watches the one that somebody else renews.
async fn keep_certificate(membership: Option<&Membership>, given: Option<&Path>) {
    match (membership, given) {
        (Some(membership), _) => membership.keep_renewed().await,
        (None, Some(certificate)) => keep_watched(certificate).await,
        // There is nothing to do, and for as long.
        (None, None) => std::future::pending().await,
    }
}
