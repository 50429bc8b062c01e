//! Places for connections, and who has to go when there are none.
//!
//! A connection is a stranger's until something says who is at its other end: a certificate, or a
//! token with a request. Strangers have half of the places, and those of one address a number of
//! them; beyond that the one goes that has been there longest. So nobody who shows nothing keeps out
//! those who do, and whoever comes has a moment to show something. Who is known stays, but nobody has
//! more than a number of connections either: of more, the oldest goes.

use std::collections::{BTreeSet, HashMap};
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};

use crate::identity::Identity;
use crate::limits::Claimant;

/// The places of all listeners. Clones are one and the same.
#[derive(Clone, Debug)]
pub(crate) struct Places {
    room: Arc<Semaphore>,
    max: usize,
    guests: Shared,
}

#[derive(Clone, Debug)]
struct Shared(Arc<Mutex<Guests>>);

#[derive(Debug)]
struct Guests {
    /// How many strangers there may be.
    max: usize,
    /// How many strangers of one address.
    each: usize,
    /// How many connections one identity may have.
    of_identity: usize,
    /// The number of the next one.
    next: u64,
    /// Those that are counted, by number, and what tells them to go.
    here: HashMap<u64, (Claimant, oneshot::Sender<Unseated>)>,
    /// The same by whose they are, oldest first; each has one at least.
    from: HashMap<Claimant, BTreeSet<u64>>,
    /// Those of whom nothing says who they are, oldest first.
    strangers: BTreeSet<u64>,
}

/// Why somebody has to go.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Unseated {
    #[error("others came, and nothing had said who this is: show a certificate or a token")]
    Stranger,
    #[error(
        "this identity has more connections than one may have, and this is its oldest: keep fewer \
         open, or raise `--max-connections-of-identity`"
    )]
    TooMany,
}

/// A connection's place, for as long as it is kept.
#[derive(Debug)]
pub(super) struct Place {
    _room: Option<OwnedSemaphorePermit>,
    /// None for one that is not counted.
    guest: Option<(Introduction, oneshot::Receiver<Unseated>)>,
}

/// Makes a stranger somebody who is known. Clones are for the same connection.
#[derive(Clone, Debug)]
pub(crate) struct Introduction {
    guests: Shared,
    number: u64,
}

impl Places {
    /// So many in all, for so many strangers of one address, and half of them for one identity.
    /// Zero of either is one.
    pub(crate) fn up_to(max: usize, each: usize) -> Self {
        let guests = Guests {
            max: (max / 2).max(1),
            each: each.max(1),
            of_identity: (max / 2).max(1),
            next: 0,
            here: HashMap::new(),
            from: HashMap::new(),
            strangers: BTreeSet::new(),
        };
        Self {
            room: Arc::new(Semaphore::new(max.max(1))),
            max,
            guests: Shared(Arc::new(Mutex::new(guests))),
        }
    }

    /// The same with fewer for one identity.
    pub(crate) fn of_identity(self, count: usize) -> Self {
        self.guests.lock().of_identity = count.min(self.max / 2).max(1);
        self
    }

    /// A place for somebody who is not counted. It is waited for if there is none, and no stranger
    /// who could go.
    pub(super) async fn take(&self, address: IpAddr) -> Place {
        Place {
            _room: self.room(&Claimant::at(address)).await,
            guest: None,
        }
    }

    /// The same for somebody of whom nothing is known yet.
    pub(super) async fn take_as_stranger(&self, address: IpAddr) -> Place {
        let claimant = Claimant::at(address);
        let room = self.room(&claimant).await;
        let (number, told) = self.guests.lock().enter(claimant);
        let introduction = Introduction {
            guests: self.guests.clone(),
            number,
        };
        Place {
            _room: room,
            guest: Some((introduction, told)),
        }
    }

    async fn room(&self, claimant: &Claimant) -> Option<OwnedSemaphorePermit> {
        if let Ok(room) = self.room.clone().try_acquire_owned() {
            return Some(room);
        }
        self.guests.lock().make_way(claimant);
        // The semaphore is never closed, so there will be a place.
        self.room.clone().acquire_owned().await.ok()
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Guests> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Guests {
    fn enter(&mut self, claimant: Claimant) -> (u64, oneshot::Receiver<Unseated>) {
        if self.of(&claimant) >= self.each || self.strangers.len() >= self.max {
            self.make_way(&claimant);
        }
        let number = self.next;
        self.next += 1;
        let (tell, told) = oneshot::channel();
        self.seat(number, claimant, tell);
        self.strangers.insert(number);
        (number, told)
    }

    fn seat(&mut self, number: u64, claimant: Claimant, tell: oneshot::Sender<Unseated>) {
        self.from
            .entry(claimant.clone())
            .or_default()
            .insert(number);
        self.here.insert(number, (claimant, tell));
    }

    /// It is now known whose connection that is. A token may come after a certificate, or another
    /// token: then it is whose the last one is.
    fn introduce(&mut self, number: u64, identity: &Identity) {
        let claimant = Claimant::Identity(identity.name().clone());
        let current = self.here.get(&number);
        // One that is not counted is not counted later either.
        if current.is_none_or(|(current, _)| *current == claimant) {
            return;
        }
        let Some(tell) = self.leave(number) else {
            return;
        };
        if identity.is_unlimited() {
            // What would tell it to go is dropped, and that tells nothing.
            return;
        }
        self.seat(number, claimant.clone(), tell);
        if self.of(&claimant) > self.of_identity {
            let own = self.from.get(&claimant);
            let oldest = own.and_then(|numbers| numbers.first().copied());
            self.unseat(oldest, Unseated::TooMany);
        }
    }

    fn of(&self, claimant: &Claimant) -> usize {
        self.from.get(claimant).map_or(0, BTreeSet::len)
    }

    /// Tells one stranger to go: of the same address, if that has as many as it may have.
    fn make_way(&mut self, claimant: &Claimant) {
        let own = self.from.get(claimant);
        let own = own.filter(|numbers| numbers.len() >= self.each);
        let oldest = own.unwrap_or(&self.strangers).first().copied();
        self.unseat(oldest, Unseated::Stranger);
    }

    fn unseat(&mut self, number: Option<u64>, why: Unseated) {
        if let Some(tell) = number.and_then(|number| self.leave(number)) {
            // One that has just gone by itself need not be told.
            let _ = tell.send(why);
        }
    }

    /// Forgets one, and answers what would have told it to go.
    fn leave(&mut self, number: u64) -> Option<oneshot::Sender<Unseated>> {
        let (claimant, tell) = self.here.remove(&number)?;
        self.strangers.remove(&number);
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
    /// Something has said who it is: it need not go for others any more, but for its own.
    pub(crate) fn known(&self, identity: &Identity) {
        self.guests.lock().introduce(self.number, identity);
    }
}

impl Place {
    /// What makes a stranger known; none for one that is not counted.
    pub(super) fn introduction(&self) -> Option<Introduction> {
        let introduction = self.guest.as_ref().map(|(introduction, _)| introduction);
        introduction.cloned()
    }

    /// Returns when it has to go. To be called once.
    pub(super) async fn lost(&mut self) -> Unseated {
        if let Some((_, told)) = &mut self.guest
            && let Ok(why) = told.await
        {
            return why;
        }
        std::future::pending().await
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        if let Some((introduction, _)) = &self.guest {
            drop(introduction.guests.lock().leave(introduction.number));
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

    fn identity(name: &str) -> Identity {
        Identity::of_certificate(name).unwrap()
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
            place
                .introduction()
                .unwrap()
                .known(&identity("viewer:vera"));
            known.push(place);
        }
        for place in &mut known {
            assert!(!is_lost(place).await);
        }
        assert!(places.guests.lock().strangers.is_empty());
        drop(known);
        let guests = places.guests.lock();
        assert!(guests.here.is_empty() && guests.from.is_empty());
    }

    #[tokio::test(start_paused = true)]
    async fn of_one_identity_the_oldest_connection_goes_wherever_it_comes_from() {
        let places = Places::up_to(100, 10).of_identity(2);
        let mut own = Vec::new();
        for last in 1..=3 {
            let place = places
                .take_as_stranger(address(&format!("10.0.0.{last}")))
                .await;
            place.introduction().unwrap().known(&identity("node:n1"));
            own.push(place);
        }
        let mut other = places.take_as_stranger(address("10.0.0.1")).await;
        other.introduction().unwrap().known(&identity("node:n2"));
        assert_eq!(own[0].lost().await, Unseated::TooMany);
        for place in own[1..].iter_mut().chain([&mut other]) {
            assert!(!is_lost(place).await);
        }
        // To say so again with every request makes no difference.
        own[2].introduction().unwrap().known(&identity("node:n1"));
        assert!(!is_lost(&mut own[1]).await);
        // Neither does another identity that it has as well: both are counted where they are.
        own[2].introduction().unwrap().known(&identity("node:n2"));
        let third = places.take_as_stranger(address("10.0.0.1")).await;
        third.introduction().unwrap().known(&identity("node:n2"));
        assert!(!is_lost(&mut own[1]).await);
        assert_eq!(own[2].lost().await, Unseated::TooMany);
    }

    #[tokio::test(start_paused = true)]
    async fn replicas_are_not_counted() {
        let places = Places::up_to(100, 10).of_identity(1);
        let mut own = Vec::new();
        for _ in 0..3 {
            let place = places.take_as_stranger(address("10.0.0.1")).await;
            place.introduction().unwrap().known(&identity("replica:m1"));
            own.push(place);
        }
        for place in &mut own {
            assert!(!is_lost(place).await);
        }
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
