//! What the orchestrator says of a pod that decides what the pod gets.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use trunkline_ipam::Holder;
use trunkline_types::Labels;

/// What decides what a pod gets, beside its namespace and its name.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Facts {
    /// What tells it from its namesakes; none of a pod that only mirrors what is on its node: the
    /// mirror may be made anew while that goes on.
    pub(crate) uid: Option<String>,
    /// All the ids by which its node may know it.
    pub(crate) ids: BTreeSet<String>,
    /// What groups choose by.
    pub(crate) labels: Labels,
    /// What it is one of, in the ways in which reservations may name that; the first counts if
    /// nobody says which. Empty if it is a pod by itself.
    pub(crate) workloads: Vec<Holder>,
    /// What it asks for itself, by [`Facts::ASKS`].
    pub(crate) asks: BTreeMap<String, String>,
}

impl Facts {
    /// The annotations by which a pod asks for something.
    pub(crate) const ASKS: [&str; 5] = [
        Self::NETWORK,
        Self::POOL,
        Self::PROFILE,
        Self::ADDRESSES,
        Self::MAC,
    ];
    /// A network.
    pub(crate) const NETWORK: &str = "trunkline.io/network";
    /// A pool of addresses.
    pub(crate) const POOL: &str = "trunkline.io/pool";
    /// A profile.
    pub(crate) const PROFILE: &str = "trunkline.io/profile";
    /// Addresses, joined by commas.
    pub(crate) const ADDRESSES: &str = "trunkline.io/ip";
    /// A MAC address.
    pub(crate) const MAC: &str = "trunkline.io/mac";

    /// Whether a node that knows its pod by `uid` means this one; one that does not say does.
    pub(crate) fn are_of(&self, uid: Option<&str>) -> bool {
        uid.is_none_or(|uid| self.ids.contains(uid))
    }
}

/// Facts as they are kept of every pod of the cluster, although only those of a pod that comes up
/// are ever looked at: as text, which takes a quarter of the room.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Packed(Box<str>);

impl Packed {
    pub(super) fn of(facts: &Facts) -> Self {
        // Nothing in them has no written form.
        Self(serde_json::to_string(facts).unwrap_or_default().into())
    }

    pub(super) fn facts(&self) -> Option<Facts> {
        serde_json::from_str(&self.0).ok()
    }
}
