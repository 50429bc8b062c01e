//! Reading etcd: everything at one of its revisions, or a page.

use std::sync::Arc;

use etcd_client::{Client, GetOptions, KeyValue};
use tokio::sync::mpsc;
use trunkline_ipam::Revision;

use super::connection::{Connection, Patience};
use super::paths::{Paths, Range, after};
use super::strides::Strides;
use super::watch::Watch;
use crate::store::{Page, Position, Space, StoreError, codec, keys};

/// How many keys are read at once. More save no time, and make etcd hold more memory.
const PAGE: usize = 10_000;
/// How many pages are read ahead while one is being looked at.
const AHEAD: usize = 2;

/// Reads the store in etcd, beside its writer.
#[derive(Clone, Debug)]
pub struct Reader {
    connection: Arc<Connection>,
    paths: Paths,
}

impl Reader {
    pub(super) fn new(connection: Arc<Connection>, paths: Paths) -> Self {
        Self { connection, paths }
    }

    pub(in crate::store) fn load(
        &self,
        visit: &mut dyn FnMut(&str, &[u8]),
    ) -> Result<Position, StoreError> {
        self.read(self.paths.loaded(), visit)
    }

    pub(in crate::store) fn dump(
        &self,
        visit: &mut dyn FnMut(&str, &[u8]),
    ) -> Result<Position, StoreError> {
        self.read(self.paths.everything(), visit)
    }

    /// Reads `ranges` as they are at one revision of etcd.
    fn read(
        &self,
        ranges: Vec<Range>,
        visit: &mut dyn FnMut(&str, &[u8]),
    ) -> Result<Position, StoreError> {
        let runtime = &self.connection.runtime;
        let mark = runtime.block_on(self.now())?;
        let (pages, mut read) = mpsc::channel(AHEAD);
        let reader = self.clone();
        // It ends when all is read, or when nobody takes the pages any more.
        runtime.spawn(async move { reader.send_pages(ranges, mark, pages).await });
        let mut revision = Revision::ZERO;
        while let Some(page) = read.blocking_recv() {
            for kv in page? {
                let key = self.paths.key(kv.key()).ok_or(StoreError::Foreign)?;
                if key == keys::REVISION {
                    revision = codec::decode_revision(kv.value())?;
                } else {
                    visit(&key, kv.value());
                }
            }
        }
        Ok(Position { revision, mark })
    }

    /// etcd's revision, if the store is complete.
    async fn now(&self) -> Result<i64, StoreError> {
        let restoring = self.paths.restoring();
        let response = self
            .connection
            .get(self.connection.start(), restoring, None)
            .await?;
        if !response.kvs().is_empty() {
            return Err(StoreError::Incomplete);
        }
        Ok(response.header().map_or(0, |header| header.revision()))
    }

    async fn send_pages(
        &self,
        ranges: Vec<Range>,
        mark: i64,
        pages: mpsc::Sender<Result<Vec<KeyValue>, StoreError>>,
    ) {
        for range in ranges {
            let mut strides = Strides::through(range, PAGE);
            while let Some((from, until)) = strides.current() {
                let options = GetOptions::new()
                    .with_range(until)
                    .with_revision(mark)
                    .with_limit(i64::try_from(PAGE).unwrap_or(i64::MAX));
                let page = self
                    .connection
                    .get(Patience::PAGE, from, Some(options))
                    .await
                    .map(|mut response| (response.more(), response.take_kvs()));
                let (more, kvs) = match page {
                    Ok(page) => page,
                    Err(failed) => {
                        // Whoever does not take it has no use for it.
                        let _ = pages.send(Err(failed.into())).await;
                        return;
                    }
                };
                let ends = kvs.first().zip(kvs.last()).filter(|_| more);
                strides.advance(
                    kvs.len(),
                    ends.map(|(first, last)| (first.key(), last.key())),
                );
                if pages.send(Ok(kvs)).await.is_err() {
                    return;
                }
            }
        }
    }

    pub(in crate::store) async fn scan(
        &self,
        prefix: &str,
        after_key: Option<&str>,
        limit: usize,
    ) -> Result<Page, StoreError> {
        if limit == 0 {
            // To etcd it would mean no limit.
            return Ok(Page::new());
        }
        let from = match after_key {
            Some(key) if key >= prefix => after(&self.paths.path(key)),
            _ => self.paths.path(prefix),
        };
        let options = GetOptions::new()
            .with_range(self.paths.path(&keys::end_of(prefix)))
            .with_limit(i64::try_from(limit).unwrap_or(i64::MAX));
        let mut response = self
            .connection
            // Somebody waits for it, and it is a thousand keys at most.
            .get(Patience::REQUEST, from, Some(options))
            .await?;
        let page = response.take_kvs().into_iter().map(|kv| {
            let (key, value) = kv.into_key_value();
            Ok((self.paths.key(&key).ok_or(StoreError::Foreign)?, value))
        });
        page.collect()
    }

    pub(in crate::store) async fn space(&self) -> Result<Space, StoreError> {
        let status = |client: Client| async move { client.maintenance_client().status().await };
        let status = self.connection.call(Patience::REQUEST, status).await?;
        let size = u64::try_from(status.db_size()).ok();
        // Members older than 3.6 do not tell theirs.
        let quota = u64::try_from(status.db_size_quota()).ok();
        let quota = quota.filter(|quota| *quota > 0);
        Ok(Space {
            size,
            free: quota.and_then(|quota| Some(quota.saturating_sub(size?))),
        })
    }

    pub(in crate::store) fn watch(&self, position: Position) -> Watch {
        Watch::new(self.connection.clone(), self.paths.clone(), position)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::net::TcpListener;

    use super::*;
    use crate::store::EtcdConfig;

    #[tokio::test]
    async fn a_page_of_records_is_not_waited_for_longer_than_any_request() {
        // It takes connections, and says nothing, like a member that is stopped.
        let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let connection = Connection::new(EtcdConfig {
            endpoints: vec![silent.local_addr().unwrap().to_string()],
            prefix: "/trunkline".to_owned(),
            ca: None,
            identity: None,
            user: None,
            lease: Duration::from_secs(3),
            start: EtcdConfig::START,
        });
        let reader = Reader::new(Arc::new(connection), Paths::under("/trunkline"));
        let scan = reader.scan("/trunkline/v1/holdings/", None, 10);
        // Twice as long as a request has.
        let scanned = tokio::time::timeout(Patience::REQUEST.total * 2, scan).await;
        let error = scanned.expect("in good time").unwrap_err();
        assert!(matches!(error, StoreError::Unreachable { .. }), "{error}");
    }
}
