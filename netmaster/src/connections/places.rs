//! Places for connections, and who has to go when there are none.
//!
//! A connection is a stranger's until something says who is at its other end: a certificate, or a
//! token with a request. Strangers have half of the places, and those of one address a number of
//! them; beyond that the one goes that has been there longest. So nobody who shows nothing keeps out
//! those who do, and whoever comes has a moment to show something.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};

use crate::limits::Claimant;

/// The places of all listeners. Clones are one and the same.
#[derive(Clone, Debug)]
pub(crate) struct Places {
    room: Arc<Semaphore>,
    strangers: Shared,
}

#[derive(Clone, Debug)]
struct Shared(Arc<Mutex<Strangers>>);

#[derive(Debug)]
struct Strangers {
    /// How many there may be.
    max: usize,
    /// How many of one address.
    each: usize,
    /// The number of the next one.
    next: u64,
    /// Those that are here by number, so oldest first, and what tells them to go.
    here: BTreeMap<u64, (Claimant, oneshot::Sender<()>)>,
    /// The same by where they come from; each has one at least.
    from: HashMap<Claimant, BTreeSet<u64>>,
}

/// A connection's place, for as long as it is kept.
#[derive(Debug)]
pub(super) struct Place {
    _room: Option<OwnedSemaphorePermit>,
    /// None for one that was known from the beginning.
    stranger: Option<(Introduction, oneshot::Receiver<()>)>,
}

/// Makes a stranger somebody who is known. Clones are for the same connection.
#[derive(Clone, Debug)]
pub(crate) struct Introduction {
    strangers: Shared,
    number: u64,
}

impl Places {
    /// So many in all, and for so many strangers of one address. Zero of either is one.
    pub(crate) fn up_to(max: usize, each: usize) -> Self {
        let strangers = Strangers {
            max: (max / 2).max(1),
            each: each.max(1),
            next: 0,
            here: BTreeMap::new(),
            from: HashMap::new(),
        };
        Self {
            room: Arc::new(Semaphore::new(max.max(1))),
            strangers: Shared(Arc::new(Mutex::new(strangers))),
        }
    }

    /// A place for somebody who is known. It is waited for if there is none, and no stranger who
    /// could go.
    pub(super) async fn take(&self, address: IpAddr) -> Place {
        Place {
            _room: self.room(&Claimant::at(address)).await,
            stranger: None,
        }
    }

    /// The same for somebody of whom nothing is known yet.
    pub(super) async fn take_as_stranger(&self, address: IpAddr) -> Place {
        let claimant = Claimant::at(address);
        let room = self.room(&claimant).await;
        let (number, told) = self.strangers.lock().enter(claimant);
        let introduction = Introduction {
            strangers: self.strangers.clone(),
            number,
        };
        Place {
            _room: room,
            stranger: Some((introduction, told)),
        }
    }

    async fn room(&self, claimant: &Claimant) -> Option<OwnedSemaphorePermit> {
        if let Ok(room) = self.room.clone().try_acquire_owned() {
            return Some(room);
        }
        self.strangers.lock().make_way(claimant);
        // The semaphore is never closed, so there will be a place.
        self.room.clone().acquire_owned().await.ok()
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Strangers> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Strangers {
    fn enter(&mut self, claimant: Claimant) -> (u64, oneshot::Receiver<()>) {
        if self.of(&claimant) >= self.each || self.here.len() >= self.max {
            self.make_way(&claimant);
        }
        let number = self.next;
        self.next += 1;
        let (tell, told) = oneshot::channel();
        self.from
            .entry(claimant.clone())
            .or_default()
            .insert(number);
        self.here.insert(number, (claimant, tell));
        (number, told)
    }

    fn of(&self, claimant: &Claimant) -> usize {
        self.from.get(claimant).map_or(0, BTreeSet::len)
    }

    /// Tells one to go: of the same address, if that has as many as it may have.
    fn make_way(&mut self, claimant: &Claimant) {
        let own = self.from.get(claimant);
        let own = own.filter(|numbers| numbers.len() >= self.each);
        let oldest = match own {
            Some(numbers) => numbers.first().copied(),
            None => self.here.keys().next().copied(),
        };
        if let Some(tell) = oldest.and_then(|oldest| self.leave(oldest)) {
            // One that has just gone by itself need not be told.
            let _ = tell.send(());
        }
    }

    /// Forgets one, and answers what would have told it to go.
    fn leave(&mut self, number: u64) -> Option<oneshot::Sender<()>> {
        let (claimant, tell) = self.here.remove(&number)?;
        if let Some(numbers) = self.from.get_mut(&claimant) {
            numbers.remove(&number);
            if numbers.is_empty() {
                self.from.remove(&claimant);
            }
        }
        Some(tell)
    }
}

impl Introduction {
    /// Something has said who it is: it need not go any more.
    pub(crate) fn known(&self) {
        // What would tell it to go is dropped, and that tells nothing.
        drop(self.strangers.lock().leave(self.number));
    }
}

impl Place {
    /// What makes a stranger known; none for one that is.
    pub(super) fn introduction(&self) -> Option<Introduction> {
        let introduction = self.stranger.as_ref().map(|(introduction, _)| introduction);
        introduction.cloned()
    }

    /// Returns when it is needed for somebody else. To be called once.
    pub(super) async fn lost(&mut self) {
        if let Some((_, told)) = &mut self.stranger
            && told.await.is_ok()
        {
            return;
        }
        std::future::pending().await
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        if let Some((introduction, _)) = &self.stranger {
            introduction.known();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::time::timeout;

    use super::*;

    fn address(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    async fn is_lost(place: &mut Place) -> bool {
        timeout(Duration::from_millis(1), place.lost())
            .await
            .is_ok()
    }

    #[tokio::test(start_paused = true)]
    async fn of_one_address_the_oldest_stranger_goes() {
        let places = Places::up_to(100, 2);
        let mut other = places.take_as_stranger(address("10.0.0.9")).await;
        // A network of 64 bits is one place.
        let mut first = places.take_as_stranger(address("fd00::1")).await;
        let mut second = places.take_as_stranger(address("fd00::2")).await;
        let mut third = places.take_as_stranger(address("fd00::3")).await;
        assert!(is_lost(&mut first).await);
        for place in [&mut other, &mut second, &mut third] {
            assert!(!is_lost(place).await);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn strangers_have_half_of_the_places_and_the_oldest_goes() {
        let places = Places::up_to(4, 10);
        let mut first = places.take_as_stranger(address("10.0.0.1")).await;
        let mut second = places.take_as_stranger(address("10.0.0.2")).await;
        let third = places.take_as_stranger(address("10.0.0.3")).await;
        assert!(is_lost(&mut first).await);
        assert!(!is_lost(&mut second).await);
        drop(third);
        // Its place is free again, so nobody has to go.
        let mut fourth = places.take_as_stranger(address("10.0.0.4")).await;
        for place in [&mut second, &mut fourth] {
            assert!(!is_lost(place).await);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn who_is_known_stays_and_counts_as_a_stranger_no_more() {
        let places = Places::up_to(10, 1);
        let mut known = Vec::new();
        for _ in 0..5 {
            let place = places.take_as_stranger(address("10.0.0.1")).await;
            place.introduction().unwrap().known();
            known.push(place);
        }
        for place in &mut known {
            assert!(!is_lost(place).await);
        }
        let strangers = places.strangers.lock();
        assert!(strangers.here.is_empty() && strangers.from.is_empty());
    }

    #[tokio::test(start_paused = true)]
    async fn when_all_places_are_taken_a_stranger_makes_way_and_nobody_who_is_known() {
        let places = Places::up_to(2, 10);
        let mut known = places.take(address("10.0.0.1")).await;
        let mut stranger = places.take_as_stranger(address("10.0.0.2")).await;
        let waiting = tokio::spawn({
            let places = places.clone();
            async move { places.take(address("10.0.0.3")).await }
        });
        stranger.lost().await;
        drop(stranger);
        let other = waiting.await.unwrap();
        // Both are known now, so the next one waits.
        let next = places.take_as_stranger(address("10.0.0.4"));
        assert!(timeout(Duration::from_secs(60), next).await.is_err());
        assert!(!is_lost(&mut known).await);
        drop(other);
        places.take_as_stranger(address("10.0.0.4")).await;
    }
}
