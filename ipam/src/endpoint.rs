//! Endpoints: attachments that have addresses.

use std::net::IpAddr;

use serde::{Deserialize, Serialize};
use trunkline_types::{Attachment, MacAddr, Name, Pod};

use crate::{Revision, Timestamp};

/// One interface of one container, and what it was given.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Endpoint {
    /// Which interface of which container; unique.
    pub attachment: Attachment,
    /// The pod, if the runtime named one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pod: Option<Pod>,
    /// The node the container runs on.
    pub node: Name,
    /// The network it is attached to.
    pub network: Name,
    /// The interface's MAC address; kept, not derived again, so that a later scheme leaves running
    /// pods alone.
    pub mac: MacAddr,
    /// The interface's addresses; never empty.
    pub addresses: Vec<EndpointAddress>,
    /// When the addresses were handed out.
    pub created: Timestamp,
    /// The change that made it what it is.
    pub revision: Revision,
}

/// One address of an endpoint.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EndpointAddress {
    /// The address.
    pub ip: IpAddr,
    /// The subnet it is from, which has its gateway and prefix length.
    pub subnet: Name,
}
