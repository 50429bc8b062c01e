//! Subnets: CIDRs of a network, and which of their addresses are handed out.

mod error;
mod plan;

use std::net::IpAddr;

use serde::{Deserialize, Serialize};
use trunkline_types::{AddressRange, Cidr, Labels, Name, Selector};

use crate::{Node, Revision};

pub use error::{CreateSubnetError, DeleteSubnetError};
pub use plan::{create_subnet, delete_subnet};

/// A CIDR of a network.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Subnet {
    /// The subnet's name; unique.
    pub name: Name,
    /// The network it belongs to.
    pub network: Name,
    /// Its addresses; no other subnet of the fabric has any of them.
    pub cidr: Cidr,
    /// The top-of-rack switch's address in it; never handed out.
    pub gateway: IpAddr,
    /// What may be handed out, in order; the ranges do not overlap.
    pub ranges: Vec<AddressRange>,
    /// What of the ranges is not handed out, in order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub exclusions: Vec<AddressRange>,
    /// Which nodes may use it.
    #[serde(default)]
    pub placement: Placement,
    /// What selectors choose it by.
    #[serde(default, skip_serializing_if = "Labels::is_empty")]
    pub labels: Labels,
    /// Whether it is being deleted: nothing of it is handed out any more, and it cannot be changed.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub deleting: bool,
    /// The change that made it what it is.
    pub revision: Revision,
}

/// The subnet that is wanted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SubnetSpec {
    /// The subnet's name.
    pub name: Name,
    /// The network it is to belong to.
    pub network: Name,
    /// Its addresses.
    pub cidr: Cidr,
    /// The top-of-rack switch's address in it.
    pub gateway: IpAddr,
    /// What may be handed out; with none given, every host address but the gateway.
    pub ranges: Vec<AddressRange>,
    /// What of the ranges is not handed out.
    pub exclusions: Vec<AddressRange>,
    /// Which nodes may use it.
    pub placement: Placement,
    /// What selectors choose it by.
    pub labels: Labels,
}

/// Which nodes may use a subnet.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Placement {
    /// Those in this rack.
    Rack(Name),
    /// Those whose labels match.
    Nodes(Selector),
    /// All.
    #[default]
    Anywhere,
}

impl Placement {
    /// Whether `node` may use it.
    #[must_use]
    pub fn admits(&self, node: &Node) -> bool {
        match self {
            Self::Rack(rack) => *rack == node.rack,
            Self::Nodes(selector) => selector.matches(&node.labels),
            Self::Anywhere => true,
        }
    }
}

impl Subnet {
    pub(crate) fn handed_out(&self) -> Vec<AddressRange> {
        let gateway = AddressRange::new(self.gateway, self.gateway).ok();
        let withheld = crate::ranges::merged(self.exclusions.iter().copied().chain(gateway));
        crate::ranges::without(&self.ranges, &withheld)
    }

    pub(crate) fn may_assign(&self, ip: IpAddr) -> bool {
        ip != self.gateway
            && self.cidr.hosts().contains(ip)
            && !crate::ranges::contain(&self.exclusions, ip)
    }

    /// How many addresses can be handed out in all; beyond `u64::MAX`, just that.
    #[must_use]
    pub fn capacity(&self) -> u64 {
        capacity(&self.ranges, self.gateway)
    }

    pub(crate) fn hands_out(&self, ip: IpAddr) -> bool {
        ip != self.gateway
            && self.ranges.iter().any(|range| range.contains(ip))
            && !self.exclusions.iter().any(|range| range.contains(ip))
    }
}

fn capacity(ranges: &[AddressRange], gateway: IpAddr) -> u64 {
    let sizes = ranges.iter().map(|range| {
        let steps = number(range.last()) - number(range.first());
        steps.saturating_add(1) - u128::from(range.contains(gateway))
    });
    let total = sizes.fold(0, u128::saturating_add);
    u64::try_from(total).unwrap_or(u64::MAX)
}

fn number(ip: IpAddr) -> u128 {
    match ip {
        IpAddr::V4(ip) => u32::from(ip).into(),
        IpAddr::V6(ip) => ip.into(),
    }
}

#[cfg(test)]
mod tests;
