//! Endpoints of containers that run already.

use std::net::IpAddr;
use std::sync::Arc;

use trunkline_types::{MacAddr, Name};

use super::Place;
use super::unit::Unit;
use crate::address::Tenant;
use crate::allocate::{check_gate, derived, place};
use crate::bulk::Why;
use crate::node::fit;
use crate::{
    Address, AddressState, AddressUnfit, AllocateError, Catalog, Change, Edit, Endpoint,
    EndpointAddress, Holder, Ledger, MacUnfit, Node, Object, Policy, Reservation, Revision, Subnet,
    Timestamp, mac,
};

/// Writes down that the unit's addresses are on that interface; nothing changes if that is so.
///
/// Unlike one that is handed out, an address may be outside its subnet's ranges or of a pool, and
/// may have been released lately: it is in use, whatever is thought of that.
pub(super) fn bind(
    ledger: &Ledger,
    unit: &Unit<'_>,
    at: &Place,
    policy: &Policy,
    now: Timestamp,
) -> Result<Change, Why> {
    let catalog = ledger.catalog();
    let node = fit(catalog, &at.node, None)?;
    if let Some(existing) = catalog.endpoint(&at.attachment) {
        check_same(existing, unit, at)?;
        return Ok(Change::none(catalog.revision()));
    }
    let binding = Binding {
        catalog,
        unit,
        at,
        node,
        policy,
        now,
        revision: catalog.revision().next(),
    };
    binding.plan()
}

fn check_same(existing: &Arc<Endpoint>, unit: &Unit<'_>, at: &Place) -> Result<(), AllocateError> {
    let has = |ip: IpAddr| existing.addresses.iter().any(|own| own.ip == ip);
    let missing = unit.addresses.iter().find(|address| !has(address.ip));
    let wanted = match missing {
        Some(address) => format!("address `{}`", address.ip),
        None if existing.node != at.node => format!("one on node `{}`", at.node),
        None => match unit.addresses.iter().find_map(|address| address.mac) {
            Some(mac) if mac != existing.mac => format!("MAC address `{mac}`"),
            _ => return Ok(()),
        },
    };
    Err(AllocateError::AttachmentInUse {
        existing: existing.clone(),
        wanted,
    })
}

struct Binding<'a> {
    catalog: &'a Catalog,
    unit: &'a Unit<'a>,
    at: &'a Place,
    node: &'a Arc<Node>,
    policy: &'a Policy,
    now: Timestamp,
    revision: Revision,
}

impl Binding<'_> {
    fn plan(&self) -> Result<Change, Why> {
        let mut edits = Vec::with_capacity(3);
        let mut addresses = Vec::with_capacity(2);
        let mut reservation = None;
        for address in &self.unit.addresses {
            let subnet = self.checked_subnet(address.ip)?;
            let claim = self.check_reserved(address.ip)?;
            reservation = reservation.or(claim);
            self.check_record(address.ip)?;
            edits.push(self.bound(address.ip, subnet));
            addresses.push(EndpointAddress {
                ip: address.ip,
                subnet: subnet.name.clone(),
            });
        }
        let endpoint = Endpoint {
            attachment: self.at.attachment.clone(),
            pod: self.unit.pod.cloned(),
            node: self.node.name.clone(),
            network: self.unit.network.clone(),
            mac: self.mac(reservation)?,
            addresses,
            pod_uid: None,
            profile: None,
            reservation: reservation.map(|reservation| reservation.name.clone()),
            created: self.now,
            revision: self.revision,
        };
        edits.push(Edit::Put(Object::Endpoint(Arc::new(endpoint))));
        Ok(Change::new(self.revision, edits))
    }

    fn checked_subnet(&self, ip: IpAddr) -> Result<&Arc<Subnet>, Why> {
        let network = &self.unit.network;
        let subnet = self
            .catalog
            .subnet_of(ip)
            .filter(|subnet| subnet.may_assign(ip) && !subnet.deleting)
            .ok_or_else(|| AddressUnfit::NotHandedOut {
                ip,
                network: network.clone(),
            })?;
        if !subnet.placement.admits(self.node) {
            return Err(AddressUnfit::WrongRack {
                ip,
                subnet: subnet.name.clone(),
                place: place(&subnet.placement),
                node: self.node.name.clone(),
                rack: self.node.rack.clone(),
            }
            .into());
        }
        check_gate(self.catalog, subnet, self.policy, self.now)?;
        Ok(subnet)
    }

    /// The reservation that the address is of, if it is for the pod.
    fn check_reserved(&self, ip: IpAddr) -> Result<Option<&Arc<Reservation>>, AddressUnfit> {
        let Some(reservation) = self.catalog.reservation_of(ip) else {
            return Ok(None);
        };
        let theirs = match (&reservation.holder, self.unit.pod) {
            (Holder::Pod(holder), Some(pod)) => holder == pod,
            (Holder::StatefulSet(set), Some(pod)) => {
                let place = of_place(reservation, ip);
                place.is_some() && set.ordinal_of(pod) == place
            }
            _ => false,
        };
        if theirs {
            return Ok(Some(reservation));
        }
        Err(AddressUnfit::Reserved {
            ip,
            reservation: reservation.name.clone(),
            holder: match &reservation.holder {
                Holder::Pod(pod) => format!("pod `{pod}`"),
                Holder::StatefulSet(set) | Holder::Workload(set) => format!("`{set}`"),
            },
        })
    }

    fn check_record(&self, ip: IpAddr) -> Result<(), AddressUnfit> {
        let Some(address) = self.catalog.address(ip) else {
            return Ok(());
        };
        if let Some(tenant) = Tenant::of(self.catalog, address) {
            return Err(AddressUnfit::Held {
                ip,
                holder: tenant.who,
                node: tenant.node.clone(),
            });
        }
        match &address.conflict {
            Some(conflict) => Err(AddressUnfit::Conflict {
                ip,
                mac: conflict.mac,
            }),
            None => Ok(()),
        }
    }

    /// The MAC address: what is given, else what is pinned, else what follows from the address.
    fn mac(&self, reservation: Option<&Arc<Reservation>>) -> Result<MacAddr, MacUnfit> {
        let addresses = &self.unit.addresses;
        let ips = || addresses.iter().map(|address| address.ip);
        let given = addresses.iter().find_map(|address| address.mac);
        let pinned = || {
            let reserved = reservation.into_iter().flat_map(|one| &one.addresses);
            let mut own = reserved.filter(|one| ips().any(|ip| ip == one.ip));
            own.find_map(|one| one.mac)
        };
        let mac = given.or_else(pinned).unwrap_or_else(|| derived(ips()));
        if !mac::is_unicast(mac) {
            return Err(MacUnfit::NotUnicast { mac });
        }
        let network: &Name = &self.unit.network;
        let derived_from = mac::ip_of(mac).map(IpAddr::V4);
        let pinned_for = self
            .catalog
            .pinned_by(network, mac)
            .filter(|by| reservation.is_none_or(|own| own.name != **by))
            .and_then(|by| self.catalog.reservation(by))
            .and_then(|other| other.addresses.iter().find(|one| one.mac == Some(mac)))
            .map(|one| one.ip);
        let taken = self.catalog.mac_holder(network, mac).or(pinned_for);
        let mut others = taken.or(derived_from).into_iter();
        match others.find(|other| !ips().any(|ip| ip == *other)) {
            None => Ok(mac),
            Some(ip) => Err(MacUnfit::InUse {
                mac,
                network: network.clone(),
                ip,
            }),
        }
    }

    fn bound(&self, ip: IpAddr, subnet: &Subnet) -> Edit {
        Edit::Put(Object::Address(Arc::new(Address {
            ip,
            subnet: subnet.name.clone(),
            network: subnet.network.clone(),
            state: AddressState::Bound {
                attachment: self.at.attachment.clone(),
            },
            since: self.now,
            conflict: None,
            revision: self.revision,
        })))
    }
}

/// Which place an address has among those of its family.
fn of_place(reservation: &Reservation, ip: IpAddr) -> Option<usize> {
    let family = reservation.addresses.iter();
    let mut family = family.filter(|one| one.ip.is_ipv4() == ip.is_ipv4());
    family.position(|one| one.ip == ip)
}
