//! Whether the objects agree with each other.

use std::net::IpAddr;

use trunkline_types::{Attachment, Name};

use super::Catalog;
use crate::{Address, AddressState, Endpoint};

/// Objects that contradict each other. No change leads here: the store was altered by other hands,
/// or damaged.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Inconsistency {
    /// Two networks have one VLAN, or two subnets have addresses in common.
    #[error("network or subnet `{name}` shares its VLAN or addresses with another one")]
    Shared {
        /// The network or subnet.
        name: Name,
    },
    /// A subnet of a network that is not there.
    #[error("subnet `{subnet}` belongs to network `{network}`, which does not exist")]
    NoNetwork {
        /// The subnet.
        subnet: Name,
        /// The network it names.
        network: Name,
    },
    /// An address that its subnet does not hand out.
    #[error("address `{ip}` is not one that its subnet `{subnet}` hands out")]
    Stray {
        /// The address.
        ip: IpAddr,
        /// The subnet it names.
        subnet: Name,
    },
    /// An address that is bound to an endpoint which does not have it.
    #[error("address `{ip}` is bound to `{attachment}`, which does not have it")]
    Leaked {
        /// The address.
        ip: IpAddr,
        /// The attachment it names.
        attachment: Attachment,
    },
    /// An endpoint with an address that is not bound to it.
    #[error("endpoint `{attachment}` has address `{ip}`, which is not bound to it")]
    Unbound {
        /// The endpoint.
        attachment: Attachment,
        /// The address.
        ip: IpAddr,
    },
    /// An endpoint of a network or on a node that is not there, or without an address.
    #[error("endpoint `{attachment}` has no address, or names a network or node that is not there")]
    Dangling {
        /// The endpoint.
        attachment: Attachment,
    },
}

impl Catalog {
    /// Checks what holds between objects after every change.
    ///
    /// # Errors
    ///
    /// The first [`Inconsistency`] found.
    pub fn check(&self) -> Result<(), Inconsistency> {
        for network in self.networks.values() {
            if self.network_with_vlan(network.fabric(), network.vlan) != Some(&network.name) {
                return Err(Inconsistency::Shared {
                    name: network.name.clone(),
                });
            }
        }
        self.check_subnets()?;
        self.addresses
            .values()
            .try_for_each(|address| self.check_address(address))?;
        self.endpoints
            .values()
            .try_for_each(|endpoint| self.check_endpoint(endpoint))
    }

    fn check_subnets(&self) -> Result<(), Inconsistency> {
        for subnet in self.subnets.values() {
            if !self.networks.contains_key(&subnet.network) {
                return Err(Inconsistency::NoNetwork {
                    subnet: subnet.name.clone(),
                    network: subnet.network.clone(),
                });
            }
            let alone = self
                .index
                .neighbours(subnet.cidr)
                .filter_map(|name| self.subnets.get(name))
                .filter(|other| other.cidr.overlaps(subnet.cidr))
                .all(|other| other.name == subnet.name);
            if !alone || self.subnet_overlapping(subnet.cidr, &subnet.name).is_some() {
                return Err(Inconsistency::Shared {
                    name: subnet.name.clone(),
                });
            }
        }
        Ok(())
    }

    fn check_address(&self, address: &Address) -> Result<(), Inconsistency> {
        let hands_out = self.subnets.get(&address.subnet).is_some_and(|subnet| {
            subnet.network == address.network
                && subnet.cidr.contains(address.ip)
                && (address.is_released() || subnet.may_assign(address.ip))
        });
        if !hands_out {
            return Err(Inconsistency::Stray {
                ip: address.ip,
                subnet: address.subnet.clone(),
            });
        }
        let AddressState::Bound { attachment } = &address.state else {
            return Ok(());
        };
        let has_it = |endpoint: &Endpoint| endpoint.addresses.iter().any(|a| a.ip == address.ip);
        match self.endpoints.get(attachment) {
            Some(endpoint) if has_it(endpoint) => Ok(()),
            _ => Err(Inconsistency::Leaked {
                ip: address.ip,
                attachment: attachment.clone(),
            }),
        }
    }

    fn check_endpoint(&self, endpoint: &Endpoint) -> Result<(), Inconsistency> {
        let dangling = endpoint.addresses.is_empty()
            || !self.networks.contains_key(&endpoint.network)
            || !self.nodes.contains_key(&endpoint.node);
        if dangling {
            return Err(Inconsistency::Dangling {
                attachment: endpoint.attachment.clone(),
            });
        }
        for address in &endpoint.addresses {
            let bound_here = self.addresses.get(&address.ip).is_some_and(|record| {
                record.subnet == address.subnet
                    && record.network == endpoint.network
                    && matches!(&record.state, AddressState::Bound { attachment } if *attachment == endpoint.attachment)
            });
            if !bound_here {
                return Err(Inconsistency::Unbound {
                    attachment: endpoint.attachment.clone(),
                    ip: address.ip,
                });
            }
        }
        Ok(())
    }
}
