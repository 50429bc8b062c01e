//! `netctl` as its users see it: what it prints and how it ends, against a canned netmaster.
//!
//! Each case is compared with a file in `tests/golden/`, which has the command, its standard
//! output, its standard error and its exit code. `TRUNKLINE_BLESS=1 cargo test -p
//! trunkline-netctl` writes the files anew.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Command, Output, Stdio};

use serde::Serialize;
use trunkline_netmaster_api::{
    Endpoint, EndpointAddress, ErrorCode, List, Network, Node, Problem, Subnet,
};

/// A netmaster that knows a few answers by heart. It lives as long as the test's process.
fn canned() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            answer(&mut stream.unwrap());
        }
    });
    url
}

fn answer(stream: &mut TcpStream) {
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
    reader.take(length).read_to_end(&mut Vec::new()).unwrap();
    let (status, body) = known(request.trim_end_matches(" HTTP/1.1\r\n"));
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
    match request {
        "POST /v1/networks" => (201, json(&blue())),
        "GET /v1/networks?limit=1000" => (200, list(vec![blue(), storage()])),
        "GET /v1/networks/blue" => (200, json(&blue())),
        "POST /v1/subnets" => (201, json(&subnet(Some("r1")))),
        "GET /v1/subnets?limit=1000" => (200, list(vec![subnet(Some("r1")), subnet(None)])),
        "GET /v1/subnets/blue-r1" => (200, json(&subnet(Some("r1")))),
        "GET /v1/nodes?limit=1000" => (200, list(vec![node("node1", "r1"), node("node2", "r2")])),
        "GET /v1/endpoints?limit=1000" => (200, list(vec![endpoint(true), endpoint(false)])),
        "GET /v1/endpoints/4f5e1c/eth0" => (200, json(&endpoint(true))),
        "DELETE /v1/networks/blue" | "DELETE /v1/subnets/blue-r1" => (204, String::new()),
        "DELETE /v1/networks/storage" => {
            let detail = "network `storage` has 1 subnet(s), `s1`: remove them first with \
                          `netctl subnet rm`";
            (409, json(&Problem::new(ErrorCode::NetworkInUse, detail)))
        }
        "GET /v1/networks/odd" => (200, r#"{"name": "odd"}"#.to_owned()),
        "GET /v1/networks/proxy" => (502, "<html>".to_owned()),
        other => panic!("no answer for `{other}`"),
    }
}

fn json(value: &impl Serialize) -> String {
    serde_json::to_string(value).unwrap()
}

fn list<T: Serialize>(items: Vec<T>) -> String {
    json(&List {
        items,
        revision: 17,
        next: None,
    })
}

fn blue() -> Network {
    Network {
        name: "blue".parse().unwrap(),
        vlan: "100".parse().unwrap(),
        mtu: "1500".parse().unwrap(),
        labels: Default::default(),
        revision: 1,
    }
}

fn storage() -> Network {
    Network {
        name: "storage".parse().unwrap(),
        vlan: "4094".parse().unwrap(),
        mtu: "9000".parse().unwrap(),
        labels: Default::default(),
        revision: 2,
    }
}

fn subnet(rack: Option<&str>) -> Subnet {
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

fn netctl(url: &str, line: &str) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_netctl"));
    command.args(line.split_whitespace()).env("NETMASTER", url);
    command
}

/// Runs each line, and compares all of them with the golden file.
#[track_caller]
fn golden(file: &str, url: &str, lines: &[&str]) {
    let mut text = String::new();
    for line in lines {
        let output = netctl(url, line).output().unwrap();
        text.push_str(&transcript(line, &output));
    }
    // Ports are a matter of luck, and blanks at the ends of lines clap's affair.
    let text = text.replace(url, "http://netmaster:9630");
    let text: String = text
        .lines()
        .map(|line| format!("{}\n", line.trim_end()))
        .collect();
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/golden")
        .join(file);
    if std::env::var_os("TRUNKLINE_BLESS").is_some() {
        std::fs::write(&path, &text).unwrap();
    }
    let expected = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        text == expected,
        "{} differs; got:\n{text}\nTRUNKLINE_BLESS=1 takes it over",
        path.display()
    );
}

fn transcript(line: &str, output: &Output) -> String {
    let stderr = String::from_utf8_lossy(&output.stderr);
    let stderr: String = stderr.lines().map(|line| format!("! {line}\n")).collect();
    let exit = match output.status.code() {
        Some(0) => String::new(),
        code => format!("exit code {}\n", code.unwrap()),
    };
    let stdout = String::from_utf8_lossy(&output.stdout);
    format!("$ netctl {line}\n{stdout}{stderr}{exit}\n")
}

#[test]
fn objects_as_tables() {
    golden(
        "tables.txt",
        &canned(),
        &[
            "network ls",
            "network show blue",
            "subnet ls",
            "subnet show blue-r1",
            "node ls",
            "endpoint ls",
            "endpoint show 4f5e1c/eth0",
        ],
    );
}

#[test]
fn objects_as_json() {
    golden(
        "json.txt",
        &canned(),
        &[
            "network ls -o json",
            "network show blue -o json",
            "subnet show blue-r1 -o json",
            "node ls -o json",
            "endpoint show 4f5e1c/eth0 -o json",
        ],
    );
}

#[test]
fn objects_as_yaml() {
    golden(
        "yaml.txt",
        &canned(),
        &[
            "network ls -o yaml",
            "subnet show blue-r1 -o yaml",
            "node ls -o yaml",
            "endpoint ls -o yaml",
        ],
    );
}

#[test]
fn changes_say_what_they_did() {
    golden(
        "changes.txt",
        &canned(),
        &[
            "network create blue --vlan 100",
            "-o json network create blue --vlan 100 --mtu 1500",
            "subnet create blue-r1 --network blue --cidr 10.1.0.0/24 --gateway 10.1.0.1 \
             --range 10.1.0.10-10.1.0.99 --range 10.1.0.200-10.1.0.209 --rack r1",
            "subnet rm blue-r1",
            "network rm blue",
            "network rm blue -o yaml",
        ],
    );
}

#[test]
fn failures_say_why_and_how_to_go_on() {
    golden(
        "refusals.txt",
        &canned(),
        &[
            "network rm storage",
            "network show odd",
            "network show proxy",
        ],
    );
    // Nobody listens on a port that was just given back.
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let away = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    golden(
        "unreachable.txt",
        &away,
        &["network ls", "network rm blue -o json"],
    );
}

#[test]
fn wrong_usage_is_explained() {
    golden(
        "usage.txt",
        "http://netmaster:9630",
        &[
            "--help",
            "network create --help",
            "subnet create --help",
            "network create blue --vlan 4095",
            "network create blue --vlan -1",
            "network create Blue --vlan 1",
            "network create blue --vlan 1 --mtu 64",
            "subnet create b --network blue --cidr 10.1.0.7/24 --gateway 10.1.0.1",
            "subnet create b --network blue --cidr 10.1.0.0/24 --gateway ten",
            "subnet create b --network blue --cidr 10.1.0.0/24 --gateway 10.1.0.1 --range 9-1",
            "endpoint show eth0",
            "network ls -o xml",
            "--server ftp://x network ls",
        ],
    );
}

#[test]
fn a_closed_pipe_is_a_success() {
    let mut child = netctl(&canned(), "endpoint ls -o json")
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(0));
    assert_eq!(String::from_utf8_lossy(&output.stderr), "");
}
