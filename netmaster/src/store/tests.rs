//! The written form of objects.

use std::sync::Arc;

use trunkline_ipam::{Catalog, Change, Edit, Key, Object, Release, delete_network, release};

use super::conformance::{Author, NOW};
use super::*;

#[test]
fn a_batch_never_edits_a_key_twice() {
    let mut author = Author::at(Catalog::default());
    author.network("blue", "100");
    let blue = "blue".parse().unwrap();
    author.make(|ledger| delete_network(ledger.catalog(), &blue, None).unwrap());
    author.network("blue", "101");
    let batch = author.batch();
    let edits: Vec<_> = batch.values().collect();
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

/// A change of that many keys, which follows `from`.
fn change(from: u64, keys: u64) -> Change {
    let deletions = (0..keys).map(|key| {
        let name = format!("net{from}-{key}").parse().unwrap();
        Edit::Delete(Key::Network(name))
    });
    Change::new(Revision::new(from + 1), deletions.collect())
}

#[test]
fn a_batch_takes_as_many_keys_as_etcd_does_and_the_rest_goes_into_the_next() {
    let mut batch = Batch::on(Revision::ZERO);
    assert_eq!(batch.add(&change(0, 100)).unwrap(), Room::Taken);
    assert_eq!(batch.add(&change(1, 28)).unwrap(), Room::Full);
    assert_eq!(batch.to(), Revision::new(1), "a change is never split");
    assert_eq!(batch.add(&change(1, 27)).unwrap(), Room::Taken);
    assert_eq!(batch.values().count(), Batch::OPERATIONS);
    // A key that is edited again takes no more room.
    assert_eq!(batch.add(&change(0, 100)).unwrap(), Room::Taken);
    assert_eq!(batch.add(&change(2, 1)).unwrap(), Room::Full);
}

#[test]
fn a_change_that_fits_no_batch_is_refused_with_its_size() {
    let error = Batch::on(Revision::ZERO).add(&change(0, 128)).unwrap_err();
    assert!(
        error.to_string().starts_with("a change of 129 keys"),
        "{error}"
    );
}

#[test]
fn a_change_that_only_this_store_takes_has_a_batch_of_its_own() {
    let capacity = Capacity {
        operations: 200,
        bytes: 1 << 20,
    };
    let mut batch = Batch::within(capacity, Revision::ZERO);
    assert_eq!(batch.add(&change(0, 1)).unwrap(), Room::Taken);
    assert_eq!(batch.add(&change(1, 199)).unwrap(), Room::Full);
    let mut batch = Batch::within(capacity, Revision::new(1));
    assert_eq!(batch.add(&change(1, 199)).unwrap(), Room::Taken);
    assert_eq!(batch.values().count(), 200);
    assert_eq!(batch.add(&change(2, 1)).unwrap(), Room::Full);
    let error = Batch::within(capacity, Revision::ZERO).add(&change(0, 200));
    let error = error.unwrap_err().to_string();
    assert!(error.contains("(200 keys, 1048576 bytes)"), "{error}");
}

#[test]
fn a_batch_has_a_size_in_bytes_too() {
    let mut author = Author::at(Catalog::default());
    author.network("blue", "100");
    author.subnet_and_node();
    let catalog = author.ledger.catalog();
    let subnet = |ranges: u32| {
        let ranges = (0..ranges).map(|range| {
            let first = std::net::Ipv4Addr::from(0x0a00_0002 + 4 * range);
            format!("{first}-{first}").parse().unwrap()
        });
        let subnet = trunkline_ipam::Subnet {
            ranges: ranges.collect(),
            ..trunkline_ipam::Subnet::clone(catalog.subnet(&"blue-1".parse().unwrap()).unwrap())
        };
        Change::new(
            Revision::new(1),
            vec![Edit::Put(Object::Subnet(Arc::new(subnet)))],
        )
    };
    let mut batch = Batch::on(Revision::ZERO);
    let error = batch.add(&subnet(60_000)).unwrap_err();
    assert!(
        matches!(error, StoreError::TooLarge { operations: 2, bytes, .. } if bytes > Batch::BYTES)
    );
    assert_eq!(batch.add(&subnet(30_000)).unwrap(), Room::Taken);
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
    let batch = author.batch();
    let text: Vec<_> = batch
        .values()
        .filter_map(|(key, value)| Some(format!("{key} {}", String::from_utf8_lossy(value?))))
        .collect();
    assert_eq!(
        text,
        [
            r#"/trunkline/v1/addresses/10.1.0.2 {"version":1,"ip":"10.1.0.2","subnet":"blue-1","network":"blue","state":{"bound":{"attachment":"c1/eth0"}},"since":1700000000,"revision":4}"#,
            r#"/trunkline/v1/addresses/10.1.0.3 {"version":1,"ip":"10.1.0.3","subnet":"blue-1","network":"blue","state":{"released":{}},"since":1700000000,"revision":6}"#,
            r#"/trunkline/v1/endpoints/c1/eth0 {"version":1,"attachment":"c1/eth0","node":"n1","network":"blue","mac":"02:01:0a:01:00:02","addresses":[{"ip":"10.1.0.2","subnet":"blue-1"}],"created":1700000000,"revision":4}"#,
            r#"/trunkline/v1/holdings/10.1.0.3/00000000000000000006 {"version":1,"ip":"10.1.0.3","attachment":"c2/eth0","node":"n1","network":"blue","mac":"02:01:0a:01:00:03","from":1700000000,"to":1700000000,"reason":"released","revision":6}"#,
            r#"/trunkline/v1/networks/blue {"version":1,"name":"blue","vlan":100,"mtu":1500,"revision":1}"#,
            r#"/trunkline/v1/nodes/n1 {"version":1,"name":"n1","rack":"r1","last_heard":1700000000,"fence":3,"reported":0,"revision":3}"#,
            r#"/trunkline/v1/subnets/blue-1 {"version":1,"name":"blue-1","network":"blue","cidr":"10.1.0.0/24","gateway":"10.1.0.1","ranges":["10.1.0.1-10.1.0.254"],"placement":{"rack":"r1"},"revision":2}"#,
            r#"/trunkline/v1/revision {"version":1,"revision":6}"#,
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

#[test]
fn a_lease_that_was_written_without_its_slot_is_read() {
    let path = "/trunkline/v1/addresses/10.1.0.9";
    let older = br#"{"version":1,"ip":"10.1.0.9","subnet":"b","network":"blue",
        "state":{"leased":{"node":"n1"}},"since":1700000000,"revision":3}"#;
    let Object::Address(address) = codec::decode(path, older).unwrap() else {
        panic!("not an address");
    };
    let unknown = trunkline_ipam::AddressState::Leased {
        node: "n1".parse().unwrap(),
        recalled: false,
        slot: None,
    };
    assert_eq!(address.state, unknown);
}
