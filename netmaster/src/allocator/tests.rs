use std::sync::Mutex;
use std::sync::mpsc as channel;
use std::time::Duration;

use trunkline_ipam::{CreateNetworkError, NetworkSpec, create_network};

use super::*;
use crate::store::Embedded;

/// What becomes of a commit.
#[derive(Clone, Copy, Debug)]
enum Fate {
    Done,
    /// An error, and nothing written.
    Lost,
    /// An error, though all is written: the reply got lost.
    DoneInSecret,
    /// As `Lost`, and loading fails as well.
    Dead,
}

const DEADLINE: Duration = Duration::from_secs(10);

/// An embedded store whose commits wait for their fate to be decided.
struct Fickle {
    store: Embedded,
    fates: channel::Receiver<Fate>,
    dead: bool,
    /// The size of each batch that came, in changes.
    sizes: Arc<Mutex<Vec<u64>>>,
}

fn broken() -> StoreError {
    StoreError::Foreign
}

impl Store for Fickle {
    fn load(&mut self, visit: &mut dyn FnMut(&str, &[u8])) -> Result<Revision, StoreError> {
        if std::mem::take(&mut self.dead) {
            return Err(broken());
        }
        self.store.load(visit)
    }

    fn commit(&mut self, batch: &Batch) -> Result<(), StoreError> {
        let size = batch.to().number() - batch.from().number();
        self.sizes.lock().unwrap().push(size);
        // A test that decides too little fails instead of hanging.
        let fate = self.fates.recv_timeout(DEADLINE).unwrap_or(Fate::Lost);
        match fate {
            Fate::Done => self.store.commit(batch),
            Fate::Lost => Err(broken()),
            Fate::DoneInSecret => self.store.commit(batch).and(Err(broken())),
            Fate::Dead => {
                self.dead = true;
                Err(broken())
            }
        }
    }
}

struct Bench {
    allocator: Allocator,
    fates: channel::Sender<Fate>,
    sizes: Arc<Mutex<Vec<u64>>>,
}

type Outcome = Result<(), WriteError<CreateNetworkError>>;

impl Bench {
    fn new() -> Self {
        let (fates, decided) = channel::channel();
        let sizes = Arc::default();
        let store = Fickle {
            store: Embedded::in_memory().unwrap(),
            fates: decided,
            dead: false,
            sizes: Arc::clone(&sizes),
        };
        let (allocator, _) = Allocator::start(Box::new(store)).unwrap();
        Self {
            allocator,
            fates,
            sizes,
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
        let spec = NetworkSpec {
            name: name.parse().unwrap(),
            vlan: vlan.try_into().unwrap(),
            mtu: Default::default(),
            labels: Default::default(),
        };
        async move {
            allocator
                .write(move |ledger| {
                    let planned = create_network(ledger.catalog(), &spec)?;
                    Ok(((), planned.change))
                })
                .await
        }
    }

    fn decide(&self, fate: Fate) {
        self.fates.send(fate).unwrap();
    }

    fn networks(&self) -> usize {
        self.allocator.read(|catalog| catalog.networks().count())
    }

    /// Waits until that many requests are in the queue.
    async fn until_waiting(&self, count: usize) {
        let queue = &self.allocator.queue;
        while queue.max_capacity() - queue.capacity() < count {
            tokio::task::yield_now().await;
        }
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
    let bench = Bench::new();
    let first = tokio::spawn(bench.create(1));
    bench.until_commits(1).await;
    let waiting: Vec<_> = (2..=200)
        .map(|vlan| tokio::spawn(bench.create(vlan)))
        .collect();
    bench.until_waiting(199).await;
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
    assert_eq!(*bench.sizes.lock().unwrap(), [1, 128, 71]);
    assert_eq!(bench.networks(), 200);
}

#[tokio::test]
async fn a_request_sees_those_before_it_in_its_batch() {
    let bench = Bench::new();
    let first = tokio::spawn(bench.create(1));
    bench.until_commits(1).await;
    let second = tokio::spawn(bench.create(2));
    bench.until_waiting(1).await;
    let rival = tokio::spawn(bench.create_named("rival".to_owned(), 2));
    bench.until_waiting(2).await;
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
    let bench = Bench::new();
    let first = tokio::spawn(bench.create(1));
    bench.until_commits(1).await;
    let second = tokio::spawn(bench.create(2));
    bench.until_waiting(1).await;
    // Refused because of the second, which itself comes to nothing.
    let rival = tokio::spawn(bench.create_named("rival".to_owned(), 2));
    bench.until_waiting(2).await;
    bench.decide(Fate::Done);
    bench.decide(Fate::Lost);
    assert_eq!(first.await.unwrap(), Ok(()));
    assert_eq!(second.await.unwrap(), UNAVAILABLE);
    assert_eq!(rival.await.unwrap(), UNAVAILABLE);
    assert_eq!(bench.networks(), 1);

    bench.decide(Fate::Done);
    let retry = bench.create_named("rival".to_owned(), 2).await;
    assert_eq!(retry, Ok(()));
    assert_eq!(bench.networks(), 2);
}

#[tokio::test]
async fn a_commit_whose_reply_got_lost_is_found_when_the_store_is_loaded_again() {
    let bench = Bench::new();
    bench.decide(Fate::DoneInSecret);
    assert_eq!(bench.create(1).await, UNAVAILABLE);
    let again = bench.create(1).await.unwrap_err();
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
    let bench = Bench::new();
    bench.decide(Fate::Dead);
    assert_eq!(bench.create(1).await, UNAVAILABLE);
    bench.decide(Fate::Done);
    assert_eq!(bench.create(1).await, Ok(()));
}

#[tokio::test]
async fn a_request_that_changes_nothing_costs_no_commit() {
    let bench = Bench::new();
    let nothing = bench
        .allocator
        .write(|_| Err::<((), Change), _>("refused"))
        .await;
    assert_eq!(nothing, Err(WriteError::Refused("refused")));
    assert!(bench.sizes.lock().unwrap().is_empty());
}
