//! What comes over the wire from those who mean no good.

use std::time::Duration;

use reqwest::Method;
use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;
use trunkline_netmaster::{Deadlines, Limits};
use trunkline_netmaster_api::Role;

use crate::authority::Wish;
use crate::log;
use crate::netmaster::{Answer, Caller, Netmaster, SOON};

/// What comes until the other side closes.
async fn rest(stream: &mut TcpStream) -> String {
    let mut bytes = Vec::new();
    // That it is reset is an end as well.
    let _ = timeout(SOON, stream.read_to_end(&mut bytes)).await.unwrap();
    String::from_utf8_lossy(&bytes).into_owned()
}

/// What is waited for in vain. It is long enough for whoever does what is expected.
const HASTE: Duration = Duration::from_secs(3);

async fn in_haste(deadlines: Deadlines) -> Netmaster {
    let limits = Limits {
        deadlines,
        ..Limits::default()
    };
    Netmaster::within(limits).await
}

#[tokio::test]
async fn plain_http_on_a_tls_port_is_told_so() {
    let netmaster = Netmaster::start().await;
    let mut stream = netmaster.connect_from(111).await;
    let request = "GET /v1/networks HTTP/1.1\r\nhost: x\r\n\r\n";
    stream.write_all(request.as_bytes()).await.unwrap();
    let answer = rest(&mut stream).await;
    assert!(answer.starts_with("HTTP/1.1 400 "), "{answer}");
    assert!(
        answer.contains("tls_required") && answer.contains("https"),
        "{answer}"
    );
    log::says(111, "it does not speak TLS").await;
    netmaster.still_serves().await;
}

#[tokio::test]
async fn what_is_no_tls_is_closed() {
    let netmaster = Netmaster::start().await;
    for nonsense in [
        &b"\x16\x03\x01\xff\xff"[..],
        b"\x16\x03\x01\x00\x05\x01\x00\x00\x01\x00",
        b"\x80\x2e\x01\x00\x02",
        b"\0",
        b"SSH-2.0-OpenSSH_9.9\r\n",
    ] {
        let mut stream = netmaster.connect().await;
        stream.write_all(nonsense).await.unwrap();
        // Of a record that is not whole the rest is waited for.
        let _ = stream.shutdown().await;
        rest(&mut stream).await;
    }
    netmaster.still_serves().await;
}

#[tokio::test]
async fn a_handshake_that_does_not_come_holds_up_nobody_and_is_given_up() {
    let netmaster = in_haste(Deadlines {
        handshake: HASTE,
        ..Deadlines::default()
    })
    .await;
    let mut silent = Vec::new();
    for _ in 0..100 {
        silent.push(netmaster.connect().await);
    }
    let mut begun = netmaster.connect().await;
    begun.write_all(b"\x16\x03\x01").await.unwrap();
    netmaster.still_serves().await;
    for stream in silent.iter_mut().chain([&mut begun]) {
        rest(stream).await;
    }
}

#[tokio::test]
async fn a_head_that_comes_drop_by_drop_is_given_up() {
    let netmaster = in_haste(Deadlines {
        head: HASTE,
        ..Deadlines::default()
    })
    .await;
    let mut stream = netmaster.whisper_from(112).await;
    stream
        .write_all(b"GET /healthz HTTP/1.1\r\nx: ")
        .await
        .unwrap();
    let dripping = async {
        // Until it is noticed that nobody reads any more.
        while stream.write_all(b"a").await.is_ok() && stream.flush().await.is_ok() {
            let mut byte = [0; 1];
            let read = timeout(Duration::from_millis(500), stream.read(&mut byte)).await;
            if read.is_ok() {
                return;
            }
        }
    };
    timeout(SOON, dripping).await.unwrap();
    log::says(112, "the head of a request did not come").await;
    netmaster.still_serves().await;
}

const AS_ADMIN: &str = r#"{"name":"admin:root","role":"admin","address":"10.0.0.1"}"#;

#[tokio::test]
async fn nobody_but_a_replica_says_on_whose_behalf_it_asks() {
    let netmaster = Netmaster::with_blue(Limits::default()).await;
    let path = "/v1/networks/blue";
    for role in Role::ALL {
        let caller = netmaster.caller(&format!("{role}:n1"));
        for claim in [AS_ADMIN, "", "admin:root"] {
            let request = caller.request(Method::GET, path);
            let answer = Answer::to(request.header("trunkline-identity", claim)).await;
            answer.is(403, "forbidden");
        }
    }
    let request = netmaster.nobody().request(Method::GET, path);
    let answer = Answer::to(request.header("Trunkline-Identity", AS_ADMIN)).await;
    answer.is(403, "forbidden");
    let request = netmaster.nobody().request(Method::GET, "/healthz");
    let answer = Answer::to(request.header("trunkline-identity", AS_ADMIN)).await;
    answer.is(403, "forbidden");
}

#[tokio::test]
async fn a_replica_asks_on_behalf_of_others_who_may_no_more_for_that() {
    let netmaster = Netmaster::with_blue(Limits::default()).await;
    let replica = netmaster.caller("replica:m2");
    let create = |vlan: u16| {
        let body = json!({"name": format!("net{vlan}"), "vlan": vlan});
        replica.request(Method::POST, "/v1/networks").json(&body)
    };
    let name = "trunkline-identity";
    let viewer = r#"{"name":"viewer:vera","role":"viewer","address":"10.0.0.1"}"#;
    Answer::to(create(1).header(name, viewer))
        .await
        .is(403, "forbidden");
    // By itself it writes nothing.
    Answer::to(create(1)).await.is(403, "forbidden");
    let done = Answer::to(create(1).header(name, AS_ADMIN)).await;
    assert_eq!(done.status, 201, "{done:?}");
    let node = r#"{"name":"node:n1","role":"node","address":"10.0.0.1"}"#;
    let endpoint = json!({"attachment": "c1/eth0", "node": "n2", "network": "blue"});
    let request = replica
        .request(Method::POST, "/v1/endpoints")
        .json(&endpoint);
    Answer::to(request.header(name, node))
        .await
        .is(403, "forbidden");
    for nonsense in ["", "admin:root", r#"{"name":"admin:root"}"#] {
        let answer = Answer::to(create(2).header(name, nonsense)).await;
        answer.is(422, "invalid_field");
    }
    let twice = create(2).header(name, viewer).header(name, AS_ADMIN);
    Answer::to(twice).await.is(422, "invalid_field");
}

#[tokio::test]
async fn the_log_has_where_a_request_that_is_passed_on_came_from() {
    let netmaster = Netmaster::start().await;
    let pair = netmaster.authority.sign(&Wish::replica("replica:m2"));
    let replica = netmaster.caller_from(106, &pair);
    let viewer = r#"{"name":"viewer:vera","role":"viewer","address":"127.0.0.107"}"#;
    let request = replica.request(Method::POST, "/v1/networks");
    let request = request.json(&json!({"name": "blue", "vlan": 100}));
    let answer = Answer::to(request.header("trunkline-identity", viewer)).await;
    answer.is(403, "forbidden");
    log::says(107, "address=\"127.0.0.107\" replica=\"127.0.0.106\"").await;
}

#[tokio::test]
async fn a_page_of_another_site_has_nothing_done_by_a_browsers_certificate() {
    let netmaster = Netmaster::start().await;
    let admin = netmaster.caller("admin:root");
    let spec = json!({"name": "ci", "role": "admin"});
    let bearer = netmaster.bearer(spec).await;
    let blue = json!({"name": "blue", "vlan": 100});
    let create = |caller: &Caller, origin: &str| {
        let request = caller.request(Method::POST, "/v1/networks").json(&blue);
        Answer::to(request.header("origin", origin))
    };
    let foreign = create(&admin, "https://evil.example").await;
    foreign.is(403, "forbidden");
    let by_token = create(&bearer, "https://evil.example").await;
    assert_eq!(by_token.status, 201, "a page has to know the token");
}

#[tokio::test]
async fn nobody_but_a_replica_says_what_was_refused_elsewhere() {
    let netmaster = Netmaster::start().await;
    let record = json!({
        "revision": 0, "at": 0, "identity": "operator:alice", "from": "10.9.9.9", "method": "DELETE",
        "path": "/v1/networks/blue", "result": "denied", "code": "forbidden",
    });
    let refusals = json!({"records": [record]});
    let path = "/v1/cluster/refusals";
    let spec = json!({"name": "parts", "role": "cluster"});
    let token = netmaster.bearer(spec).await;
    let others = ["cluster:orchestrator", "admin:root"].map(|name| netmaster.caller(name));
    for other in others.iter().chain([&token]) {
        let answer = other.ask(Method::POST, path, &refusals).await;
        answer.is(403, "forbidden");
    }
    let of_alice = "/v1/audit?fieldSelector=identity=operator:alice";
    let admin = netmaster.caller("admin:root");
    assert_eq!(admin.get(of_alice).await.body["items"], json!([]));
    let replica = netmaster.caller("replica:m2");
    let taken = replica.ask(Method::POST, path, &refusals).await;
    assert_eq!(taken.status, 204, "{taken:?}");
    let told = admin.get(of_alice).await.body;
    assert_eq!(told["items"].as_array().unwrap().len(), 1, "{told}");
}

#[tokio::test]
async fn two_requests_in_one_are_not_taken_apart_wrongly() {
    let netmaster = Netmaster::start().await;
    for (last, head) in [
        (113, "content-length: 5\r\ncontent-length: 6\r\n"),
        (
            114,
            "transfer-encoding: chunked\r\ntransfer-encoding: identity\r\n",
        ),
    ] {
        let mut stream = netmaster.whisper_from(last).await;
        let request = format!(
            "POST /v1/networks HTTP/1.1\r\nhost: x\r\n{head}\r\n0\r\n\r\nGET /healthz HTTP/1.1\r\n\
             host: x\r\n\r\n"
        );
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut bytes = [0; 4096];
        let count = timeout(SOON, stream.read(&mut bytes))
            .await
            .unwrap()
            .unwrap_or(0);
        let answer = String::from_utf8_lossy(&bytes[..count]).into_owned();
        assert!(!answer.contains(" 200 "), "{head}: {answer}");
        log::says(last, "no HTTP that could be understood").await;
    }
    netmaster.still_serves().await;
}

#[tokio::test]
async fn a_head_that_is_too_large_is_refused_and_logged() {
    let netmaster = Netmaster::start().await;
    let mut stream = netmaster.whisper_from(115).await;
    let request = format!("GET /healthz HTTP/1.1\r\nx: {}\r\n\r\n", "a".repeat(20_000));
    // It may be closed while it is still being told.
    let _ = stream.write_all(request.as_bytes()).await;
    let _ = stream.flush().await;
    log::says(115, "no HTTP that could be understood").await;
    netmaster.still_serves().await;
}

#[tokio::test]
async fn a_body_that_does_not_come_is_given_up_and_logged() {
    let netmaster = in_haste(Deadlines {
        body: HASTE,
        ..Deadlines::default()
    })
    .await;
    let mut stream = netmaster.whisper_from(116).await;
    let head = "POST /v1/join HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n\
                content-length: 100\r\n\r\n{";
    stream.write_all(head.as_bytes()).await.unwrap();
    stream.flush().await.unwrap();
    log::says(116, "request_timeout").await;
    netmaster.still_serves().await;
}

#[tokio::test]
async fn a_name_that_leads_elsewhere_is_refused_and_logged() {
    let netmaster = Netmaster::start().await;
    let pair = netmaster.authority.sign(&Wish::client("admin:root"));
    let admin = netmaster.caller_from(117, &pair);
    let answer = admin.get("/v1/networks/..%2F..%2Fetc%2Fpasswd").await;
    answer.is(422, "invalid_path");
    log::says(117, "invalid_path").await;
}

#[tokio::test]
async fn who_does_not_read_an_answer_or_a_watch_is_cut_off_and_logged() {
    /// The labels alone are more.
    const WHOLE: usize = 1000 * 64 * 126;
    let netmaster = in_haste(Deadlines {
        reading: HASTE,
        ..Deadlines::default()
    })
    .await;
    netmaster.fill().await;
    let pair = netmaster.authority.sign(&Wish::client("admin:root"));
    for (last, path) in [(108, "/v1/export"), (109, "/v1/networks?watch=true")] {
        let mut stream = netmaster.narrow_from(last, &pair).await;
        let request = format!("GET {path} HTTP/1.1\r\nhost: localhost\r\n\r\n");
        stream.write_all(request.as_bytes()).await.unwrap();
        stream.flush().await.unwrap();
        netmaster.still_serves().await;
        log::says(last, "what was asked for was not read").await;
        // What the kernel has taken comes, and then nothing more.
        let mut bytes = Vec::new();
        let _ = timeout(SOON, stream.read_to_end(&mut bytes)).await.unwrap();
        assert!(bytes.starts_with(b"HTTP/1.1 200 "), "{path}");
        assert!(bytes.len() < WHOLE, "{path}: {} bytes came", bytes.len());
    }
    netmaster.still_serves().await;
}
