//! Giving a pod what its node has in reserve.

use std::net::IpAddr;
use std::sync::Arc;

use trunkline_types::{MacAddr, Name};

use super::fixed::{Given, one_of_each};
use super::{AllocateError, Wish};
use crate::reserve::is_leased_to;
use crate::{Address, AddressState, Catalog, Reason, Refusal};

/// Why what a node has in reserve cannot be given to a pod.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LeaseUnfit {
    /// The node says that it has it in reserve, which is not so.
    #[error(
        "address `{ip}` is not in the reserve of node `{node}`: drop the slot and ask for an \
         address without one"
    )]
    NotLeased {
        /// The address.
        ip: IpAddr,
        /// The node.
        node: Name,
    },
    /// It is one half of a slot, or of two slots.
    #[error("address `{ip}` was leased {slot}: bind the slot as it was leased, or drop it")]
    Divided {
        /// The address.
        ip: IpAddr,
        /// With what, in words.
        slot: String,
    },
    /// It is on another network than the pod.
    #[error(
        "address `{ip}` of the reserve is on network `{network}`, and the pod is to be on \
         `{wanted}`: ask for an address without a slot"
    )]
    OtherNetwork {
        /// The address.
        ip: IpAddr,
        /// The network that it is on.
        network: Name,
        /// The network that the pod is to be on.
        wanted: Name,
    },
    /// The request names another address as well.
    #[error(
        "address `{ip}` is asked for and is not of the slot that is to be bound: ask for the \
         address without a slot, or leave it out"
    )]
    NotOfSlot {
        /// The address that is asked for.
        ip: IpAddr,
    },
    /// The pod has addresses of its own.
    #[error(
        "reservation `{reservation}` has addresses for `{pod}`, so it gets none of the reserve: \
         ask for an address without a slot"
    )]
    HasReservation {
        /// The reservation.
        reservation: Name,
        /// The pod.
        pod: String,
    },
    /// The pod is bound to a pool, and reserves are of none.
    #[error(
        "`{pod}` is bound to pool `{pool}`, so it gets none of the reserve: ask for an address \
         without a slot"
    )]
    HasPool {
        /// The pool.
        pool: Name,
        /// The pod.
        pod: String,
    },
    /// A foreign machine answers for it.
    #[error(
        "address `{ip}` of the reserve is withheld, because `{mac}` answers for it: drop the slot \
         and ask for an address without one"
    )]
    Conflict {
        /// The address.
        ip: IpAddr,
        /// The foreign machine.
        mac: MacAddr,
    },
}

impl Refusal for LeaseUnfit {
    fn reason(&self) -> Reason {
        match self {
            Self::Divided { .. } | Self::NotOfSlot { .. } => Reason::Invalid,
            Self::NotLeased { .. }
            | Self::OtherNetwork { .. }
            | Self::HasReservation { .. }
            | Self::HasPool { .. }
            | Self::Conflict { .. } => Reason::AddressInUse,
        }
    }

    fn field(&self) -> Option<&'static str> {
        match self {
            Self::Divided { .. } => Some("leased"),
            Self::NotOfSlot { .. } => Some("addresses"),
            _ => None,
        }
    }
}

/// The lease of `ip`, if `node` has it in reserve.
pub(super) fn lease<'a>(
    catalog: &'a Catalog,
    node: &Name,
    ip: IpAddr,
) -> Result<&'a Arc<Address>, LeaseUnfit> {
    let address = catalog.address(ip);
    address
        .filter(|address| is_leased_to(address, node))
        .ok_or_else(|| LeaseUnfit::NotLeased {
            ip,
            node: node.clone(),
        })
}

impl Wish<'_> {
    /// The slot of the node's reserve that the pod has been given by the node, if it may have any.
    pub(super) fn leased(&self) -> Result<Vec<Given>, AllocateError> {
        let slot = one_of_each("leased", &self.request.leased)?;
        self.check_any_will_do()?;
        let mut given = Vec::with_capacity(2);
        for ip in slot.into_iter().flatten() {
            given.push(self.half(ip, slot)?);
        }
        Ok(given)
    }

    /// Checks that the pod is to have any address, and not one that the reserve does not have.
    fn check_any_will_do(&self) -> Result<(), LeaseUnfit> {
        let mut asked = self.request.addresses.iter();
        if let Some(&ip) = asked.find(|ip| !self.request.leased.contains(ip)) {
            return Err(LeaseUnfit::NotOfSlot { ip });
        }
        if let Some(claim) = self.claims().first() {
            return Err(LeaseUnfit::HasReservation {
                reservation: claim.reservation.name.clone(),
                pod: self.request.name(),
            });
        }
        match &self.pool {
            None => Ok(()),
            Some(pool) => Err(LeaseUnfit::HasPool {
                pool: pool.clone(),
                pod: self.request.name(),
            }),
        }
    }

    /// One address of `slot`, IPv4 and IPv6.
    fn half(&self, ip: IpAddr, slot: [Option<IpAddr>; 2]) -> Result<Given, AllocateError> {
        let catalog = self.ledger.catalog();
        let address = lease(catalog, &self.node.name, ip)?;
        if address.network != self.network.name {
            return Err(LeaseUnfit::OtherNetwork {
                ip,
                network: address.network.clone(),
                wanted: self.network.name.clone(),
            }
            .into());
        }
        if let Some(conflict) = &address.conflict {
            let mac = conflict.mac;
            return Err(LeaseUnfit::Conflict { ip, mac }.into());
        }
        let mac = self.check_whole(address, slot)?;
        // What came after the lease counts more: a pool, the end of its subnet, and what a node
        // told after a restore that had been reserved.
        if let Some(subnet) = catalog.subnet_of(ip) {
            self.check_unclaimed(ip, subnet)?;
        }
        Ok(Given {
            ip,
            subnet: address.subnet.clone(),
            mac,
            reservation: None,
        })
    }

    /// Checks that `slot` is what `address` was leased as; answers the MAC address that goes with
    /// it, if that is known.
    fn check_whole(
        &self,
        address: &Address,
        slot: [Option<IpAddr>; 2],
    ) -> Result<Option<MacAddr>, LeaseUnfit> {
        let ip = address.ip;
        let other = slot[usize::from(ip.is_ipv4())];
        let divided = |slot| Err(LeaseUnfit::Divided { ip, slot });
        match &address.state {
            AddressState::Leased {
                slot: Some(leased), ..
            } => match leased.partner {
                _ if leased.partner == other => Ok(Some(leased.mac)),
                Some(partner) => divided(format!("together with `{partner}`")),
                None => divided("alone".to_owned()),
            },
            // It is not known what goes with it; but a pod has both families or neither.
            _ if other.is_none() && self.search().families().has(ip.is_ipv6()) => {
                divided("together with one of the other family".to_owned())
            }
            _ => Ok(None),
        }
    }
}
