//! Reservations.

use std::net::IpAddr;

use serde::{Deserialize, Serialize};
use trunkline_types::{Labels, MacAddr, Name};
use utoipa::ToSchema;

use crate::{field, schema};

/// The reservation that is wanted. Its addresses are either named in `addresses`, or `count` (and
/// `spare`) of each of `subnets`.
///
/// ```json
/// {"name": "db", "network": "blue",
///  "holder": {"kind": "stateful_set", "namespace": "shop", "name": "db"},
///  "addresses": [{"ip": "10.1.0.10"}, {"ip": "10.1.0.11", "mac": "02:00:00:00:00:11"}],
///  "retention": {"seconds": 86400}, "owner": "team-shop", "reason": "clients pin the addresses"}
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ReservationSpec {
    /// The reservation's name; no other reservation has it.
    #[schema(value_type = schema::Name)]
    pub name: Name,
    /// The network its addresses are of.
    #[schema(value_type = schema::Name)]
    pub network: Name,
    /// Whom they are for.
    pub holder: Holder,
    /// Which addresses, in the order of a StatefulSet's ordinals, at most 256.
    #[serde(
        default,
        skip_serializing_if = "Vec::is_empty",
        deserialize_with = "field::list::<_, _, 256>"
    )]
    #[schema(max_items = 256)]
    pub addresses: Vec<ReservedAddress>,
    /// The subnets to take them from, one or one of each family; not together with `addresses`.
    #[serde(
        default,
        skip_serializing_if = "Vec::is_empty",
        deserialize_with = "field::list::<_, _, 2>"
    )]
    #[schema(value_type = Vec<schema::Name>, max_items = 2)]
    pub subnets: Vec<Name>,
    /// How many to take of each of `subnets`, 1–256, beside `spare`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 1, maximum = 256)]
    pub count: Option<u32>,
    /// How many of a workload's addresses are there for a rolling update only, beyond its
    /// replicas, 0–256; 0 if left out.
    #[serde(default)]
    #[schema(maximum = 256)]
    pub spare: u32,
    /// How long it is kept while the holder is away; if left out, for ever.
    #[serde(default)]
    pub retention: Retention,
    /// Who asks for it: a person or team; at most 256 bytes.
    #[serde(
        default,
        skip_serializing_if = "String::is_empty",
        deserialize_with = "field::line"
    )]
    #[schema(max_length = 256)]
    pub owner: String,
    /// What it is for; at most 256 bytes.
    #[serde(
        default,
        skip_serializing_if = "String::is_empty",
        deserialize_with = "field::line"
    )]
    #[schema(max_length = 256)]
    pub reason: String,
    /// When it ends in any case, in seconds since 1970-01-01 00:00:00 UTC, later than now and not
    /// after the year 9999; if left out, never.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(maximum = 253402300799_u64)]
    pub expires: Option<u64>,
    /// What selectors choose it by.
    #[serde(
        default,
        skip_serializing_if = "Labels::is_empty",
        deserialize_with = "field::labels"
    )]
    #[schema(value_type = schema::Labels)]
    pub labels: Labels,
}

/// Addresses that only their holder gets.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Reservation {
    /// The reservation's name.
    #[schema(value_type = schema::Name)]
    pub name: Name,
    /// The network its addresses are of.
    #[schema(value_type = schema::Name)]
    pub network: Name,
    /// Whom they are for.
    pub holder: Holder,
    /// The addresses, in the order of a StatefulSet's ordinals.
    pub addresses: Vec<ReservedAddress>,
    /// How many of a workload's addresses are there for a rolling update only.
    pub spare: u32,
    /// How long it is kept while the holder is away.
    pub retention: Retention,
    /// Who asked for it; may be empty.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub owner: String,
    /// What it is for; may be empty.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub reason: String,
    /// When it ends in any case, in seconds since 1970-01-01 00:00:00 UTC; absent if never.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires: Option<u64>,
    /// What selectors choose it by.
    #[serde(default, skip_serializing_if = "Labels::is_empty")]
    #[schema(value_type = schema::Labels)]
    pub labels: Labels,
    /// When it was made, in seconds since 1970-01-01 00:00:00 UTC.
    pub created: u64,
    /// The number of the change that made it what it is.
    pub revision: u64,
}

/// One address of a reservation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ReservedAddress {
    /// The address.
    #[serde(deserialize_with = "field::ip")]
    #[schema(value_type = schema::Ip)]
    pub ip: IpAddr,
    /// The MAC address to use with it; if left out, the one that is derived from the address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<schema::Mac>)]
    pub mac: Option<MacAddr>,
}

/// A pod, or a set of pods under one name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Holder {
    /// What it is.
    pub kind: HolderKind,
    /// Its namespace, 1–253 bytes.
    #[serde(deserialize_with = "field::pod_name")]
    #[schema(min_length = 1, max_length = 253)]
    pub namespace: String,
    /// Its name, 1–253 bytes.
    #[serde(deserialize_with = "field::pod_name")]
    #[schema(min_length = 1, max_length = 253)]
    pub name: String,
}

/// The kinds of holders.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum HolderKind {
    /// The pod of that name; it gets all the addresses, one of each family.
    Pod,
    /// The pods `<name>-<ordinal>`; each gets the address at its ordinal, of each family.
    StatefulSet,
    /// The pods of a workload; each gets any address of the set that is not in use.
    Workload,
}

/// How long a reservation is kept while its holder is away.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Retention {
    /// For ever.
    #[default]
    Forever,
    /// So many seconds after the last of its addresses was released, at most 100 years
    /// (3155760000).
    Seconds(u64),
    /// Until the orchestrator says that the pod or workload is deleted.
    UntilDeleted,
}
