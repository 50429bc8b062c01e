//! What of a request about many objects is not for a token of some networks.
//!
//! It is looked at before anything is planned, so that no refusal of the plan tells of other
//! networks. What a plan does beyond what was asked for is looked at afterwards.

use std::collections::{BTreeMap, BTreeSet};

use trunkline_ipam::{Adoption, Catalog, Key, Object, ObjectSpec};
use trunkline_types::{Name, Selector};

use super::super::access::Caller;
use super::super::manifest::KINDS;
use super::{is_chosen, refusal};
use crate::failure::Failure;

/// Refuses the first object of a list that the caller is not for, and then what would go because
/// it is not in the list.
pub(super) fn check_apply(
    caller: &Caller,
    catalog: &Catalog,
    specs: &[ObjectSpec],
    prune: Option<&Selector>,
) -> Result<(), Failure> {
    if caller.networks().is_none() {
        return Ok(());
    }
    let subnets = specs.iter().filter_map(|spec| match spec {
        ObjectSpec::Subnet(spec) => Some((&spec.name, &spec.network)),
        _ => None,
    });
    let subnets: BTreeMap<&Name, &Name> = subnets.collect();
    for (index, spec) in specs.iter().enumerate() {
        let key = spec.key();
        let network = match spec {
            ObjectSpec::Network(spec) => Some(&spec.name),
            ObjectSpec::Subnet(spec) => Some(&spec.network),
            ObjectSpec::Pool(spec) => match subnets.get(&spec.subnet) {
                Some(network) => Some(*network),
                None => catalog.subnet(&spec.subnet).map(|subnet| &subnet.network),
            },
            ObjectSpec::Reservation(spec) => Some(&spec.network),
            ObjectSpec::Group(_) | ObjectSpec::Profile(_) => None,
        };
        let reached = match catalog.object(&key) {
            Some(current) => caller.reaches_object(catalog, &current),
            None => Ok(()),
        };
        reached
            .and_then(|()| caller.reaches(&key, network))
            .map_err(|failure| refusal::of_one("objects", index, &key, &failure))?;
    }
    let Some(selector) = prune else {
        return Ok(());
    };
    let listed: BTreeSet<Key> = specs.iter().map(ObjectSpec::key).collect();
    for kind in KINDS {
        let chosen = catalog.objects_after(kind, None);
        for object in chosen.filter(|object| is_chosen(object, selector)) {
            if !listed.contains(&object.key()) {
                caller.reaches_object(catalog, &object)?;
            }
        }
    }
    Ok(())
}

/// Refuses the first address that the caller is not for.
pub(super) fn check_import(
    caller: &Caller,
    catalog: &Catalog,
    adoptions: &[Adoption],
) -> Result<(), Failure> {
    for (index, adoption) in adoptions.iter().enumerate() {
        let key = Key::Address(adoption.ip);
        let network = catalog.subnet_of(adoption.ip);
        let network = network.map(|subnet| &subnet.network);
        caller
            .reaches(&key, network)
            .map_err(|failure| refusal::of_one("addresses", index, &key, &failure))?;
        // Whose interface it is already may be nothing for the caller.
        let endpoint = adoption.place.as_ref();
        let endpoint = endpoint.and_then(|place| catalog.endpoint(&place.attachment));
        if let Some(endpoint) = endpoint {
            let endpoint = Object::Endpoint(endpoint.clone());
            caller
                .reaches_object(catalog, &endpoint)
                .map_err(|failure| refusal::of_one("addresses", index, &key, &failure))?;
        }
    }
    Ok(())
}
