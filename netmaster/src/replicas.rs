//! Which replicas there are: followers tell the leader, every few seconds, that they are there.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::{Instant, sleep};
use tracing::debug;
use trunkline_ipam::Revision;

use crate::allocator::Allocator;
use crate::forward::Forwarder;
use crate::replica::Role;

/// How often a follower says that it is there.
const EVERY: Duration = Duration::from_secs(10);

/// For how long the leader keeps in mind who did: a few times may be missed.
const KEPT: Duration = Duration::from_secs(60);

/// How many followers are kept in mind. There are a handful, and whoever asks may claim to be one.
const MAX: usize = 32;

/// The longest URL that is kept in mind, in bytes.
const URL_MAX: usize = 256;

/// The followers that this replica has heard of; in memory. Clones are one and the same.
#[derive(Clone, Debug)]
pub(crate) struct Replicas {
    /// Where others reach this one.
    own: Arc<str>,
    heard: Arc<Mutex<BTreeMap<String, Follower>>>,
}

#[derive(Clone, Copy, Debug)]
struct Follower {
    at: Instant,
    revision: u64,
}

/// A follower that was heard lately.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Known {
    pub(crate) url: String,
    /// What it had seen then.
    pub(crate) revision: u64,
    /// How long ago that was.
    pub(crate) ago: Duration,
}

impl Replicas {
    /// What a replica that is reached at `url` has heard: nothing.
    pub(crate) fn at(url: &str) -> Self {
        Self {
            own: url.into(),
            heard: Arc::default(),
        }
    }

    /// Where others reach this one.
    pub(crate) fn own(&self) -> &str {
        &self.own
    }

    /// A follower says that it is there.
    pub(crate) fn hear(&self, url: &str, revision: u64) {
        let is_url = url.starts_with("http://") || url.starts_with("https://");
        if !is_url || url.len() > URL_MAX || url == &*self.own {
            return;
        }
        let mut heard = self.lock();
        heard.retain(|_, follower| follower.at.elapsed() <= KEPT);
        if heard.len() < MAX || heard.contains_key(url) {
            let at = Instant::now();
            heard.insert(url.to_owned(), Follower { at, revision });
        }
    }

    /// The followers that were heard lately, by URL.
    pub(crate) fn known(&self) -> Vec<Known> {
        let heard = self.lock();
        let lately = heard.iter().filter(|(_, one)| one.at.elapsed() <= KEPT);
        let known = lately.map(|(url, follower)| Known {
            url: url.clone(),
            revision: follower.revision,
            ago: follower.at.elapsed(),
        });
        known.collect()
    }

    /// Tells the leader now and then that this replica is there, whenever it follows, until `stop`
    /// changes.
    pub(crate) async fn announce(
        self,
        forwarder: Forwarder,
        allocator: Allocator,
        mut stop: watch::Receiver<bool>,
    ) {
        loop {
            let role = allocator.role().borrow().clone();
            if let Role::Follower { leader: Some(url) } = role {
                let revision = allocator.read(|catalog| catalog.revision());
                self.tell(&forwarder, &url, revision).await;
            }
            // Both are cancel-safe.
            tokio::select! {
                () = sleep(EVERY) => {}
                _ = stop.wait_for(|stop| *stop) => return,
            }
        }
    }

    async fn tell(&self, forwarder: &Forwarder, leader: &str, revision: Revision) {
        if let Err(failure) = forwarder.announce(leader, &self.own, revision).await {
            debug!(leader, code = ?failure.problem().code, "the leader was not told");
        }
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, Follower>> {
        self.heard.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_follower_is_forgotten_when_it_says_nothing_any_more() {
        let replicas = Replicas::at("http://10.0.0.1:9630");
        replicas.hear("http://10.0.0.2:9630", 7);
        replicas.hear("http://10.0.0.1:9630", 7);
        let known: Vec<_> = replicas.known().into_iter().map(|one| one.url).collect();
        assert_eq!(
            known,
            ["http://10.0.0.2:9630"],
            "it is no follower of itself"
        );
        tokio::time::advance(Duration::from_secs(61)).await;
        assert_eq!(replicas.known(), []);
    }

    #[tokio::test(start_paused = true)]
    async fn whoever_claims_to_be_many_followers_is_kept_in_bounds() {
        let replicas = Replicas::at("http://10.0.0.1:9630");
        replicas.hear("gopher://10.0.0.2", 1);
        replicas.hear(&format!("http://{}", "x".repeat(300)), 1);
        assert_eq!(replicas.known(), []);
        for number in 0..100 {
            replicas.hear(&format!("http://10.0.1.{number}"), 1);
        }
        assert_eq!(replicas.known().len(), MAX);
        // Those that are known are still heard.
        replicas.hear("http://10.0.1.0", 2);
        assert_eq!(replicas.known()[0].revision, 2);
    }
}
