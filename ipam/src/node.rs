//! Nodes: the machines that pods run on.

mod edit;
mod register;
mod remove;
mod unfit;

use serde::{Deserialize, Serialize};
use trunkline_types::{Labels, Name};

use crate::{EndpointAddress, Epoch, Policy, Revision, Timestamp};

pub use edit::{NodeEdit, UpdateNodeError, update_node};
pub use register::{RegisterNodeError, register_node};
pub use remove::{RemoveNodeError, farewell, overdue_nodes, remove_node, unfinished_removals};
pub use unfit::NodeUnfit;
pub(crate) use unfit::fit;

/// A machine that pods run on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Node {
    /// The node's name; unique.
    pub name: Name,
    /// The rack it stands in, whose subnets its pods use.
    pub rack: Name,
    /// The rack that its agent says, if an operator has said another one since. What the agent
    /// repeats is no news: the operator's word counts until the agent says something else.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agent_rack: Option<Name>,
    /// What subnets' and groups' selectors choose it by.
    #[serde(default, skip_serializing_if = "Labels::is_empty")]
    pub labels: Labels,
    /// The kernel's boot id when it last registered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub boot_id: Option<String>,
    /// The version of its agent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agent_version: Option<String>,
    /// When it was last heard, give or take [`Node::HEARD_GRAIN`]: not every sign of life is worth
    /// a write.
    #[serde(default)]
    pub last_heard: Timestamp,
    /// Goes up whenever its leases are taken from it; requests with an older one are refused. It
    /// begins with the number of the change that made the node, so that a node which was removed
    /// and comes back does not find its old one again.
    #[serde(default)]
    pub fence: u64,
    /// The last epoch in which it reported what it holds.
    #[serde(default)]
    pub reported: Epoch,
    /// When an event last said that it holds what is not its own; not every report is worth one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub contradicted: Option<Timestamp>,
    /// Its own addresses, at most one of each family, from the pool `nodes` of a subnet of its
    /// rack.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub addresses: Vec<EndpointAddress>,
    /// What is being taken from it, if that is not done yet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub removing: Option<Removal>,
    /// The change that made it what it is.
    pub revision: Revision,
}

/// The node as it describes itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NodeSpec {
    /// The node's name.
    pub name: Name,
    /// The rack it stands in.
    pub rack: Name,
    /// What selectors choose it by: these keys take the place of what the node has, others stay.
    pub labels: Labels,
    /// The kernel's boot id.
    pub boot_id: Option<String>,
    /// The version of its agent.
    pub agent_version: Option<String>,
}

/// That what a node holds is being taken from it, in several changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Removal {
    /// On what evidence.
    pub why: RemovalCause,
    /// When that began.
    pub at: Timestamp,
}

/// The evidence on which what a node holds may be taken from it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RemovalCause {
    /// Its agent said that it stops for good. Takes its leases and its own addresses; the node and
    /// its pods stay.
    Farewell,
    /// It was not heard for so long that its agent uses no lease any more. Takes its leases; the
    /// node, its own addresses and its pods stay.
    Offline,
    /// An operator removes it. Refused while it has any address.
    Operator,
    /// An operator removes it and vouches that it is switched off. Takes everything.
    PoweredOff,
    /// The orchestrator says that it is out of service for good. Takes everything.
    OutOfService,
}

impl RemovalCause {
    /// Whether its certificates become void: an operator who removes a node may do so because
    /// somebody else has got into it. A node that the orchestrator has taken out of service comes
    /// back by itself.
    #[must_use]
    pub fn locks_out(self) -> bool {
        matches!(self, Self::Operator | Self::PoweredOff)
    }

    /// Whether the node goes with what it holds.
    #[must_use]
    pub fn takes_node(self) -> bool {
        !matches!(self, Self::Farewell | Self::Offline)
    }

    /// What is kept as the reason of each release.
    #[must_use]
    pub fn reason(self) -> &'static str {
        match self {
            Self::Farewell => "the node's agent said farewell",
            Self::Offline => "the node was not heard for longer than the offline limit",
            Self::Operator => "an operator removed the node",
            Self::PoweredOff => "an operator removed the node, which is powered off",
            Self::OutOfService => "the orchestrator says that the node is out of service",
        }
    }
}

impl Node {
    /// The rack that its agent said last.
    #[must_use]
    pub fn rack_by_agent(&self) -> &Name {
        self.agent_rack.as_ref().unwrap_or(&self.rack)
    }

    /// By how many seconds [`Node::last_heard`] may lag behind.
    pub const HEARD_GRAIN: u64 = 600;

    /// Whether it is certain that the node has been silent for [`Policy::silent_after`].
    #[must_use]
    pub fn is_silent(&self, policy: &Policy, now: Timestamp) -> bool {
        let limit = policy.silent_after.as_secs();
        self.last_heard.after(Self::HEARD_GRAIN).after(limit) < now
    }
}

#[cfg(test)]
mod tests;
