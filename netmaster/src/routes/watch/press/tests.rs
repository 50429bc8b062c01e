use std::collections::BTreeSet;

use axum::http::Uri;
use trunkline_ipam::{Catalog, Endpoint, Policy, Pool, Subnet, Timestamp};
use trunkline_types::MacAddr;

use super::super::super::endpoints::Endpoints;
use super::super::super::pools::Pools;
use super::super::super::query::Parameters;
use super::*;

/// An endpoint whose network is gone, so that there is no view of it any more.
fn endpoint(attachment: &str, node: &str, network: &str) -> Object {
    Object::Endpoint(Arc::new(Endpoint {
        attachment: attachment.parse().unwrap(),
        pod: None,
        pod_uid: None,
        node: node.parse().unwrap(),
        network: network.parse().unwrap(),
        mac: MacAddr::new([2, 0, 0, 0, 0, 1]),
        addresses: Vec::new(),
        profile: None,
        reservation: None,
        created: Timestamp::default(),
        revision: Revision::new(1),
    }))
}

/// What somebody with this selector sees of the end of `objects`, who is for this network only if
/// one is named.
fn seen<N: Noun>(objects: Vec<Object>, selector: &str, network: Option<&str>) -> String {
    let catalog = Catalog::default();
    let scene = Scene {
        catalog: &catalog,
        policy: &Policy::default(),
        now: Timestamp::default(),
    };
    let publication = Publication {
        from: Revision::new(1),
        to: Revision::new(2),
        happenings: objects.into_iter().map(Happening::Deleted).collect(),
    };
    let uri = format!("/v1/any?fieldSelector={selector}");
    let mut parameters = Parameters::of(&uri.parse::<Uri>().unwrap()).unwrap();
    let networks = network.map(|name| Arc::new(BTreeSet::from([name.parse().unwrap()])));
    let selection = Selection::take::<N>(&mut parameters).unwrap();
    let lines = Sheet::of::<N>(&scene, &publication).lines(&selection.within(networks));
    String::from_utf8(lines.to_vec()).unwrap()
}

#[test]
fn the_end_of_an_object_without_a_view_is_told_to_those_only_who_may_know_of_it() {
    let ends = |selector, network| {
        let objects = vec![
            endpoint("own/eth0", "n1", "blue"),
            endpoint("other/eth0", "n2", "green"),
        ];
        let lines = seen::<Endpoints>(objects, selector, network);
        ["own/eth0", "other/eth0"].map(|key| lines.contains(key))
    };
    // A token of some networks, and the agent of a node.
    assert_eq!(ends("", Some("blue")), [true, false]);
    assert_eq!(ends("node=n1", None), [true, false]);
    assert_eq!(ends("node=n2", Some("blue")), [false, false]);
    // Whoever may know of everything forgets what was asked for, and what was not.
    assert_eq!(ends("pod=shop/web-0", None), [true, true]);
    assert_eq!(ends("", None), [true, true]);
}

#[test]
fn the_end_of_a_pool_that_goes_with_its_subnet_is_told_to_those_who_are_for_its_network() {
    let ends = |network| {
        let subnet = Subnet {
            name: "blue-r1".parse().unwrap(),
            network: "blue".parse().unwrap(),
            cidr: "10.1.0.0/24".parse().unwrap(),
            gateway: "10.1.0.1".parse().unwrap(),
            ranges: Vec::new(),
            exclusions: Vec::new(),
            former_gateways: Vec::new(),
            placement: Default::default(),
            labels: Default::default(),
            deleting: true,
            revision: Revision::new(1),
        };
        let pool = Pool {
            subnet: subnet.name.clone(),
            name: "web".parse().unwrap(),
            ranges: Vec::new(),
            labels: Default::default(),
            revision: Revision::new(1),
        };
        let objects = vec![
            Object::Subnet(Arc::new(subnet)),
            Object::Pool(Arc::new(pool)),
        ];
        seen::<Pools>(objects, "", Some(network)).contains("blue-r1/web")
    };
    assert!(ends("blue"));
    assert!(!ends("green"));
}
