//! Addresses that a foreign machine answers for.

use std::net::IpAddr;
use std::sync::Arc;

use trunkline_types::{MacAddr, Name};

use crate::reserve::{is_leased_to, recalled};
use crate::{
    Address, AddressState, Catalog, Change, Conflict, Edit, Event, EventKind, Key, Kind, Object,
    Reason, Refusal, Revision, Subnet, Timestamp, derived_mac, mac,
};

/// What a node saw: somebody else answers for an address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConflictReport {
    /// The address.
    pub ip: IpAddr,
    /// Who answers for it.
    pub mac: MacAddr,
    /// The node that saw it.
    pub node: Name,
}

/// Why a conflict is not recorded or cleared.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ConflictError {
    /// No subnet hands it out.
    #[error("no subnet hands out address `{ip}`: see `netctl subnet ls`")]
    NotHandedOut {
        /// The address.
        ip: IpAddr,
    },
    /// The node is not known.
    #[error("node `{node}` is not registered: see `netctl node ls`")]
    NodeNotFound {
        /// The node's name.
        node: Name,
    },
    /// Another node has it.
    #[error(
        "address `{ip}` is not node `{node}`'s but another node's: report addresses that it has \
         itself, or that nobody has"
    )]
    NotOwn {
        /// The address.
        ip: IpAddr,
        /// The node.
        node: Name,
    },
    /// The node has nothing to do with it.
    #[error(
        "address `{ip}` is of subnet `{subnet}`, which is not for node `{node}`, and the node does \
         not have it: report addresses of its own subnets"
    )]
    NotNear {
        /// The address.
        ip: IpAddr,
        /// Its subnet.
        subnet: Name,
        /// The node.
        node: Name,
    },
    /// The node has reported too many.
    #[error(
        "node `{node}` has reported {SIGHTINGS} addresses in conflict, and no more are taken from \
         it: look into that machine, or clear some, see `netctl address ls --state conflict`"
    )]
    TooMany {
        /// The node.
        node: Name,
    },
    /// It is the rightful holder that was seen.
    #[error(
        "`{mac}` is the MAC address of the endpoint that has address `{ip}`: report machines other \
         than the one that it was given to"
    )]
    NotForeign {
        /// The address.
        ip: IpAddr,
        /// The MAC address.
        mac: MacAddr,
    },
}

impl Refusal for ConflictError {
    fn reason(&self) -> Reason {
        match self {
            Self::NotHandedOut { .. } => Reason::NotFound(Kind::Address),
            Self::NodeNotFound { .. } => Reason::NotFound(Kind::Node),
            Self::NotOwn { .. } | Self::NotNear { .. } | Self::TooMany { .. } => Reason::Forbidden,
            Self::NotForeign { .. } => Reason::Invalid,
        }
    }

    fn field(&self) -> Option<&'static str> {
        match self {
            Self::NotForeign { .. } => Some("mac"),
            _ => None,
        }
    }
}

/// Of how many addresses one node is believed at a time that a foreign machine answers for them:
/// what it withholds of what others could have.
const SIGHTINGS: u64 = 32;

/// Why a conflict is over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Clearance {
    /// An operator said so.
    Operator,
    /// A node looked, and nobody else answered.
    Looked {
        /// The node.
        node: Name,
    },
    /// For a long time no node could look.
    Unseen,
}

/// How many seconds what is known of a conflict may lag behind: seeing the same machine again and
/// again is not worth a write each time.
const SEEN_GRAIN: u64 = 60;

/// Plans the same as [`report_conflict`], for an agent that says so unasked. It is believed of what
/// its node has, and of what is free in subnets that are for the node; and of so many addresses only
/// that it cannot withhold those of all others.
///
/// # Errors
///
/// [`ConflictError`] if the report makes no sense, or the node is not believed.
pub fn sight_conflict(
    catalog: &Catalog,
    report: &ConflictReport,
    now: Timestamp,
) -> Result<Change, ConflictError> {
    let ConflictReport { ip, node, .. } = report;
    check_sighting(catalog, *ip, node, 0)?;
    let known = catalog.address(*ip);
    let seen = known.and_then(|known| known.conflict.as_deref());
    // Or it could write as many events as it likes, each time with another machine.
    if seen.is_some_and(|seen| seen.node == *node && now < seen.seen.after(SEEN_GRAIN)) {
        return Ok(Change::none(catalog.revision()));
    }
    report_conflict(catalog, report, now)
}

/// Whether a node is believed, unasked, that `ip` is used by somebody else than the books say;
/// `planned` is of how many more it is about to be believed. The one rule of what one node may
/// withhold. Answers the address's subnet.
///
/// # Errors
///
/// [`ConflictError`] if it is not believed.
pub(crate) fn check_sighting<'a>(
    catalog: &'a Catalog,
    ip: IpAddr,
    node: &Name,
    planned: u64,
) -> Result<&'a Subnet, ConflictError> {
    let subnet = assignable(catalog, ip)?;
    let known = catalog.address(ip);
    match known.and_then(|known| holder(catalog, known)) {
        Some(holder) if holder == node => {}
        Some(_) => {
            let node = node.clone();
            return Err(ConflictError::NotOwn { ip, node });
        }
        // A node that is not known is refused elsewhere.
        None if catalog
            .node(node)
            .is_none_or(|node| subnet.placement.admits(node)) => {}
        None => {
            return Err(ConflictError::NotNear {
                ip,
                subnet: subnet.name.clone(),
                node: node.clone(),
            });
        }
    }
    let seen = known.and_then(|known| known.conflict.as_deref());
    let is_counted = seen.is_some_and(|seen| seen.node == *node);
    if !is_counted && catalog.sightings(node) + planned >= SIGHTINGS {
        return Err(ConflictError::TooMany { node: node.clone() });
    }
    Ok(subnet)
}

/// What the event of `new` sightings of a node ends with, if no more are taken from it after these.
pub(crate) fn last_words(catalog: &Catalog, node: &Name, new: u64) -> Option<String> {
    let before = catalog.sightings(node);
    (before < SIGHTINGS && before + new >= SIGHTINGS).then(|| {
        format!(
            "; with this it has reported {SIGHTINGS} addresses, and no more are taken from it \
             until some of them are cleared: look into that machine"
        )
    })
}

/// The node that has an address, for itself or for a pod.
fn holder<'a>(catalog: &'a Catalog, address: &'a Address) -> Option<&'a Name> {
    match &address.state {
        AddressState::Leased { node, .. } | AddressState::Node { node } => Some(node),
        AddressState::Bound { attachment } => Some(&catalog.endpoint(attachment)?.node),
        AddressState::Released { .. } => None,
    }
}

/// Plans that an address is withheld because a foreign machine answers for it. Whoever has it keeps
/// it; nobody else gets it. A node that has it in reserve is asked to give it back.
///
/// # Errors
///
/// [`ConflictError`] if the report makes no sense.
pub fn report_conflict(
    catalog: &Catalog,
    report: &ConflictReport,
    now: Timestamp,
) -> Result<Change, ConflictError> {
    let ip = report.ip;
    let subnet = assignable(catalog, ip)?;
    let Some(node) = catalog.node(&report.node) else {
        return Err(ConflictError::NodeNotFound {
            node: report.node.clone(),
        });
    };
    let known = catalog.address(ip);
    if known.is_some_and(|known| is_rightful(catalog, known, report.mac)) {
        return Err(ConflictError::NotForeign {
            ip,
            mac: report.mac,
        });
    }
    let conflict = known.and_then(|known| known.conflict.as_deref());
    let is_news = conflict.is_none_or(|conflict| conflict.mac != report.mac);
    let was_seen = conflict.is_some_and(|conflict| conflict.node == node.name);
    if conflict.is_some_and(|conflict| !is_news && now < conflict.seen.after(SEEN_GRAIN)) {
        return Ok(Change::none(catalog.revision()));
    }
    let revision = catalog.revision().next();
    let conflict = Conflict {
        mac: report.mac,
        seen: now,
        node: node.name.clone(),
    };
    let mut edits = vec![in_conflict(subnet, known, ip, conflict, now, revision)];
    if is_news {
        let mut message = format!(
            "`{}` answers for it, as node `{}` saw",
            report.mac, node.name
        );
        if !was_seen && let Some(more) = last_words(catalog, &node.name, 1) {
            message += &more;
        }
        edits.push(event(
            EventKind::AddressConflict,
            ip,
            message,
            now,
            revision,
        ));
    }
    Ok(Change::new(revision, edits))
}

/// Plans that an address is handed out again. One that is not in conflict stays as it is.
///
/// # Errors
///
/// [`ConflictError::NotHandedOut`] if no subnet has it for anybody.
pub fn clear_conflict(
    catalog: &Catalog,
    ip: IpAddr,
    why: &Clearance,
    now: Timestamp,
) -> Result<Change, ConflictError> {
    let known = catalog.address(ip);
    let Some((known, conflict)) = known.and_then(|known| Some((known, known.conflict.as_ref()?)))
    else {
        assignable(catalog, ip)?;
        return Ok(Change::none(catalog.revision()));
    };
    let revision = catalog.revision().next();
    let mac = conflict.mac;
    let message = match why {
        Clearance::Operator => format!("an operator cleared it; `{mac}` had answered for it"),
        Clearance::Looked { node } => {
            format!("`{mac}` does not answer for it any more, as node `{node}` saw")
        }
        Clearance::Unseen => {
            format!("no node could look for a long time whether `{mac}` still answers for it")
        }
    };
    let address = Address {
        conflict: None,
        revision,
        ..Address::clone(known)
    };
    let edits = vec![
        Edit::Put(Object::Address(Arc::new(address))),
        event(
            EventKind::AddressConflictCleared,
            ip,
            message,
            now,
            revision,
        ),
    ];
    Ok(Change::new(revision, edits))
}

fn assignable(catalog: &Catalog, ip: IpAddr) -> Result<&Subnet, ConflictError> {
    let subnet = catalog.subnet_of(ip).filter(|subnet| subnet.may_assign(ip));
    subnet
        .map(AsRef::as_ref)
        .ok_or(ConflictError::NotHandedOut { ip })
}

/// Whether it is expected that `mac` answers for an address.
fn is_rightful(catalog: &Catalog, address: &Address, mac: MacAddr) -> bool {
    match &address.state {
        AddressState::Bound { attachment } => {
            let endpoint = catalog.endpoint(attachment);
            endpoint.is_some_and(|endpoint| endpoint.mac == mac)
        }
        AddressState::Leased {
            slot: Some(slot), ..
        } => slot.mac == mac,
        // It may go with any IPv4 address in the node's reserve.
        AddressState::Leased {
            node, slot: None, ..
        } => {
            let other = mac::ip_of(mac).and_then(|ip| catalog.address(ip.into()));
            let is_own = |other: &Arc<Address>| {
                is_leased_to(other, node) && other.network == address.network
            };
            derived_mac(address.ip) == mac || address.ip.is_ipv6() && other.is_some_and(is_own)
        }
        AddressState::Node { .. } => derived_mac(address.ip) == mac,
        AddressState::Released { .. } => false,
    }
}

/// The record of an address with that conflict; whoever has it keeps it, but no pod gets it out of
/// a reserve.
pub(crate) fn in_conflict(
    subnet: &Subnet,
    known: Option<&Arc<Address>>,
    ip: IpAddr,
    conflict: Conflict,
    now: Timestamp,
    revision: Revision,
) -> Edit {
    let conflict = Some(Box::new(conflict));
    let address = match known {
        Some(known) => Address {
            conflict,
            revision,
            ..recalled(known).unwrap_or_else(|| Address::clone(known))
        },
        None => Address {
            ip,
            subnet: subnet.name.clone(),
            network: subnet.network.clone(),
            state: AddressState::Released {
                owner: None,
                reservation: None,
            },
            since: now,
            conflict,
            revision,
        },
    };
    Edit::Put(Object::Address(Arc::new(address)))
}

fn event(kind: EventKind, ip: IpAddr, message: String, at: Timestamp, revision: Revision) -> Edit {
    Edit::Put(Object::Event(Arc::new(Event {
        at,
        kind,
        about: Key::Address(ip).to_string(),
        message,
        revision,
    })))
}

#[cfg(test)]
mod tests;
