//! Replicas that share a store in memory, with elections that the test decides.

use std::sync::Mutex;
use std::time::Duration;

use tokio::sync::mpsc;
use trunkline_ipam::{
    CreateNetworkError, Policy, Revision, allocate, create_network, create_subnet, register_node,
};

use super::*;
use crate::allocator::{Unavailable, WriteError};
use crate::feed::{Publication, Subscription};
use crate::store::conformance::{NOW, endpoint, network, node, subnet};
use crate::store::{Batch, Embedded, Position};

const DEADLINE: Duration = Duration::from_secs(20);

/// Elections as the test decides them.
struct FakeCluster {
    store: Embedded,
    elected: tokio::sync::Mutex<mpsc::Receiver<Elected>>,
    /// Counts campaigns.
    campaigns: Arc<Mutex<u32>>,
}

/// A term, as the test sees it.
#[derive(Clone)]
struct Elected {
    store: Arc<Mutex<Fate>>,
    losing: Arc<Mutex<Option<watch::Sender<bool>>>>,
    resigned: Arc<Mutex<bool>>,
    /// What the replica is told to be the store's revision; `None` for what it is.
    tip: Option<Revision>,
}

impl Elected {
    fn new() -> Self {
        Self {
            store: Arc::new(Mutex::new(Fate::Done)),
            losing: Arc::default(),
            resigned: Arc::default(),
            tip: None,
        }
    }

    fn lose(&self) {
        let losing = self.losing.lock().unwrap();
        losing.as_ref().unwrap().send_replace(true);
    }
}

/// What becomes of commits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fate {
    Done,
    /// All is written, and the reply lost.
    DoneInSecret,
    /// Somebody else leads.
    Deposed,
    /// There is no space.
    Full,
}

/// The store as one leader sees it.
struct Fenced {
    store: Embedded,
    fate: Arc<Mutex<Fate>>,
}

impl Store for Fenced {
    fn commit(&mut self, batch: &Batch) -> Result<Position, StoreError> {
        match *self.fate.lock().unwrap() {
            Fate::Done => self.store.commit(batch),
            Fate::DoneInSecret => self.store.commit(batch).and(Err(StoreError::Unsure)),
            Fate::Deposed => Err(StoreError::Deposed),
            Fate::Full => Err(StoreError::Full {
                source: "no space".into(),
            }),
        }
    }

    fn check(&mut self) -> Result<(), StoreError> {
        match *self.fate.lock().unwrap() {
            Fate::Deposed => Err(StoreError::Deposed),
            _ => self.store.check(),
        }
    }

    fn resume(&mut self) -> Result<Position, StoreError> {
        self.check()?;
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

impl Cluster for FakeCluster {
    fn reader(&self) -> Reader {
        self.store.reader()
    }

    async fn campaign(&self, _: &watch::Sender<Role>) -> Term {
        *self.campaigns.lock().unwrap() += 1;
        let mut elections = self.elected.lock().await;
        let Some(elected) = elections.recv().await else {
            return std::future::pending().await;
        };
        let mut store = self.store.clone();
        let tip = store.resume().unwrap().revision();
        let claim = Claim::kept_by(|losing, mut keeping| {
            *elected.losing.lock().unwrap() = Some(losing);
            let (resigned, losing) = (elected.resigned.clone(), elected.losing.clone());
            async move {
                let _ = keeping.wait_for(|keep| !keep).await;
                losing.lock().unwrap().take();
                *resigned.lock().unwrap() = true;
            }
        });
        Term {
            store: Box::new(Fenced {
                store,
                fate: elected.store,
            }),
            tip: elected.tip.unwrap_or(tip),
            claim,
        }
    }
}

struct Member {
    allocator: Allocator,
    replica: Replica,
    elect: mpsc::Sender<Elected>,
    campaigns: Arc<Mutex<u32>>,
}

impl Member {
    async fn of(store: &Embedded) -> Self {
        let (elect, elected) = mpsc::channel(1);
        let campaigns = Arc::default();
        let cluster = FakeCluster {
            store: store.clone(),
            elected: tokio::sync::Mutex::new(elected),
            campaigns: Arc::clone(&campaigns),
        };
        let (allocator, replica) = Replica::among(cluster).await.unwrap();
        Self {
            allocator,
            replica,
            elect,
            campaigns,
        }
    }

    async fn elect(&self) -> Elected {
        self.elect_as(Elected::new()).await
    }

    async fn elect_as(&self, elected: Elected) -> Elected {
        self.elect.send(elected.clone()).await.unwrap();
        self.until(Role::Leader).await;
        elected
    }

    async fn until(&self, role: Role) {
        let mut roles = self.allocator.role();
        let reached = roles.wait_for(|now| *now == role);
        tokio::time::timeout(DEADLINE, reached)
            .await
            .unwrap()
            .unwrap();
    }

    async fn until_revision(&self, number: u64) {
        let reached = async {
            while self.allocator.read(|catalog| catalog.revision().number()) < number {
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(DEADLINE, reached).await.unwrap();
    }

    async fn create(&self, vlan: i64) -> Result<(), WriteError<CreateNetworkError>> {
        let spec = network(&format!("net{vlan}"), &vlan.to_string());
        let plan = move |ledger: &trunkline_ipam::Ledger| {
            let planned = create_network(ledger.catalog(), &spec)?;
            Ok(((), planned.change))
        };
        self.allocator.write(plan).await
    }
}

const FOLLOWER: Role = Role::Follower { leader: None };

fn unavailable<E>(why: Unavailable) -> Result<(), WriteError<E>> {
    Err(WriteError::Unavailable(why))
}

async fn publications(from: &mut Subscription, count: usize) -> Vec<Publication> {
    let mut seen = Vec::new();
    for _ in 0..count {
        let next = tokio::time::timeout(DEADLINE, from.next()).await.unwrap();
        seen.push(Publication::clone(&next.unwrap()));
    }
    seen
}

#[tokio::test]
async fn a_follower_writes_nothing_and_shows_what_the_leader_wrote() {
    let store = Embedded::in_memory().unwrap();
    let (leader, follower) = (Member::of(&store).await, Member::of(&store).await);
    let not_leading = unavailable(Unavailable::NotLeading);
    assert_eq!(follower.create(1).await, not_leading);
    leader.elect().await;
    assert_eq!(leader.create(1).await, Ok(()));
    follower.until_revision(1).await;
    let catalog = leader.allocator.read(Clone::clone);
    assert_eq!(follower.allocator.read(Clone::clone), catalog);
    assert_eq!(follower.create(2).await, not_leading);
}

#[tokio::test]
async fn leader_and_follower_publish_the_same() {
    let store = Embedded::in_memory().unwrap();
    let (leader, follower) = (Member::of(&store).await, Member::of(&store).await);
    leader.elect().await;
    let feeds = [&leader, &follower].map(|member| {
        let feed = member.allocator.feed();
        feed.subscribe(Revision::ZERO).unwrap()
    });
    assert_eq!(leader.create(1).await, Ok(()));
    let both = tokio::join!(leader.create(2), leader.create(3));
    assert_eq!(both, (Ok(()), Ok(())));
    // One change that creates what another one in its batch may delete again.
    let name: trunkline_types::Name = "net1".parse().unwrap();
    let delete = move |ledger: &trunkline_ipam::Ledger| {
        trunkline_ipam::delete_network(ledger.catalog(), &name, None).map(|change| ((), change))
    };
    leader.allocator.write(delete).await.unwrap();
    let [mut here, mut there] = feeds;
    let mut last = Revision::ZERO;
    while last.number() < 4 {
        let (one, other) = (
            publications(&mut here, 1).await,
            publications(&mut there, 1).await,
        );
        assert_eq!(one, other);
        assert_eq!(one[0].from, last);
        last = one[0].to;
    }
}

#[tokio::test]
async fn a_follower_that_is_elected_goes_on_without_loading_or_a_gap() {
    let store = Embedded::in_memory().unwrap();
    let (old, new) = (Member::of(&store).await, Member::of(&store).await);
    let first = old.elect().await;
    let mut feed = new.allocator.feed().subscribe(Revision::ZERO).unwrap();
    assert_eq!(old.create(1).await, Ok(()));
    first.lose();
    old.until(FOLLOWER).await;
    new.elect().await;
    assert_eq!(new.create(2).await, Ok(()));
    let seen = publications(&mut feed, 2).await;
    assert_eq!(
        seen[1].to,
        Revision::new(2),
        "loading would have compacted the feed"
    );
    old.until_revision(2).await;
    assert_eq!(old.create(3).await, unavailable(Unavailable::NotLeading));
}

#[tokio::test]
async fn who_is_elected_leads_only_when_it_has_seen_everything() {
    let store = Embedded::in_memory().unwrap();
    let member = Member::of(&store).await;
    let mut ahead = Elected::new();
    ahead.tip = Some(Revision::new(1));
    member.elect.send(ahead).await.unwrap();
    tokio::time::sleep(Duration::from_millis(200)).await;
    assert_eq!(*member.allocator.role().borrow(), FOLLOWER);
    // The old leader's last batch arrives.
    let (writer, _stop) = Replica::alone(Box::new(store.clone())).await.unwrap();
    let last = Member {
        allocator: writer,
        replica: _stop,
        elect: member.elect.clone(),
        campaigns: Arc::default(),
    };
    assert_eq!(last.create(1).await, Ok(()));
    member.until(Role::Leader).await;
    assert_eq!(
        member.allocator.read(|catalog| catalog.networks().count()),
        1
    );
}

#[tokio::test]
async fn free_space_is_known_after_an_election_whatever_the_order_in_a_batch() {
    let store = Embedded::in_memory().unwrap();
    let (old, new) = (Member::of(&store).await, Member::of(&store).await);
    let first = old.elect().await;
    assert_eq!(old.create(1).await, Ok(()));
    // A subnet and its first address in one batch: followers see the address first.
    let requests = |member: &Member, attachment: &str| {
        let request = endpoint(attachment, "net1");
        let allocator = member.allocator.clone();
        async move {
            let plan = move |ledger: &trunkline_ipam::Ledger| {
                let planned = allocate(ledger, &request, &Policy::default(), NOW)?;
                let ip = planned.object.addresses[0].ip;
                Ok::<_, trunkline_ipam::AllocateError>((ip, planned.change))
            };
            allocator.write(plan).await.unwrap()
        }
    };
    let (subnet, node) = (subnet("s1", "net1"), node("n1"));
    let subnet = old.allocator.write(move |ledger| {
        let planned = create_subnet(ledger.catalog(), &subnet).map_err(|_| ())?;
        Ok::<_, ()>(((), planned.change))
    });
    let node = old.allocator.write(move |ledger| {
        let planned = register_node(ledger, &node, &Policy::default(), NOW).map_err(|_| ())?;
        Ok::<_, ()>(((), planned.change))
    });
    let (subnet, node, here) = tokio::join!(subnet, node, requests(&old, "c1/eth0"));
    assert_eq!((subnet, node), (Ok(()), Ok(())));
    first.lose();
    new.elect().await;
    assert_ne!(requests(&new, "c2/eth0").await, here);
}

#[tokio::test]
async fn a_leader_in_doubt_steps_down_and_resigns() {
    let store = Embedded::in_memory().unwrap();
    let member = Member::of(&store).await;
    let term = member.elect().await;
    assert_eq!(member.create(1).await, Ok(()));
    term.lose();
    member.until(FOLLOWER).await;
    assert_eq!(member.create(2).await, unavailable(Unavailable::NotLeading));
    member.elect().await;
    assert!(*term.resigned.lock().unwrap());
    assert_eq!(member.create(2).await, Ok(()));
    assert_eq!(*member.campaigns.lock().unwrap(), 2);
}

#[tokio::test]
async fn a_deposed_leader_answers_nothing_and_follows() {
    let store = Embedded::in_memory().unwrap();
    let member = Member::of(&store).await;
    let term = member.elect().await;
    *term.store.lock().unwrap() = Fate::Deposed;
    // Not even what would change nothing.
    let nothing = member
        .allocator
        .write(|_| Err::<((), trunkline_ipam::Change), _>("no"));
    assert_eq!(nothing.await, unavailable(Unavailable::NotLeading));
    member.until(FOLLOWER).await;
}

#[tokio::test]
async fn a_commit_with_an_unknown_outcome_is_seen_when_it_was_made() {
    let store = Embedded::in_memory().unwrap();
    let member = Member::of(&store).await;
    let term = member.elect().await;
    let mut feed = member.allocator.feed().subscribe(Revision::ZERO).unwrap();
    *term.store.lock().unwrap() = Fate::DoneInSecret;
    assert_eq!(member.create(1).await, unavailable(Unavailable::Store));
    member.until(FOLLOWER).await;
    member.until_revision(1).await;
    assert_eq!(publications(&mut feed, 1).await[0].to, Revision::new(1));
    member.elect().await;
    let again = member.create(1).await;
    assert!(matches!(again, Err(WriteError::Refused(_))), "{again:?}");
}

#[tokio::test]
async fn a_full_store_does_not_end_the_term() {
    let store = Embedded::in_memory().unwrap();
    let member = Member::of(&store).await;
    let term = member.elect().await;
    *term.store.lock().unwrap() = Fate::Full;
    assert_eq!(member.create(1).await, unavailable(Unavailable::Full));
    *term.store.lock().unwrap() = Fate::Done;
    while member.create(1).await == unavailable(Unavailable::Full) {
        tokio::task::yield_now().await;
    }
    assert_eq!(*member.campaigns.lock().unwrap(), 1);
    assert_eq!(
        member.allocator.read(|catalog| catalog.networks().count()),
        1
    );
}

#[tokio::test]
async fn stopping_writes_what_waits_and_resigns() {
    let store = Embedded::in_memory().unwrap();
    let member = Member::of(&store).await;
    let term = member.elect().await;
    let allocator = member.allocator.clone();
    assert_eq!(member.create(1).await, Ok(()));
    tokio::time::timeout(DEADLINE, member.replica.stop())
        .await
        .unwrap();
    assert!(*term.resigned.lock().unwrap());
    let late = allocator.write(|_| Err::<((), trunkline_ipam::Change), _>("no"));
    assert_eq!(late.await, unavailable(Unavailable::Stopped));
}
