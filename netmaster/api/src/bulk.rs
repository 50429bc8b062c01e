//! Many objects at once: apply, export and import.

use std::net::IpAddr;

use serde::{Deserialize, Serialize};
use trunkline_types::{AddressRange, Attachment, MacAddr, Name, Pod};
use utoipa::ToSchema;

use crate::endpoint::PodSchema;
use crate::{
    GroupSpec, NetworkSpec, PoolSpec, ProfileSpec, ReservationSpec, Retention, SubnetSpec, field,
    schema,
};

/// An object that is wanted: the spec of its kind, and the kind.
///
/// ```json
/// {"kind": "network", "name": "blue", "vlan": 100}
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Manifest {
    /// A network.
    Network(NetworkSpec),
    /// A subnet.
    Subnet(SubnetSpec),
    /// A pool.
    Pool(PoolSpec),
    /// A group.
    Group(GroupSpec),
    /// A profile.
    Profile(ProfileSpec),
    /// A reservation.
    Reservation(ReservationSpec),
}

/// Objects that are wanted.
///
/// ```json
/// {"objects": [{"kind": "network", "name": "blue", "vlan": 100},
///              {"kind": "profile", "name": "gold", "dscp": 46}]}
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Apply {
    /// The objects, in any order and each once, at most 5,000.
    #[schema(max_items = 5000)]
    pub objects: Vec<Manifest>,
}

impl Apply {
    /// How many objects there may be in one request. How many of them may change at once is for the
    /// store to say.
    pub const OBJECTS_MAX: usize = 5000;
}

/// All objects that operators manage, as they were at one moment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Export {
    /// The number of the last change before that moment.
    pub revision: u64,
    /// The objects; what refers to another one comes after it.
    pub objects: Vec<Manifest>,
}

/// What becomes of objects, or would.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Changes {
    /// Whether nothing was done, but only looked what would be.
    pub dry_run: bool,
    /// The number of the change; if nothing changes or changed, that of the last one before.
    pub revision: u64,
    /// The objects, in the order in which they were asked for; then those that go.
    pub objects: Vec<ObjectChange>,
}

/// What becomes of one object.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ObjectChange {
    /// Its place in the request, from 0; absent if it was not in it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub index: Option<u32>,
    /// Its kind, like `network`.
    pub kind: String,
    /// Its name; of a pool, `<subnet>/<name>`.
    pub name: String,
    /// What becomes of it.
    pub op: Op,
    /// What becomes of its fields, in order; empty if nothing does.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub fields: Vec<FieldChange>,
    /// Whom that touches.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub touches: Vec<Touch>,
}

/// What becomes of an object.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Op {
    /// It is created.
    Create,
    /// It is changed.
    Update,
    /// It is as it is wanted.
    Unchanged,
    /// It is deleted.
    Delete,
    /// Something of a newer netmaster.
    #[serde(other)]
    Unknown,
}

impl Op {
    /// As it is written.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Create => "create",
            Self::Update => "update",
            Self::Unchanged => "unchanged",
            Self::Delete => "delete",
            Self::Unknown => "unknown",
        }
    }
}

/// What becomes of one field.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct FieldChange {
    /// The field's path, like `labels.app`.
    pub field: String,
    /// Its value before; absent if it had none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<serde_json::Value>,
    /// Its value after; absent if it has none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<serde_json::Value>,
}

/// Endpoints or addresses that a change touches.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Touch {
    /// How.
    pub effect: Effect,
    /// How many endpoints; 0 if it is about addresses.
    pub total: u64,
    /// The first 100 of the endpoints.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub endpoints: Vec<TouchedEndpoint>,
    /// The addresses.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schema(value_type = Vec<schema::AddressRange>)]
    pub addresses: Vec<AddressRange>,
}

/// How a change touches endpoints or addresses.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Effect {
    /// The endpoints keep the gateway they were built with, until their pods are built anew.
    KeepsGateway,
    /// The endpoints keep the MTU they were built with, until their pods are built anew.
    KeepsMtu,
    /// The endpoints keep the MAC address they were built with, until their pods are built anew.
    KeepsMac,
    /// The endpoints' traffic is held to something else at once.
    ShapedAnew,
    /// The endpoints' pods may get another network, pool or profile when they are built anew.
    MayBindOtherwise,
    /// The addresses are not handed out any more.
    Withdrawn,
    /// The addresses are handed out from now on.
    HandedOut,
    /// An effect of a newer netmaster.
    #[serde(other)]
    Unknown,
}

impl Effect {
    /// What it means, to be read behind the number of endpoints or addresses.
    #[must_use]
    pub fn meaning(self) -> &'static str {
        match self {
            Self::KeepsGateway => "keep the old gateway until their pods are built anew",
            Self::KeepsMtu => "keep the old MTU until their pods are built anew",
            Self::KeepsMac => "keep the old MAC address until their pods are built anew",
            Self::ShapedAnew => "are held to the new rates at once",
            Self::MayBindOtherwise => "may be bound otherwise when their pods are built anew",
            Self::Withdrawn => "no longer handed out",
            Self::HandedOut => "handed out from now on",
            Self::Unknown => "are touched in a way that this version does not know",
        }
    }
}

/// An endpoint that a change touches.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct TouchedEndpoint {
    /// The endpoint's attachment.
    #[schema(value_type = schema::Attachment)]
    pub attachment: Attachment,
    /// The pod, if the runtime named one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<PodSchema>)]
    pub pod: Option<Pod>,
    /// The node it runs on.
    #[schema(value_type = schema::Name)]
    pub node: Name,
    /// Its addresses.
    #[schema(value_type = Vec<schema::Ip>)]
    pub addresses: Vec<IpAddr>,
}

/// Allocations of another IPAM, to be taken over.
///
/// ```json
/// {"addresses": [
///    {"ip": "10.1.0.10", "pod": {"namespace": "shop", "name": "db-0"}},
///    {"ip": "10.1.0.11", "attachment": "4f5e1c/eth0", "node": "n1"},
///    {"ip": "10.1.0.12", "owner": "printer, second floor", "mac": "00:11:22:33:44:55"}]}
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ImportSpec {
    /// The addresses, each once, at most 500.
    #[serde(deserialize_with = "field::list::<_, _, 500>")]
    #[schema(max_items = 500)]
    pub addresses: Vec<AdoptedAddress>,
    /// How long the reservations that are made of them are kept while their holders are away; if
    /// left out, for ever.
    #[serde(default)]
    pub retention: Retention,
    /// What the reservations say they are for, at most 256 bytes; if left out, that they were
    /// imported.
    #[serde(
        default,
        skip_serializing_if = "String::is_empty",
        deserialize_with = "field::line"
    )]
    #[schema(max_length = 256)]
    pub reason: String,
}

impl ImportSpec {
    /// How many addresses there may be in one request.
    pub const ADDRESSES_MAX: usize = 500;
}

/// An address that somebody has by the books of another IPAM. A pod, an attachment or an owner has
/// to be named.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AdoptedAddress {
    /// The address.
    #[serde(deserialize_with = "field::ip")]
    #[schema(value_type = schema::Ip)]
    pub ip: IpAddr,
    /// The MAC address that goes with it; if left out, the one that is derived from the address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<schema::Mac>)]
    pub mac: Option<MacAddr>,
    /// The pod that has it, and gets it from now on.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        deserialize_with = "field::pod"
    )]
    #[schema(value_type = Option<PodSchema>)]
    pub pod: Option<Pod>,
    /// The attachment that uses it now; together with `node`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<schema::Attachment>)]
    pub attachment: Option<Attachment>,
    /// The node that the attachment is on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<schema::Name>)]
    pub node: Option<Name>,
    /// Who asked for it, a person or team; at most 256 bytes.
    #[serde(
        default,
        skip_serializing_if = "String::is_empty",
        deserialize_with = "field::line"
    )]
    #[schema(max_length = 256)]
    pub owner: String,
}
