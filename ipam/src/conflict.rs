//! Addresses that a foreign machine answers for.

use std::net::IpAddr;

use trunkline_types::{MacAddr, Name};

use crate::{Catalog, Change, Kind, Reason, Refusal, Timestamp};

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
}

/// Plans that an address is withheld because a foreign machine answers for it.
///
/// # Errors
///
/// [`ConflictError`] if the report makes no sense.
pub fn report_conflict(
    catalog: &Catalog,
    _report: &ConflictReport,
    _now: Timestamp,
) -> Result<Change, ConflictError> {
    Ok(Change::none(catalog.revision()))
}

/// Plans that an address is handed out again. One that is not in conflict stays as it is.
///
/// # Errors
///
/// [`ConflictError::NotHandedOut`] if no subnet hands it out.
pub fn clear_conflict(
    catalog: &Catalog,
    _ip: IpAddr,
    _now: Timestamp,
) -> Result<Change, ConflictError> {
    Ok(Change::none(catalog.revision()))
}
