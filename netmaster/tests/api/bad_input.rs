//! Requests that make no sense: each is answered with what is wrong and the way out, and changes
//! nothing.
//!
//! Requests that are lines of text are in `refusals.txt`, each followed by its answer.
//! `TRUNKLINE_BLESS=1 cargo test -p trunkline-netmaster --test api` writes the answers anew.

use std::path::Path;

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::netmaster::{Answer, Netmaster};

/// What there is beside network `blue`; `refusals.txt` tells it.
const OBJECTS: [(&str, &str); 6] = [
    ("/v1/networks", r#"{"name": "six", "vlan": 600}"#),
    (
        "/v1/subnets",
        r#"{"name": "six-any", "network": "six", "cidr": "fd00:6::/64", "gateway": "fd00:6::1"}"#,
    ),
    (
        "/v1/pools",
        r#"{"subnet": "blue-r1", "name": "web", "ranges": ["10.1.0.12"]}"#,
    ),
    ("/v1/profiles", r#"{"name": "gold", "dscp": 46}"#),
    (
        "/v1/groups",
        r#"{"name": "shop", "namespaces": ["shop"], "network": "blue", "profile": "gold"}"#,
    ),
    (
        "/v1/reservations",
        r#"{"name": "db", "network": "blue", "addresses": [{"ip": "10.1.0.11"}],
            "holder": {"kind": "pod", "namespace": "shop", "name": "db-0"}}"#,
    ),
];

#[tokio::test]
async fn senseless_requests_are_refused_with_reason_and_way_out() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/api/refusals.txt");
    let expected = std::fs::read_to_string(&path).unwrap();
    let netmaster = Netmaster::with_blue().await;
    let node = json!({"rack": "r9"});
    netmaster.ask(Method::PUT, "/v1/nodes/n9", &node).await;
    netmaster.allocate("used/eth0").await;
    for (path, body) in OBJECTS {
        let body: Value = serde_json::from_str(body).unwrap();
        netmaster.create(path, &body).await;
    }
    let before = netmaster.everything().await;
    let mut text = String::new();
    let is_answer = |line: &&str| line.starts_with(|first: char| first.is_ascii_digit());
    for line in expected.lines().filter(|line| !is_answer(line)) {
        text.push_str(line);
        text.push('\n');
        if line.starts_with(|first: char| first.is_ascii_uppercase()) {
            text.push_str(&refusal(&netmaster, line).await);
        }
    }
    assert_eq!(netmaster.everything().await, before);
    if std::env::var_os("TRUNKLINE_BLESS").is_some() {
        std::fs::write(&path, &text).unwrap();
    } else {
        assert!(
            text == expected,
            "answers differ; TRUNKLINE_BLESS=1 takes them over:\n{text}"
        );
    }
}

/// Sends `<method> <path> [<body>]`, and answers `<status> <code> [<field>]: <detail>`.
async fn refusal(netmaster: &Netmaster, line: &str) -> String {
    let mut parts = line.splitn(3, ' ');
    let method: Method = parts.next().unwrap().parse().unwrap();
    let path = parts.next().unwrap();
    let body = parts.next().unwrap_or_default().as_bytes().to_vec();
    let kind = Some("application/json; charset=utf-8");
    let answer = netmaster.send(method, path, kind, body).await;
    if !answer.status.is_client_error() {
        return format!("999 NOT REFUSED: {} {}\n", answer.status, answer.body);
    }
    let code = answer.body["code"].as_str().unwrap();
    let detail = answer.body["detail"].as_str().unwrap();
    answer.is_problem(answer.status.as_u16(), code, detail);
    let field = answer.body["field"].as_str();
    let field = field.map(|field| format!(" [{field}]")).unwrap_or_default();
    let current = answer.body["current"].as_u64();
    let current = current
        .map(|revision| format!(" [now {revision}]"))
        .unwrap_or_default();
    let status = answer.status.as_u16();
    let detail = ageless(detail);
    format!("{status} {code}{field}{current}: {detail}\n")
}

/// `detail` with `0` in the place of how long something is ago.
fn ageless(detail: &str) -> String {
    let Some((aged, last)) = detail.rsplit_once(" s ago") else {
        return detail.to_owned();
    };
    let aged = aged.split(" s ago").map(|part| {
        let before = part.trim_end_matches(|letter: char| letter.is_ascii_digit());
        format!("{before}0 s ago")
    });
    aged.chain([last.to_owned()]).collect()
}

async fn post_network(netmaster: &Netmaster, kind: Option<&str>, body: Vec<u8>) -> Answer {
    netmaster
        .send(Method::POST, "/v1/networks", kind, body)
        .await
}

#[tokio::test]
async fn bodies_that_are_no_text_are_refused() {
    let netmaster = Netmaster::start().await;
    let json = Some("application/json");
    post_network(&netmaster, json, b"{\"name\": \"\xff\"}".to_vec())
        .await
        .is_problem(400, "malformed_json", "the body is not valid JSON");
    let deep = format!("{{\"name\": {}", "[".repeat(100_000));
    let answer = post_network(&netmaster, json, deep.into_bytes()).await;
    assert!(answer.status.is_client_error(), "{answer:?}");
}

#[tokio::test]
async fn a_body_may_have_one_mebibyte() {
    let netmaster = Netmaster::start().await;
    let json = Some("application/json");
    let mut body = b"{\"name\": \"blue\", \"vlan\": 1}".to_vec();
    body.resize((1 << 20) + 1, b' ');
    post_network(&netmaster, json, body.clone())
        .await
        .is_problem(413, "body_too_large", "1048576 bytes");
    body.pop();
    let answer = post_network(&netmaster, json, body).await;
    assert_eq!(answer.status, StatusCode::CREATED);
}

#[tokio::test]
async fn a_body_of_another_kind_is_refused() {
    let netmaster = Netmaster::start().await;
    for kind in [
        None,
        Some("text/plain"),
        Some("application/x-www-form-urlencoded"),
        Some("application/json; charset=latin1"),
        Some("application/json;charset=\"UTF-16\""),
    ] {
        post_network(&netmaster, kind, b"{\"name\": \"a\", \"vlan\": 1}".to_vec())
            .await
            .is_problem(415, "unsupported_media_type", "`application/json`");
    }
    for encoding in ["gzip", "identity, br"] {
        let request = netmaster
            .http
            .post(format!("{}/v1/networks", netmaster.url))
            .header("content-type", "application/json")
            .header("content-encoding", encoding)
            .body(r#"{"name": "a", "vlan": 1}"#);
        let answer = request.send().await.unwrap();
        assert_eq!(answer.status(), StatusCode::UNSUPPORTED_MEDIA_TYPE);
        assert!(answer.text().await.unwrap().contains("content encoding"));
    }
    let networks = netmaster.get("/v1/networks").await.body;
    assert_eq!(networks["items"], json!([]));
    let kind = Some("application/json;charset=\"UTF-8\"");
    let answer = post_network(&netmaster, kind, b"{\"name\": \"a\", \"vlan\": 1}".to_vec()).await;
    assert_eq!(answer.status, StatusCode::CREATED);
}

#[test]
fn every_refusal_of_a_value_names_the_field_and_no_type_of_rust() {
    let answers = include_str!("refusals.txt").lines();
    let unprocessable: Vec<_> = answers.filter(|line| line.starts_with("422 ")).collect();
    assert!(unprocessable.len() > 150, "{}", unprocessable.len());
    for answer in unprocessable {
        let code = answer.split([' ', ':']).nth(1).unwrap();
        // A name in the URL has no field.
        let names = code == "invalid_path" || answer.contains(&format!("{code} ["));
        assert!(names, "{answer}");
        for kind in ["i32", "i64", "u8", "u16", "u32", "u64", "usize", "f64"] {
            let told = answer.split([' ', ',']).any(|word| word == kind);
            assert!(!told, "{answer}");
        }
    }
}
