//! Keeping a lease alive, or finding out that it is not.
//!
//! The lease is renewed three times within its life. It counts as good for its life from the moment
//! at which the last renewal that succeeded was *sent*: etcd counts from when it came, so here it
//! never seems to last longer than there, whatever either machine was paused for.

use std::time::Duration;

use tokio::sync::watch;
use tokio::time::{Instant, sleep, sleep_until, timeout};
use tracing::{debug, info, warn};
use trunkline_types::chain;

use crate::store::StoreError;

/// How long to wait before a renewal that failed is tried again.
const PAUSE: Duration = Duration::from_millis(200);

/// A lease and what is bound to it.
pub(super) trait Lease: Send + 'static {
    /// Renews it; `false` if it is gone, or no longer holds the leader key.
    fn renew(&mut self) -> impl Future<Output = Result<bool, StoreError>> + Send;

    /// Ends it, and deletes the leader key with it.
    fn revoke(&mut self) -> impl Future<Output = Result<(), StoreError>> + Send;
}

/// Keeps `lease`, which was asked for at `asked` and lives for `life`, until `keeping` says no or
/// ends, and then revokes it. Says on `losing` when it is in doubt.
pub(super) async fn keep(
    mut lease: impl Lease,
    asked: Instant,
    life: Duration,
    losing: watch::Sender<bool>,
    mut keeping: watch::Receiver<bool>,
) {
    let given_up = async {
        // Without its owner it is of no use.
        let _ = keeping.wait_for(|keep| !keep).await;
    };
    // Cancel-safe: a renewal that is broken off was of no use any more.
    tokio::select! {
        () = given_up => info!("resigning"),
        () = renew_until_lost(&mut lease, asked + life, life) => {
            warn!("the lease is in doubt: no longer leading");
        }
    }
    losing.send_replace(true);
    // If it is not gone already, others need not wait for its end. Nothing is left to do if etcd
    // does not answer: it will end by itself.
    match timeout(life, lease.revoke()).await {
        Ok(Ok(())) => debug!("lease revoked"),
        Ok(Err(error)) => debug!(error = chain(&error), "lease not revoked"),
        Err(_) => debug!("lease not revoked in time"),
    }
}

async fn renew_until_lost(lease: &mut impl Lease, mut good_until: Instant, life: Duration) {
    let mut wait = life / 3;
    loop {
        sleep(wait).await;
        let sent = Instant::now();
        if sent >= good_until {
            // This process was paused, or etcd away.
            return;
        }
        // Cancel-safe, as above.
        let renewed = tokio::select! {
            renewed = lease.renew() => renewed,
            () = sleep_until(good_until) => return,
        };
        match renewed {
            Ok(true) => {
                good_until = sent + life;
                wait = life / 3;
            }
            Ok(false) => return,
            Err(error) => {
                warn!(
                    error = chain(&error),
                    "the lease is not renewed; trying again"
                );
                wait = PAUSE;
            }
        }
    }
}

#[cfg(test)]
mod tests;
