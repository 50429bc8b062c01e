use std::sync::{Arc, Mutex};

use super::*;

const LIFE: Duration = Duration::from_secs(3);

/// What renewals come to.
#[derive(Clone, Copy, Debug)]
enum Fate {
    Renewed,
    Gone,
    Error,
    /// No answer for that long.
    Silence(Duration),
}

#[derive(Clone)]
struct Fake {
    fate: Arc<Mutex<Fate>>,
    renewals: Arc<Mutex<Vec<Duration>>>,
    revoked: Arc<Mutex<bool>>,
    start: Instant,
}

impl Lease for Fake {
    async fn renew(&mut self) -> Result<bool, StoreError> {
        let fate = *self.fate.lock().unwrap();
        self.renewals.lock().unwrap().push(self.start.elapsed());
        match fate {
            Fate::Renewed => Ok(true),
            Fate::Gone => Ok(false),
            Fate::Error => Err(StoreError::Broken),
            Fate::Silence(duration) => {
                sleep(duration).await;
                Ok(true)
            }
        }
    }

    async fn revoke(&mut self) -> Result<(), StoreError> {
        *self.revoked.lock().unwrap() = true;
        Ok(())
    }
}

struct Bench {
    lease: Fake,
    lost: watch::Receiver<bool>,
    keep: watch::Sender<bool>,
}

impl Bench {
    fn new() -> Self {
        let lease = Fake {
            fate: Arc::new(Mutex::new(Fate::Renewed)),
            renewals: Arc::default(),
            revoked: Arc::default(),
            start: Instant::now(),
        };
        let (losing, lost) = watch::channel(false);
        let (keep_it, keeping) = watch::channel(true);
        tokio::spawn(keep(lease.clone(), lease.start, LIFE, losing, keeping));
        Self {
            lease,
            lost,
            keep: keep_it,
        }
    }

    fn set(&self, fate: Fate) {
        *self.lease.fate.lock().unwrap() = fate;
    }

    /// When the lease is in doubt, from the start.
    async fn lost_after(&mut self) -> Duration {
        self.lost.wait_for(|lost| *lost).await.unwrap();
        self.lease.start.elapsed()
    }
}

#[tokio::test(start_paused = true)]
async fn a_lease_is_renewed_three_times_within_its_life() {
    let bench = Bench::new();
    sleep(LIFE * 10 + LIFE / 6).await;
    assert!(!*bench.lost.borrow());
    assert_eq!(bench.lease.renewals.lock().unwrap().len(), 30);
}

#[tokio::test(start_paused = true)]
async fn a_renewal_that_fails_is_repeated_until_the_life_since_the_last_is_over() {
    let mut bench = Bench::new();
    sleep(Duration::from_millis(1500)).await;
    bench.set(Fate::Error);
    // The last renewal was sent after 1 s.
    let lost = bench.lost_after().await;
    assert!(
        (Duration::from_secs(4)..Duration::from_millis(4300)).contains(&lost),
        "{lost:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_renewal_without_an_answer_ends_with_the_lease() {
    let mut bench = Bench::new();
    bench.set(Fate::Silence(LIFE * 100));
    assert_eq!(bench.lost_after().await, LIFE);
}

#[tokio::test(start_paused = true)]
async fn a_late_answer_counts_from_when_it_was_asked_for() {
    let mut bench = Bench::new();
    bench.set(Fate::Silence(Duration::from_millis(1900)));
    sleep(Duration::from_millis(1500)).await;
    bench.set(Fate::Silence(LIFE * 100));
    // Asked for after 1 s, answered after 2.9 s: good until 4 s.
    assert_eq!(bench.lost_after().await, Duration::from_secs(4));
}

#[tokio::test(start_paused = true)]
async fn a_lease_that_is_gone_is_lost_at_once() {
    let mut bench = Bench::new();
    bench.set(Fate::Gone);
    assert_eq!(bench.lost_after().await, LIFE / 3);
}

#[tokio::test(start_paused = true)]
async fn giving_up_revokes_the_lease_even_during_a_renewal() {
    let mut bench = Bench::new();
    bench.set(Fate::Silence(LIFE * 100));
    sleep(LIFE / 2).await;
    bench.keep.send_replace(false);
    assert_eq!(bench.lost_after().await, LIFE / 2);
    sleep(Duration::from_millis(1)).await;
    assert!(*bench.lease.revoked.lock().unwrap());
}
