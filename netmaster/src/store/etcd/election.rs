//! Who leads: the replica that created the leader key, for as long as the key is there.

use std::sync::Arc;
use std::time::Duration;

use etcd_client::{Client, Compare, CompareOp, KeyValue, PutOptions, Txn, TxnOp, WatchOptions};
use serde::{Deserialize, Serialize};
use tokio::sync::watch;
use tokio::time::{Instant, sleep};
use tracing::{info, warn};
use trunkline_types::chain;
use uuid::Uuid;

use super::Etcd;
use super::connection::{Connection, Patience};
use super::lease::{Lease, keep};
use super::outcome::{Meaning, read_at};
use super::paths::Paths;
use super::writer::{Fence, Writer};
use crate::replica::{Claim, Cluster, Role, Term};
use crate::store::{Reader, StoreError};

/// How long to wait before etcd is asked again after it failed.
const RETRY: Duration = Duration::from_millis(300);
/// How often the leader key is looked at while it is watched: a watch that is cut off brings
/// nothing, and says nothing.
const LOOK: Duration = Duration::from_secs(1);
/// How long one attempt to renew the lease may take.
const RENEWAL: Patience = Patience {
    attempt: Duration::from_millis(700),
    total: Duration::from_millis(2_000),
};

/// The form of the leader key's value.
const VERSION: u32 = 1;

/// What the leader key says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Leader {
    version: u32,
    /// Names the process.
    replica: Uuid,
    /// Where its API is reached.
    url: String,
}

/// A lease in etcd, and the leader key that is bound to it.
#[derive(Clone, Debug)]
struct EtcdLease {
    connection: Arc<Connection>,
    paths: Paths,
    id: i64,
    fence: Fence,
}

impl Cluster for Etcd {
    fn reader(&self) -> Reader {
        Etcd::reader(self)
    }

    async fn campaign(&self, role: &watch::Sender<Role>) -> Term {
        loop {
            match self.stand(role).await {
                Ok(term) => return term,
                Err(error) => {
                    tell(role, None);
                    warn!(
                        error = chain(&error),
                        "cannot stand for election; trying again"
                    );
                    sleep(RETRY).await;
                }
            }
        }
    }
}

impl Etcd {
    /// Waits until nobody leads, and then tries to. Goes on until that succeeds or etcd fails.
    async fn stand(&self, role: &watch::Sender<Role>) -> Result<Term, StoreError> {
        loop {
            if let Some(leader) = self.leader().await? {
                let url = serde_json::from_slice::<Leader>(leader.value()).ok();
                tell(role, url.map(|leader| leader.url));
                self.until_gone(&leader).await?;
                continue;
            }
            tell(role, None);
            if let Some(term) = self.try_to_lead().await? {
                return Ok(term);
            }
        }
    }

    /// Leads, if nobody does.
    ///
    /// # Errors
    ///
    /// [`StoreError::Led`] if somebody does, and other errors if etcd fails.
    pub(crate) async fn lead_alone(&self) -> Result<Term, StoreError> {
        if let Some(term) = self.try_to_lead().await? {
            return Ok(term);
        }
        let leader = self.leader().await?;
        Err(StoreError::Led {
            leader: leader.map(|kv| named(kv.value())).unwrap_or_default(),
        })
    }

    async fn leader(&self) -> Result<Option<KeyValue>, StoreError> {
        let connection = &self.connection;
        let mut response = connection
            .get(Patience::REQUEST, self.paths.leader(), None)
            .await?;
        Ok(response.take_kvs().into_iter().next())
    }

    /// Waits until `leader` no longer leads.
    async fn until_gone(&self, leader: &KeyValue) -> Result<(), StoreError> {
        loop {
            // Cancel-safe: both only wait.
            tokio::select! {
                () = self.watch_leader(leader.mod_revision()) => {}
                () = sleep(LOOK) => {}
            }
            let now = self.leader().await?;
            if now.map(|kv| kv.mod_revision()) != Some(leader.mod_revision()) {
                return Ok(());
            }
        }
    }

    /// Returns when something becomes of the leader key after `mark`. If that cannot be seen, never.
    async fn watch_leader(&self, mark: i64) {
        let open = |client: Client| {
            let options = WatchOptions::new().with_start_revision(mark + 1);
            let key = self.paths.leader();
            async move { client.watch_client().watch(key, Some(options)).await }
        };
        if let Ok(mut stream) = self.connection.call(Patience::REQUEST, open).await {
            while let Ok(Some(response)) = stream.message().await {
                if !response.events().is_empty() {
                    return;
                }
            }
        }
        std::future::pending().await
    }

    /// Creates the leader key and begins to write, if nobody leads.
    async fn try_to_lead(&self) -> Result<Option<Term>, StoreError> {
        let asked = Instant::now();
        let Some((lease, life)) = self.create_leader_key().await? else {
            return Ok(None);
        };
        let fence = lease.fence;
        let claim = Claim::kept_by(|losing, keeping| keep(lease, asked, life, losing, keeping));
        let (connection, paths) = (self.connection.clone(), self.paths.clone());
        match Writer::begin(connection, paths, fence, claim.watch()).await {
            Ok(writer) => Ok(Some(Term {
                tip: writer.at.revision(),
                store: Box::new(writer),
                claim,
            })),
            Err(error) => {
                claim.resign().await;
                Err(error)
            }
        }
    }

    /// Creates the leader key, if there is none; answers the lease and for how long it is good.
    async fn create_leader_key(&self) -> Result<Option<(EtcdLease, Duration)>, StoreError> {
        let seconds = i64::try_from(self.lease.as_secs()).unwrap_or(i64::MAX);
        let connection = &self.connection;
        let grant =
            |client: Client| async move { client.lease_client().grant(seconds, None).await };
        let granted = connection.call(Patience::REQUEST, grant).await?;
        let leader = Leader {
            version: VERSION,
            replica: self.replica,
            url: self.url.clone(),
        };
        let key = self.paths.leader();
        let absent = Compare::create_revision(key.clone(), CompareOp::Equal, 0);
        let bound = PutOptions::new().with_lease(granted.id());
        let put = TxnOp::put(key.clone(), serde_json::to_vec(&leader)?, Some(bound));
        let txn = Txn::new()
            .when([absent])
            .and_then([put])
            .or_else([TxnOp::get(key, None)]);
        let response = connection.txn(Patience::REQUEST, txn).await?;
        // If a reply was lost and the transaction sent again, the key may be there by our own hand.
        let created = match read_at(&response, 0) {
            _ if response.succeeded() => response.header().map(|header| header.revision()),
            Some(kv) if kv.lease() == granted.id() => Some(kv.create_revision()),
            _ => None,
        };
        let mut lease = EtcdLease {
            connection: connection.clone(),
            paths: self.paths.clone(),
            id: granted.id(),
            fence: Fence(created.unwrap_or_default()),
        };
        if created.is_none() {
            lease.revoke().await?;
            return Ok(None);
        }
        // etcd has a shortest life of its own.
        let life = Duration::from_secs(granted.ttl().unsigned_abs());
        info!(
            lease = granted.id(),
            revision = lease.fence.0,
            "leader key created"
        );
        Ok(Some((lease, life)))
    }
}

/// What people call the leader that the leader key has: its URL.
fn named(value: &[u8]) -> String {
    match serde_json::from_slice::<Leader>(value) {
        Ok(leader) => leader.url,
        // A newer netmaster's.
        Err(_) => String::from_utf8_lossy(value).escape_debug().to_string(),
    }
}

impl Lease for EtcdLease {
    async fn renew(&mut self) -> Result<bool, StoreError> {
        let id = self.id;
        let renew = |client: Client| async move { client.lease_client().keep_alive(id).await };
        match self.connection.call(RENEWAL, renew).await {
            Ok(_) => {}
            Err(failed) if failed.meaning == Meaning::NotFound => return Ok(false),
            Err(failed) => return Err(failed.into()),
        }
        // Somebody may have deleted the key by hand.
        let leader = self
            .connection
            .get(RENEWAL, self.paths.leader(), None)
            .await?;
        let created = leader.kvs().first().map(|kv| kv.create_revision());
        Ok(created == Some(self.fence.0))
    }

    async fn revoke(&mut self) -> Result<(), StoreError> {
        let id = self.id;
        let revoke = |client: Client| async move { client.lease_client().revoke(id).await };
        match self.connection.call(RENEWAL, revoke).await {
            Ok(_) => Ok(()),
            Err(failed) if failed.meaning == Meaning::NotFound => Ok(()),
            Err(failed) => Err(failed.into()),
        }
    }
}

fn tell(role: &watch::Sender<Role>, leader: Option<String>) {
    let told = Role::Follower { leader };
    role.send_if_modified(|role| {
        let changed = *role != told;
        *role = told;
        changed
    });
}
