//! Planning the cluster's beginning, and a new epoch after a restore.

use std::sync::Arc;

use trunkline_types::Name;

use crate::{
    Catalog, Change, Cluster, Edit, Epoch, Event, EventKind, Key, Node, NodeUnfit, Object,
    Timestamp,
};

/// Plans the cluster's beginning; one that is there stays as it is.
#[must_use]
pub fn found_cluster(catalog: &Catalog, id: &str, now: Timestamp) -> Change {
    if catalog.cluster().is_some() {
        return Change::none(catalog.revision());
    }
    let revision = catalog.revision().next();
    let cluster = Object::Cluster(Arc::new(Cluster {
        id: id.to_owned(),
        epoch: Epoch::default(),
        since: now,
        revision,
    }));
    Change::new(revision, vec![Edit::Put(cluster)])
}

/// Plans a new epoch, after a back-up was restored: a subnet hands out nothing until
/// [`Policy::restore_hold`](crate::Policy::restore_hold) is over and all nodes that may use it have
/// reported. A cluster that was not founded has nothing to restore.
///
/// `catalog` is what the back-up has, and `seen` the epoch of the store that it goes into. The new
/// epoch is later than both. That alone would give the same one to two restores of one back-up into
/// empty stores, so it is not earlier than `now` in seconds either: agents that saw the first
/// restored store must not take the second one for it.
#[must_use]
pub fn begin_epoch(catalog: &Catalog, seen: Epoch, now: Timestamp) -> Change {
    let Some(cluster) = catalog.cluster() else {
        return Change::none(catalog.revision());
    };
    let revision = catalog.revision().next();
    let last = cluster.epoch.max(seen);
    let epoch = Epoch::new(last.number().saturating_add(1).max(now.unix_seconds()));
    let event = Event {
        at: now,
        kind: EventKind::EpochBegan,
        about: Key::Cluster.to_string(),
        message: format!(
            "epoch {} begins after a restore: {} node(s) are to report what they hold",
            epoch.number(),
            catalog.nodes().count()
        ),
        revision,
    };
    let cluster = Cluster {
        epoch,
        since: now,
        revision,
        ..Cluster::clone(cluster)
    };
    let edits = vec![
        Edit::Put(Object::Cluster(Arc::new(cluster))),
        Edit::Put(Object::Event(Arc::new(event))),
    ];
    Change::new(revision, edits)
}

/// Plans to pass over a node's report, because the node is dead. A node that has reported stays as
/// it is.
///
/// # Errors
///
/// [`NodeUnfit::NotFound`] if there is no such node.
pub fn waive_report(catalog: &Catalog, node: &Name, now: Timestamp) -> Result<Change, NodeUnfit> {
    let Some(node) = catalog.node(node) else {
        return Err(NodeUnfit::NotFound { node: node.clone() });
    };
    if node.reported == catalog.epoch() {
        return Ok(Change::none(catalog.revision()));
    }
    let revision = catalog.revision().next();
    let event = Event {
        at: now,
        kind: EventKind::ReportWaived,
        about: Key::Node(node.name.clone()).to_string(),
        message: format!(
            "its report for epoch {} is passed over: what it holds beyond the back-up may be \
             handed out again",
            catalog.epoch().number()
        ),
        revision,
    };
    let node = Node {
        reported: catalog.epoch(),
        revision,
        ..Node::clone(node)
    };
    let edits = vec![
        Edit::Put(Object::Node(Arc::new(node))),
        Edit::Put(Object::Event(Arc::new(event))),
    ];
    Ok(Change::new(revision, edits))
}

#[cfg(test)]
mod tests;
