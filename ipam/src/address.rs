//! The record of one IP address.

use std::net::IpAddr;

use serde::{Deserialize, Serialize};
use trunkline_types::{Attachment, Name};

use crate::{Revision, Timestamp};

/// What is known of an address that is or was handed out. An address without a record never was.
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
    /// The change that brought it to this state.
    pub revision: Revision,
}

/// Where an address is in its life.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AddressState {
    /// An endpoint has it.
    Bound {
        /// The endpoint's attachment.
        attachment: Attachment,
    },
    /// It is free again.
    ///
    /// The record stays so that the order of release outlives a restart: the address that has been
    /// free longest is handed out first, whatever happened in between.
    Released {
        /// When it was released.
        at: Timestamp,
    },
}

impl Address {
    /// Whether an endpoint has the address.
    #[must_use]
    pub fn is_bound(&self) -> bool {
        matches!(self.state, AddressState::Bound { .. })
    }
}
