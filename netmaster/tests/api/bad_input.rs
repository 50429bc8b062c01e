//! Requests that make no sense: each is answered with what is wrong and the way out, and changes
//! nothing.
//!
//! Requests that are lines of text are in `refusals.txt`, each followed by its answer.
//! `TRUNKLINE_BLESS=1 cargo test -p trunkline-netmaster --test api` writes the answers anew.

use std::path::Path;

use reqwest::{Method, StatusCode};
use serde_json::json;

use crate::netmaster::{Answer, Netmaster};

#[tokio::test]
async fn senseless_requests_are_refused_with_reason_and_way_out() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/api/refusals.txt");
    let expected = std::fs::read_to_string(&path).unwrap();
    let netmaster = Netmaster::with_blue().await;
    let node = json!({"rack": "r9"});
    netmaster.ask(Method::PUT, "/v1/nodes/n9", &node).await;
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

/// Sends `<method> <path> [<body>]`, and answers `<status> <code>: <detail>`.
async fn refusal(netmaster: &Netmaster, line: &str) -> String {
    let mut parts = line.splitn(3, ' ');
    let method: Method = parts.next().unwrap().parse().unwrap();
    let path = parts.next().unwrap();
    let body = parts.next().unwrap_or_default().as_bytes().to_vec();
    let kind = Some("application/json; charset=utf-8");
    let answer = netmaster.send(method, path, kind, body).await;
    assert!(answer.status.is_client_error(), "{line}: {answer:?}");
    let code = answer.body["code"].as_str().unwrap();
    let detail = answer.body["detail"].as_str().unwrap();
    answer.is_problem(answer.status.as_u16(), code, detail);
    format!("{} {code}: {detail}\n", answer.status.as_u16())
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
    ] {
        post_network(&netmaster, kind, b"{\"name\": \"a\", \"vlan\": 1}".to_vec())
            .await
            .is_problem(415, "unsupported_media_type", "`application/json`");
    }
    assert_eq!(
        netmaster.get("/v1/networks").await.body,
        json!({"items": []})
    );
}
