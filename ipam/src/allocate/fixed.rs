//! Giving one certain address.

use std::net::IpAddr;

use trunkline_types::{MacAddr, Name};

use super::choose::place;
use super::reserved::Claim;
use super::{AddressUnfit, AllocateError, Wish, check_gate};
use crate::address::Tenant;
use crate::{Address, AddressState, Holder, Subnet};

/// One address that a pod is given.
pub(super) struct Given {
    pub(super) ip: IpAddr,
    pub(super) subnet: Name,
    /// The MAC address that its reservation pins, or that was leased with it.
    pub(super) mac: Option<MacAddr>,
    /// The reservation that it is given by.
    pub(super) reservation: Option<Name>,
}

/// Why it is to be that address.
pub(super) enum Why<'a> {
    /// The request names it.
    Asked,
    /// A reservation keeps it for the pod.
    Reserved(&'a Claim<'a>),
}

impl Wish<'_> {
    /// The IPv4 and the IPv6 address that the request names.
    pub(super) fn asked(&self) -> Result<[Option<IpAddr>; 2], AllocateError> {
        Ok(one_of_each("addresses", &self.request.addresses)?)
    }

    /// That very address, if the pod may have it here and now.
    pub(super) fn fixed(&self, ip: IpAddr, why: Why<'_>) -> Result<Given, AllocateError> {
        let catalog = self.ledger.catalog();
        let subnet = catalog
            .subnet_of(ip)
            .filter(|subnet| subnet.network == self.network.name && subnet.may_assign(ip))
            .filter(|subnet| !subnet.deleting)
            .ok_or_else(|| self.not_handed_out(ip))?;
        if !subnet.placement.admits(self.node) {
            return Err(self.wrong_rack(ip, subnet).into());
        }
        check_gate(catalog, subnet, self.policy, self.now)?;
        let claims;
        let claim = match why {
            Why::Reserved(claim) => Some(claim),
            Why::Asked => {
                claims = self.claims();
                let own = claims.iter().find(|claim| claim.has(ip));
                if own.is_none() {
                    self.check_unclaimed(ip, subnet)?;
                }
                own
            }
        };
        if let Some(address) = catalog.address(ip) {
            self.check_record(address, claim)?;
        }
        let reserved = claim.and_then(|claim| claim.address(ip));
        Ok(Given {
            ip,
            subnet: subnet.name.clone(),
            mac: reserved.and_then(|reserved| reserved.mac),
            reservation: claim.map(|claim| claim.reservation.name.clone()),
        })
    }

    /// Checks that an address which is not reserved for the pod is for anybody who asks for it.
    pub(super) fn check_unclaimed(&self, ip: IpAddr, subnet: &Subnet) -> Result<(), AddressUnfit> {
        let catalog = self.ledger.catalog();
        if let Some(reservation) = catalog.reservation_of(ip)
            && reservation.expires.is_none_or(|end| end > self.now)
        {
            return Err(AddressUnfit::Reserved {
                ip,
                reservation: reservation.name.clone(),
                holder: holder(&reservation.holder),
            });
        }
        let space = self.ledger.free().of_subnet(&subnet.name);
        match space.and_then(|space| space.place(ip)) {
            None => Err(self.not_handed_out(ip)),
            Some(Some(pool)) if Some(pool) != self.pool.as_ref() => Err(AddressUnfit::InPool {
                ip,
                pool: pool.clone(),
            }),
            Some(_) => Ok(()),
        }
    }

    /// Checks that nobody has the address, and that it is not withheld.
    fn check_record(
        &self,
        address: &Address,
        claim: Option<&Claim<'_>>,
    ) -> Result<(), AddressUnfit> {
        let ip = address.ip;
        if let Some(tenant) = Tenant::of(self.ledger.catalog(), address) {
            let silent = tenant.is_silent(self.policy, self.now);
            let (holder, node) = (tenant.who, tenant.node.clone());
            return Err(if silent {
                AddressUnfit::NodeSilent { ip, holder, node }
            } else {
                AddressUnfit::Held { ip, holder, node }
            });
        }
        if let Some(conflict) = &address.conflict {
            let mac = conflict.mac;
            return Err(AddressUnfit::Conflict { ip, mac });
        }
        let AddressState::Released { owner, reservation } = &address.state else {
            return Ok(());
        };
        // All pods of a reservation are one owner: a workload's set goes round among them.
        let same_owner = owner.is_some() && owner.as_deref() == self.request.pod.as_ref()
            || claim.is_some_and(|claim| Some(&claim.reservation.name) == reservation.as_ref());
        if self.policy.is_cooling(address.since, self.now) && !same_owner {
            let over = address.since.after(self.policy.cool_down.as_secs());
            let seconds = over.unix_seconds().saturating_sub(self.now.unix_seconds());
            return Err(AddressUnfit::Cooling { ip, seconds });
        }
        Ok(())
    }

    fn not_handed_out(&self, ip: IpAddr) -> AddressUnfit {
        AddressUnfit::NotHandedOut {
            ip,
            network: self.network.name.clone(),
        }
    }

    fn wrong_rack(&self, ip: IpAddr, subnet: &Subnet) -> AddressUnfit {
        AddressUnfit::WrongRack {
            ip,
            subnet: subnet.name.clone(),
            place: place(&subnet.placement),
            node: self.node.name.clone(),
            rack: self.node.rack.clone(),
        }
    }
}

/// The IPv4 and the IPv6 address among `ips`, which `field` of the request has.
pub(super) fn one_of_each(
    field: &'static str,
    ips: &[IpAddr],
) -> Result<[Option<IpAddr>; 2], AddressUnfit> {
    let mut each = [None; 2];
    for &ip in ips {
        let place = &mut each[usize::from(ip.is_ipv6())];
        match *place {
            Some(first) if first != ip => {
                return Err(AddressUnfit::TwoOfAFamily {
                    field,
                    first,
                    second: ip,
                });
            }
            _ => *place = Some(ip),
        }
    }
    Ok(each)
}

/// Whom a reservation is for, in words.
fn holder(holder: &Holder) -> String {
    match holder {
        Holder::Pod(pod) => format!("pod `{pod}`"),
        Holder::StatefulSet(set) => format!("StatefulSet `{set}`"),
        Holder::Workload(workload) => format!("workload `{workload}`"),
    }
}
