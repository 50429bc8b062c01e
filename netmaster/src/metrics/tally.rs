//! How many addresses of each subnet are in which state, kept up as changes happen: counting a
//! million of them at every scrape would hold up the writer.

use std::collections::{BTreeMap, HashMap};
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use trunkline_ipam::{Address, AddressState, Catalog, Object, Policy, Timestamp};
use trunkline_types::Name;

use super::SubnetCounts;
use crate::feed::Happening;

/// After how many more that cool those are looked for that no longer do.
const LOOK_EVERY: usize = 4096;

/// How many addresses of one subnet are in which state.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Tally {
    bound: u64,
    leased: u64,
    node: u64,
    /// In conflict and not in use.
    conflict: u64,
    /// When those that may still be cooling were released.
    cooling: HashMap<IpAddr, Timestamp>,
}

impl Tally {
    fn count(&mut self, address: &Address) -> Option<&mut u64> {
        match (&address.state, &address.conflict) {
            (AddressState::Bound { .. }, _) => Some(&mut self.bound),
            (AddressState::Leased { .. }, _) => Some(&mut self.leased),
            (AddressState::Node { .. }, _) => Some(&mut self.node),
            (AddressState::Released { .. }, Some(_)) => Some(&mut self.conflict),
            (AddressState::Released { .. }, None) => None,
        }
    }

    fn add(&mut self, address: &Address) {
        match self.count(address) {
            Some(count) => *count += 1,
            None => {
                self.cooling.insert(address.ip, address.since);
            }
        }
    }

    fn remove(&mut self, address: &Address) {
        match self.count(address) {
            Some(count) => *count = count.saturating_sub(1),
            None => {
                self.cooling.remove(&address.ip);
            }
        }
    }

    /// Forgets those that no longer cool.
    fn warm_up(&mut self, policy: &Policy, now: Timestamp) {
        self.cooling
            .retain(|_, since| policy.is_cooling(*since, now));
    }

    fn is_empty(&self) -> bool {
        self.bound + self.leased + self.node + self.conflict == 0 && self.cooling.is_empty()
    }

    /// The states with their counts, of `capacity` addresses in all.
    fn counts(&self, capacity: u64) -> Vec<(&'static str, u64)> {
        let cooling = u64::try_from(self.cooling.len()).unwrap_or(u64::MAX);
        let used = self.bound + self.leased + self.node + self.conflict + cooling;
        vec![
            ("free", capacity.saturating_sub(used)),
            ("bound", self.bound),
            ("leased", self.leased),
            ("node", self.node),
            ("cooling", cooling),
            ("conflict", self.conflict),
        ]
    }
}

/// The tallies of all subnets. Clones are one and the same.
#[derive(Clone, Debug, Default)]
pub(super) struct Tallies {
    /// Subnets without a tally have no address that counts.
    subnets: Arc<Mutex<BTreeMap<Name, Tally>>>,
    policy: Arc<Policy>,
}

impl Tallies {
    pub(super) fn new(policy: Policy) -> Self {
        Self {
            policy: Arc::new(policy),
            ..Self::default()
        }
    }

    /// Counts everything anew.
    pub(super) fn recount(&self, catalog: &Catalog, now: Timestamp) {
        let mut subnets = BTreeMap::<Name, Tally>::new();
        for address in catalog.addresses() {
            if !self.is_cold(address, now) {
                subnets
                    .entry(address.subnet.clone())
                    .or_default()
                    .add(address);
            }
        }
        *self.lock() = subnets;
    }

    /// Takes in what happened to one object.
    pub(super) fn see(&self, happening: &Happening, now: Timestamp) {
        let (before, after) = match happening {
            Happening::Put {
                object: Object::Address(after),
                before,
            } => (before.as_ref(), Some(after)),
            Happening::Deleted(before @ Object::Address(_)) => (Some(before), None),
            _ => return,
        };
        let mut subnets = self.lock();
        if let Some(Object::Address(before)) = before
            && let Some(tally) = subnets.get_mut(&before.subnet)
        {
            tally.remove(before);
        }
        if let Some(after) = after
            && !self.is_cold(after, now)
        {
            let tally = subnets.entry(after.subnet.clone()).or_default();
            tally.add(after);
            // Nobody may ever ask for the counts.
            if tally.cooling.len().is_multiple_of(LOOK_EVERY) {
                tally.warm_up(&self.policy, now);
            }
        }
    }

    /// How many addresses of each subnet of `catalog` are in which state.
    pub(super) fn counts(&self, catalog: &Catalog, now: Timestamp) -> Vec<SubnetCounts> {
        let mut subnets = self.lock();
        for tally in subnets.values_mut() {
            tally.warm_up(&self.policy, now);
        }
        subnets.retain(|_, tally| !tally.is_empty());
        let none = Tally::default();
        catalog
            .subnets()
            .map(|subnet| {
                let tally = subnets.get(&subnet.name).unwrap_or(&none);
                (subnet.name.clone(), tally.counts(subnet.capacity()))
            })
            .collect()
    }

    /// Whether the address is as good as one that was never handed out.
    fn is_cold(&self, address: &Address, now: Timestamp) -> bool {
        address.is_released()
            && address.conflict.is_none()
            && !self.policy.is_cooling(address.since, now)
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<Name, Tally>> {
        // Wrong by one at worst, until the next recount.
        self.subnets.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
