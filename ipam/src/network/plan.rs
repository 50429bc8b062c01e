//! Planning a network's beginning, change and end.

use trunkline_types::Name;

use super::{
    CreateNetworkError, DeleteNetworkError, Network, NetworkSpec, UpdateNetworkError, VlanInUse,
};
use crate::precondition::{at_revision, created, deleted, replaced};
use crate::{Catalog, Change, Key, Listing, Planned, Revision};

/// Plans a new network.
///
/// # Errors
///
/// [`CreateNetworkError`] if its name or VLAN is taken.
pub fn create_network(
    catalog: &Catalog,
    spec: &NetworkSpec,
) -> Result<Planned<Network>, CreateNetworkError> {
    if let Some(existing) = catalog.network(&spec.name) {
        return Err(CreateNetworkError::NameInUse {
            name: spec.name.clone(),
            vlan: existing.vlan,
        });
    }
    check_vlan(catalog, spec)?;
    Ok(created(catalog, |revision| build(spec, revision)))
}

/// Plans a network's change.
///
/// Another MTU is for pods that come: those that run keep what they were given. Another VLAN would
/// have to reach the pods that run all at once, so there must be none. Another fabric says that the
/// switches were told apart wrongly; nothing changes for pods.
///
/// # Errors
///
/// [`UpdateNetworkError`] if it is not there or not at that revision, or if the VLAN is taken or
/// the old one in use.
pub fn update_network(
    catalog: &Catalog,
    spec: &NetworkSpec,
    expected: Revision,
) -> Result<Planned<Network>, UpdateNetworkError> {
    let key = || Key::Network(spec.name.clone());
    let current = at_revision(catalog.network(&spec.name), key, Some(expected))?;
    check_vlan(catalog, spec)?;
    if spec.vlan != current.vlan {
        let addresses = Listing::of(live_addresses(catalog, &spec.name));
        if !addresses.is_empty() {
            return Err(UpdateNetworkError::VlanLive {
                network: spec.name.clone(),
                vlan: current.vlan,
                addresses,
            });
        }
    }
    Ok(replaced(catalog, current, |revision| build(spec, revision)))
}

/// Plans a network's end.
///
/// Endpoints need no check of their own: each has an address of a subnet, and a subnet with
/// addresses in use is not deleted.
///
/// # Errors
///
/// [`DeleteNetworkError`] if it is not there or not at that revision, or if subnets, reservations
/// or groups name it.
pub fn delete_network(
    catalog: &Catalog,
    name: &Name,
    expected: Option<Revision>,
) -> Result<Change, DeleteNetworkError> {
    let key = || Key::Network(name.clone());
    at_revision(catalog.network(name), key, expected)?;
    let network = name.clone();
    let subnets = Listing::of(catalog.subnets_of(name));
    if !subnets.is_empty() {
        return Err(DeleteNetworkError::HasSubnets { network, subnets });
    }
    let reservations = catalog.reservations().filter(|r| r.network == *name);
    let reservations = Listing::of(reservations.map(|reservation| &reservation.name));
    if !reservations.is_empty() {
        return Err(DeleteNetworkError::HasReservations {
            network,
            reservations,
        });
    }
    let groups = catalog
        .groups()
        .filter(|g| g.network.as_ref() == Some(name));
    let groups = Listing::of(groups.map(|group| &group.name));
    if !groups.is_empty() {
        return Err(DeleteNetworkError::HasGroups { network, groups });
    }
    Ok(deleted(catalog, key()))
}

fn build(spec: &NetworkSpec, revision: Revision) -> Network {
    Network {
        name: spec.name.clone(),
        vlan: spec.vlan,
        mtu: spec.mtu,
        labels: spec.labels.clone(),
        revision,
    }
}

fn check_vlan(catalog: &Catalog, spec: &NetworkSpec) -> Result<(), VlanInUse> {
    let fabric = spec.labels.get(Network::FABRIC);
    match catalog.network_with_vlan(fabric, spec.vlan) {
        Some(network) if *network != spec.name => Err(VlanInUse {
            vlan: spec.vlan,
            network: network.clone(),
        }),
        _ => Ok(()),
    }
}

fn live_addresses<'a>(
    catalog: &'a Catalog,
    network: &'a Name,
) -> impl Iterator<Item = std::net::IpAddr> {
    catalog
        .subnets_of(network)
        .filter(|subnet| catalog.in_use(subnet) > 0)
        .filter_map(|subnet| catalog.subnet(subnet))
        .flat_map(|subnet| catalog.live_in(subnet.cidr))
        .map(|address| address.ip)
}
