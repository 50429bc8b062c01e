//! Taking addresses back.

mod edits;
mod signs;

use std::net::IpAddr;
use std::sync::Arc;

use trunkline_types::{Attachment, Name};

use crate::address::Tenant;
use crate::reserve::other_half;
use crate::{
    AddressState, Catalog, Change, Edit, Kind, Node, Object, Policy, Reason, Refusal, Revision,
    Timestamp,
};

pub(crate) use edits::Ending;
pub use signs::SignsOfLife;

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
        "address `{ip}` is held by {holder} on node `{node}`, and seems to be in use ({signs}): \
         delete the pod, or release it all the same with `netctl address release {ip} --reason \
         <why> --force`"
    )]
    Alive {
        /// The address.
        ip: IpAddr,
        /// Who has it.
        holder: String,
        /// The node it is on.
        node: Name,
        /// What says so, in words.
        signs: String,
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
    /// Whether it is taken even from a holder that seems to live.
    pub force: bool,
    /// What is known of whoever has it beside what the books say.
    pub signs: SignsOfLife,
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
    release: &Release,
    now: Timestamp,
) -> Result<Change, ReleaseError> {
    let Some(endpoint) = catalog.endpoint(&release.attachment) else {
        return Ok(Change::none(catalog.revision()));
    };
    if let Some(expected) = release.expected
        && expected != endpoint.revision
    {
        return Err(ReleaseError::Stale {
            attachment: release.attachment.clone(),
            expected,
            current: endpoint.revision,
        });
    }
    let ending = ending(catalog, &release.reason, now);
    Ok(Change::new(ending.revision, ending.endpoint(endpoint)))
}

/// Plans taking an address from whatever has it: an endpoint goes with all its addresses, and a slot
/// of a reserve too.
///
/// # Errors
///
/// [`ReleaseAddressError`] if nobody has it, or if `force` is not set and its node was heard
/// lately, or anybody else says that its holder lives.
pub fn release_address(
    catalog: &Catalog,
    release: &ReleaseAddress,
    policy: &Policy,
    now: Timestamp,
) -> Result<Change, ReleaseAddressError> {
    let ip = release.ip;
    let held = catalog
        .address(ip)
        .and_then(|address| Some((address, Tenant::of(catalog, address)?)));
    let Some((address, tenant)) = held else {
        return Err(ReleaseAddressError::NotHeld { ip });
    };
    let signs = release.signs.told(&tenant, policy, now);
    if !release.force && !signs.is_empty() {
        return Err(ReleaseAddressError::Alive {
            ip,
            node: tenant.node.clone(),
            holder: tenant.who,
            signs: signs.join("; "),
        });
    }
    let ending = ending(catalog, &release.reason, now);
    let edits = match &address.state {
        AddressState::Bound { attachment } => catalog
            .endpoint(attachment)
            .map(|endpoint| ending.endpoint(endpoint))
            .unwrap_or_default(),
        AddressState::Leased { .. } => {
            let other = other_half(catalog, address);
            let halves = other.into_iter().chain([address]);
            halves.map(|half| ending.lease(half)).collect()
        }
        AddressState::Node { node } => from_node(&ending, node, ip),
        AddressState::Released { .. } => Vec::new(),
    };
    Ok(Change::new(ending.revision, edits))
}

fn ending<'a>(catalog: &'a Catalog, reason: &'a str, now: Timestamp) -> Ending<'a> {
    Ending {
        catalog,
        reason,
        now,
        revision: catalog.revision().next(),
    }
}

fn from_node(ending: &Ending<'_>, node: &Name, ip: IpAddr) -> Vec<Edit> {
    let Some(node) = ending.catalog.node(node) else {
        return Vec::new();
    };
    let (gone, addresses): (Vec<_>, _) = node.addresses.iter().cloned().partition(|a| a.ip == ip);
    let mut edits: Vec<_> = gone
        .iter()
        .flat_map(|own| ending.node_address(&node.name, own))
        .collect();
    edits.push(Edit::Put(Object::Node(Arc::new(Node {
        addresses,
        revision: ending.revision,
        ..Node::clone(node)
    }))));
    edits
}

#[cfg(test)]
mod tests;
