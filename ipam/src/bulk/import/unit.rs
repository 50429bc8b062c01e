//! Which of the addresses belong together.

use std::collections::BTreeMap;
use std::net::IpAddr;

use trunkline_types::{Name, Pod};

use super::{Adoption, Import, ImportError, Place, nobody, reserved};
use crate::bulk::{ObjectRefusal, Why};
use crate::{Catalog, Holder, Key, ReservedAddress};

/// Addresses of one network that one pod or interface has, or one that nobody's pod has.
#[derive(Clone, Debug)]
pub(super) struct Unit<'a> {
    /// The place of the first one in the import.
    pub(super) index: usize,
    pub(super) network: Name,
    /// At most one of each family.
    pub(super) addresses: Vec<ReservedAddress>,
    pub(super) pod: Option<&'a Pod>,
    pub(super) place: Option<&'a Place>,
    pub(super) owner: &'a str,
}

impl Unit<'_> {
    /// Whom a reservation of it is for; none if it is in use, and by nobody who has a name.
    pub(super) fn holder(&self) -> Option<Holder> {
        match (self.pod, self.place) {
            (Some(pod), _) => Some(Holder::Pod(pod.clone())),
            (None, Some(_)) => None,
            (None, None) => Some(nobody(self.first_ip())),
        }
    }

    pub(super) fn first_ip(&self) -> IpAddr {
        self.addresses
            .first()
            .map_or(IpAddr::from([0, 0, 0, 0]), |address| address.ip)
    }

    /// A name that no other address leads to.
    pub(super) fn reservation_name(&self) -> Name {
        let ip = match self.first_ip() {
            IpAddr::V4(ip) => ip.to_string(),
            // Not the short form: that may end with a colon.
            IpAddr::V6(ip) => ip.segments().map(|part| format!("{part:x}")).join("-"),
        };
        // It is a name whatever the address is.
        let name = format!("imported-{ip}").parse();
        name.unwrap_or_else(|_| self.network.clone())
    }

    fn whom(&self) -> String {
        match (self.pod, self.place) {
            (Some(pod), _) => format!("pod `{pod}`"),
            (None, Some(place)) => format!("`{}`", place.attachment),
            (None, None) => "it".to_owned(),
        }
    }

    /// Takes another address in, if it can be on the same interface.
    fn join(&mut self, adoption: &Adoption) -> Result<(), Why> {
        for own in &mut self.addresses {
            if own.ip.is_ipv4() == adoption.ip.is_ipv4() {
                let other = own.ip;
                return Err(ImportError::SecondOfFamily {
                    ip: adoption.ip,
                    other,
                    whom: self.whom(),
                }
                .into());
            }
            if let (Some(mac), Some(has)) = (adoption.mac, own.mac)
                && mac != has
            {
                return Err(ImportError::OtherMac {
                    ip: adoption.ip,
                    mac,
                    other: own.ip,
                }
                .into());
            }
        }
        self.addresses.push(reserved(adoption));
        // IPv4 first, as everywhere.
        self.addresses.sort_by_key(|address| address.ip.is_ipv6());
        Ok(())
    }
}

/// The units of an import, in order. What cannot be part of one is added to `refused`.
pub(super) fn units<'a>(
    catalog: &Catalog,
    import: &'a Import,
    refused: &mut Vec<ObjectRefusal>,
) -> Vec<Unit<'a>> {
    let mut units: Vec<Unit<'a>> = Vec::new();
    let mut known: BTreeMap<IpAddr, usize> = BTreeMap::new();
    // Network, pod and place → the unit.
    let mut together = BTreeMap::new();
    for (index, adoption) in import.adoptions.iter().enumerate() {
        let ip = adoption.ip;
        let mut place = || -> Result<(), Why> {
            if let Some(first) = known.insert(ip, index) {
                return Err(ImportError::Twice { ip, first }.into());
            }
            let subnet = catalog.subnet_of(ip).ok_or(ImportError::NoSubnet { ip })?;
            let unit = Unit {
                index,
                network: subnet.network.clone(),
                addresses: vec![reserved(adoption)],
                pod: adoption.pod.as_ref(),
                place: adoption.place.as_ref(),
                owner: &adoption.owner,
            };
            if unit.pod.is_none() && unit.place.is_none() {
                units.push(unit);
                return Ok(());
            }
            let pod = unit.pod.map(|pod| (&pod.namespace, &pod.name));
            let whose = (unit.network.clone(), pod, unit.place);
            match together
                .get(&whose)
                .and_then(|at: &usize| units.get_mut(*at))
            {
                Some(first) => first.join(adoption),
                None => {
                    together.insert(whose, units.len());
                    units.push(unit);
                    Ok(())
                }
            }
        };
        if let Err(why) = place() {
            refused.push(ObjectRefusal {
                index: Some(index),
                key: Key::Address(ip),
                why,
            });
        }
    }
    units
}
