//! Endpoints whose pods are gone although nobody said so.

mod due;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use trunkline_types::{Attachment, ContainerId, Name};

use crate::{
    Catalog, Change, Edit, Endpoint, Event, EventKind, Key, Object, Policy, Release, ReleaseError,
    Revision, Timestamp, release,
};

pub use due::{due_reservations, end_reservation};
pub(crate) use due::{is_idle, why};

/// What is known of one node's pods at one time.
pub struct Evidence<'a> {
    /// The node.
    pub node: &'a Name,
    /// The interfaces that its OVSDB has.
    pub ovsdb: &'a BTreeSet<Attachment>,
    /// The containers that its runtime has; none if the runtime could not be asked.
    pub runtime: Option<&'a BTreeSet<ContainerId>>,
    /// Whether the orchestrator still has the endpoint's pod; none if that is not known.
    pub pod_exists: &'a dyn Fn(&Endpoint) -> Option<bool>,
}

/// An endpoint that is gone, as two observations agree.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// Its attachment.
    pub attachment: Attachment,
    /// The revision it was seen at.
    pub revision: Revision,
    /// What says so.
    pub reason: String,
}

impl Finding {
    /// The release that it asks for.
    #[must_use]
    pub fn release(&self) -> Release {
        Release {
            attachment: self.attachment.clone(),
            reason: self.reason.clone(),
            expected: Some(self.revision),
        }
    }
}

/// What was seen of endpoints that seem to be gone. Not stored: a new leader looks twice again.
#[derive(Clone, Debug)]
pub struct Sweep {
    gap: Duration,
    suspects: BTreeMap<Name, BTreeMap<Attachment, Suspect>>,
}

/// An endpoint that was seen to be gone.
#[derive(Clone, Copy, Debug)]
struct Suspect {
    /// The endpoint's revision then.
    revision: Revision,
    /// When it was seen first; everything since then agreed.
    since: Timestamp,
}

impl Sweep {
    /// A sweep that has seen nothing.
    #[must_use]
    pub fn new(policy: &Policy) -> Self {
        Self {
            gap: policy.sweep_gap,
            suspects: BTreeMap::new(),
        }
    }

    /// Takes in what is known of a node now; answers the endpoints on it that are gone: this and an
    /// observation at least [`Policy::sweep_gap`] ago say so, and none in between says otherwise.
    pub fn observe(
        &mut self,
        catalog: &Catalog,
        evidence: &Evidence<'_>,
        now: Timestamp,
    ) -> Vec<Finding> {
        let before = self.suspects.remove(evidence.node).unwrap_or_default();
        let endpoints: Vec<_> = catalog.endpoints_on(evidence.node).collect();
        let mut suspects = BTreeMap::new();
        let mut findings = Vec::new();
        for endpoint in &endpoints {
            let Some(reason) = evidence.against(endpoint, &endpoints) else {
                continue;
            };
            let seen = before.get(&endpoint.attachment);
            let seen = seen.filter(|seen| seen.revision == endpoint.revision);
            // A clock that was set back must not put off the second look for as long.
            let since = seen.map_or(now, |seen| seen.since.min(now));
            if seen.is_some() && now >= since.after(self.gap.as_secs()) {
                findings.push(Finding {
                    attachment: endpoint.attachment.clone(),
                    revision: endpoint.revision,
                    reason,
                });
            }
            let suspect = Suspect {
                revision: endpoint.revision,
                since,
            };
            suspects.insert(endpoint.attachment.clone(), suspect);
        }
        if !suspects.is_empty() {
            self.suspects.insert(evidence.node.clone(), suspects);
        }
        findings
    }

    /// Forgets what was seen on nodes that have been removed.
    pub fn forget_removed(&mut self, catalog: &Catalog) {
        self.suspects.retain(|node, _| catalog.node(node).is_some());
    }
}

impl Evidence<'_> {
    /// What says that `endpoint`, one of `all` on the node, is gone; none if something says that it
    /// is not, or if neither runtime nor orchestrator could be asked.
    pub(crate) fn against(&self, endpoint: &Endpoint, all: &[&Arc<Endpoint>]) -> Option<String> {
        let container = &endpoint.attachment.container;
        if self.ovsdb.contains(&endpoint.attachment) {
            return None;
        }
        let mut witnesses = vec!["its interface is not in OVSDB"];
        if let Some(runtime) = self.runtime {
            if runtime.contains(container) {
                return None;
            }
            witnesses.push("the runtime does not have its container");
        }
        match (self.pod_exists)(endpoint) {
            // A pod outlives its containers: this one has another interface by now.
            Some(true) if self.runtime.is_some() && is_superseded(endpoint, all) => {
                witnesses.push("its pod has another one");
            }
            Some(true) => return None,
            Some(false) => witnesses.push("the orchestrator does not have its pod"),
            None => {}
        }
        (witnesses.len() > 1).then(|| witnesses.join(", "))
    }
}

fn is_superseded(endpoint: &Endpoint, all: &[&Arc<Endpoint>]) -> bool {
    endpoint.pod.is_some()
        && all.iter().any(|other| {
            other.pod == endpoint.pod
                && other.attachment.ifname == endpoint.attachment.ifname
                && other.revision > endpoint.revision
        })
}

/// Plans the collection of an endpoint that is gone: its release, and an event.
///
/// # Errors
///
/// [`ReleaseError`] if the endpoint changed since it was observed.
pub fn collect(
    catalog: &Catalog,
    finding: &Finding,
    now: Timestamp,
) -> Result<Change, ReleaseError> {
    let change = release(catalog, &finding.release(), now)?;
    if change.is_empty() {
        return Ok(change);
    }
    let event = Event {
        at: now,
        kind: EventKind::AddressCollected,
        about: Key::Endpoint(finding.attachment.clone()).to_string(),
        message: finding.reason.clone(),
        revision: change.revision(),
    };
    let event = Edit::Put(Object::Event(Arc::new(event)));
    let edits = change.edits().iter().cloned().chain([event]);
    Ok(Change::new(change.revision(), edits.collect()))
}

#[cfg(test)]
mod tests;
