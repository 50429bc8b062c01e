//! Taking from a node what it holds.

use std::sync::Arc;

use trunkline_types::Name;

use super::{Node, NodeUnfit, Removal, RemovalCause, fit};
use crate::change::STEP_EDITS;
use crate::lockout::locked_out;
use crate::release::Ending;
use crate::{
    Catalog, Change, Edit, Event, EventKind, Key, Kind, Listing, Object, Policy, Reason, Refusal,
    Step, Timestamp,
};

/// Why a node is not removed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RemoveNodeError {
    /// It is not there, or speaks with an older fence.
    #[error(transparent)]
    Unfit(#[from] NodeUnfit),
    /// Nobody vouches that it is off, and it has addresses.
    #[error(
        "node `{node}` has {} address(es), {addresses}, and may be using them: move its pods \
         elsewhere and stop its netplugin first, or if it is off, say so with \
         `netctl node rm {node} --powered-off`",
        addresses.total()
    )]
    InUse {
        /// The node.
        node: Name,
        /// The addresses that it has.
        addresses: Listing,
    },
}

impl Refusal for RemoveNodeError {
    fn reason(&self) -> Reason {
        match self {
            Self::Unfit(unfit) => unfit.reason(),
            Self::InUse { .. } => Reason::InUse(Kind::Node),
        }
    }
}

/// Plans the next step of taking from a node what [`RemovalCause`] lets be taken: first that is
/// written on the node, so that it is asked for nothing more and a new leader goes on; then it is
/// taken; with the last of it the node goes or is as before.
///
/// A removal that has begun goes on with the cause it began with, unless `why` takes more. With an
/// operator's, whenever that comes, the certificates of the node become void.
///
/// # Errors
///
/// [`RemoveNodeError`] if the node is not there, or an operator removes it while it has addresses.
pub fn remove_node(
    catalog: &Catalog,
    name: &Name,
    why: RemovalCause,
    now: Timestamp,
) -> Result<Step, RemoveNodeError> {
    let Some(node) = catalog.node(name) else {
        return Err(NodeUnfit::NotFound { node: name.clone() }.into());
    };
    match node.removing {
        Some(begun) if begun.why.takes_node() || !why.takes_node() => {
            let Step { change, done } = next(catalog, node, begun.why, now);
            let since = catalog.lockout(name).map(|lockout| lockout.before);
            let change = if why.locks_out() && since.is_none_or(|since| since < begun.at) {
                let edit = locked_out(catalog, name, now, change.revision());
                change.with(edit)
            } else {
                change
            };
            Ok(Step { change, done })
        }
        _ => begin(catalog, node, why, now),
    }
}

fn begin(
    catalog: &Catalog,
    node: &Node,
    why: RemovalCause,
    now: Timestamp,
) -> Result<Step, RemoveNodeError> {
    let addresses = || catalog.addresses_on(&node.name);
    if why == RemovalCause::Operator && addresses().next().is_some() {
        return Err(RemoveNodeError::InUse {
            node: node.name.clone(),
            addresses: Listing::of(addresses().map(|address| address.ip)),
        });
    }
    let revision = catalog.revision().next();
    let mut edits = vec![Edit::Put(Object::Node(Arc::new(Node {
        removing: Some(Removal { why, at: now }),
        // Never one that it had before, not even if it is removed and comes back.
        fence: revision.number().max(node.fence.saturating_add(1)),
        revision,
        ..node.clone()
    })))];
    if why.locks_out() {
        edits.push(locked_out(catalog, &node.name, now, revision));
    }
    let leases = catalog.leased_to(&node.name).count();
    if leases > 0 {
        edits.push(Edit::Put(Object::Event(Arc::new(Event {
            at: now,
            kind: EventKind::NodeFenced,
            about: Key::Node(node.name.clone()).to_string(),
            message: format!(
                "{leases} leased address(es) are taken back: {}",
                why.reason()
            ),
            revision,
        }))));
    }
    Ok(Step {
        change: Change::new(revision, edits),
        done: false,
    })
}

/// What is left to take, as far as it fits.
fn next(catalog: &Catalog, node: &Node, why: RemovalCause, now: Timestamp) -> Step {
    let ending = Ending {
        catalog,
        reason: why.reason(),
        now,
        revision: catalog.revision().next(),
    };
    let leases = catalog.leased_to(&node.name);
    let leases = leases.map(|address| vec![ending.lease(address)]);
    let endpoints = catalog.endpoints_on(&node.name);
    let endpoints = endpoints.filter(|_| why.takes_node());
    let mut rest = leases.chain(endpoints.map(|endpoint| ending.endpoint(endpoint)));
    let mut edits = Vec::new();
    for more in rest.by_ref() {
        edits.extend(more);
        if edits.len() >= STEP_EDITS {
            break;
        }
    }
    let done = rest.next().is_none();
    if done {
        edits.extend(last(&ending, node, why));
    }
    Step {
        change: Change::new(ending.revision, edits),
        done,
    }
}

/// The end of the node, or of its removal.
fn last(ending: &Ending<'_>, node: &Node, why: RemovalCause) -> Vec<Edit> {
    let mut edits = Vec::new();
    if why != RemovalCause::Offline {
        for own in &node.addresses {
            edits.extend(ending.node_address(&node.name, own));
        }
    }
    edits.push(if why.takes_node() {
        Edit::Delete(Key::Node(node.name.clone()))
    } else {
        let addresses = match why {
            RemovalCause::Offline => node.addresses.clone(),
            _ => Vec::new(),
        };
        Edit::Put(Object::Node(Arc::new(Node {
            addresses,
            removing: None,
            revision: ending.revision,
            ..node.clone()
        })))
    });
    edits
}

/// Plans the next step of an agent's farewell: it gives back its leases and its own addresses, and
/// asks for nothing until it has registered again. A node that has none of them has nothing to do.
///
/// # Errors
///
/// [`RemoveNodeError`] if the node is not there or speaks with an older fence.
pub fn farewell(
    catalog: &Catalog,
    name: &Name,
    fence: u64,
    now: Timestamp,
) -> Result<Step, RemoveNodeError> {
    if let Some(node) = catalog.node(name)
        && node.removing.is_none()
    {
        if node.addresses.is_empty() && catalog.leased_to(name).next().is_none() {
            return Ok(Step {
                change: Change::none(catalog.revision()),
                done: true,
            });
        }
        fit(catalog, name, Some(fence))?;
    }
    remove_node(catalog, name, RemovalCause::Farewell, now)
}

/// The nodes whose leases are to be taken from them because they were last heard longer ago than
/// [`Policy::offline_limit`]. `heard` says when a node was last heard, as far as is remembered.
pub fn overdue_nodes(
    catalog: &Catalog,
    heard: impl Fn(&Name) -> Timestamp,
    policy: &Policy,
    now: Timestamp,
) -> Vec<Name> {
    let limit = policy.offline_limit.as_secs();
    let overdue = |node: &&Arc<Node>| {
        let last = heard(&node.name).max(node.last_heard);
        last.after(limit) < now && catalog.leased_to(&node.name).next().is_some()
    };
    let nodes = catalog.nodes().filter(|node| node.removing.is_none());
    nodes
        .filter(overdue)
        .map(|node| node.name.clone())
        .collect()
}

/// The nodes whose removal has begun and is not done, and why they are removed: a new leader goes
/// on with them.
pub fn unfinished_removals(catalog: &Catalog) -> Vec<(Name, RemovalCause)> {
    let removing = |node: &Arc<Node>| Some((node.name.clone(), node.removing?.why));
    catalog.nodes().filter_map(removing).collect()
}
