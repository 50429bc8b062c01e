use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc as channel;
use std::time::Duration;

use trunkline_ipam::{CreateNetworkError, Edit, Key, Revision, create_network};

use super::writer::AHEAD;
use super::*;
use crate::replica::Replica;
use crate::store::conformance::network;
use crate::store::{Batch, Embedded, Position, Store, StoreError};

/// What becomes of a commit.
#[derive(Clone, Copy, Debug)]
enum Fate {
    Done,
    /// An error, and nothing written.
    Lost,
    /// No space, and nothing written.
    Full,
    /// An error, though all is written: the reply got lost.
    DoneInSecret,
    /// As `Lost`, and the store stays broken when it is looked at the next two times.
    Dead,
}

const DEADLINE: Duration = Duration::from_secs(10);

/// An embedded store whose commits wait for their fate to be decided.
struct Fickle {
    store: Embedded,
    fates: channel::Receiver<Fate>,
    dead: u32,
    checks: Arc<Mutex<Checks>>,
    /// The size of each batch that came, in changes.
    sizes: Arc<Mutex<Vec<u64>>>,
}

fn broken() -> StoreError {
    StoreError::Broken
}

impl Store for Fickle {
    fn commit(&mut self, batch: &Batch) -> Result<Position, StoreError> {
        let size = batch.to().number() - batch.from().number();
        self.sizes.lock().unwrap().push(size);
        // A test that decides too little fails instead of hanging.
        let fate = self.fates.recv_timeout(DEADLINE).unwrap_or(Fate::Lost);
        match fate {
            Fate::Done => self.store.commit(batch),
            Fate::Lost => Err(broken()),
            Fate::Full => Err(StoreError::Full {
                source: "no space".into(),
            }),
            Fate::DoneInSecret => self.store.commit(batch).and(Err(broken())),
            Fate::Dead => {
                self.dead = 2;
                Err(broken())
            }
        }
    }

    fn check(&mut self) -> Result<(), StoreError> {
        let mut checks = self.checks.lock().unwrap();
        checks.made += 1;
        match checks.deposed {
            true => Err(StoreError::Deposed),
            false => self.store.check(),
        }
    }

    fn resume(&mut self) -> Result<Position, StoreError> {
        if self.dead > 0 {
            self.dead -= 1;
            return Err(broken());
        }
        self.store.resume()
    }

    fn replace(
        &mut self,
        revision: Revision,
        entries: &mut dyn Iterator<Item = Result<(String, Vec<u8>), StoreError>>,
    ) -> Result<Position, StoreError> {
        self.store.replace(revision, entries)
    }

    fn reader(&self) -> Reader {
        self.store.reader()
    }
}

#[derive(Default)]
struct Checks {
    made: usize,
    deposed: bool,
}

struct Bench {
    allocator: Allocator,
    checks: Arc<Mutex<Checks>>,
    replica: Replica,
    fates: channel::Sender<Fate>,
    sizes: Arc<Mutex<Vec<u64>>>,
    /// How many plans were made.
    planned: Arc<AtomicUsize>,
}

type Outcome = Result<(), WriteError<CreateNetworkError>>;

impl Bench {
    async fn new() -> Self {
        let (fates, decided) = channel::channel();
        let (sizes, checks) = (Arc::default(), Arc::default());
        let store = Fickle {
            store: Embedded::in_memory().unwrap(),
            fates: decided,
            dead: 0,
            checks: Arc::clone(&checks),
            sizes: Arc::clone(&sizes),
        };
        let (allocator, replica) = Replica::alone(Box::new(store)).await.unwrap();
        Self {
            allocator,
            checks,
            replica,
            fates,
            sizes,
            planned: Arc::default(),
        }
    }

    fn create(&self, vlan: i64) -> impl Future<Output = Outcome> + Send + 'static {
        self.create_named(format!("net{vlan}"), vlan)
    }

    fn create_named(
        &self,
        name: String,
        vlan: i64,
    ) -> impl Future<Output = Outcome> + Send + 'static {
        let allocator = self.allocator.clone();
        let made = Arc::clone(&self.planned);
        let spec = network(&name, &vlan.to_string());
        async move {
            allocator
                .write(move |ledger| {
                    made.fetch_add(1, Ordering::SeqCst);
                    let planned = create_network(ledger.catalog(), &spec)?;
                    Ok(((), planned.change))
                })
                .await
        }
    }

    /// Repeats a request that cannot be served yet.
    async fn create_at_last(&self, name: &str, vlan: i64) -> Outcome {
        let until_served = async {
            loop {
                match self.create_named(name.to_owned(), vlan).await {
                    UNAVAILABLE => tokio::task::yield_now().await,
                    outcome => return outcome,
                }
            }
        };
        tokio::time::timeout(DEADLINE, until_served).await.unwrap()
    }

    fn decide(&self, fate: Fate) {
        self.fates.send(fate).unwrap();
    }

    fn networks(&self) -> usize {
        self.allocator.read(|catalog| catalog.networks().count())
    }

    /// Waits until that many requests have come to the writer in all.
    async fn until_come(&self, count: usize) {
        let Gate::Open(inbox) = self.allocator.gate.borrow().clone() else {
            panic!("there is no writer");
        };
        while self.planned.load(Ordering::SeqCst) + inbox.len() < count {
            tokio::task::yield_now().await;
        }
    }

    async fn until_shut(&self, why: Unavailable) {
        let mut gate = self.allocator.gate.clone();
        let shut = gate.wait_for(|gate| matches!(gate, Gate::Shut(found) if *found == why));
        tokio::time::timeout(DEADLINE, shut).await.unwrap().unwrap();
    }

    /// Waits until the writer is in its `count`th commit.
    async fn until_commits(&self, count: usize) {
        while self.sizes.lock().unwrap().len() < count {
            tokio::task::yield_now().await;
        }
    }
}

const UNAVAILABLE: Outcome = Err(WriteError::Unavailable(Unavailable::Store));

#[tokio::test]
async fn requests_that_wait_share_one_commit() {
    let bench = Bench::new().await;
    let first = tokio::spawn(bench.create(1));
    bench.until_commits(1).await;
    let waiting: Vec<_> = (2..=200)
        .map(|vlan| tokio::spawn(bench.create(vlan)))
        .collect();
    bench.until_come(200).await;
    assert_eq!(
        bench.networks(),
        0,
        "readers see nothing before it is durable"
    );
    for _ in 0..3 {
        bench.decide(Fate::Done);
    }
    assert_eq!(first.await.unwrap(), Ok(()));
    for request in waiting {
        assert_eq!(request.await.unwrap(), Ok(()));
    }
    assert_eq!(*bench.sizes.lock().unwrap(), [1, 127, 72]);
    assert_eq!(bench.networks(), 200);
}

#[tokio::test]
async fn a_request_sees_those_before_it_in_its_batch() {
    let bench = Bench::new().await;
    let first = tokio::spawn(bench.create(1));
    bench.until_commits(1).await;
    let second = tokio::spawn(bench.create(2));
    bench.until_come(2).await;
    let rival = tokio::spawn(bench.create_named("rival".to_owned(), 2));
    bench.until_come(3).await;
    bench.decide(Fate::Done);
    bench.decide(Fate::Done);
    assert_eq!(first.await.unwrap(), Ok(()));
    assert_eq!(second.await.unwrap(), Ok(()));
    let refusal = rival.await.unwrap().unwrap_err();
    assert!(
        matches!(
            refusal,
            WriteError::Refused(CreateNetworkError::VlanInUse { .. })
        ),
        "{refusal:?}"
    );
    assert_eq!(*bench.sizes.lock().unwrap(), [1, 1]);
}

#[tokio::test]
async fn a_failed_commit_is_forgotten_and_everybody_in_it_told() {
    let bench = Bench::new().await;
    let first = tokio::spawn(bench.create(1));
    bench.until_commits(1).await;
    let second = tokio::spawn(bench.create(2));
    bench.until_come(2).await;
    // Refused because of the second, which itself comes to nothing.
    let rival = tokio::spawn(bench.create_named("rival".to_owned(), 2));
    bench.until_come(3).await;
    bench.decide(Fate::Done);
    bench.decide(Fate::Lost);
    assert_eq!(first.await.unwrap(), Ok(()));
    assert_eq!(second.await.unwrap(), UNAVAILABLE);
    assert_eq!(rival.await.unwrap(), UNAVAILABLE);
    assert_eq!(bench.networks(), 1);

    bench.decide(Fate::Done);
    assert_eq!(bench.create_at_last("rival", 2).await, Ok(()));
    assert_eq!(bench.networks(), 2);
}

#[tokio::test]
async fn a_commit_whose_reply_got_lost_is_found_when_the_store_is_loaded_again() {
    let bench = Bench::new().await;
    bench.decide(Fate::DoneInSecret);
    assert_eq!(bench.create(1).await, UNAVAILABLE);
    let again = bench.create_at_last("net1", 1).await.unwrap_err();
    assert!(
        matches!(
            again,
            WriteError::Refused(CreateNetworkError::NameInUse { .. })
        ),
        "{again:?}"
    );
    assert_eq!(bench.networks(), 1);
}

#[tokio::test]
async fn a_store_that_comes_back_is_used_again() {
    let bench = Bench::new().await;
    bench.decide(Fate::Dead);
    assert_eq!(bench.create(1).await, UNAVAILABLE);
    bench.until_shut(Unavailable::Store).await;
    assert_eq!(
        bench.create(1).await,
        UNAVAILABLE,
        "requests fail fast while the store does"
    );
    let open = bench.allocator.until_open();
    tokio::time::timeout(DEADLINE, open).await.unwrap();
    bench.decide(Fate::Done);
    assert_eq!(bench.create(1).await, Ok(()));
}

#[tokio::test]
async fn a_full_store_is_named_and_used_again() {
    let bench = Bench::new().await;
    bench.decide(Fate::Full);
    let full = Err(WriteError::Unavailable(Unavailable::Full));
    assert_eq!(bench.create(1).await, full);
    assert_eq!(bench.networks(), 0, "reading goes on");
    bench.decide(Fate::Done);
    while bench.create(1).await == full {
        tokio::task::yield_now().await;
    }
    assert_eq!(bench.networks(), 1);
}

#[tokio::test]
async fn a_request_that_changes_nothing_costs_no_commit_but_a_check_after_it_came() {
    let bench = Bench::new().await;
    let nothing = || bench.allocator.write(|_| Err::<((), Change), _>("refused"));
    assert_eq!(nothing().await, Err(WriteError::Refused("refused")));
    assert!(bench.sizes.lock().unwrap().is_empty());
    assert_eq!(bench.checks.lock().unwrap().made, 1);
    bench.checks.lock().unwrap().deposed = true;
    let not_leading = Err(WriteError::Unavailable(Unavailable::NotLeading));
    assert_eq!(nothing().await, not_leading);
}

#[tokio::test]
async fn a_batch_that_commits_needs_no_check() {
    let bench = Bench::new().await;
    bench.decide(Fate::Done);
    assert_eq!(bench.create(1).await, Ok(()));
    assert_eq!(bench.checks.lock().unwrap().made, 0);
}

#[tokio::test]
async fn a_change_that_no_transaction_holds_is_refused_and_its_neighbours_are_not() {
    let bench = Bench::new().await;
    let first = tokio::spawn(bench.create(1));
    bench.until_commits(1).await;
    let second = tokio::spawn(bench.create(2));
    bench.until_come(2).await;
    let allocator = bench.allocator.clone();
    let huge = tokio::spawn(async move {
        let plan = |ledger: &Ledger| {
            let deletions = (0..128).map(|number| {
                let name = format!("net{number}").parse().unwrap();
                Edit::Delete(Key::Network(name))
            });
            let next = ledger.catalog().revision().next();
            Ok::<_, ()>(((), Change::new(next, deletions.collect())))
        };
        allocator.write(plan).await
    });
    bench.decide(Fate::Done);
    bench.decide(Fate::Done);
    let refusal = huge.await.unwrap().unwrap_err();
    assert!(
        matches!(
            refusal,
            WriteError::TooLarge {
                operations: 129,
                ..
            }
        ),
        "{refusal:?}"
    );
    assert_eq!(first.await.unwrap(), Ok(()));
    assert_eq!(second.await.unwrap(), Ok(()));
    assert_eq!(bench.networks(), 2);
}

#[tokio::test]
async fn what_is_planned_behind_a_batch_that_fails_comes_to_nothing_with_it() {
    let bench = Bench::new().await;
    let first = tokio::spawn(bench.create(1));
    bench.until_commits(1).await;
    // As many as are planned while the store is busy.
    let behind: Vec<_> = (2..)
        .take(AHEAD)
        .map(|vlan| tokio::spawn(bench.create(vlan)))
        .collect();
    while bench.planned.load(Ordering::SeqCst) <= AHEAD {
        tokio::task::yield_now().await;
    }
    bench.decide(Fate::Lost);
    assert_eq!(first.await.unwrap(), UNAVAILABLE);
    for request in behind {
        assert_eq!(request.await.unwrap(), UNAVAILABLE);
    }
    assert_eq!(
        *bench.sizes.lock().unwrap(),
        [1],
        "it never reached the store"
    );
}

#[tokio::test]
async fn what_was_asked_for_before_the_stop_is_done_and_what_comes_after_is_told() {
    let bench = Bench::new().await;
    let first = tokio::spawn(bench.create(1));
    bench.until_commits(1).await;
    let second = tokio::spawn(bench.create(2));
    bench.until_come(2).await;
    bench.decide(Fate::Done);
    bench.decide(Fate::Done);
    let late = bench.create(3);
    bench.replica.stop().await;
    assert_eq!(first.await.unwrap(), Ok(()));
    assert_eq!(second.await.unwrap(), Ok(()));
    let stopped = Err(WriteError::Unavailable(Unavailable::Stopped));
    assert_eq!(late.await, stopped);
}
