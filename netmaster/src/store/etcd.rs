//! The store in etcd, which several replicas share.
//!
//! ```text
//! /trunkline/schema      how all that follows is to be read
//! /trunkline/leader      who may write, bound to that replica's lease
//! /trunkline/restoring   there while a back-up is being restored
//! /trunkline/v1/…        as in every store, see `keys`
//! ```
//!
//! Every transaction compares two things: that the leader key is still the one that this replica
//! created, and that the revision's key is where this replica left it. So a replica that was
//! replaced writes nothing, and a transaction may be sent again when its reply is lost: it is made
//! once. `docs/adr/0004-etcd-schema-and-leadership.md` has the reasons.

mod connection;
mod election;
mod lease;
mod outcome;
mod paths;
mod read;
mod replace;
mod strides;
mod watch;
mod writer;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use etcd_client::{Compare, CompareOp, GetOptions, Txn, TxnOp};
use uuid::Uuid;

use super::{Batch, StoreError, codec};
use connection::Connection;
use paths::Paths;

pub use read::Reader;
pub use watch::Watch;

/// How to reach etcd.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EtcdConfig {
    /// URLs or `host:port` of the members; at least one.
    pub endpoints: Vec<String>,
    /// What all keys begin with, without a slash at its end.
    pub prefix: String,
    /// The authority that signed the members' certificates, as a PEM file; without it, no TLS.
    pub ca: Option<PathBuf>,
    /// This replica's certificate and key, as PEM files, if etcd asks for one.
    pub identity: Option<(PathBuf, PathBuf)>,
    /// The user and the file that holds the password, if etcd asks for them.
    pub user: Option<(String, PathBuf)>,
    /// How long a replica leads without a sign of life; at least 1 s.
    pub lease: Duration,
    /// How long it is tried to reach etcd at the start: it may be starting, too.
    pub start: Duration,
}

impl EtcdConfig {
    /// How long it is tried to reach etcd at the start, as a rule.
    pub const START: Duration = Duration::from_secs(10);
}

/// The store in etcd. Clones share its connections.
#[derive(Clone, Debug)]
pub struct Etcd {
    connection: Arc<Connection>,
    paths: Paths,
    /// Names this process among the replicas.
    replica: Uuid,
    /// Where other replicas reach this one's API.
    url: String,
    lease: Duration,
}

impl Etcd {
    /// Connects to etcd, and writes the schema's version into a store that is empty.
    ///
    /// # Errors
    ///
    /// [`StoreError`] if no member answers, if etcd refuses or takes too little at once, or if a
    /// newer netmaster or somebody else wrote what is there.
    pub async fn open(config: EtcdConfig) -> Result<Self, StoreError> {
        let etcd = Self::at_members(config);
        etcd.check_room().await?;
        etcd.set_up().await?;
        Ok(etcd)
    }

    /// The same without asking anything yet.
    fn at_members(config: EtcdConfig) -> Self {
        Self {
            paths: Paths::under(&config.prefix),
            lease: config.lease,
            connection: Arc::new(Connection::new(config)),
            replica: Uuid::new_v4(),
            url: String::new(),
        }
    }

    /// The same, reached by others at `url`.
    pub(crate) fn at(self, url: &str) -> Self {
        Self {
            url: url.to_owned(),
            ..self
        }
    }

    /// The side that only reads.
    pub(crate) fn reader(&self) -> super::Reader {
        super::Reader::Etcd(Reader::new(self.connection.clone(), self.paths.clone()))
    }

    /// Finds out whether the member that is asked takes as many operations at once as a batch has,
    /// by reads that are never made. If not, a large change would be the first to fail, long after
    /// anybody looks.
    async fn check_room(&self) -> Result<(), StoreError> {
        let schema = self.paths.schema();
        let never = Compare::create_revision(schema.clone(), CompareOp::Less, 0);
        let reads = vec![TxnOp::get(schema, None); Batch::OPERATIONS];
        let txn = Txn::new().when([never]).and_then(reads);
        self.connection.txn(self.connection.start(), txn).await?;
        Ok(())
    }

    /// Writes the schema's version into an empty store, and checks that of another one.
    async fn set_up(&self) -> Result<(), StoreError> {
        let schema = self.paths.schema();
        let found = self.get(schema.clone(), None).await?;
        if let Some(value) = found {
            return check_schema(&value);
        }
        let any = GetOptions::new()
            .with_prefix()
            .with_limit(1)
            .with_keys_only();
        if self.get(self.paths.objects(), Some(any)).await?.is_some() {
            return Err(StoreError::Foreign);
        }
        let absent = Compare::create_revision(schema.clone(), CompareOp::Equal, 0);
        let put = TxnOp::put(schema.clone(), codec::encode_schema(), None);
        let txn = Txn::new()
            .when([absent])
            .and_then([put])
            .or_else([TxnOp::get(schema, None)]);
        // If another replica was faster, it has written the same, or something newer.
        let response = self.connection.txn(self.connection.start(), txn).await?;
        match outcome::first_value(&response) {
            Some(value) if !response.succeeded() => check_schema(&value),
            _ => Ok(()),
        }
    }

    /// The first value that is found.
    async fn get(
        &self,
        key: Vec<u8>,
        options: Option<GetOptions>,
    ) -> Result<Option<Vec<u8>>, StoreError> {
        let patience = self.connection.start();
        let response = self.connection.get(patience, key, options).await?;
        Ok(response.kvs().first().map(|kv| kv.value().to_vec()))
    }
}

fn check_schema(value: &[u8]) -> Result<(), StoreError> {
    let found = codec::decode_schema(value)?;
    if found > codec::SCHEMA {
        return Err(StoreError::NewerSchema { found });
    }
    Ok(())
}

#[cfg(test)]
mod tests;
