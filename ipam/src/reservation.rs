//! Reservations: addresses kept for named pods or workloads.

mod choose;
mod error;
mod plan;
mod shape;

use std::fmt;
use std::net::IpAddr;

use serde::{Deserialize, Serialize};
use trunkline_types::{Labels, MacAddr, Name, Pod};

use crate::{Revision, Timestamp};

pub use error::{
    CreateReservationError, DeleteReservationError, ReserveAddressError, UpdateReservationError,
};
pub use plan::{create_reservation, delete_reservation, update_reservation};
pub use shape::ReservationShapeError;
pub(crate) use shape::check_shape;

/// Addresses that only their holder gets.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reservation {
    /// The reservation's name; unique.
    pub name: Name,
    /// The network its addresses are of.
    pub network: Name,
    /// Whom they are for.
    pub holder: Holder,
    /// The addresses, in the order of a StatefulSet's ordinals; no other reservation has any. The
    /// n-th of one family and the n-th of the other are for one pod. They may lie outside their
    /// subnet's ranges, and within a pool.
    pub addresses: Vec<ReservedAddress>,
    /// How many of a workload's addresses are there for a rolling update only, beyond its
    /// replicas; 0 for other holders.
    #[serde(default)]
    pub spare: u32,
    /// How long it is kept while the holder is away.
    pub retention: Retention,
    /// Who asked for it: a person or team.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub owner: String,
    /// What it is for.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub reason: String,
    /// When it ends, or as soon after as none of its addresses is in use; without it, never.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires: Option<Timestamp>,
    /// What selectors choose it by.
    #[serde(default, skip_serializing_if = "Labels::is_empty")]
    pub labels: Labels,
    /// When it was made.
    pub created: Timestamp,
    /// The change that made it what it is.
    pub revision: Revision,
}

/// The reservation that is wanted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReservationSpec {
    /// The reservation's name.
    pub name: Name,
    /// The network its addresses are of.
    pub network: Name,
    /// Whom they are for.
    pub holder: Holder,
    /// Which addresses.
    pub addresses: Wanted,
    /// How many of them are for a rolling update only.
    pub spare: u32,
    /// How long it is kept while the holder is away.
    pub retention: Retention,
    /// Who asks for it.
    pub owner: String,
    /// What it is for.
    pub reason: String,
    /// When it ends in any case.
    pub expires: Option<Timestamp>,
    /// What selectors choose it by.
    pub labels: Labels,
}

/// Which addresses are to be reserved.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Wanted {
    /// These.
    Named(Vec<ReservedAddress>),
    /// As many of each of these subnets (one of each family) as `count` and `spare` together, the
    /// longest-free ones.
    Any {
        /// One subnet, or one of each family.
        subnets: Vec<Name>,
        /// How many of each.
        count: u32,
    },
}

/// One address of a reservation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReservedAddress {
    /// The address.
    pub ip: IpAddr,
    /// The MAC address to use with it; without one, the derived one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mac: Option<MacAddr>,
}

/// Whom addresses are reserved for.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Holder {
    /// The pod of this name; it gets all the addresses, one of each family.
    Pod(Pod),
    /// The pods `<name>-<ordinal>`; each gets the address at its ordinal, of each family.
    StatefulSet(Workload),
    /// The pods of a workload; each gets any address of the set that is not in use.
    Workload(Workload),
}

/// A set of pods under one name, written `<namespace>/<name>`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Workload {
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
}

/// How long a reservation is kept while its holder is away.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Retention {
    /// For ever.
    Forever,
    /// So many seconds after the last of its addresses was released.
    Seconds(u64),
    /// Until the orchestrator says that the pod or workload is deleted.
    UntilDeleted,
}

impl Reservation {
    /// How many addresses a reservation may have: what keeps the object small.
    pub const ADDRESSES_MAX: usize = 256;

    /// How long it may be kept while the holder is away, in seconds: 100 years.
    pub const RETENTION_MAX: u64 = 3_155_760_000;

    /// How long owner and reason may be, in bytes.
    pub const TEXT_MAX: usize = 256;
}

/// Those of one family, in order.
pub(crate) fn of_family(
    addresses: &[ReservedAddress],
    v4: bool,
) -> impl Iterator<Item = &ReservedAddress> {
    addresses
        .iter()
        .filter(move |address| address.ip.is_ipv4() == v4)
}

impl Holder {
    /// Whether it is this one pod.
    pub(crate) fn is_pod(&self, pod: &Pod) -> bool {
        matches!(self, Self::Pod(own) if own == pod)
    }

    /// Whether it may be a pod of this name, as far as names tell.
    pub(crate) fn may_be(&self, pod: &Pod) -> bool {
        match self {
            Self::Pod(own) => own == pod,
            Self::StatefulSet(set) => set.ordinal_of(pod).is_some(),
            Self::Workload(workload) => {
                let rest = pod.name.strip_prefix(workload.name.as_str());
                pod.namespace == workload.namespace
                    && rest.is_some_and(|rest| rest.starts_with('-'))
            }
        }
    }

    /// How long a holder's namespace and name may be, in bytes: what Kubernetes allows.
    pub const NAME_MAX: usize = 253;
}

impl Workload {
    /// Which pod of the StatefulSet it is, from 0; none if it is not of it.
    #[must_use]
    pub fn ordinal_of(&self, pod: &Pod) -> Option<usize> {
        let name = pod.name.strip_prefix(self.name.as_str())?;
        let digits = name.strip_prefix('-')?;
        let ordinal: usize = digits.parse().ok()?;
        // `web-01` and `web-+1` are other pods.
        (pod.namespace == self.namespace && ordinal.to_string() == digits).then_some(ordinal)
    }
}

impl fmt::Display for Workload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.namespace, self.name)
    }
}

#[cfg(test)]
mod tests;
