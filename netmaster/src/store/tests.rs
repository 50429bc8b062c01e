//! What every kind of store does. Each kind runs [`conforms`].

use trunkline_ipam::{
    AllocateRequest, Change, Ledger, NetworkSpec, NodeSpec, Policy, Release, SubnetSpec, Timestamp,
    allocate, create_network, create_subnet, delete_network, register_node, release,
};

use super::*;

const NOW: Timestamp = Timestamp::from_unix_seconds(1_700_000_000);

/// A ledger that keeps its changes for the store.
struct Author {
    ledger: Ledger,
    written: Vec<Change>,
}

impl Author {
    fn at(catalog: Catalog) -> Self {
        Self {
            ledger: Ledger::of(catalog),
            written: Vec::new(),
        }
    }

    fn make(&mut self, plan: impl FnOnce(&Ledger) -> Change) {
        let change = plan(&self.ledger);
        self.ledger.apply(&change);
        self.written.push(change);
    }

    fn network(&mut self, name: &str, vlan: &str) {
        let spec = NetworkSpec {
            name: name.parse().unwrap(),
            vlan: vlan.parse().unwrap(),
            mtu: Default::default(),
            labels: Default::default(),
        };
        self.make(|ledger| create_network(ledger.catalog(), &spec).unwrap().change);
    }

    fn subnet_and_node(&mut self) {
        let spec = SubnetSpec {
            name: "blue-1".parse().unwrap(),
            network: "blue".parse().unwrap(),
            cidr: "10.1.0.0/24".parse().unwrap(),
            gateway: "10.1.0.1".parse().unwrap(),
            ranges: Vec::new(),
            exclusions: Vec::new(),
            placement: trunkline_ipam::Placement::Rack("r1".parse().unwrap()),
            labels: Default::default(),
        };
        self.make(|ledger| create_subnet(ledger.catalog(), &spec).unwrap().change);
        let spec = NodeSpec {
            name: "n1".parse().unwrap(),
            rack: "r1".parse().unwrap(),
            labels: Default::default(),
            boot_id: None,
            agent_version: None,
        };
        self.make(|ledger| {
            register_node(ledger, &spec, &Policy::default(), NOW)
                .unwrap()
                .change
        });
    }

    fn endpoint(&mut self, attachment: &str) {
        let node = "n1".parse().unwrap();
        let network = "blue".parse().unwrap();
        let request = AllocateRequest::any(attachment.parse().unwrap(), node, network);
        let policy = Policy::default();
        self.make(|ledger| allocate(ledger, &request, &policy, NOW).unwrap().change);
    }

    /// Everything since the last batch as one batch.
    fn batch(&mut self, from: Revision) -> Batch {
        Batch::of(from, &std::mem::take(&mut self.written)).unwrap()
    }
}

/// Everything that the rest of netmaster relies on. `store` is empty.
pub(super) fn conforms(store: &mut dyn Store) {
    let empty = load_catalog(store).unwrap();
    assert_eq!(empty, Catalog::default(), "a new store is empty");

    let mut author = Author::at(empty);
    author.network("blue", "100");
    author.network("green", "200");
    author.subnet_and_node();
    author.endpoint("c1/eth0");
    author.endpoint("c2/eth0");
    let first = author.batch(Revision::ZERO);
    assert_eq!(first.to(), Revision::new(6));
    store.commit(&first).unwrap();
    let loaded = load_catalog(store).unwrap();
    assert_eq!(loaded, *author.ledger.catalog(), "what was put is there");

    let stale = store.commit(&first).unwrap_err();
    assert!(
        matches!(stale, StoreError::Stale { expected, found }
            if expected == Revision::ZERO && found == Revision::new(6)),
        "{stale}"
    );
    assert_eq!(
        load_catalog(store).unwrap(),
        loaded,
        "a stale batch changes nothing"
    );

    let green = "green".parse().unwrap();
    author.make(|ledger| delete_network(ledger.catalog(), &green, None).unwrap());
    let gone = Release {
        attachment: "c1/eth0".parse().unwrap(),
        reason: "released".to_owned(),
        expected: None,
    };
    author.make(|ledger| release(ledger.catalog(), &gone, NOW).unwrap());
    // The same keys once more in one batch: the last edit counts.
    author.endpoint("c1/eth0");
    author.make(|ledger| release(ledger.catalog(), &gone, NOW).unwrap());
    author.network("green", "201");
    let second = author.batch(Revision::new(6));
    store.commit(&second).unwrap();
    let loaded = load_catalog(store).unwrap();
    assert_eq!(
        loaded,
        *author.ledger.catalog(),
        "deletes and puts of one batch happen together, each key once"
    );
    assert_eq!(loaded.revision(), Revision::new(11));
}

#[test]
fn a_batch_never_edits_a_key_twice() {
    let mut author = Author::at(Catalog::default());
    author.network("blue", "100");
    let blue = "blue".parse().unwrap();
    author.make(|ledger| delete_network(ledger.catalog(), &blue, None).unwrap());
    author.network("blue", "101");
    let batch = author.batch(Revision::ZERO);
    let edits: Vec<_> = batch.edits().collect();
    assert_eq!(edits.len(), 2);
    assert_eq!(edits[0].0, "/trunkline/v1/networks/blue");
    assert_eq!(
        edits[0].1.map(String::from_utf8_lossy).unwrap(),
        r#"{"version":1,"name":"blue","vlan":101,"mtu":1500,"revision":3}"#
    );
    assert_eq!(edits[1].0, "/trunkline/v1/revision");
    assert_eq!(
        edits[1].1.map(String::from_utf8_lossy).unwrap(),
        r#"{"version":1,"revision":3}"#
    );
}

#[test]
fn the_written_form_of_addresses_and_endpoints_stays_as_it_is() {
    let mut author = Author::at(Catalog::default());
    author.network("blue", "100");
    author.subnet_and_node();
    author.endpoint("c1/eth0");
    author.endpoint("c2/eth0");
    let gone = Release {
        attachment: "c2/eth0".parse().unwrap(),
        reason: "released".to_owned(),
        expected: None,
    };
    author.make(|ledger| release(ledger.catalog(), &gone, NOW).unwrap());
    let batch = author.batch(Revision::ZERO);
    let text: Vec<_> = batch
        .edits()
        .filter_map(|(key, value)| Some(format!("{key} {}", String::from_utf8_lossy(value?))))
        .collect();
    assert_eq!(
        text,
        [
            r#"/trunkline/v1/addresses/10.1.0.2 {"version":1,"ip":"10.1.0.2","subnet":"blue-1","network":"blue","state":{"bound":{"attachment":"c1/eth0"}},"since":1700000000,"revision":4}"#,
            r#"/trunkline/v1/addresses/10.1.0.3 {"version":1,"ip":"10.1.0.3","subnet":"blue-1","network":"blue","state":{"released":{}},"since":1700000000,"revision":6}"#,
            r#"/trunkline/v1/endpoints/c1/eth0 {"version":1,"attachment":"c1/eth0","node":"n1","network":"blue","mac":"02:01:0a:01:00:02","addresses":[{"ip":"10.1.0.2","subnet":"blue-1"}],"created":1700000000,"revision":4}"#,
            r#"/trunkline/v1/networks/blue {"version":1,"name":"blue","vlan":100,"mtu":1500,"revision":1}"#,
            r#"/trunkline/v1/nodes/n1 {"version":1,"name":"n1","rack":"r1","last_heard":1700000000,"fence":1,"reported":0,"revision":3}"#,
            r#"/trunkline/v1/revision {"version":1,"revision":6}"#,
            r#"/trunkline/v1/subnets/blue-1 {"version":1,"name":"blue-1","network":"blue","cidr":"10.1.0.0/24","gateway":"10.1.0.1","ranges":["10.1.0.1-10.1.0.254"],"placement":{"rack":"r1"},"revision":2}"#,
        ]
    );
}

#[test]
fn damaged_values_are_refused_by_their_key() {
    let path = "/trunkline/v1/networks/blue";
    let good = r#"{"version":1,"name":"blue","vlan":100,"mtu":1500,"revision":3}"#;
    assert!(codec::decode(path, good.as_bytes()).is_ok());
    for (path, value) in [
        (path, "{"),
        (path, &good.replace("100", "0")),
        (path, &good.replace(r#""version":1"#, r#""version":2"#)),
        (path, &good.replace("blue", "red")),
        ("/trunkline/v1/colours/blue", good),
    ] {
        let error = codec::decode(path, value.as_bytes()).unwrap_err();
        assert!(error.to_string().contains(&format!("`{path}`")), "{error}");
    }
}
