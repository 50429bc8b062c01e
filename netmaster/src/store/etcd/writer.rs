//! Writing to etcd, for as long as the leader key is this replica's.

use std::sync::Arc;

use etcd_client::{Compare, CompareOp, KeyValue, Txn, TxnOp, TxnResponse};
use tokio::runtime::Handle;
use tokio::sync::watch;
use trunkline_ipam::Revision;

use super::connection::{Answered, Connection, Failed, Patience};
use super::outcome::{Meaning, read_at};
use super::paths::Paths;
use super::read::Reader;
use crate::store::{Batch, Position, Store, StoreError, codec};

/// The right to write: the leader key that this replica created, at that revision of etcd. A key
/// that another replica creates has another one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Fence(pub(super) i64);

/// The leader's side of the store in etcd.
#[derive(Debug)]
pub(super) struct Writer {
    pub(super) connection: Arc<Connection>,
    pub(super) paths: Paths,
    pub(super) fence: Fence,
    /// Where the last commit left the store.
    pub(super) at: Position,
    /// A transaction may have been carried out or not, or may yet be.
    unsure: bool,
    /// The lease is in doubt: there is no point in waiting for an answer.
    lost: watch::Receiver<bool>,
}

impl Writer {
    /// Writes with `fence`, from where the store is.
    pub(super) async fn begin(
        connection: Arc<Connection>,
        paths: Paths,
        fence: Fence,
        lost: watch::Receiver<bool>,
    ) -> Result<Self, StoreError> {
        let mut writer = Self {
            connection,
            paths,
            fence,
            at: Position::default(),
            unsure: false,
            lost,
        };
        // All that was written under other leader keys is in it, and nothing can be added.
        writer.at = writer.look().await?;
        Ok(writer)
    }

    /// Makes `operations`, if this replica leads and the store is where it left it.
    async fn transact(
        &mut self,
        operations: Vec<TxnOp>,
        to: Revision,
    ) -> Result<Position, StoreError> {
        let at_mark = match self.at.mark {
            0 => Compare::create_revision(self.paths.revision(), CompareOp::Equal, 0),
            mark => Compare::mod_revision(self.paths.revision(), CompareOp::Equal, mark),
        };
        let txn = Txn::new()
            .when([self.leads(), at_mark])
            .and_then(operations)
            .or_else(self.look_operations());
        // An attempt whose reply is lost is repeated: it finds either the store as it was, or
        // that it is done.
        match self.send(txn).await {
            Ok(Answered { answer, .. }) if answer.succeeded() => {
                let mark = answer.header().map_or(0, |header| header.revision());
                Ok(Position { revision: to, mark })
            }
            Ok(Answered {
                answer, repeated, ..
            }) => {
                let found = self.position(&answer)?;
                if repeated && found.revision == to {
                    return Ok(found);
                }
                Err(StoreError::Stale {
                    expected: self.at.revision,
                    found: found.revision,
                })
            }
            Err(failed) => {
                self.unsure |= failed.earlier_unknown || failed.meaning == Meaning::Unknown;
                Err(failed.into())
            }
        }
    }

    async fn send(&self, txn: Txn) -> Result<Answered<TxnResponse>, Failed> {
        let mut lost = self.lost.clone();
        // Cancel-safe: a transaction that is no longer waited for has an unknown outcome.
        tokio::select! {
            outcome = self.connection.ask_txn(Patience::REQUEST, txn) => outcome,
            _ = lost.wait_for(|lost| *lost) => Err(Failed::deposed()),
        }
    }

    fn leads(&self) -> Compare {
        Compare::create_revision(self.paths.leader(), CompareOp::Equal, self.fence.0)
    }

    /// Reads the leader key and the revision, in this order.
    fn look_operations(&self) -> [TxnOp; 2] {
        [self.paths.leader(), self.paths.revision()].map(|key| TxnOp::get(key, None))
    }

    async fn look(&self) -> Result<Position, StoreError> {
        let txn = Txn::new().and_then(self.look_operations());
        self.position(&self.send(txn).await?.answer)
    }

    /// Where the store is, if this replica leads.
    fn position(&self, response: &TxnResponse) -> Result<Position, StoreError> {
        let leader = read_at(response, 0);
        if leader.map(|kv| kv.create_revision()) != Some(self.fence.0) {
            return Err(StoreError::Deposed);
        }
        match read_at(response, 1) {
            Some(kv) => position(&kv),
            None => Ok(Position::default()),
        }
    }

    fn runtime(&self) -> Handle {
        self.connection.runtime.clone()
    }
}

fn position(kv: &KeyValue) -> Result<Position, StoreError> {
    Ok(Position {
        revision: codec::decode_revision(kv.value())?,
        mark: kv.mod_revision(),
    })
}

impl Store for Writer {
    fn commit(&mut self, batch: &Batch) -> Result<Position, StoreError> {
        if batch.from() != self.at.revision {
            return Err(StoreError::Stale {
                expected: batch.from(),
                found: self.at.revision,
            });
        }
        let operations = batch.values().map(|(key, value)| match value {
            Some(value) => TxnOp::put(self.paths.path(key), value, None),
            None => TxnOp::delete(self.paths.path(key), None),
        });
        let operations = operations.collect();
        self.at = self
            .runtime()
            .block_on(self.transact(operations, batch.to()))?;
        Ok(self.at)
    }

    fn check(&mut self) -> Result<(), StoreError> {
        let found = self.runtime().block_on(self.look())?;
        if found != self.at {
            return Err(StoreError::Stale {
                expected: self.at.revision,
                found: found.revision,
            });
        }
        Ok(())
    }

    fn resume(&mut self) -> Result<Position, StoreError> {
        let found = self.runtime().block_on(self.look())?;
        if self.unsure && found == self.at {
            // It may still be on its way. Only when the leader key is gone can it do no harm.
            return Err(StoreError::Unsure);
        }
        self.at = found;
        Ok(found)
    }

    fn replace(
        &mut self,
        revision: Revision,
        entries: &mut dyn Iterator<Item = Result<(String, Vec<u8>), StoreError>>,
    ) -> Result<Position, StoreError> {
        self.runtime().block_on(self.replace_all(revision, entries))
    }

    fn reader(&self) -> crate::store::Reader {
        let reader = Reader::new(self.connection.clone(), self.paths.clone());
        crate::store::Reader::Etcd(reader)
    }
}
