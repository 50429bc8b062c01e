//! Memory that many take from, and nobody more than a part of.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::identity::{Identity, IdentityName};

/// Of so many parts one identity may take one.
const PARTS: usize = 8;

/// How many identities are kept in mind before those that have nothing are forgotten.
const KEPT: usize = 1024;

/// A number of bytes. Clones are one and the same.
#[derive(Clone, Debug)]
pub(super) struct Memory {
    all: Arc<Semaphore>,
    part: usize,
    parts: Arc<Mutex<HashMap<IdentityName, Arc<Semaphore>>>>,
}

/// What somebody has of it, given back when it is dropped.
#[derive(Debug)]
pub(super) struct Bytes {
    _all: OwnedSemaphorePermit,
    /// None of those who are everybody at once.
    _part: Option<OwnedSemaphorePermit>,
}

impl Memory {
    pub(super) fn of(bytes: usize) -> Self {
        Self {
            all: Arc::new(Semaphore::new(bytes)),
            part: bytes / PARTS,
            parts: Arc::default(),
        }
    }

    /// Takes so many bytes, as soon as there are so many: first of the part of who asks, so that
    /// nobody waits behind one who has used up their own. More than there are of a part is all of it.
    pub(super) async fn take(self, identity: Option<IdentityName>, bytes: usize) -> Option<Bytes> {
        let bytes = self.capped(bytes);
        let part = match identity {
            // The semaphores are never closed.
            Some(identity) => Some(
                self.part_of(identity)
                    .acquire_many_owned(bytes)
                    .await
                    .ok()?,
            ),
            None => None,
        };
        let all = self.all.acquire_many_owned(bytes).await.ok()?;
        Some(Bytes {
            _all: all,
            _part: part,
        })
    }

    /// The same at once, or none.
    pub(super) fn take_now(&self, identity: Option<IdentityName>, bytes: usize) -> Option<Bytes> {
        let bytes = self.capped(bytes);
        let part = match identity {
            Some(identity) => {
                let part = self.part_of(identity);
                Some(part.try_acquire_many_owned(bytes).ok()?)
            }
            None => None,
        };
        let all = self.all.clone().try_acquire_many_owned(bytes).ok()?;
        Some(Bytes {
            _all: all,
            _part: part,
        })
    }

    fn capped(&self, bytes: usize) -> u32 {
        u32::try_from(bytes.min(self.part)).unwrap_or(u32::MAX)
    }

    fn part_of(&self, identity: IdentityName) -> Arc<Semaphore> {
        let mut parts = self.parts.lock().unwrap_or_else(PoisonError::into_inner);
        if parts.len() >= KEPT {
            // Whoever has something of it, or waits, has it as well.
            parts.retain(|_, part| Arc::strong_count(part) > 1);
        }
        let part = parts.entry(identity);
        part.or_insert_with(|| Arc::new(Semaphore::new(self.part)))
            .clone()
    }

    #[cfg(test)]
    pub(super) fn left(&self) -> usize {
        self.all.available_permits()
    }
}

/// Whose part it is; none of those who are everybody at once.
pub(super) fn owner(identity: &Identity) -> Option<IdentityName> {
    (!identity.is_unlimited()).then(|| identity.name().clone())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn somebody(number: usize) -> Option<IdentityName> {
        Some(format!("node:n{number}").parse().unwrap())
    }

    #[test]
    fn one_identity_takes_its_part_and_leaves_the_rest() {
        let memory = Memory::of(80);
        let own = [6, 4].map(|bytes| memory.take_now(somebody(1), bytes).unwrap());
        assert!(memory.take_now(somebody(1), 1).is_none());
        assert_eq!(memory.left(), 70);
        // A larger one takes all that one may have.
        let large = memory.take_now(somebody(2), 1000).unwrap();
        assert_eq!(memory.left(), 60);
        // Whoever is everybody takes what there is.
        let everybody: Vec<_> = (0..6).map(|_| memory.take_now(None, 10).unwrap()).collect();
        assert!(memory.take_now(somebody(3), 1).is_none());
        drop((own, large, everybody));
        assert_eq!(memory.left(), 80);
        assert!(memory.take_now(somebody(1), 10).is_some());
    }

    #[test]
    fn who_has_nothing_of_it_is_forgotten() {
        let memory = Memory::of(8 * KEPT);
        let own = memory.take_now(somebody(0), KEPT).unwrap();
        for number in 1..2 * KEPT {
            assert!(memory.take_now(somebody(number), 1).is_some());
        }
        assert!(memory.parts.lock().unwrap().len() <= KEPT);
        assert!(
            memory.take_now(somebody(0), 1).is_none(),
            "it was forgotten"
        );
        drop(own);
    }
}
