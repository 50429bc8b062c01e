//! `set`: read, change, update, and what happens when somebody else was quicker.

use std::sync::mpsc;

use serde_json::{Value, json};
use trunkline_netmaster_api::{ErrorCode, Network, Problem};

use crate::canned::{blue, serve, subnet, text};
use crate::{golden, netctl};

/// What is asked in turn, and what is answered.
type Script = Vec<(&'static str, u16, String)>;

/// A netmaster that expects these requests in this order, and tells what their bodies were.
fn scripted(script: Script) -> (String, mpsc::Receiver<Value>) {
    let (bodies, received) = mpsc::channel();
    let mut script = script.into_iter();
    let url = serve(Box::new(move |request, body| {
        let (expected, status, answer) = script.next().expect(request);
        assert_eq!(request, expected);
        // The test may have seen enough.
        let _ = bodies.send(serde_json::from_str(body).unwrap_or_default());
        (status, answer)
    }));
    (url, received)
}

fn blue_at(revision: u64) -> String {
    text(&Network { revision, ..blue() })
}

fn stale() -> String {
    let detail = "network `blue` is at revision 2 and not at 1 any more: look at it again with \
                  `netctl network show blue`, and repeat the request if it still fits";
    text(&Problem::new(ErrorCode::StaleRevision, detail).at(2))
}

const GET: &str = "GET /v1/networks/blue";
const PUT: &str = "PUT /v1/networks/blue";

#[test]
fn a_set_that_came_second_is_made_once_more() {
    let (url, bodies) = scripted(vec![
        (GET, 200, blue_at(1)),
        (PUT, 409, stale()),
        (GET, 200, blue_at(2)),
        (PUT, 200, blue_at(3)),
    ]);
    let output = netctl(&url, "network set blue --mtu 9000")
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    assert_eq!(output.stdout, b"network blue changed\n");
    let bodies: Vec<_> = bodies.try_iter().collect();
    assert_eq!(bodies[1]["revision"], 1);
    assert_eq!(
        bodies[3],
        json!({"revision": 2, "name": "blue", "vlan": 100, "mtu": 9000})
    );
}

#[test]
fn a_set_is_made_no_more_than_twice() {
    let (url, _bodies) = scripted(vec![
        (GET, 200, blue_at(1)),
        (PUT, 409, stale()),
        (GET, 200, blue_at(1)),
        (PUT, 409, stale()),
    ]);
    let output = netctl(&url, "network set blue --mtu 9000")
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(4), "{output:?}");
}

#[test]
fn a_set_at_a_revision_is_made_at_that_one_only() {
    let (url, bodies) = scripted(vec![(GET, 200, blue_at(2)), (PUT, 409, stale())]);
    golden(
        "stale.txt",
        &url,
        &["network set blue --mtu 9000 --revision 1"],
    );
    assert_eq!(bodies.try_iter().nth(1).unwrap()["revision"], 1);
}

#[test]
fn a_set_changes_what_is_given_and_nothing_else() {
    let blue_r1 = || text(&subnet(Some("r1")));
    let whole = json!({
        "revision": 3, "name": "blue-r1", "network": "blue", "cidr": "10.1.0.0/24",
        "gateway": "10.1.0.1", "ranges": ["10.1.0.10-10.1.0.99", "10.1.0.200-10.1.0.209"],
        "rack": "r1",
    });
    let with = |changes: Value| {
        let mut whole = whole.clone();
        for (name, value) in changes.as_object().unwrap() {
            whole[name] = value.clone();
        }
        let fields = whole.as_object_mut().unwrap();
        fields.retain(|_, value| !value.is_null());
        whole
    };
    for (flags, expected) in [
        ("--gateway 10.1.0.2", with(json!({"gateway": "10.1.0.2"}))),
        ("--no-rack", with(json!({"rack": null}))),
        (
            "--no-rack --nodes zone=a",
            with(json!({"rack": null, "nodes": "zone=a"})),
        ),
        (
            "--range 10.1.0.5",
            with(json!({"ranges": ["10.1.0.5-10.1.0.5"]})),
        ),
        ("--no-range", with(json!({"ranges": null}))),
        (
            "--rm-range 10.1.0.200-10.1.0.209 --add-range 10.1.0.150",
            with(json!({"ranges": ["10.1.0.10-10.1.0.99", "10.1.0.150-10.1.0.150"]})),
        ),
        (
            "--exclude 10.1.0.50 --label a=b --label c=",
            with(json!({"exclusions": ["10.1.0.50-10.1.0.50"], "labels": {"a": "b", "c": ""}})),
        ),
        (
            "--label a=b --no-label a",
            with(json!({"labels": {"a": "b"}})),
        ),
    ] {
        let (url, bodies) = scripted(vec![
            ("GET /v1/subnets/blue-r1", 200, blue_r1()),
            ("PUT /v1/subnets/blue-r1", 200, blue_r1()),
        ]);
        let output = netctl(&url, &format!("subnet set blue-r1 {flags}"))
            .output()
            .unwrap();
        assert_eq!(output.status.code(), Some(0), "{flags}: {output:?}");
        assert_eq!(bodies.try_iter().nth(1).unwrap(), expected, "{flags}");
    }
}

#[test]
fn what_is_to_be_taken_away_has_to_be_there() {
    let url = crate::canned();
    golden(
        "taken_away.txt",
        &url,
        &[
            "subnet set blue-r1 --rm-range 10.1.0.10",
            "subnet set blue-r1 --rm-exclude 10.1.0.10",
        ],
    );
}

#[test]
fn an_old_gateway_is_told() {
    let mut updated = serde_json::to_value(subnet(Some("r1"))).unwrap();
    updated["old_gateway"] = json!([
        {"attachment": "4f5e1c/eth0", "pod": {"namespace": "shop", "name": "web-0"}, "node": "node1"},
        {"attachment": "9d3a77/eth0", "node": "node2"},
    ]);
    let (url, _bodies) = scripted(vec![
        ("GET /v1/subnets/blue-r1", 200, text(&subnet(Some("r1")))),
        ("PUT /v1/subnets/blue-r1", 200, updated.to_string()),
    ]);
    golden(
        "old_gateway.txt",
        &url,
        &["subnet set blue-r1 --gateway 10.1.0.2"],
    );
}

#[test]
fn what_is_so_already_is_said() {
    let (url, _bodies) = scripted(vec![(GET, 200, blue_at(1)), (PUT, 200, blue_at(1))]);
    let output = netctl(&url, "network set blue --mtu 1500")
        .output()
        .unwrap();
    assert_eq!(output.stdout, b"network blue was so already\n");
}
