//! What takes so much that one does it at a time, and who waits for that.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::{Mutex as Turn, OwnedMutexGuard};
use trunkline_netmaster_api::Role;

use crate::identity::{Identity, IdentityName};

/// How many there may be at a time, with the one whose turn it is: each takes seconds, and nobody
/// waits for minutes.
const PLACES: usize = 8;

/// The same for those who only look, so that who repairs something has a place.
const OF_VIEWERS: usize = 4;

/// The queue. Clones are one and the same.
#[derive(Clone, Debug, Default)]
pub(crate) struct Turns {
    turn: Arc<Turn<()>>,
    /// Whose places are taken; none of those who are everybody at once.
    places: Arc<Mutex<Vec<Option<IdentityName>>>>,
}

/// A place in the queue, given back when it is dropped.
#[derive(Debug)]
struct Place {
    owner: Option<IdentityName>,
    places: Arc<Mutex<Vec<Option<IdentityName>>>>,
}

/// Somebody's turn, until it is dropped.
#[derive(Debug)]
pub(crate) struct Taken {
    _turn: OwnedMutexGuard<()>,
    _place: Place,
}

impl Turns {
    /// Waits for a turn. None if too many wait, or `identity` does so already.
    pub(crate) async fn take(&self, identity: &Identity) -> Option<Taken> {
        let place = self.enter(identity)?;
        Some(Taken {
            _turn: self.turn.clone().lock_owned().await,
            _place: place,
        })
    }

    fn enter(&self, identity: &Identity) -> Option<Place> {
        let owner = (!identity.is_unlimited()).then(|| identity.name().clone());
        let most = match identity.role().covers(Role::Operator) {
            true => PLACES,
            false => OF_VIEWERS,
        };
        let mut places = lock(&self.places);
        if places.len() >= most || owner.is_some() && places.contains(&owner) {
            return None;
        }
        places.push(owner.clone());
        Some(Place {
            owner,
            places: self.places.clone(),
        })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut places = lock(&self.places);
        if let Some(own) = places.iter().position(|owner| *owner == self.owner) {
            places.swap_remove(own);
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn somebody(name: &str) -> Identity {
        Identity::of_certificate(name).unwrap()
    }

    #[tokio::test]
    async fn who_waits_is_refused_another_place_and_those_who_look_leave_room_for_who_repairs() {
        let turns = Turns::default();
        let first = turns.take(&somebody("viewer:v0")).await.unwrap();
        assert!(turns.take(&somebody("viewer:v0")).await.is_none());
        let waiting: Vec<_> = (1..OF_VIEWERS)
            .map(|number| {
                turns
                    .enter(&somebody(&format!("viewer:v{number}")))
                    .unwrap()
            })
            .collect();
        assert!(turns.take(&somebody("viewer:v9")).await.is_none());
        let operator = somebody("operator:olga");
        let turn = tokio::spawn({
            let turns = turns.clone();
            async move { turns.take(&operator).await.is_some() }
        });
        tokio::task::yield_now().await;
        assert!(!turn.is_finished(), "it is another one's turn");
        drop(first);
        assert!(turn.await.unwrap());
        drop(waiting);
        assert!(turns.take(&somebody("viewer:v0")).await.is_some());
        assert!(lock(&turns.places).is_empty());
    }

    #[tokio::test]
    async fn who_is_everybody_at_once_has_all_places_and_no_more() {
        let turns = Turns::default();
        let places: Vec<_> = (0..PLACES)
            .map(|_| turns.enter(&Identity::local()).unwrap())
            .collect();
        assert!(turns.enter(&Identity::local()).is_none());
        drop(places);
        assert!(turns.take(&Identity::local()).await.is_some());
    }
}
