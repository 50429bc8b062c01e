//! What a node reports.

mod books;

use std::collections::BTreeMap;
use std::net::IpAddr;

use trunkline_types::{Attachment, MacAddr, Name, Pod};

use crate::node::fit;
use crate::{Catalog, Change, Epoch, Holder, Listing, NodeUnfit, Reason, Refusal, Step, Timestamp};

use books::Books;

/// Everything that a node holds, as its OVSDB says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    /// The node.
    pub node: Name,
    /// The fence it got when it registered.
    pub fence: u64,
    /// The epoch in which it reports.
    pub epoch: Epoch,
    /// The interfaces that are plugged in.
    pub holds: Vec<Held>,
    /// The addresses in its reserve.
    pub leases: Vec<IpAddr>,
    /// The pods that the orchestrator has given to the node, with what reservations may call each of
    /// them beside its name; none without an orchestrator.
    pub vouched: Option<BTreeMap<Pod, Vec<Holder>>>,
}

/// One interface that is plugged in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Held {
    /// Which interface of which container.
    pub attachment: Attachment,
    /// Its addresses.
    pub addresses: Vec<IpAddr>,
    /// Its MAC address.
    pub mac: MacAddr,
    /// Its network.
    pub network: Name,
    /// The pod, if the runtime named one.
    pub pod: Option<Pod>,
}

/// Why a report is not taken, or not yet in full.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReportError {
    /// The node may not report.
    #[error(transparent)]
    Unfit(#[from] NodeUnfit),
    /// It is a report of another epoch.
    #[error(
        "node `{node}` reports for epoch {}, and this cluster is in epoch {}: let its netplugin \
         register again, and see `netctl status`",
        given.number(), current.number()
    )]
    WrongEpoch {
        /// The node.
        node: Name,
        /// The epoch it reports for.
        given: Epoch,
        /// The epoch that it is.
        current: Epoch,
    },
    /// What it holds is in the books of other nodes that have not reported. May be repeated.
    #[error(
        "node `{node}` holds addresses that the books give to {nodes}: its report is complete when \
         they have reported; if they are dead, say so with `netctl node waive <node>`"
    )]
    Awaiting {
        /// The node.
        node: Name,
        /// The nodes that must report first.
        nodes: Listing,
    },
}

impl Refusal for ReportError {
    fn reason(&self) -> Reason {
        match self {
            Self::Unfit(unfit) => unfit.reason(),
            Self::WrongEpoch { .. } => Reason::WrongCluster,
            Self::Awaiting { .. } => Reason::AwaitingReports,
        }
    }
}

/// Plans the next step of taking a node's report into the books.
///
/// A node that has reported in this epoch tells nothing new, for what it does it asks for first.
/// But what it holds although the books give it to somebody else is an event; the others keep what
/// they have as it is, and of its own addresses and of free ones near it, it is believed as of what
/// it sees ([`crate::sight_conflict`]). That takes one step. After a restore its report is more:
///
/// What the back-up says the node has, and the node does not, ends first. Then what the node has and
/// the back-up does not know is written down as it is, if the node could have been given it: of a
/// subnet that is for the node, for a pod that is on it, and reserved for nobody else. The rest is
/// put in conflict, as far as the node is believed of that: nobody else gets it, and it is not given
/// to the node either. What the books give to somebody else waits
/// for that node's report, which may end it; if both hold it, nobody is guessed to be right: an
/// address that the node may use is put in conflict, and an event says so. Last the node counts as
/// having reported.
///
/// # Errors
///
/// [`ReportError`] if the node may not report, or others must report first.
pub fn report(catalog: &Catalog, report: &Report, now: Timestamp) -> Result<Step, ReportError> {
    let node = fit(catalog, &report.node, Some(report.fence))?;
    let epoch = catalog.epoch();
    if report.epoch != epoch {
        return Err(ReportError::WrongEpoch {
            node: node.name.clone(),
            given: report.epoch,
            current: epoch,
        });
    }
    let books = Books {
        catalog,
        node,
        report,
        now,
        revision: catalog.revision().next(),
    };
    let step = |edits| Step {
        change: Change::new(books.revision, edits),
        done: false,
    };
    if node.reported == epoch {
        let edits = books.told();
        let change = match edits.is_empty() {
            true => Change::none(catalog.revision()),
            false => Change::new(books.revision, edits),
        };
        return Ok(Step { change, done: true });
    }
    let edits = books.ended();
    if !edits.is_empty() {
        return Ok(step(edits));
    }
    let findings = books.compare();
    if !findings.known.is_empty() {
        return Ok(step(findings.known));
    }
    let marked = books.disputes(&findings.contradictions).marked;
    if !marked.is_empty() {
        return Ok(step(marked));
    }
    if !findings.awaited.is_empty() {
        return Err(ReportError::Awaiting {
            node: node.name.clone(),
            nodes: Listing::of(&findings.awaited),
        });
    }
    Ok(Step {
        change: Change::new(books.revision, books.reported(&findings)),
        done: true,
    })
}

#[cfg(test)]
mod tests;
