//! Whom a change of an object touches.

use std::sync::Arc;

use trunkline_types::{AddressRange, Name};

use crate::{
    Catalog, Change, Edit, Endpoint, Group, Key, Network, Object, Profile, Reservation, Scope,
    Subnet, ranges,
};

/// Endpoints or addresses that a change of an object touches.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Effect {
    /// How.
    pub kind: EffectKind,
    /// The first of the endpoints, by attachment or address.
    pub endpoints: Vec<Arc<Endpoint>>,
    /// How many there are in all.
    pub total: usize,
    /// The addresses, if it is about addresses and not about endpoints.
    pub ranges: Vec<AddressRange>,
}

/// How a change touches somebody.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum EffectKind {
    /// The endpoints keep the gateway they were built with, until they are built anew.
    KeepsGateway,
    /// The endpoints keep the MTU they were built with, until they are built anew.
    KeepsMtu,
    /// The endpoints keep the MAC address they were built with, until they are built anew.
    KeepsMac,
    /// The endpoints' traffic is held to something else at once.
    ShapedAnew,
    /// The endpoints may get another network, pool or profile when they are built anew.
    MayBindOtherwise,
    /// The addresses are not handed out any more; nobody has any of them, or keeps it.
    Withdrawn,
    /// The addresses are handed out from now on.
    HandedOut,
}

/// How many endpoints an effect shows.
const SHOWN: usize = 100;

/// Whom `change`, which is planned on `catalog`, touches by what becomes of the object at `key`.
pub(super) fn effects(catalog: &Catalog, key: &Key, change: &Change) -> Vec<Effect> {
    let before = catalog.object(key);
    let after = change.edits().iter().find_map(|edit| match edit {
        Edit::Put(object) if object.key() == *key => Some(object.clone()),
        _ => None,
    });
    if change.is_empty() {
        return Vec::new();
    }
    let effects = match (before, after) {
        (Some(Object::Subnet(before)), Some(Object::Subnet(after))) => {
            of_subnet(catalog, &before, &after)
        }
        (Some(Object::Network(before)), Some(Object::Network(after))) => {
            vec![of_network(catalog, &before, &after)]
        }
        (Some(Object::Profile(before)), Some(Object::Profile(after))) => {
            vec![of_profile(catalog, &before, &after)]
        }
        (Some(Object::Reservation(before)), Some(Object::Reservation(after))) => {
            vec![of_reservation(catalog, Some(&before), &after)]
        }
        (None, Some(Object::Reservation(after))) => vec![of_reservation(catalog, None, &after)],
        (before, after) => {
            let groups = [before, after].into_iter().flatten();
            let groups = groups.filter_map(|object| match object {
                Object::Group(group) => Some(group),
                _ => None,
            });
            let groups: Vec<_> = groups.collect();
            of_groups(catalog, &groups).into_iter().collect()
        }
    };
    let is_something = |effect: &Effect| effect.total > 0 || !effect.ranges.is_empty();
    effects.into_iter().filter(is_something).collect()
}

fn about_endpoints<'a>(
    kind: EffectKind,
    endpoints: impl Iterator<Item = &'a Arc<Endpoint>>,
) -> Effect {
    let mut shown = Vec::new();
    let mut total = 0;
    for endpoint in endpoints {
        if shown.len() < SHOWN {
            shown.push(endpoint.clone());
        }
        total += 1;
    }
    Effect {
        kind,
        endpoints: shown,
        total,
        ranges: Vec::new(),
    }
}

fn about_addresses(kind: EffectKind, ranges: Vec<AddressRange>) -> Effect {
    Effect {
        kind,
        endpoints: Vec::new(),
        total: 0,
        ranges,
    }
}

/// The endpoints that have an address of `subnet`.
fn endpoints_in<'a>(
    catalog: &'a Catalog,
    subnet: &Subnet,
) -> impl Iterator<Item = &'a Arc<Endpoint>> {
    catalog
        .live_in(subnet.cidr)
        .filter_map(|address| match &address.state {
            crate::AddressState::Bound { attachment } => catalog.endpoint(attachment),
            _ => None,
        })
}

fn of_subnet(catalog: &Catalog, before: &Subnet, after: &Subnet) -> Vec<Effect> {
    let moved = before.gateway != after.gateway;
    let endpoints = endpoints_in(catalog, before).filter(|_| moved);
    let was = ranges::merged(before.handed_out());
    let is = ranges::merged(after.handed_out());
    vec![
        about_endpoints(EffectKind::KeepsGateway, endpoints),
        about_addresses(EffectKind::Withdrawn, ranges::without(&was, &is)),
        about_addresses(EffectKind::HandedOut, ranges::without(&is, &was)),
    ]
}

fn of_network(catalog: &Catalog, before: &Network, after: &Network) -> Effect {
    let subnets = catalog
        .subnets_of(&before.name)
        .filter(|_| before.mtu != after.mtu)
        .filter(|subnet| catalog.in_use(subnet) > 0)
        .filter_map(|subnet| catalog.subnet(subnet));
    // One with an address of each family is in two subnets, and counts where its first one is.
    let endpoints = subnets.flat_map(|subnet| {
        let of_subnet = move |endpoint: &&Arc<Endpoint>| {
            let first = endpoint.addresses.first();
            first.is_some_and(|address| address.subnet == subnet.name)
        };
        endpoints_in(catalog, subnet).filter(of_subnet)
    });
    about_endpoints(EffectKind::KeepsMtu, endpoints)
}

fn of_profile(catalog: &Catalog, before: &Profile, after: &Profile) -> Effect {
    let limits = |profile: &Profile| (profile.ingress, profile.egress, profile.dscp);
    let reaches = limits(before) != limits(after) && catalog.profile_users(&before.name) > 0;
    let endpoints = reaches.then(|| catalog.endpoints()).into_iter().flatten();
    let has_it = |endpoint: &&Arc<Endpoint>| endpoint.profile.as_ref() == Some(&before.name);
    about_endpoints(EffectKind::ShapedAnew, endpoints.filter(has_it))
}

fn of_reservation(catalog: &Catalog, before: Option<&Reservation>, after: &Reservation) -> Effect {
    let was = |address: &&crate::ReservedAddress| {
        before.is_some_and(|before| before.addresses.contains(address))
    };
    let pinned = after.addresses.iter().filter(|address| !was(address));
    let endpoints = pinned.filter_map(|address| {
        let mac = address.mac?;
        match &catalog.address(address.ip)?.state {
            crate::AddressState::Bound { attachment } => catalog
                .endpoint(attachment)
                .filter(|endpoint| endpoint.mac != mac),
            _ => None,
        }
    });
    about_endpoints(EffectKind::KeepsMac, endpoints)
}

/// The endpoints whose pods `groups` may be for. Their labels are not in the books, so of those
/// that a group chooses by labels it is all of the namespaces.
fn of_groups(catalog: &Catalog, groups: &[Arc<Group>]) -> Option<Effect> {
    let (first, last) = (groups.first()?, groups.last()?);
    let bound = |group: &Group| {
        let binds = (group.network.clone(), group.pool.clone());
        (binds, group.profile.clone(), group.priority)
    };
    let changed = groups.len() == 1 || bound(first) != bound(last) || first.scope != last.scope;
    let endpoints = changed.then(|| catalog.endpoints()).into_iter().flatten();
    let in_scope = |endpoint: &&Arc<Endpoint>| {
        let mut scopes = groups.iter().map(|group| &group.scope);
        scopes.any(|scope| may_be_for(catalog, scope, endpoint))
    };
    Some(about_endpoints(
        EffectKind::MayBindOtherwise,
        endpoints.filter(in_scope),
    ))
}

fn may_be_for(catalog: &Catalog, scope: &Scope, endpoint: &Endpoint) -> bool {
    match scope {
        Scope::Cluster => true,
        Scope::NodeClass { nodes } => {
            let node = catalog.node(&endpoint.node);
            node.is_some_and(|node| nodes.matches(&node.labels))
        }
        Scope::Namespaces { namespaces } | Scope::Pods { namespaces, .. } => {
            let namespace = endpoint.pod.as_ref().map(|pod| pod.namespace.as_str());
            let named = namespace.and_then(|namespace| namespace.parse::<Name>().ok());
            named.is_some_and(|namespace| namespaces.contains(&namespace))
        }
    }
}
