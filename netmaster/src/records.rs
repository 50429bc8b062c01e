//! Records: read from the store, for they are not kept in memory.

use trunkline_ipam::{Object, Revision};

use crate::store::{Reader, StoreError, decode};

/// Up to `limit` records whose keys begin with `prefix`, of changes after revision `after`, oldest
/// first.
pub(crate) async fn after(
    reader: &Reader,
    prefix: &str,
    after: Revision,
    limit: usize,
) -> Result<Vec<Object>, StoreError> {
    let after = format!("{prefix}{:020}", after.number());
    let page = reader.scan(prefix, Some(&after), limit).await?;
    let records = page.iter();
    records
        .map(|(key, value)| Ok(decode(key, value)?))
        .collect()
}
