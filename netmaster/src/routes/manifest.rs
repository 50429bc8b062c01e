//! Objects of any managed kind, as they are in the lists of apply and export.

mod read;

use serde_json::{Value, json};
use trunkline_ipam::{Kind, Object, ObjectSpec, Placement, Scope, Timestamp};
use trunkline_netmaster_api::{
    GroupSpec, Manifest, NetworkSpec, PoolSpec, ProfileSpec, ReservationSpec, ReservedAddress,
    SubnetSpec,
};

use super::groups::Groups;
use super::networks::Networks;
use super::noun::Managed;
use super::pools::Pools;
use super::profiles::{Profiles, rate};
use super::reservations::{Reservations, holder_view, retention_view};
use super::subnets::Subnets;
use crate::failure::Failure;

pub(super) use read::Manifests;

/// The kinds that are managed, each after those that it may refer to.
pub(super) const KINDS: [Kind; 6] = [
    Kind::Network,
    Kind::Profile,
    Kind::Subnet,
    Kind::Pool,
    Kind::Group,
    Kind::Reservation,
];

/// What a manifest wants, as it is planned with.
pub(super) fn wanted(manifest: Manifest) -> Result<ObjectSpec, Failure> {
    Ok(match manifest {
        Manifest::Network(spec) => ObjectSpec::Network(Networks::wanted(spec)?),
        Manifest::Subnet(spec) => ObjectSpec::Subnet(Subnets::wanted(spec)?),
        Manifest::Pool(spec) => ObjectSpec::Pool(Pools::wanted(spec)?),
        Manifest::Group(spec) => ObjectSpec::Group(Groups::wanted(spec)?),
        Manifest::Profile(spec) => ObjectSpec::Profile(Profiles::wanted(spec)?),
        Manifest::Reservation(spec) => ObjectSpec::Reservation(Reservations::wanted(spec)?),
    })
}

/// The manifest that wants `object` as it is; none if it is of no managed kind.
pub(super) fn manifest(object: &Object) -> Option<Manifest> {
    Some(match object {
        Object::Network(network) => Manifest::Network(NetworkSpec {
            name: network.name.clone(),
            vlan: network.vlan,
            mtu: network.mtu,
            labels: network.labels.clone(),
        }),
        Object::Subnet(subnet) => Manifest::Subnet(subnet_spec(subnet)),
        Object::Pool(pool) => Manifest::Pool(PoolSpec {
            subnet: pool.subnet.clone(),
            name: pool.name.clone(),
            ranges: pool.ranges.clone(),
            labels: pool.labels.clone(),
        }),
        Object::Group(group) => Manifest::Group(group_spec(group)),
        Object::Profile(profile) => Manifest::Profile(ProfileSpec {
            name: profile.name.clone(),
            ingress: profile.ingress.map(rate),
            egress: profile.egress.map(rate),
            dscp: profile.dscp,
            labels: profile.labels.clone(),
        }),
        Object::Reservation(reservation) => Manifest::Reservation(reservation_spec(reservation)),
        _ => return None,
    })
}

/// An object as an operator writes it, with its kind; one of no managed kind as an operator sees it.
pub(super) fn as_written(object: &Object) -> Value {
    match object {
        Object::Endpoint(endpoint) => json!({
            "node": endpoint.node,
            "network": endpoint.network,
            "mac": endpoint.mac,
            "pod": endpoint.pod,
            "reservation": endpoint.reservation,
            "addresses": endpoint.addresses.iter().map(|own| own.ip).collect::<Vec<_>>(),
        }),
        // Our own types always have a written form.
        _ => serde_json::to_value(manifest(object)).unwrap_or_default(),
    }
}

fn subnet_spec(subnet: &trunkline_ipam::Subnet) -> SubnetSpec {
    let (rack, nodes) = match &subnet.placement {
        Placement::Rack(rack) => (Some(rack.clone()), None),
        Placement::Nodes(nodes) => (None, Some(nodes.clone())),
        Placement::Anywhere => (None, None),
    };
    SubnetSpec {
        name: subnet.name.clone(),
        network: subnet.network.clone(),
        cidr: subnet.cidr,
        gateway: subnet.gateway,
        ranges: subnet.ranges.clone(),
        exclusions: subnet.exclusions.clone(),
        rack,
        nodes,
        labels: subnet.labels.clone(),
    }
}

fn group_spec(group: &trunkline_ipam::Group) -> GroupSpec {
    let (nodes, pods) = match &group.scope {
        Scope::NodeClass { nodes } => (Some(nodes.clone()), None),
        Scope::Pods { pods, .. } => (None, Some(pods.clone())),
        Scope::Cluster | Scope::Namespaces { .. } => (None, None),
    };
    let namespaces = group.scope.namespaces().into_iter().flatten();
    GroupSpec {
        name: group.name.clone(),
        nodes,
        namespaces: namespaces.cloned().collect(),
        pods,
        network: group.network.clone(),
        pool: group.pool.clone(),
        profile: group.profile.clone(),
        priority: group.priority,
        labels: group.labels.clone(),
    }
}

fn reservation_spec(reservation: &trunkline_ipam::Reservation) -> ReservationSpec {
    let addresses = reservation.addresses.iter().map(|address| ReservedAddress {
        ip: address.ip,
        mac: address.mac,
    });
    ReservationSpec {
        name: reservation.name.clone(),
        network: reservation.network.clone(),
        holder: holder_view(&reservation.holder),
        addresses: addresses.collect(),
        subnets: Vec::new(),
        count: None,
        spare: reservation.spare,
        retention: retention_view(reservation.retention),
        owner: reservation.owner.clone(),
        reason: reservation.reason.clone(),
        expires: reservation.expires.map(Timestamp::unix_seconds),
        labels: reservation.labels.clone(),
    }
}
