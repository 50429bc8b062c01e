use std::collections::BTreeSet;

use trunkline_ipam::{
    Address, AddressState, Conflict, NetworkSpec, Object, Placement, Revision, SubnetSpec,
    create_network, create_subnet,
};

use super::*;
use crate::feed::Happening;

const NOW: Timestamp = Timestamp::from_unix_seconds(1_700_000_000);

/// Every metric with a sample.
fn sampled() -> String {
    let metrics = Metrics::new(Policy::default());
    metrics.request("GET", "/v1/networks", 200, Duration::from_millis(3));
    metrics.refused(ErrorCode::SubnetFull);
    metrics.node_request("status", "answered");
    metrics.found("address_collected");
    metrics.pruned("event", 3);
    metrics.sweeper_failed("collect");
    let kind = "address_conflict".to_owned();
    metrics
        .shared
        .events
        .get_or_create(&KindLabel { kind })
        .inc();
    metrics.shared.commit_time.observe(0.002);
    metrics.shared.batch.observe(32.0);
    let present = Present {
        leading: true,
        revision: 17,
        subscribers: 2,
        subnets: vec![("blue-r1".parse().unwrap(), vec![("free", 12)])],
        heard: 3,
        silent: 1,
        certificates: vec![("/etc/trunkline/ca.pem".to_owned(), 1_800_000_000)],
    };
    metrics.exposition(&present).unwrap()
}

/// The names after `# TYPE`, with `_total` for counters, as a query needs it.
fn names(exposition: &str) -> BTreeSet<String> {
    let types = exposition
        .lines()
        .filter_map(|line| line.strip_prefix("# TYPE "));
    types
        .map(|line| match line.split_once(' ').unwrap() {
            (name, "counter") => format!("{name}_total"),
            (name, "info") => format!("{name}_info"),
            (name, _) => name.to_owned(),
        })
        .collect()
}

#[test]
fn every_metric_is_documented_and_every_documented_one_exists() {
    let page = include_str!("../../../docs/operations.md");
    let rows = page
        .lines()
        .filter_map(|line| line.strip_prefix("| `netmaster_"));
    let documented: BTreeSet<String> = rows
        .map(|row| format!("netmaster_{}", row.split(['`', '{']).next().unwrap()))
        .collect();
    assert_eq!(documented, names(&sampled()));
}

#[test]
fn the_exposition_is_as_prometheus_reads_it() {
    let text = sampled();
    for line in [
        r#"netmaster_requests_total{method="GET",route="/v1/networks",status="200"} 1"#,
        r#"netmaster_request_seconds_count{method="GET",route="/v1/networks"} 1"#,
        r#"netmaster_refusals_total{code="subnet_full"} 1"#,
        r#"netmaster_leading 1"#,
        r#"netmaster_subnet_addresses{subnet="blue-r1",state="free"} 12"#,
        r#"netmaster_nodes{state="silent"} 1"#,
        r#"netmaster_store_commit_seconds_sum 0.002"#,
        r#"netmaster_certificate_not_after_timestamp_seconds{file="/etc/trunkline/ca.pem"} 1800000000"#,
    ] {
        assert!(text.lines().any(|other| other == line), "{line}\n{text}");
    }
    assert!(text.ends_with("# EOF\n"));
}

#[test]
fn a_subnet_that_is_gone_is_no_longer_told_of() {
    let metrics = Metrics::new(Policy::default());
    let with = |names: &[&str]| {
        let subnets = names
            .iter()
            .map(|name| (name.parse().unwrap(), vec![("free", 1)]));
        let present = Present {
            subnets: subnets.collect(),
            ..Present::default()
        };
        metrics.exposition(&present).unwrap()
    };
    assert!(with(&["blue", "green"]).contains("green"));
    assert!(!with(&["blue"]).contains("green"));
}

#[test]
fn a_watch_counts_for_as_long_as_it_is_open() {
    let metrics = Metrics::new(Policy::default());
    let open = metrics.watching();
    assert_eq!(metrics.shared.watches.get(), 1);
    drop(open);
    assert_eq!(metrics.shared.watches.get(), 0);
}

/// A catalog with subnet `blue` of 10 addresses.
fn catalog() -> Catalog {
    let mut catalog = Catalog::default();
    let network = NetworkSpec {
        name: "blue".parse().unwrap(),
        vlan: "100".parse().unwrap(),
        mtu: Default::default(),
        labels: Default::default(),
    };
    catalog.apply(&create_network(&catalog, &network).unwrap().change);
    let subnet = SubnetSpec {
        name: "blue".parse().unwrap(),
        network: "blue".parse().unwrap(),
        cidr: "10.1.0.0/24".parse().unwrap(),
        gateway: "10.1.0.1".parse().unwrap(),
        ranges: vec!["10.1.0.10-10.1.0.19".parse().unwrap()],
        exclusions: Vec::new(),
        placement: Placement::Anywhere,
        labels: Default::default(),
    };
    catalog.apply(&create_subnet(&catalog, &subnet).unwrap().change);
    catalog
}

fn address(ip: &str, state: AddressState, conflict: bool) -> Object {
    Object::Address(Arc::new(Address {
        ip: ip.parse().unwrap(),
        subnet: "blue".parse().unwrap(),
        network: "blue".parse().unwrap(),
        state,
        since: NOW,
        conflict: conflict.then(|| {
            Box::new(Conflict {
                mac: "02:00:00:00:00:07".parse().unwrap(),
                seen: NOW,
                node: "n1".parse().unwrap(),
            })
        }),
        revision: Revision::new(9),
    }))
}

fn released() -> AddressState {
    AddressState::Released {
        owner: None,
        reservation: None,
    }
}

fn bound() -> AddressState {
    AddressState::Bound {
        attachment: "c1/eth0".parse().unwrap(),
    }
}

#[test]
fn addresses_are_counted_as_they_change_their_state() {
    let (tallies, catalog) = (Tallies::new(Policy::default()), catalog());
    tallies.recount(&catalog, NOW);
    let counts = |now| {
        let counts = tallies.counts(&catalog, now).remove(0).1;
        counts
            .into_iter()
            .map(|(_, count)| count)
            .collect::<Vec<_>>()
    };
    let mut before: Option<Object> = None;
    let mut become_ = |state, conflict| {
        let object = address("10.1.0.10", state, conflict);
        let put = Happening::Put {
            object: object.clone(),
            before: before.replace(object),
        };
        tallies.see(&put, NOW);
    };
    // free, bound, leased, node, cooling, conflict
    assert_eq!(counts(NOW), [10, 0, 0, 0, 0, 0]);
    become_(
        AddressState::Leased {
            node: "n1".parse().unwrap(),
            recalled: false,
            slot: None,
        },
        false,
    );
    assert_eq!(counts(NOW), [9, 0, 1, 0, 0, 0]);
    become_(bound(), false);
    assert_eq!(counts(NOW), [9, 1, 0, 0, 0, 0]);
    become_(bound(), true);
    assert_eq!(counts(NOW), [9, 1, 0, 0, 0, 0]);
    become_(released(), true);
    assert_eq!(counts(NOW), [9, 0, 0, 0, 0, 1]);
    become_(released(), false);
    assert_eq!(counts(NOW), [9, 0, 0, 0, 1, 0]);
    // It is free when it has cooled down, though nothing happens then.
    assert_eq!(counts(NOW.after(59)), [9, 0, 0, 0, 1, 0]);
    assert_eq!(counts(NOW.after(60)), [10, 0, 0, 0, 0, 0]);
    become_(bound(), false);
    tallies.see(&Happening::Deleted(before.unwrap()), NOW);
    assert_eq!(counts(NOW), [10, 0, 0, 0, 0, 0]);
}
