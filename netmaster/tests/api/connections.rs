//! What the server bears: many connections, slow ones, and being told to stop.

use std::time::Duration;

use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;
use trunkline_netmaster::{Deadlines, Limits};

use crate::netmaster::Netmaster;

const DEADLINE: Duration = Duration::from_secs(20);

async fn connect(netmaster: &Netmaster) -> TcpStream {
    let address = netmaster.url.trim_start_matches("http://");
    TcpStream::connect(address).await.unwrap()
}

/// What comes until the connection is closed, or until `until` is in it.
async fn read(stream: &mut TcpStream, until: &str) -> String {
    let mut text = Vec::new();
    let mut buffer = [0; 4096];
    loop {
        let count = timeout(DEADLINE, stream.read(&mut buffer)).await.unwrap();
        let count = count.unwrap_or(0);
        text.extend_from_slice(&buffer[..count]);
        let so_far = String::from_utf8_lossy(&text);
        if count == 0 || so_far.contains(until) {
            return so_far.into_owned();
        }
    }
}

#[tokio::test]
async fn what_is_no_http_is_answered_and_closed() {
    let netmaster = Netmaster::start().await;
    for nonsense in [
        "\0\0\0\0\r\n\r\n".to_owned(),
        "GET /healthz HTTP/9.9\r\n\r\n".to_owned(),
        format!("GET /{} HTTP/1.1\r\n\r\n", "a".repeat(200_000)),
        format!("GET / HTTP/1.1\r\nx: {}\r\n\r\n", "a".repeat(200_000)),
    ] {
        let mut stream = connect(&netmaster).await;
        // It may be closed while it is still being told.
        let _ = stream.write_all(nonsense.as_bytes()).await;
        let answer = read(&mut stream, "\r\n\r\n").await;
        assert!(
            !answer.contains(" 200 ") && !answer.contains(" 500 "),
            "{answer}"
        );
    }
    netmaster.client.healthz().await.unwrap();
}

#[tokio::test]
async fn a_body_that_does_not_come_is_given_up() {
    let deadlines = Deadlines {
        body: Duration::from_secs(3),
        ..Deadlines::default()
    };
    let netmaster = Netmaster::within(Limits {
        deadlines,
        ..Limits::default()
    })
    .await;
    let mut stream = connect(&netmaster).await;
    let head = "POST /v1/networks HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n\
                content-length: 100\r\n\r\n{";
    stream.write_all(head.as_bytes()).await.unwrap();
    let answer = read(&mut stream, "request_timeout").await;
    assert!(answer.starts_with("HTTP/1.1 408 "), "{answer}");
}

#[tokio::test]
async fn one_connection_more_than_there_may_be_waits_its_turn() {
    let limits = Limits {
        connections: 2,
        ..Limits::default()
    };
    let netmaster = Netmaster::within(limits).await;
    // The client's own connection is one of the two.
    let request = b"GET /healthz HTTP/1.1\r\nhost: localhost\r\n\r\n";
    let mut second = connect(&netmaster).await;
    second.write_all(request).await.unwrap();
    assert!(read(&mut second, "ok\n").await.starts_with("HTTP/1.1 200 "));
    let mut third = connect(&netmaster).await;
    third.write_all(request).await.unwrap();
    let mut byte = [0; 1];
    let early = timeout(Duration::from_millis(200), third.read(&mut byte)).await;
    assert!(early.is_err(), "it was served beyond the limit");
    drop(second);
    assert!(read(&mut third, "ok\n").await.starts_with("HTTP/1.1 200 "));
}

#[tokio::test]
async fn what_is_under_way_when_it_is_told_to_stop_is_answered() {
    let netmaster = Netmaster::start().await;
    let body = json!({"name": "blue", "vlan": 100}).to_string();
    let mut stream = connect(&netmaster).await;
    let (begin, end) = body.split_at(5);
    let head = format!(
        "POST /v1/networks HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n\
         content-length: {}\r\n\r\n{begin}",
        body.len()
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    // So that it has been read when the signal comes.
    netmaster.client.healthz().await.unwrap();
    let stopping = tokio::spawn(netmaster.stop());
    tokio::time::sleep(Duration::from_millis(100)).await;
    stream.write_all(end.as_bytes()).await.unwrap();
    let answer = read(&mut stream, "\"revision\"").await;
    assert!(answer.starts_with("HTTP/1.1 201 "), "{answer}");
    assert!(answer.contains("connection: close"), "{answer}");
    timeout(DEADLINE, stopping).await.unwrap().unwrap();
}

#[tokio::test]
async fn a_browsers_page_that_calls_this_machine_by_its_own_name_is_refused() {
    let netmaster = Netmaster::start().await;
    for path in ["/v1/backup", "/v1/networks", "/metrics", "/healthz"] {
        for (version, target, host, served) in [
            ("1.1", "", "host: rebound.example:9630\r\n", false),
            (
                "1.1",
                "",
                "host: localhost\r\nhost: rebound.example\r\n",
                false,
            ),
            (
                "1.1",
                "http://rebound.example",
                "host: localhost\r\n",
                false,
            ),
            ("1.1", "", "host: localhost:9630\r\n", true),
            ("1.1", "", "host: [::1]:9630\r\n", true),
            // A browser never leaves it out.
            ("1.0", "", "", true),
        ] {
            let mut stream = connect(&netmaster).await;
            let request =
                format!("GET {target}{path} HTTP/{version}\r\n{host}connection: close\r\n\r\n");
            stream.write_all(request.as_bytes()).await.unwrap();
            let answer = read(&mut stream, "\r\n\r\n").await;
            let status = if served { " 200 " } else { " 403 " };
            assert!(answer.contains(status), "{request} {answer}");
        }
    }
}

#[tokio::test]
async fn a_page_of_another_site_in_a_browser_on_the_machine_has_nothing_done() {
    let netmaster = Netmaster::start().await;
    // Nobody's leave is asked for before a request without a body.
    for (headers, served) in [
        ("origin: https://evil.example\r\n", false),
        ("origin: null\r\n", false),
        ("sec-fetch-site: cross-site\r\n", false),
        (
            "origin: https://evil.example\r\nsec-fetch-site: cross-site\r\n",
            false,
        ),
        ("origin: http://localhost:3000\r\n", true),
        ("", true),
    ] {
        for (method, path) in [
            ("POST", "/v1/nodes/n1/waive"),
            ("POST", "/v1/nodes/n1/requests/1/answer"),
            ("DELETE", "/v1/networks/blue"),
            ("GET", "/v1/networks"),
        ] {
            let mut stream = connect(&netmaster).await;
            let request = format!(
                "{method} {path} HTTP/1.1\r\nhost: 127.0.0.1:9630\r\n{headers}content-length: 0\r\n\
                 connection: close\r\n\r\n"
            );
            stream.write_all(request.as_bytes()).await.unwrap();
            let answer = read(&mut stream, "\r\n\r\n").await;
            assert_eq!(answer.contains(" 403 "), !served, "{request} {answer}");
        }
    }
}
