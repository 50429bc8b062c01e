//! How often somebody may ask.
//!
//! Each caller has a bucket of tokens that fills up again evenly. Only the moment when it will be
//! full is kept (the generic cell rate algorithm), so that a bucket is one number and nothing has
//! to be counted while nobody asks.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use crate::identity::IdentityName;

/// How many callers are kept in mind; a bucket has some hundred bytes. With more, a tenth of them is
/// forgotten: those whose buckets are fullest, who gain least by it.
const CALLERS: usize = 50_000;

/// How often, and how often at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Rate {
    /// The time that one takes.
    every: Duration,
    /// The time that all take that may come at once.
    burst: Duration,
}

impl Rate {
    /// So many in a second, and so many at once. Zero of either is one.
    pub(crate) fn per_second(count: u32, at_once: u32) -> Self {
        let every = Duration::from_secs(1) / count.max(1);
        Self {
            every,
            burst: every * at_once.max(1),
        }
    }
}

/// A bucket of tokens; a new one is full.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Bucket {
    /// When it is full again; none if it is.
    full: Option<Instant>,
}

impl Bucket {
    /// Takes a token.
    ///
    /// # Errors
    ///
    /// How long it takes until there is one, if there is none.
    pub(crate) fn take(&mut self, rate: Rate, now: Instant) -> Result<(), Duration> {
        let full = self.full.unwrap_or(now).max(now) + rate.every;
        let missing = full - now;
        if missing > rate.burst {
            return Err(missing - rate.burst);
        }
        self.full = Some(full);
        Ok(())
    }
}

/// Whose bucket it is.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Claimant {
    /// Somebody who is known.
    Identity(IdentityName),
    /// Whoever asks from there without saying who it is.
    Address(IpAddr),
}

impl Claimant {
    /// Whoever is at an address. With IPv6 a network of 64 bits is one place: who has one of its
    /// addresses has all of them.
    pub(crate) fn at(address: IpAddr) -> Self {
        const NETWORK: u128 = !0 << 64;
        Self::Address(match address {
            IpAddr::V4(_) => address,
            IpAddr::V6(ip) => IpAddr::V6(Ipv6Addr::from_bits(ip.to_bits() & NETWORK)),
        })
    }
}

/// The buckets of all callers. Clones are one and the same.
#[derive(Clone, Debug)]
pub(crate) struct Pace {
    rate: Rate,
    buckets: Arc<Mutex<HashMap<Claimant, Bucket>>>,
}

impl Pace {
    pub(crate) fn of(rate: Rate) -> Self {
        Self {
            rate,
            buckets: Arc::default(),
        }
    }

    /// Lets somebody ask once more.
    ///
    /// # Errors
    ///
    /// How long they have to wait, if they asked too often.
    pub(crate) fn take(&self, claimant: Claimant, now: Instant) -> Result<(), Duration> {
        let mut buckets = self.buckets.lock().unwrap_or_else(PoisonError::into_inner);
        if buckets.len() >= CALLERS && !buckets.contains_key(&claimant) {
            forget(&mut buckets, CALLERS / 10);
        }
        buckets.entry(claimant).or_default().take(self.rate, now)
    }
}

/// Forgets `count` buckets: those that are full, or will be first. Whoever asks all the time is not
/// forgotten, however many others come once.
fn forget(buckets: &mut HashMap<Claimant, Bucket>, count: usize) {
    let mut fullest: Vec<Option<Instant>> = buckets.values().map(|bucket| bucket.full).collect();
    let Some(last) = count.checked_sub(1).filter(|last| *last < fullest.len()) else {
        return;
    };
    let (before, last, _) = fullest.select_nth_unstable(last);
    let last = *last;
    // Of those that are as full as the last one, only as many as it takes.
    let mut equal = before.iter().filter(|full| **full == last).count() + 1;
    buckets.retain(|_, bucket| {
        if bucket.full == last && equal > 0 {
            equal -= 1;
            return false;
        }
        bucket.full >= last
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn somebody(number: u32) -> Claimant {
        Claimant::at(IpAddr::V4(number.into()))
    }

    #[test]
    fn so_many_may_come_at_once_and_then_one_after_the_other() {
        let rate = Rate::per_second(10, 3);
        let mut bucket = Bucket::default();
        let start = Instant::now();
        for _ in 0..3 {
            assert_eq!(bucket.take(rate, start), Ok(()));
        }
        assert_eq!(bucket.take(rate, start), Err(SECOND / 10));
        assert_eq!(bucket.take(rate, start + SECOND / 20), Err(SECOND / 20));
        assert_eq!(bucket.take(rate, start + SECOND / 10), Ok(()));
        assert!(bucket.take(rate, start + SECOND / 10).is_err());
        // After a while all may come at once again, and no more.
        let later = start + SECOND;
        for _ in 0..3 {
            assert_eq!(bucket.take(rate, later), Ok(()));
        }
        assert!(bucket.take(rate, later).is_err());
    }

    #[test]
    fn who_is_refused_does_not_wait_longer_for_trying() {
        let rate = Rate::per_second(1, 1);
        let mut bucket = Bucket::default();
        let start = Instant::now();
        assert_eq!(bucket.take(rate, start), Ok(()));
        for _ in 0..100 {
            assert_eq!(bucket.take(rate, start), Err(SECOND));
        }
    }

    #[test]
    fn each_has_a_bucket_of_its_own() {
        let pace = Pace::of(Rate::per_second(1, 1));
        let now = Instant::now();
        assert_eq!(pace.take(somebody(1), now), Ok(()));
        assert!(pace.take(somebody(1), now).is_err());
        assert_eq!(pace.take(somebody(2), now), Ok(()));
        let [one, neighbour, other] =
            ["fd00::1", "fd00::2", "fd00:0:0:1::1"].map(|ip| Claimant::at(ip.parse().unwrap()));
        assert_eq!(pace.take(one, now), Ok(()));
        assert!(pace.take(neighbour, now).is_err());
        assert_eq!(pace.take(other, now), Ok(()));
    }

    #[test]
    fn many_callers_do_not_fill_the_memory() {
        let pace = Pace::of(Rate::per_second(1, 1));
        let now = Instant::now();
        for number in 0..2 * u32::try_from(CALLERS).unwrap() {
            assert_eq!(pace.take(somebody(number), now), Ok(()));
        }
        let kept = pace.buckets.lock().unwrap().len();
        assert!((CALLERS / 2..=CALLERS).contains(&kept), "{kept}");
    }

    #[test]
    fn who_asks_too_often_is_not_forgotten_for_many_who_ask_once() {
        let pace = Pace::of(Rate::per_second(1, 10));
        let now = Instant::now();
        let eager = Claimant::at("10.0.0.1".parse().unwrap());
        for _ in 0..10 {
            assert_eq!(pace.take(eager.clone(), now), Ok(()));
        }
        assert!(pace.take(eager.clone(), now).is_err());
        // As many networks as a /47 has.
        for number in 0..1u128 << 17 {
            let network = (0xfd00 << 112) | (number << 64);
            let address = IpAddr::V6(Ipv6Addr::from_bits(network));
            assert_eq!(pace.take(Claimant::at(address), now), Ok(()));
        }
        assert!(pace.take(eager, now).is_err());
    }
}
