//! What every kind of store does. Each kind runs [`conforms`] on a store of its own.

use std::time::Duration;

use tokio::runtime::Runtime;
use trunkline_ipam::{
    AllocateRequest, Catalog, Change, Ledger, NetworkSpec, NodeSpec, Placement, Policy, Release,
    SubnetSpec, Timestamp, allocate, create_network, create_subnet, delete_network, register_node,
    release,
};

use super::*;

pub(crate) const NOW: Timestamp = Timestamp::from_unix_seconds(1_700_000_000);

/// A ledger that keeps its changes for the store.
pub(super) struct Author {
    pub(super) ledger: Ledger,
    written: Vec<Change>,
    /// The revision of the last batch.
    from: Revision,
}

impl Author {
    pub(super) fn at(catalog: Catalog) -> Self {
        Self {
            from: catalog.revision(),
            ledger: Ledger::of(catalog),
            written: Vec::new(),
        }
    }

    pub(super) fn make(&mut self, plan: impl FnOnce(&Ledger) -> Change) {
        let change = plan(&self.ledger);
        self.ledger.apply(&change);
        self.written.push(change);
    }

    pub(super) fn network(&mut self, name: &str, vlan: &str) {
        let spec = network(name, vlan);
        self.make(|ledger| create_network(ledger.catalog(), &spec).unwrap().change);
    }

    pub(super) fn subnet_and_node(&mut self) {
        let spec = subnet("blue-1", "blue");
        self.make(|ledger| create_subnet(ledger.catalog(), &spec).unwrap().change);
        let spec = node("n1");
        let policy = Policy::default();
        self.make(|ledger| register_node(ledger, &spec, &policy, NOW).unwrap().change);
    }

    pub(super) fn endpoint(&mut self, attachment: &str) {
        let request = endpoint(attachment, "blue");
        let policy = Policy::default();
        self.make(|ledger| allocate(ledger, &request, &policy, NOW).unwrap().change);
    }

    pub(super) fn release(&mut self, attachment: &str) {
        let gone = gone(attachment);
        self.make(|ledger| release(ledger.catalog(), &gone, NOW).unwrap());
    }

    /// Everything since the last batch as one batch.
    pub(super) fn batch(&mut self) -> Batch {
        let from = std::mem::replace(&mut self.from, self.ledger.catalog().revision());
        let mut batch = Batch::on(from);
        for change in std::mem::take(&mut self.written) {
            assert_eq!(batch.add(&change).unwrap(), Room::Taken);
        }
        batch
    }
}

pub(crate) fn network(name: &str, vlan: &str) -> NetworkSpec {
    NetworkSpec {
        name: name.parse().unwrap(),
        vlan: vlan.parse().unwrap(),
        mtu: Default::default(),
        labels: Default::default(),
    }
}

/// A subnet for rack `r1`.
pub(crate) fn subnet(name: &str, network: &str) -> SubnetSpec {
    SubnetSpec {
        name: name.parse().unwrap(),
        network: network.parse().unwrap(),
        cidr: "10.1.0.0/24".parse().unwrap(),
        gateway: "10.1.0.1".parse().unwrap(),
        ranges: Vec::new(),
        exclusions: Vec::new(),
        placement: Placement::Rack("r1".parse().unwrap()),
        labels: Default::default(),
    }
}

/// A node in rack `r1`.
pub(crate) fn node(name: &str) -> NodeSpec {
    NodeSpec {
        name: name.parse().unwrap(),
        rack: "r1".parse().unwrap(),
        labels: Default::default(),
        boot_id: None,
        agent_version: None,
    }
}

/// An endpoint on node `n1`.
pub(crate) fn endpoint(attachment: &str, network: &str) -> AllocateRequest {
    AllocateRequest::any(
        attachment.parse().unwrap(),
        "n1".parse().unwrap(),
        network.parse().unwrap(),
    )
}

/// The end of an endpoint.
pub(crate) fn gone(attachment: &str) -> Release {
    Release {
        attachment: attachment.parse().unwrap(),
        reason: "released".to_owned(),
        expected: None,
    }
}

/// A store, and what a test can do to it from outside.
pub(super) trait Subject {
    fn store(&mut self) -> &mut dyn Store;

    /// Makes the store forget the batches before `revision`, the ones that a watch would need.
    fn compact(&mut self);

    /// Leaves no space; `false` if this subject cannot be filled.
    fn fill(&mut self) -> bool {
        false
    }

    /// Makes space again.
    fn free(&mut self) {}
}

/// How long a watch may take to bring what is there.
const SOON: Duration = Duration::from_secs(20);

/// Everything that the rest of netmaster relies on. The subject's store is empty.
pub(super) fn conforms(subject: &mut dyn Subject, runtime: &Runtime) {
    let mut author = Author::at(load(subject));
    assert_eq!(
        *author.ledger.catalog(),
        Catalog::default(),
        "a new store is empty"
    );
    keeps_what_is_put(subject, &mut author);
    refuses_what_is_stale(subject, &author);
    edits_in_one_batch_happen_together(subject, &mut author);
    takes_the_largest_batch(subject, &mut author);
    checks_and_resumes(subject);
    watches(subject, &mut author, runtime);
    watches_after_compaction(subject, &mut author, runtime);
    survives_having_no_space(subject, &mut author);
    keeps_records_out_of_memory(subject, &author, runtime);
    is_replaced_as_a_whole(subject, &author);
}

fn load(subject: &mut dyn Subject) -> Catalog {
    load_catalog(&subject.store().reader()).unwrap().0
}

fn keeps_what_is_put(subject: &mut dyn Subject, author: &mut Author) {
    author.network("blue", "100");
    author.network("green", "200");
    author.subnet_and_node();
    author.endpoint("c1/eth0");
    author.endpoint("c2/eth0");
    let first = author.batch();
    assert_eq!(first.to(), Revision::new(6));
    let position = subject.store().commit(&first).unwrap();
    assert_eq!(position.revision(), Revision::new(6));
    assert_eq!(
        load(subject),
        *author.ledger.catalog(),
        "what was put is there"
    );
}

fn refuses_what_is_stale(subject: &mut dyn Subject, author: &Author) {
    let mut rival = Author::at(Catalog::default());
    rival.network("red", "300");
    let stale = subject.store().commit(&rival.batch()).unwrap_err();
    assert!(
        matches!(stale, StoreError::Stale { expected, found }
            if expected == Revision::ZERO && found == Revision::new(6)),
        "{stale}"
    );
    subject.store().resume().unwrap();
    assert_eq!(
        load(subject),
        *author.ledger.catalog(),
        "a stale batch changes nothing"
    );
}

fn edits_in_one_batch_happen_together(subject: &mut dyn Subject, author: &mut Author) {
    let green = "green".parse().unwrap();
    author.make(|ledger| delete_network(ledger.catalog(), &green, None).unwrap());
    author.release("c1/eth0");
    // The same keys once more in one batch: the last edit counts.
    author.endpoint("c1/eth0");
    author.release("c1/eth0");
    author.network("green", "201");
    subject.store().commit(&author.batch()).unwrap();
    let loaded = load(subject);
    assert_eq!(
        loaded,
        *author.ledger.catalog(),
        "deletes and puts of one batch happen together, each key once"
    );
    assert_eq!(loaded.revision(), Revision::new(11));
}

fn takes_the_largest_batch(subject: &mut dyn Subject, author: &mut Author) {
    for vlan in 1001..1128 {
        author.network(&format!("net{vlan}"), &vlan.to_string());
    }
    let batch = author.batch();
    assert_eq!(batch.values().count(), Batch::OPERATIONS);
    subject.store().commit(&batch).unwrap();
    assert_eq!(load(subject), *author.ledger.catalog());
}

fn checks_and_resumes(subject: &mut dyn Subject) {
    subject.store().check().unwrap();
    let revision = load(subject).revision();
    let store = subject.store();
    assert_eq!(store.resume().unwrap().revision(), revision);
    store.check().unwrap();
}

fn watches(subject: &mut dyn Subject, author: &mut Author, runtime: &Runtime) {
    let reader = subject.store().reader();
    let (_, start) = load_catalog(&reader).unwrap();
    author.network("w1", "1201");
    author.network("w2", "1202");
    subject.store().commit(&author.batch()).unwrap();
    let mut watch = reader.watch(start);
    let first = next(runtime, &mut watch).unwrap();
    assert_eq!(first.from, start.revision());
    assert_eq!(first.to.revision().number(), start.revision().number() + 2);
    let keys: Vec<_> = first.values.iter().map(|(key, _)| key.as_str()).collect();
    assert_eq!(
        keys,
        ["/trunkline/v1/networks/w1", "/trunkline/v1/networks/w2"],
        "a batch comes whole, in order and without the revision's key"
    );
    // What comes while it waits, and deletes.
    let w1 = "w1".parse().unwrap();
    author.make(|ledger| delete_network(ledger.catalog(), &w1, None).unwrap());
    let batch = author.batch();
    let second = std::thread::scope(|scope| {
        let waiting = scope.spawn(|| next(runtime, &mut watch).unwrap());
        subject.store().commit(&batch).unwrap();
        waiting.join().unwrap()
    });
    assert_eq!(
        second.values,
        [("/trunkline/v1/networks/w1".to_owned(), None)]
    );
    assert_eq!(second.from, first.to.revision());
    // Another watch resumes where the first one was.
    let resumed = next(runtime, &mut reader.watch(first.to)).unwrap();
    assert_eq!(resumed, second);
}

fn watches_after_compaction(subject: &mut dyn Subject, author: &mut Author, runtime: &Runtime) {
    let reader = subject.store().reader();
    let (_, start) = load_catalog(&reader).unwrap();
    // More than the embedded store keeps.
    for round in 0..300 {
        let name = format!("round{round}");
        author.network(&name, "1300");
        subject.store().commit(&author.batch()).unwrap();
        let name = name.parse().unwrap();
        author.make(|ledger| delete_network(ledger.catalog(), &name, None).unwrap());
        subject.store().commit(&author.batch()).unwrap();
    }
    subject.compact();
    let compacted = next(runtime, &mut reader.watch(start)).unwrap_err();
    assert!(
        matches!(compacted, WatchError::Compacted { after } if after == start.revision()),
        "{compacted}"
    );
    let (catalog, position) = load_catalog(&reader).unwrap();
    assert_eq!(catalog, *author.ledger.catalog());
    let mut watch = reader.watch(position);
    author.network("w3", "1203");
    subject.store().commit(&author.batch()).unwrap();
    let after = next(runtime, &mut watch).unwrap();
    assert_eq!(after.from, position.revision());
}

fn survives_having_no_space(subject: &mut dyn Subject, author: &mut Author) {
    if !subject.fill() {
        return;
    }
    let mut vlan = 2000;
    let error = loop {
        for _ in 0..120 {
            vlan += 1;
            author.network(&format!("full{vlan}"), &vlan.to_string());
        }
        match subject.store().commit(&author.batch()) {
            Ok(_) => assert!(vlan < 3900, "it does not fill up"),
            Err(error) => break error,
        }
    };
    assert!(error.is_full(), "{error}");
    // Reading goes on, if only after the store was looked after.
    while let Err(error) = subject.store().resume() {
        assert!(error.is_full(), "{error}");
        subject.free();
    }
    let kept = load(subject);
    assert!(
        kept.revision() < author.ledger.catalog().revision(),
        "nothing of the last batch"
    );
    subject.free();
    *author = Author::at(kept);
    author.network("after", "3999");
    subject.store().commit(&author.batch()).unwrap();
    assert_eq!(load(subject), *author.ledger.catalog());
}

fn keeps_records_out_of_memory(subject: &mut dyn Subject, author: &Author, runtime: &Runtime) {
    let record = |number: u32| (format!("{HOLDINGS}10.0.0.1/{number:03}"), vec![b'r'; 10]);
    let mut entries = Vec::new();
    let reader = subject.store().reader();
    let position = reader
        .dump(&mut |key, value| entries.push((key.to_owned(), value.to_vec())))
        .unwrap();
    entries.extend((0..25).map(record));
    entries.push((format!("{EVENTS}1"), vec![b'e'; 10]));
    let mut restored = entries.into_iter().map(Ok);
    subject
        .store()
        .replace(position.revision(), &mut restored)
        .unwrap();
    let reader = subject.store().reader();
    assert_eq!(
        load(subject),
        *author.ledger.catalog(),
        "records are not loaded"
    );
    let address = format!("{HOLDINGS}10.0.0.1/");
    let scan = |after: Option<&str>, limit| {
        runtime
            .block_on(reader.scan(&address, after, limit))
            .unwrap()
    };
    let first = scan(None, 10);
    assert_eq!(first, (0..10).map(record).collect::<Vec<_>>());
    let rest = scan(Some(&first[9].0), 100);
    assert_eq!(rest, (10..25).map(record).collect::<Vec<_>>());
    assert_eq!(scan(Some(&rest[14].0), 100), []);
}

fn is_replaced_as_a_whole(subject: &mut dyn Subject, author: &Author) {
    let mut other = Author::at(Catalog::default());
    other.network("other", "7");
    let path = "/trunkline/v1/networks/other".to_owned();
    let batch = other.batch();
    let value = batch.values().next().unwrap().1.unwrap().to_vec();
    let torn = || {
        Err(StoreError::Content {
            source: "the disk was pulled out".into(),
        })
    };
    let entry = || Ok((path.clone(), value.clone()));
    let failed = subject
        .store()
        .replace(Revision::new(9), &mut [entry(), torn()].into_iter());
    assert!(
        matches!(failed, Err(StoreError::Content { .. })),
        "{failed:?}"
    );
    match load_catalog(&subject.store().reader()) {
        Ok((catalog, _)) => assert_eq!(catalog, *author.ledger.catalog(), "all as it was"),
        Err(error) => assert!(matches!(error, StoreError::Incomplete), "{error}"),
    }
    subject
        .store()
        .replace(Revision::new(9), &mut [entry()].into_iter())
        .unwrap();
    let loaded = load(subject);
    assert_eq!(loaded.revision(), Revision::new(9));
    assert_eq!(loaded.networks().count(), 1);
    assert_eq!(loaded.endpoints().count(), 0);
    // And it can be written to.
    let mut author = Author::at(loaded);
    author.network("next", "8");
    subject.store().commit(&author.batch()).unwrap();
    assert_eq!(load(subject), *author.ledger.catalog());
}

pub(super) fn next(runtime: &Runtime, watch: &mut Watch) -> Result<StoredBatch, WatchError> {
    runtime
        .block_on(async { tokio::time::timeout(SOON, watch.next()).await })
        .expect("the watch brings nothing")
}
