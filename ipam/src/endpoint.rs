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
    /// The interface's addresses; never empty, at most one of each family.
    pub addresses: Vec<EndpointAddress>,
    /// The orchestrator's id of the pod; tells a pod from its namesake that came before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pod_uid: Option<String>,
    /// Its QoS profile.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub profile: Option<Name>,
    /// The reservation that its addresses are kept by.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reservation: Option<Name>,
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
