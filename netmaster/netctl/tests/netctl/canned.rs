//! A netmaster that knows a few answers by heart.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};

use serde::Serialize;
use serde_json::{Value, json};
use trunkline_netmaster_api::{
    Endpoint, EndpointAddress, ErrorCode, List, Network, Node, Problem, Subnet,
};

/// What answers a request: its first line without the protocol, and its body.
pub(crate) type Answers = dyn FnMut(&str, &str) -> (u16, String) + Send;

/// The URL of a netmaster that answers what [`known`] says. It lives as long as the test's process.
pub(crate) fn canned() -> String {
    serve(Box::new(|request, _| known(request)))
}

/// The URL of a netmaster that answers what `answers` says.
pub(crate) fn serve(mut answers: Box<Answers>) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            answer(&mut stream.unwrap(), &mut *answers);
        }
    });
    url
}

fn answer(stream: &mut TcpStream, answers: &mut Answers) {
    let mut reader = BufReader::new(stream.try_clone().unwrap());
    let mut request = String::new();
    reader.read_line(&mut request).unwrap();
    let mut length = 0;
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).unwrap();
        if let Some(value) = line.to_lowercase().strip_prefix("content-length:") {
            length = value.trim().parse().unwrap();
        }
        if line.trim().is_empty() {
            break;
        }
    }
    let mut body = String::new();
    reader.take(length).read_to_string(&mut body).unwrap();
    let (status, body) = answers(request.trim_end_matches(" HTTP/1.1\r\n"), &body);
    let kind = match status {
        ..400 => "application/json",
        _ => Problem::MEDIA_TYPE,
    };
    let head = format!(
        "HTTP/1.1 {status} x\r\ncontent-type: {kind}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n",
        body.len()
    );
    // netctl may have seen enough already.
    let _ = stream.write_all(format!("{head}{body}").as_bytes());
}

fn known(request: &str) -> (u16, String) {
    let lists = request
        .strip_prefix("GET /v1/")
        .and_then(|rest| rest.strip_suffix("?limit=1000"));
    if let Some(kind) = lists {
        return (200, listed(kind));
    }
    match request {
        "POST /v1/networks" => (201, text(&blue())),
        "GET /v1/networks/blue" => (200, text(&blue())),
        "POST /v1/subnets" => (201, text(&subnet(Some("r1")))),
        "GET /v1/subnets/blue-r1" => (200, text(&subnet(Some("r1")))),
        "GET /v1/nodes/node1" => (200, text(&node("node1", "r1"))),
        "GET /v1/endpoints/4f5e1c/eth0" => (200, text(&endpoint(true))),
        "GET /v1/pools/blue-r1/web" => (200, text(&pool())),
        "GET /v1/groups/shop-web" => (200, text(&group())),
        "GET /v1/profiles/gold" => (200, text(&gold())),
        "GET /v1/reservations/db" => (200, text(&db())),
        "GET /v1/addresses/10.1.0.12" => (200, text(&conflict())),
        "GET /v1/addresses/10.1.0.12/history" => (200, text(&history())),
        "GET /v1/events/19" => (200, text(&event())),
        "POST /v1/tokens" => (
            201,
            text(&json!({"token": ci(), "secret": "trunkline_53c4e7"})),
        ),
        "GET /v1/tokens/ci" => (200, text(&ci())),
        "GET /v1/audit/19" => (200, text(&release())),
        "GET /v1/cluster" => (200, text(&cluster())),
        "DELETE /v1/networks/blue" | "DELETE /v1/subnets/blue-r1" | "DELETE /v1/tokens/ci" => {
            (204, String::new())
        }
        "DELETE /v1/networks/storage" => {
            let detail = "network `storage` has 1 subnet(s), `s1`: remove them first with \
                          `netctl subnet rm`";
            problem(ErrorCode::NetworkInUse, detail)
        }
        "GET /v1/networks/odd" => (200, r#"{"name": "odd"}"#.to_owned()),
        "GET /v1/networks/proxy" => (502, "<html>".to_owned()),
        "GET /v1/networks/nosuch" => problem(
            ErrorCode::NetworkNotFound,
            "network `nosuch` does not exist: see `netctl network ls`",
        ),
        "GET /v1/networks/secret" => problem(
            ErrorCode::Forbidden,
            "role `viewer` may not do this: ask an operator",
        ),
        "GET /v1/networks/later" => problem(ErrorCode::NoLeader, "no replica leads at the moment"),
        other => panic!("no answer for `{other}`"),
    }
}

pub(crate) fn problem(code: ErrorCode, detail: &str) -> (u16, String) {
    (code.status(), text(&Problem::new(code, detail)))
}

fn listed(kind: &str) -> String {
    match kind {
        "networks" => list(vec![blue(), storage()]),
        "subnets" => list(vec![subnet(Some("r1")), subnet(None)]),
        "nodes" => list(vec![node("node1", "r1"), node("node2", "r2")]),
        "endpoints" => list(vec![endpoint(true), endpoint(false)]),
        "pools" => list(vec![pool()]),
        "groups" => list(vec![group(), everybody()]),
        "profiles" => list(vec![gold()]),
        "reservations" => list(vec![db()]),
        "addresses" => list(vec![bound(), conflict()]),
        "events" => list(vec![event()]),
        "tokens" => list(vec![ci(), rack7()]),
        "audit" => list(vec![release(), applied(), left_out()]),
        other => panic!("no list of `{other}`"),
    }
}

pub(crate) fn text(value: &impl Serialize) -> String {
    serde_json::to_string(value).unwrap()
}

fn list<T: Serialize>(items: Vec<T>) -> String {
    text(&List {
        items,
        revision: 17,
        next: None,
    })
}

pub(crate) fn blue() -> Network {
    Network {
        name: "blue".parse().unwrap(),
        vlan: "100".parse().unwrap(),
        mtu: "1500".parse().unwrap(),
        labels: Default::default(),
        revision: 1,
    }
}

fn storage() -> Network {
    let label = ("team".parse().unwrap(), "disks".parse().unwrap());
    Network {
        name: "storage".parse().unwrap(),
        vlan: "4094".parse().unwrap(),
        mtu: "9000".parse().unwrap(),
        labels: [label].into_iter().collect(),
        revision: 2,
    }
}

pub(crate) fn subnet(rack: Option<&str>) -> Subnet {
    let third = if rack.is_some() { 0 } else { 7 };
    Subnet {
        name: format!("blue-{}", rack.unwrap_or("any")).parse().unwrap(),
        network: "blue".parse().unwrap(),
        cidr: format!("10.1.{third}.0/24").parse().unwrap(),
        gateway: format!("10.1.{third}.1").parse().unwrap(),
        ranges: vec![
            format!("10.1.{third}.10-10.1.{third}.99").parse().unwrap(),
            format!("10.1.{third}.200-10.1.{third}.209")
                .parse()
                .unwrap(),
        ],
        exclusions: Vec::new(),
        rack: rack.map(|rack| rack.parse().unwrap()),
        nodes: None,
        labels: Default::default(),
        deleting: false,
        in_use: 17,
        capacity: 100,
        revision: 3,
    }
}

fn node(name: &str, rack: &str) -> Node {
    Node {
        name: name.parse().unwrap(),
        rack: rack.parse().unwrap(),
        agent_rack: None,
        labels: Default::default(),
        boot_id: None,
        agent_version: None,
        last_heard: 1_700_000_000,
        fence: 4,
        reported: 0,
        removing: false,
        addresses: Vec::new(),
        revision: 4,
    }
}

fn endpoint(with_pod: bool) -> Endpoint {
    let (container, host) = if with_pod {
        ("4f5e1c", 10)
    } else {
        ("9d3a77", 11)
    };
    Endpoint {
        attachment: format!("{container}/eth0").parse().unwrap(),
        pod: with_pod.then(|| trunkline_types::Pod {
            namespace: "shop".into(),
            name: "web-0".into(),
        }),
        node: "node1".parse().unwrap(),
        network: "blue".parse().unwrap(),
        vlan: "100".parse().unwrap(),
        mtu: "1500".parse().unwrap(),
        mac: format!("02:01:0a:01:00:{host:02x}").parse().unwrap(),
        addresses: vec![EndpointAddress {
            ip: format!("10.1.0.{host}").parse().unwrap(),
            prefix: 24,
            gateway: "10.1.0.1".parse().unwrap(),
            subnet: "blue-r1".parse().unwrap(),
        }],
        pod_uid: None,
        qos: None,
        reservation: None,
        created: 1_700_000_000,
        revision: 17,
    }
}

fn pool() -> Value {
    json!({
        "subnet": "blue-r1", "name": "web", "ranges": ["10.1.0.200-10.1.0.209"], "revision": 5,
    })
}

fn group() -> Value {
    json!({
        "name": "shop-web", "level": "labels", "namespaces": ["shop", "shop-test"],
        "pods": "app=web", "pool": "web", "profile": "gold", "priority": 10, "revision": 6,
    })
}

fn everybody() -> Value {
    json!({
        "name": "all", "level": "cluster", "network": "blue", "priority": 0,
        "labels": {"team": "infra"}, "revision": 7,
    })
}

fn gold() -> Value {
    json!({
        "name": "gold", "ingress": {"bandwidth": 50_000_000},
        "egress": {"bandwidth": 1_000_000_000, "burst": 65_536}, "dscp": 46, "revision": 8,
    })
}

fn db() -> Value {
    json!({
        "name": "db", "network": "blue",
        "holder": {"kind": "stateful_set", "namespace": "shop", "name": "db"},
        "addresses": [
            {"ip": "10.1.0.20"}, {"ip": "10.1.0.21", "mac": "02:00:00:00:00:21"},
            {"ip": "10.1.0.22"},
        ],
        "spare": 0, "retention": {"seconds": 86_400}, "owner": "team-shop",
        "reason": "clients pin the addresses", "created": 1_700_000_000, "revision": 9,
    })
}

fn bound() -> Value {
    json!({
        "ip": "10.1.0.10", "subnet": "blue-r1", "network": "blue", "state": "bound",
        "attachment": "4f5e1c/eth0", "pod": {"namespace": "shop", "name": "web-0"},
        "node": "node1", "since": 1_700_000_000, "revision": 17,
    })
}

fn conflict() -> Value {
    json!({
        "ip": "10.1.0.12", "subnet": "blue-r1", "network": "blue", "state": "conflict",
        "since": 1_700_000_100,
        "conflict": {"mac": "02:00:00:00:00:07", "seen": 1_700_000_200, "node": "node1"},
        "revision": 19,
    })
}

fn history() -> Value {
    json!({
        "ip": "10.1.0.12",
        "items": [
            {"pod": {"namespace": "shop", "name": "web-1"}, "attachment": "77aa00/eth0",
             "node": "node1", "network": "blue", "mac": "02:01:0a:01:00:0c",
             "from": 1_700_000_000, "to": 1_700_000_100, "reason": "released"},
            {"node": "node1", "network": "blue", "from": 1_700_000_300},
        ],
        "revision": 19,
    })
}

fn event() -> Value {
    json!({
        "revision": 19, "at": 1_700_000_200, "kind": "address_conflict",
        "about": "address 10.1.0.12",
        "message": "`02:00:00:00:00:07` answers for it, seen by node `node1`",
    })
}

fn ci() -> Value {
    json!({
        "name": "ci", "role": "operator", "networks": ["blue", "green"],
        "created": 1_700_000_000, "expires": 1_702_592_000, "revision": 11,
    })
}

fn rack7() -> Value {
    json!({
        "name": "rack7", "role": "node", "nodes": ["n17", "n18"], "joined": ["n17"],
        "created": 1_700_000_000, "expires": 1_700_086_400, "revision": 12,
    })
}

fn release() -> Value {
    json!({
        "revision": 19, "at": 1_700_000_200, "identity": "operator:ada", "from": "10.0.0.7",
        "method": "POST", "path": "/v1/addresses/10.1.0.12/release", "kind": "address",
        "name": "10.1.0.12", "before": {"ip": "10.1.0.12", "state": "bound"},
        "after": {"ip": "10.1.0.12", "state": "free"}, "result": "done",
    })
}

fn applied() -> Value {
    json!({
        "revision": 20, "at": 1_700_000_300, "identity": "token:ci", "from": "10.0.0.8",
        "method": "POST", "path": "/v1/apply", "result": "done",
        "objects": [
            {"kind": "profile", "name": "gold", "after": {"kind": "profile", "name": "gold"}},
            {"kind": "pool", "name": "blue-r1/web",
             "before": {"kind": "pool", "name": "web", "subnet": "blue-r1"}},
        ],
    })
}

fn left_out() -> Value {
    json!({
        "revision": 21, "at": 1_700_000_400, "method": "", "path": "", "result": "denied",
        "omitted": 31,
    })
}

fn cluster() -> Value {
    json!({
        "id": "5d0c2a52-6d5e-4c8e-9a53-0d4b6a1f8f11", "epoch": 1, "since": 1_700_000_000,
        "revision": 19, "leading": true, "version": "0.1.0",
        "awaiting": [{"node": "node2", "rack": "r2"}],
    })
}
