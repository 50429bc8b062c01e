//! Putting other content in the place of all that is in etcd.
//!
//! No transaction holds it, so a key says that it is under way, from before the first deletion to
//! after the last put: a store with that key is refused.

use etcd_client::{Compare, CompareOp, DeleteOptions, GetOptions, Txn, TxnOp};
use trunkline_ipam::Revision;

use super::connection::Patience;
use super::paths::after;
use super::writer::Writer;
use crate::store::{Batch, Position, StoreError, codec, keys};

/// How many keys are deleted at once: etcd does not answer anybody while it deletes.
const DELETED: i64 = 5_000;

impl Writer {
    pub(super) async fn replace_all(
        &mut self,
        revision: Revision,
        entries: &mut dyn Iterator<Item = Result<(String, Vec<u8>), StoreError>>,
    ) -> Result<Position, StoreError> {
        let restoring = self.paths.restoring();
        self.write(vec![TxnOp::put(restoring.clone(), "{}", None)])
            .await?;
        self.delete_all().await?;
        let mut operations = Vec::new();
        let mut bytes = 0;
        for entry in entries {
            let (key, value) = entry?;
            if key == keys::REVISION || key == keys::SCHEMA {
                continue;
            }
            let key = self.paths.path(&key);
            let size = key.len() + value.len();
            if operations.len() == Batch::OPERATIONS || bytes + size > Batch::BYTES {
                self.write(std::mem::take(&mut operations)).await?;
                bytes = 0;
            }
            bytes += size;
            operations.push(TxnOp::put(key, value, None));
        }
        self.write(operations).await?;
        let counter = codec::encode_revision(revision)?;
        let last = vec![
            TxnOp::put(self.paths.revision(), counter, None),
            TxnOp::put(self.paths.schema(), codec::encode_schema(), None),
            TxnOp::delete(restoring, None),
        ];
        let mark = self.write(last).await?;
        self.at = Position { revision, mark };
        Ok(self.at)
    }

    /// Makes `operations`, which may be made twice, if this replica leads; answers etcd's revision.
    async fn write(&mut self, operations: Vec<TxnOp>) -> Result<i64, StoreError> {
        let leads = Compare::create_revision(self.paths.leader(), CompareOp::Equal, self.fence.0);
        let txn = Txn::new().when([leads]).and_then(operations);
        let response = self.connection.txn(Patience::PAGE, txn).await?;
        match response.header() {
            Some(header) if response.succeeded() => Ok(header.revision()),
            _ => Err(StoreError::Deposed),
        }
    }

    async fn delete_all(&mut self) -> Result<(), StoreError> {
        for (from, to) in self.paths.everything() {
            loop {
                let options = GetOptions::new()
                    .with_range(to.clone())
                    .with_limit(DELETED)
                    .with_keys_only();
                let connection = &self.connection;
                let page = connection
                    .get(Patience::PAGE, from.clone(), Some(options))
                    .await?;
                let Some(last) = page.kvs().last() else {
                    break;
                };
                let these = DeleteOptions::new().with_range(after(last.key()));
                self.write(vec![TxnOp::delete(from.clone(), Some(these))])
                    .await?;
            }
        }
        Ok(())
    }
}
