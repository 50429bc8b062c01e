//! Whether the objects agree with each other.

use std::net::IpAddr;

use trunkline_types::{Attachment, Name};

use super::Catalog;
use crate::group::{check_scope, rival};
use crate::reservation::check_shape;
use crate::{
    Address, AddressState, Binding, Endpoint, Grant, Group, Key, Network, Pool, Reservation,
    Subnet, Token, ranges,
};

/// Objects that contradict each other. No change leads here: the store was altered by other hands,
/// or damaged.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Inconsistency {
    /// Two networks have one VLAN, two subnets or pools addresses in common, two reservations an
    /// address or a pinned MAC address, or two tokens a secret.
    #[error("{key} shares its VLAN, addresses or secret with another one")]
    Shared {
        /// The object.
        key: Key,
    },
    /// An object names one that is not there.
    #[error("{key} names {missing}, which does not exist")]
    Missing {
        /// The object.
        key: Key,
        /// What it names.
        missing: Key,
    },
    /// An object has addresses or values that none of its kind can have.
    #[error("{key} is not one that can be: its addresses or values contradict each other")]
    Malformed {
        /// The object.
        key: Key,
    },
    /// Two groups bind the same for the same pods, and nothing says which counts.
    #[error("group `{group}` and group `{other}` both bind the {binding} of the same pods")]
    Ambiguous {
        /// One group.
        group: Name,
        /// The other one.
        other: Name,
        /// What both bind.
        binding: Binding,
    },
    /// An address that its subnet does not have, or that nobody may have.
    #[error("address `{ip}` is not one that its subnet `{subnet}` has for anybody")]
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
    /// An endpoint without an address, or with two of one family.
    #[error("endpoint `{attachment}` has no address, or two of one family")]
    Dangling {
        /// The endpoint.
        attachment: Attachment,
    },
}

impl Inconsistency {
    /// The object that it is about; of two that contradict each other, one.
    #[must_use]
    pub fn about(&self) -> Key {
        match self {
            Self::Shared { key } | Self::Missing { key, .. } | Self::Malformed { key } => {
                key.clone()
            }
            Self::Ambiguous { group, .. } => Key::Group(group.clone()),
            Self::Stray { ip, .. } | Self::Leaked { ip, .. } => Key::Address(*ip),
            Self::Unbound { attachment, .. } | Self::Dangling { attachment } => {
                Key::Endpoint(attachment.clone())
            }
        }
    }
}

impl Catalog {
    /// Checks what holds between objects after every change.
    ///
    /// # Errors
    ///
    /// The first [`Inconsistency`] found.
    pub fn check(&self) -> Result<(), Inconsistency> {
        (self.networks.values()).try_for_each(|network| self.check_network(network))?;
        (self.subnets.values()).try_for_each(|subnet| self.check_subnet(subnet))?;
        self.pools().try_for_each(|pool| self.check_pool(pool))?;
        (self.groups.values()).try_for_each(|group| self.check_group(group))?;
        (self.reservations.values()).try_for_each(|one| self.check_reservation(one))?;
        // Below it is seen that each address of an endpoint is bound to it. If no others are
        // bound, none is left without its endpoint, and a million need not be looked for.
        let had: usize = (self.endpoints.values()).map(|e| e.addresses.len()).sum();
        let bound = (self.addresses.values()).filter(|address| address.is_bound());
        let spare = bound.count() != had;
        (self.addresses.values()).try_for_each(|address| self.check_address(address, spare))?;
        (self.endpoints.values()).try_for_each(|endpoint| self.check_endpoint(endpoint))?;
        (self.tokens.values()).try_for_each(|token| self.check_token(token))
    }

    /// The first [`Inconsistency`] of every object that has one.
    pub fn inconsistencies(&self) -> impl Iterator<Item = Inconsistency> {
        let networks = (self.networks.values()).map(|one| self.check_network(one));
        let subnets = (self.subnets.values()).map(|one| self.check_subnet(one));
        let pools = self.pools().map(|one| self.check_pool(one));
        let groups = (self.groups.values()).map(|one| self.check_group(one));
        let reservations = (self.reservations.values()).map(|one| self.check_reservation(one));
        // Of those that are bound each is looked for: that no others are was not seen.
        let addresses = (self.addresses.values()).map(|one| self.check_address(one, true));
        let endpoints = (self.endpoints.values()).map(|one| self.check_endpoint(one));
        let tokens = (self.tokens.values()).map(|one| self.check_token(one));
        (networks.chain(subnets).chain(pools).chain(groups))
            .chain(reservations.chain(addresses).chain(endpoints).chain(tokens))
            .filter_map(Result::err)
    }

    fn check_network(&self, network: &Network) -> Result<(), Inconsistency> {
        if self.network_with_vlan(network.fabric(), network.vlan) == Some(&network.name) {
            return Ok(());
        }
        Err(Inconsistency::Shared {
            key: Key::Network(network.name.clone()),
        })
    }

    fn check_subnet(&self, subnet: &Subnet) -> Result<(), Inconsistency> {
        let key = || Key::Subnet(subnet.name.clone());
        self.refer(key, Key::Network(subnet.network.clone()))?;
        let alone = self.subnet_overlapping(subnet.cidr, &subnet.name).is_none();
        // A subnet that starts where another one does has taken its place in the index.
        let indexed = self.subnet_of(subnet.cidr.network());
        if !alone || indexed.is_none_or(|indexed| **indexed != *subnet) {
            return Err(Inconsistency::Shared { key: key() });
        }
        if subnet.is_well_formed() {
            Ok(())
        } else {
            Err(Inconsistency::Malformed { key: key() })
        }
    }

    fn check_pool(&self, pool: &Pool) -> Result<(), Inconsistency> {
        let key = || Key::Pool(pool.subnet.clone(), pool.name.clone());
        let Some(subnet) = self.subnets.get(&pool.subnet) else {
            return Err(Inconsistency::Missing {
                key: key(),
                missing: Key::Subnet(pool.subnet.clone()),
            });
        };
        let in_order = pool.ranges.is_sorted() && ranges::overlapping(&pool.ranges).is_none();
        if pool.ranges.is_empty() || !in_order || !subnet.covers(&pool.ranges) {
            return Err(Inconsistency::Malformed { key: key() });
        }
        let shared = self
            .pools_of(&pool.subnet)
            .filter(|other| other.name != pool.name)
            .flat_map(|other| &other.ranges)
            .any(|range| pool.ranges.iter().any(|own| own.overlaps(*range)));
        if shared {
            return Err(Inconsistency::Shared { key: key() });
        }
        Ok(())
    }

    fn check_group(&self, group: &Group) -> Result<(), Inconsistency> {
        let key = || Key::Group(group.name.clone());
        if let Some(network) = &group.network {
            self.refer(key, Key::Network(network.clone()))?;
        }
        if let Some(profile) = &group.profile {
            self.refer(key, Key::Profile(profile.clone()))?;
        }
        // A subnet that is being deleted has no pool that a group relies on.
        if let Some(pool) = &group.pool
            && !self.has_pool(group.network.as_ref(), pool, None)
        {
            let network = group.network.clone().unwrap_or_else(|| pool.clone());
            return Err(Inconsistency::Missing {
                key: key(),
                missing: Key::Pool(network, pool.clone()),
            });
        }
        let binds = Binding::ALL.iter().any(|b| group.bound(*b).is_some());
        if !binds || check_scope(&group.scope).is_err() {
            return Err(Inconsistency::Malformed { key: key() });
        }
        match rival(self, group) {
            None => Ok(()),
            Some((other, binding)) => Err(Inconsistency::Ambiguous {
                group: group.name.clone(),
                other: other.name.clone(),
                binding,
            }),
        }
    }

    fn check_reservation(&self, reservation: &Reservation) -> Result<(), Inconsistency> {
        let key = || Key::Reservation(reservation.name.clone());
        self.refer(key, Key::Network(reservation.network.clone()))?;
        if check_shape(
            &reservation.holder,
            reservation.spare,
            &reservation.addresses,
        )
        .is_err()
        {
            return Err(Inconsistency::Malformed { key: key() });
        }
        for address in &reservation.addresses {
            let fits = self.subnet_of(address.ip).is_some_and(|subnet| {
                subnet.network == reservation.network && subnet.may_assign(address.ip)
            });
            if !fits {
                return Err(Inconsistency::Malformed { key: key() });
            }
            let own = Some(&reservation.name);
            let pinned = |mac| self.index.pinned_by(&reservation.network, mac) == own;
            if self.index.reservation_of(address.ip) != own || !address.mac.is_none_or(pinned) {
                return Err(Inconsistency::Shared { key: key() });
            }
        }
        Ok(())
    }

    /// `spare`: whether more or fewer addresses are bound than endpoints have.
    fn check_address(&self, address: &Address, spare: bool) -> Result<(), Inconsistency> {
        // A released one may have been excluded since.
        let fits = self.subnets.get(&address.subnet).is_some_and(|subnet| {
            subnet.network == address.network
                && subnet.cidr.contains(address.ip)
                && (address.is_released() || subnet.may_assign(address.ip))
        });
        if !fits {
            return Err(Inconsistency::Stray {
                ip: address.ip,
                subnet: address.subnet.clone(),
            });
        }
        let attachment = match &address.state {
            AddressState::Bound { .. } if !spare => return Ok(()),
            AddressState::Bound { attachment } => attachment,
            AddressState::Leased { node, .. } | AddressState::Node { node } => {
                return self.refer(|| Key::Address(address.ip), Key::Node(node.clone()));
            }
            AddressState::Released { .. } => return Ok(()),
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
        let key = || Key::Endpoint(endpoint.attachment.clone());
        self.refer(key, Key::Network(endpoint.network.clone()))?;
        self.refer(key, Key::Node(endpoint.node.clone()))?;
        if let Some(profile) = &endpoint.profile {
            self.refer(key, Key::Profile(profile.clone()))?;
        }
        if let Some(reservation) = &endpoint.reservation {
            self.refer(key, Key::Reservation(reservation.clone()))?;
        }
        let v4 = endpoint.addresses.iter().filter(|a| a.ip.is_ipv4()).count();
        let v6 = endpoint.addresses.len() - v4;
        if !matches!((v4, v6), (1, 0) | (0, 1) | (1, 1)) {
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

    fn check_token(&self, token: &Token) -> Result<(), Inconsistency> {
        let key = || Key::Token(token.name.clone());
        if let Grant::Join { nodes, joined, .. } = &token.grant
            && (nodes.is_empty() || joined.keys().any(|node| !nodes.contains(node)))
        {
            return Err(Inconsistency::Malformed { key: key() });
        }
        if self.index.token_with(&token.digest) != Some(&token.name) {
            return Err(Inconsistency::Shared { key: key() });
        }
        Ok(())
    }

    /// Refuses an object that names one which is not there.
    fn refer(&self, key: impl FnOnce() -> Key, other: Key) -> Result<(), Inconsistency> {
        let found = match &other {
            Key::Network(name) => self.networks.contains_key(name),
            Key::Profile(name) => self.profiles.contains_key(name),
            Key::Reservation(name) => self.reservations.contains_key(name),
            Key::Node(name) => self.nodes.contains_key(name),
            _ => self.object(&other).is_some(),
        };
        if found {
            return Ok(());
        }
        Err(Inconsistency::Missing {
            key: key(),
            missing: other,
        })
    }
}

#[cfg(test)]
mod tests;
