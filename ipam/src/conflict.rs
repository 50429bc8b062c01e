//! Addresses that a foreign machine answers for.

use std::net::IpAddr;
use std::sync::Arc;

use trunkline_types::{MacAddr, Name};

use crate::{
    Address, AddressState, Catalog, Change, Conflict, Edit, Event, EventKind, Key, Kind, Object,
    Reason, Refusal, Revision, Subnet, Timestamp, derived_mac,
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

/// How many seconds what is known of a conflict may lag behind: seeing the same machine again and
/// again is not worth a write each time.
const SEEN_GRAIN: u64 = 60;

/// Plans that an address is withheld because a foreign machine answers for it. Whoever has it keeps
/// it; nobody else gets it.
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
    if known.is_some_and(|known| rightful_mac(catalog, known) == Some(report.mac)) {
        return Err(ConflictError::NotForeign {
            ip,
            mac: report.mac,
        });
    }
    let conflict = known.and_then(|known| known.conflict.as_deref());
    let is_news = conflict.is_none_or(|conflict| conflict.mac != report.mac);
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
        let message = format!(
            "`{}` answers for it, as node `{}` saw",
            report.mac, node.name
        );
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
    now: Timestamp,
) -> Result<Change, ConflictError> {
    let known = catalog.address(ip);
    let Some((known, conflict)) = known.and_then(|known| Some((known, known.conflict.as_ref()?)))
    else {
        assignable(catalog, ip)?;
        return Ok(Change::none(catalog.revision()));
    };
    let revision = catalog.revision().next();
    let message = format!("`{}` does not answer for it any more", conflict.mac);
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

/// The MAC address that is expected to answer for an address.
fn rightful_mac(catalog: &Catalog, address: &Address) -> Option<MacAddr> {
    match &address.state {
        AddressState::Bound { attachment } => catalog.endpoint(attachment).map(|e| e.mac),
        // Which IPv4 address an IPv6 one goes with is not in the books.
        AddressState::Leased { .. } | AddressState::Node { .. } => Some(derived_mac(address.ip)),
        AddressState::Released { .. } => None,
    }
}

/// The record of an address with that conflict; whoever has it keeps it.
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
            ..Address::clone(known)
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
