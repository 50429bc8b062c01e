//! Subnets: CIDRs of a network, and which of their addresses are handed out.

mod error;
mod layout;
mod plan;
mod update;

use std::net::IpAddr;

use serde::{Deserialize, Serialize};
use trunkline_types::{AddressRange, Cidr, Labels, Name, Selector};

use crate::{Node, Revision, ranges};

pub use error::{CreateSubnetError, DeleteSubnetError, UpdateSubnetError};
pub use layout::SubnetLayoutError;
pub use plan::{create_subnet, delete_subnet};
pub use update::{SubnetUpdate, update_subnet};

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
    /// What of the CIDR is not handed out, nor reserved, in order; within the ranges or not.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub exclusions: Vec<AddressRange>,
    /// Gateways of the past that are withheld for as long as somebody may send to them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub former_gateways: Vec<FormerGateway>,
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

/// A gateway of the past.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FormerGateway {
    /// Its address.
    pub ip: IpAddr,
    /// The change since which it is not the gateway: who has an address since before that was
    /// given it.
    pub until: Revision,
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
    /// What of the CIDR is not handed out, within the ranges or not.
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
    /// How many addresses can be handed out in all; beyond `u64::MAX`, just that.
    #[must_use]
    pub fn capacity(&self) -> u64 {
        ranges::size(&self.handed_out())
    }

    /// What is handed out, in order: the ranges without the exclusions and the gateway. Pools and
    /// reservations are a part of it.
    pub(crate) fn handed_out(&self) -> Vec<AddressRange> {
        layout::handed_out(&self.ranges, &self.exclusions, self.gateway)
    }

    /// Whether somebody may have `ip`, if only by reservation: that need not be in the ranges.
    pub(crate) fn may_assign(&self, ip: IpAddr) -> bool {
        ip != self.gateway
            && self.cidr.hosts().contains(ip)
            && !ranges::contain(&self.exclusions, ip)
    }

    /// Whether `ip` is handed out to whoever comes, or would be if it were in no pool.
    #[must_use]
    pub fn hands_out(&self, ip: IpAddr) -> bool {
        ranges::contain(&self.ranges, ip) && self.may_assign(ip)
    }

    /// Whether gateway, ranges and exclusions are such as a plan makes them.
    pub(crate) fn is_well_formed(&self) -> bool {
        let hosts = self.cidr.hosts();
        let ranges_fit =
            |range: &AddressRange| hosts.contains(range.first()) && hosts.contains(range.last());
        hosts.contains(self.gateway)
            && !self.ranges.is_empty()
            && self.ranges.is_sorted()
            && self.ranges.iter().all(ranges_fit)
            && ranges::overlapping(&self.ranges).is_none()
            && ranges::merged(self.exclusions.iter().copied()) == self.exclusions
    }

    /// Whether all of `pool` is in the ranges.
    pub(crate) fn covers(&self, pool: &[AddressRange]) -> bool {
        let own = ranges::merged(self.ranges.iter().copied());
        ranges::without(pool, &own).is_empty()
    }
}

#[cfg(test)]
mod tests;
