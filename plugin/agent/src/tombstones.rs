//! Settles the books of unplugged attachments: tells netmaster, then takes the tombstone away.
//!
//! A DEL leaves its tombstone on the bridge in the same OVSDB transaction that removes the port,
//! so no crash of plugin, agent or netmaster can lose it.

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use tokio::sync::{Mutex as AsyncMutex, OwnedMutexGuard};
use trunkline_dataplane::owner;
use trunkline_ovs::{Action, OvsdbSwitch, Switch, SwitchError};
use trunkline_rpc::{Refusal, RefusalCode};
use trunkline_types::{Attachment, InterfaceName, chain};

use crate::netmaster::Netmaster;

/// How often to look for tombstones that a DEL could not have settled.
const INTERVAL: Duration = Duration::from_secs(5);

/// The tombstones on this node's bridge.
pub struct Tombstones {
    bridge: InterfaceName,
    switch: Arc<OvsdbSwitch>,
    netmaster: Netmaster,
    /// One lock an attachment: settling it and assigning it must not cross, else an address that
    /// was just assigned is released. An entry whose lock nobody holds is dead and swept.
    locks: Mutex<BTreeMap<Attachment, Weak<AsyncMutex<()>>>>,
}

impl Tombstones {
    /// The tombstones on `bridge`.
    pub fn new(bridge: InterfaceName, switch: Arc<OvsdbSwitch>, netmaster: Netmaster) -> Self {
        Self {
            bridge,
            switch,
            netmaster,
            locks: Mutex::default(),
        }
    }

    /// Keeps anyone else from settling or assigning the attachment while the guard lives.
    pub async fn lock(&self, attachment: &Attachment) -> OwnedMutexGuard<()> {
        let lock = {
            let mut locks = self.locks.lock().unwrap_or_else(PoisonError::into_inner);
            locks.retain(|_, lock| lock.strong_count() > 0);
            match locks.get(attachment).and_then(Weak::upgrade) {
                Some(lock) => lock,
                None => {
                    let lock = Arc::new(AsyncMutex::new(()));
                    locks.insert(attachment.clone(), Arc::downgrade(&lock));
                    lock
                }
            }
        };
        lock.lock_owned().await
    }

    /// Settles the attachment if it has a tombstone. The caller holds its lock.
    ///
    /// Without a bridge there can be neither a tombstone nor a port, so nothing of the attachment
    /// can be plugged, and its address is released.
    pub async fn settle(
        &self,
        attachment: &Attachment,
        _lock: &OwnedMutexGuard<()>,
    ) -> Result<(), Refusal> {
        let Some(standing) = self.standing().await? else {
            return self.netmaster.release(attachment).await;
        };
        if !standing.contains(attachment) {
            return Ok(());
        }
        self.netmaster.release(attachment).await?;
        let change = Action::SetBridgeIds {
            bridge: self.bridge.to_string(),
            set: BTreeMap::new(),
            remove: BTreeSet::from([owner::tombstone(attachment)]),
        };
        self.switch
            .apply(&[change])
            .await
            .map_err(|error| away(&error))?;
        tracing::info!(%attachment, "released");
        Ok(())
    }

    /// Settles what is standing, now and again, for ever.
    pub async fn keep_settling(&self) {
        loop {
            if let Err(refusal) = self.settle_all().await {
                tracing::warn!(error = %refusal, "can't settle unplugged attachments yet");
            }
            tokio::time::sleep(INTERVAL).await;
        }
    }

    /// Tries every one; returns the first failure.
    async fn settle_all(&self) -> Result<(), Refusal> {
        let mut outcome = Ok(());
        for attachment in self.standing().await?.unwrap_or_default() {
            let lock = self.lock(&attachment).await;
            let settled = self.settle(&attachment, &lock).await;
            let away = settled
                .as_ref()
                .is_err_and(|refusal| refusal.code == RefusalCode::Retry);
            outcome = outcome.and(settled);
            if away {
                // Who is away for one is away for all; no need to wait for each deadline.
                break;
            }
        }
        outcome
    }

    /// The attachments with a tombstone; none without a bridge.
    async fn standing(&self) -> Result<Option<BTreeSet<Attachment>>, Refusal> {
        let ids = self.switch.bridge_ids(self.bridge.as_str()).await;
        let ids = ids.map_err(|error| away(&error))?;
        Ok(ids.as_ref().map(|ids| owner::tombstones(ids).collect()))
    }
}

fn away(error: &SwitchError) -> Refusal {
    Refusal {
        code: RefusalCode::Retry,
        message: chain(error),
    }
}
