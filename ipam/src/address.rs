//! The record of one IP address.

mod tenant;

use std::net::IpAddr;

use serde::{Deserialize, Serialize};
use trunkline_types::{Attachment, MacAddr, Name, Pod};

use crate::{Revision, Timestamp};

pub(crate) use tenant::Tenant;

/// What is known of an address that is or was handed out. An address without a record never was.
///
/// ```text
/// free ──► leased(node) ──► bound(attachment) ──► released(at): cooling, then free again
///   └──────────────────────────┘
///   └────► node(node)
/// ```
///
/// That an address is reserved or excluded is said by its reservation or subnet, not here.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Address {
    /// The address; unique in the whole fabric.
    pub ip: IpAddr,
    /// The subnet it is from.
    pub subnet: Name,
    /// The network of that subnet.
    pub network: Name,
    /// Where it is in its life.
    pub state: AddressState,
    /// When it came to that state.
    pub since: Timestamp,
    /// Who else uses it; it is not handed out until this is cleared.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub conflict: Option<Box<Conflict>>,
    /// The change that brought it to this state.
    pub revision: Revision,
}

/// Where an address is in its life.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AddressState {
    /// A node keeps it in reserve.
    Leased {
        /// The node.
        node: Name,
        /// Whether the node has been asked to give it back.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        recalled: bool,
    },
    /// An endpoint has it.
    Bound {
        /// The endpoint's attachment.
        attachment: Attachment,
    },
    /// A node has it for itself.
    Node {
        /// The node.
        node: Name,
    },
    /// It is free again; until the cool-down is over, only for its last owner.
    ///
    /// The record stays so that the order of release outlives a restart: the address that has been
    /// free longest is handed out first, whatever happened in between.
    Released {
        /// The pod that had it, if the runtime had named one.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        owner: Option<Box<Pod>>,
        /// The reservation that the pod had it by.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reservation: Option<Name>,
    },
}

/// A foreign machine that answers for an address.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Conflict {
    /// Its MAC address.
    pub mac: MacAddr,
    /// When it was last seen.
    pub seen: Timestamp,
    /// The node that saw it.
    pub node: Name,
}

impl Address {
    /// The node that has it without an endpoint: in reserve, or for itself.
    pub(crate) fn held_by(&self) -> Option<&Name> {
        match &self.state {
            AddressState::Leased { node, .. } | AddressState::Node { node } => Some(node),
            AddressState::Bound { .. } | AddressState::Released { .. } => None,
        }
    }

    /// Whether an endpoint has the address.
    pub(crate) fn is_bound(&self) -> bool {
        matches!(self.state, AddressState::Bound { .. })
    }

    /// Whether nobody has the address.
    #[must_use]
    pub fn is_released(&self) -> bool {
        matches!(self.state, AddressState::Released { .. })
    }

    /// The pod that had it last, if nobody has it now.
    #[must_use]
    pub fn last_owner(&self) -> Option<&Pod> {
        match &self.state {
            AddressState::Released { owner, .. } => owner.as_deref(),
            _ => None,
        }
    }
}
