//! Where the books, the nodes and the rules do not agree, and what repairs that.
//!
//! What is found here is what no plan leads to: somebody altered the store, a node lost what it was
//! given, or a duty of the leader has not had its turn yet.

mod nodes;
mod repair;
mod reservations;

use std::collections::BTreeSet;
use std::net::IpAddr;

use trunkline_types::{Attachment, ContainerId, Name};

use crate::{AddressState, Catalog, Endpoint, Holder, Inconsistency, Key, Policy, Timestamp};

pub use repair::{RepairError, repair};

/// What two things do not agree on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Discrepancy {
    /// What kind of thing; stable.
    pub kind: DiscrepancyKind,
    /// The object it is about.
    pub about: Key,
    /// What says so.
    pub evidence: String,
    /// What to type, for who wants to repair it by hand.
    pub command: String,
    /// Whether it can be repaired at once: what says so is certain, and nobody loses what he has.
    pub is_safe: bool,
}

/// The kinds of discrepancies.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum DiscrepancyKind {
    /// Objects contradict each other.
    Inconsistent,
    /// An address is a node's own by its record, and not by the node's, or the other way round.
    NodeAddressUnclear,
    /// A foreign machine answers for an address.
    AddressInConflict,
    /// An endpoint is not on its node any more, and its container does not exist.
    EndpointGone,
    /// An endpoint is not on its node, and nothing else says that it is gone.
    EndpointUnseen,
    /// A node has an interface with other addresses than the books say.
    EndpointDiffers,
    /// A node has an interface that the books do not know.
    EndpointUnknown,
    /// A node uses an address that the books give to somebody else.
    AddressUsedTwice,
    /// An address is leased to a node that does not have it in its reserve.
    LeaseLost,
    /// A node keeps an address in reserve that is not leased to it.
    LeaseUnknown,
    /// A reservation is over, and nobody has any of its addresses.
    ReservationOver,
    /// Somebody else has an address that is reserved.
    ReservedAddressTaken,
    /// A pod has another address than the one that is reserved for it.
    ReservationUnused,
}

impl DiscrepancyKind {
    /// All of them.
    pub const ALL: [Self; 13] = [
        Self::Inconsistent,
        Self::NodeAddressUnclear,
        Self::AddressInConflict,
        Self::EndpointGone,
        Self::EndpointUnseen,
        Self::EndpointDiffers,
        Self::EndpointUnknown,
        Self::AddressUsedTwice,
        Self::LeaseLost,
        Self::LeaseUnknown,
        Self::ReservationOver,
        Self::ReservedAddressTaken,
        Self::ReservationUnused,
    ];

    /// As it is written; stable.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::Inconsistent => "inconsistent",
            Self::NodeAddressUnclear => "node_address_unclear",
            Self::AddressInConflict => "address_in_conflict",
            Self::EndpointGone => "endpoint_gone",
            Self::EndpointUnseen => "endpoint_unseen",
            Self::EndpointDiffers => "endpoint_differs",
            Self::EndpointUnknown => "endpoint_unknown",
            Self::AddressUsedTwice => "address_used_twice",
            Self::LeaseLost => "lease_lost",
            Self::LeaseUnknown => "lease_unknown",
            Self::ReservationOver => "reservation_over",
            Self::ReservedAddressTaken => "reserved_address_taken",
            Self::ReservationUnused => "reservation_unused",
        }
    }
}

/// What a node said it holds, and when.
#[derive(Clone, Debug)]
pub struct NodeReport<'a> {
    /// The node.
    pub node: &'a Name,
    /// When the report came.
    pub at: Timestamp,
    /// The interfaces that its OVSDB has.
    pub ovsdb: &'a BTreeSet<Attachment>,
    /// The same, with their addresses.
    pub held: &'a [(Attachment, Vec<IpAddr>)],
    /// The addresses that it keeps in reserve.
    pub reserve: &'a BTreeSet<IpAddr>,
    /// The containers that its runtime has; none if the runtime could not be asked.
    pub runtime: Option<&'a BTreeSet<ContainerId>>,
}

/// What discrepancies are found by.
pub struct Witnesses<'a> {
    /// What nodes said lately.
    pub reports: &'a [NodeReport<'a>],
    /// Whether the orchestrator still has an endpoint's pod; none if that is not known.
    pub pod_exists: &'a dyn Fn(&Endpoint) -> Option<bool>,
    /// Whether the orchestrator has deleted a holder; none if that is not known.
    pub deleted: &'a dyn Fn(&Holder) -> Option<bool>,
}

/// Everything that does not agree, in the order of kinds and objects.
#[must_use]
pub fn discrepancies(
    catalog: &Catalog,
    witnesses: &Witnesses<'_>,
    policy: &Policy,
    now: Timestamp,
) -> Vec<Discrepancy> {
    let mut found: Vec<_> = catalog.inconsistencies().map(inconsistent).collect();
    found.extend(node_addresses(catalog));
    found.extend(conflicts(catalog));
    for report in witnesses.reports {
        found.extend(nodes::compare(catalog, report, witnesses, policy));
    }
    found.extend(reservations::compare(catalog, witnesses, now));
    found.sort_by(|one, two| (one.kind, &one.about).cmp(&(two.kind, &two.about)));
    found.dedup();
    found
}

fn inconsistent(inconsistency: Inconsistency) -> Discrepancy {
    Discrepancy {
        kind: DiscrepancyKind::Inconsistent,
        about: inconsistency.about(),
        evidence: inconsistency.to_string(),
        // Nothing that netmaster does leads here, so nothing that it does is sure to lead back.
        command: "netmaster restore <a back-up of before>".to_owned(),
        is_safe: false,
    }
}

/// Addresses that nodes have for themselves by one side of the books only.
fn node_addresses(catalog: &Catalog) -> impl Iterator<Item = Discrepancy> {
    let unclear = |ip: IpAddr, node: &Name, evidence: &str| Discrepancy {
        kind: DiscrepancyKind::NodeAddressUnclear,
        about: Key::Address(ip),
        evidence: format!("address `{ip}` is node `{node}`'s own by {evidence}"),
        command: format!("netctl node rm {node} --powered-off"),
        is_safe: false,
    };
    let by_nodes = catalog.nodes().flat_map(move |node| {
        let unclear = node.addresses.iter().filter_map(move |own| {
            let state = catalog.address(own.ip).map(|address| &address.state);
            let agrees = matches!(state, Some(AddressState::Node { node: by }) if *by == node.name);
            let evidence = "the node's record, and not by the address's own";
            (!agrees).then(|| unclear(own.ip, &node.name, evidence))
        });
        unclear.collect::<Vec<_>>()
    });
    let by_addresses = catalog.addresses().filter_map(move |address| {
        let AddressState::Node { node } = &address.state else {
            return None;
        };
        let named = catalog.node(node);
        let agrees = named.is_some_and(|node| node.addresses.iter().any(|a| a.ip == address.ip));
        let evidence = "the address's record, and not by the node's own";
        (!agrees).then(|| unclear(address.ip, node, evidence))
    });
    by_nodes.chain(by_addresses)
}

fn conflicts(catalog: &Catalog) -> impl Iterator<Item = Discrepancy> {
    catalog.addresses().filter_map(|address| {
        let conflict = address.conflict.as_deref()?;
        Some(Discrepancy {
            kind: DiscrepancyKind::AddressInConflict,
            about: Key::Address(address.ip),
            evidence: format!(
                "node `{}` saw `{}` answer for address `{}`",
                conflict.node, conflict.mac, address.ip
            ),
            command: format!("netctl address clear {}", address.ip),
            is_safe: false,
        })
    })
}

#[cfg(test)]
mod tests;
