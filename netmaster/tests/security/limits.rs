//! How much one caller may ask.

use std::time::Duration;

use reqwest::Method;
use serde_json::json;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWriteExt as _};
use tokio::time::timeout;
use trunkline_netmaster::Limits;
use trunkline_netmaster_api::{Endpoint, Query};

use crate::authority::Wish;
use crate::log;
use crate::netmaster::{Answer, Netmaster, SOON};

/// Ten at once, and then one a second.
fn one_a_second() -> Limits {
    Limits {
        rate: 1,
        ..Limits::default()
    }
}

#[tokio::test]
async fn who_asks_too_often_is_told_when_to_ask_again_and_nobody_else_is() {
    let netmaster = Netmaster::within(one_a_second()).await;
    let eager = netmaster.caller("operator:olga");
    let mut refused = None;
    for turn in 0..30 {
        let answer = eager.get("/v1/networks").await;
        if answer.status != 200 {
            assert!(turn >= 10, "{turn}: {answer:?}");
            refused = Some(answer);
            break;
        }
    }
    let refused = refused.unwrap();
    refused.is(429, "too_many_requests");
    let wait: u64 = refused.retry_after.as_ref().unwrap().parse().unwrap();
    assert!((1..=2).contains(&wait), "{refused:?}");
    // Another connection does not help, another identity is another one.
    let again = netmaster.caller("operator:olga").get("/v1/networks").await;
    again.is(429, "too_many_requests");
    assert_eq!(
        netmaster
            .caller("operator:otto")
            .get("/v1/networks")
            .await
            .status,
        200
    );
    // Replicas are not counted: those whom they ask for are, where they come in.
    let replica = netmaster.caller("replica:m2");
    for _ in 0..30 {
        assert_eq!(replica.get("/v1/networks").await.status, 200);
    }
}

#[tokio::test]
async fn who_shows_nothing_is_counted_too() {
    let netmaster = Netmaster::within(one_a_second()).await;
    let nobody = netmaster.nobody();
    let mut refused = 0;
    for _ in 0..30 {
        let guess = nobody
            .request(Method::GET, "/v1/networks")
            .bearer_auth("guess");
        if Answer::to(guess).await.status == 429 {
            refused += 1;
        }
    }
    assert!(refused > 0);
    netmaster.still_serves().await;
}

#[tokio::test]
async fn a_bad_token_gives_nobody_with_a_certificate_a_second_bucket() {
    let netmaster = Netmaster::within(one_a_second()).await;
    let pair = netmaster.authority.sign(&Wish::client("operator:olga"));
    let olga = netmaster.caller_with(&pair);
    let mut refused = 0;
    for _ in 0..10 {
        let guess = olga.request(Method::GET, "/v1/networks");
        Answer::to(guess.bearer_auth("guess")).await;
        refused += u32::from(olga.get("/v1/networks").await.status == 429);
    }
    // Ten at once, of both together.
    assert!(refused > 0);
}

#[tokio::test]
async fn an_identity_has_so_many_watches_and_gets_back_what_it_ends() {
    let limits = Limits {
        watches_each: 2,
        ..Limits::default()
    };
    let netmaster = Netmaster::within(limits).await;
    let viewer = netmaster.caller("viewer:vera");
    let mut watches = Vec::new();
    for _ in 0..2 {
        let mut watch = viewer.client.watch::<Endpoint>(&Query::default(), None);
        watch.next().await.unwrap();
        watches.push(watch);
    }
    let path = "/v1/endpoints?watch=true";
    viewer.get(path).await.is(429, "too_many_requests");
    let other = netmaster.caller("viewer:otto").request(Method::GET, path);
    assert_eq!(other.send().await.unwrap().status(), 200);
    drop(watches);
    let freed = async {
        while viewer
            .request(Method::GET, path)
            .send()
            .await
            .unwrap()
            .status()
            != 200
        {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    timeout(SOON, freed).await.unwrap();
}

#[tokio::test]
async fn a_large_body_is_refused() {
    let netmaster = Netmaster::start().await;
    let pair = netmaster.authority.sign(&Wish::client("admin:root"));
    let admin = netmaster.caller_from(121, &pair);
    let large = json!({"name": "a".repeat(2 << 20), "vlan": 100});
    let request = admin.request(Method::POST, "/v1/networks").json(&large);
    // The answer may come while it is still being sent.
    if let Ok(answer) = request.send().await {
        assert_eq!(answer.status(), 413);
    }
    log::says(121, "body_too_large").await;
    netmaster.still_serves().await;
}

/// Waits until the other side has closed it, and says whether that came about within `time`.
async fn is_closed(stream: &mut (impl AsyncRead + Unpin), time: Duration) -> bool {
    let mut byte = [0; 1];
    match timeout(time, stream.read(&mut byte)).await {
        Ok(Ok(count)) => count == 0,
        Ok(Err(_)) => true,
        Err(_) => false,
    }
}

#[tokio::test]
async fn one_address_that_shows_nothing_has_so_many_connections_and_the_oldest_goes() {
    let limits = Limits {
        connections_each: 3,
        ..Limits::default()
    };
    let netmaster = Netmaster::within(limits).await;
    let mut other = netmaster.connect_from(9).await;
    let mut silent = Vec::new();
    for _ in 0..5 {
        silent.push(netmaster.connect_from(2).await);
    }
    let (oldest, newest) = silent.split_at_mut(2);
    for stream in oldest {
        assert!(is_closed(stream, SOON).await);
    }
    let moment = Duration::from_millis(50);
    for stream in newest.iter_mut().chain([&mut other]) {
        assert!(!is_closed(stream, moment).await);
    }
    netmaster.still_serves().await;
}

#[tokio::test]
async fn however_many_show_nothing_those_who_do_come_in_and_stay() {
    let limits = Limits {
        connections: 8,
        connections_each: 2,
        ..Limits::default()
    };
    let netmaster = Netmaster::within(limits).await;
    let caller = netmaster.caller("viewer:vera");
    let mut watch = caller.client.watch::<Endpoint>(&Query::default(), None);
    watch.next().await.unwrap();
    let secret = netmaster
        .token(json!({"name": "ci", "role": "viewer"}))
        .await;
    let bearer = netmaster.with_secret(secret);
    let path = "/v1/endpoints?watch=true";
    let mut watched = bearer.request(Method::GET, path).send().await.unwrap();
    // More than there are places, from more addresses than have their limit.
    let mut silent = Vec::new();
    for last in 2..40 {
        silent.push(netmaster.connect_from(last).await);
    }
    assert!(is_closed(&mut silent[0], SOON).await);
    for _ in 0..3 {
        netmaster.still_serves().await;
    }
    let quiet = Duration::from_millis(200);
    let watch = timeout(quiet, watch.next()).await;
    assert!(!matches!(watch, Ok(Err(_))), "{watch:?}");
    let watched = timeout(quiet, watched.chunk()).await;
    assert!(!matches!(watched, Ok(Ok(None) | Err(_))), "{watched:?}");
}

#[tokio::test]
async fn one_identity_has_so_many_connections_and_the_oldest_goes() {
    let limits = Limits {
        connections_of_identity: 3,
        ..Limits::default()
    };
    let netmaster = Netmaster::within(limits).await;
    let pair = netmaster.authority.sign(&Wish::client("operator:olga"));
    let mut own = Vec::new();
    for _ in 0..5 {
        own.push(netmaster.narrow_from(123, &pair).await);
    }
    let (oldest, newest) = own.split_at_mut(2);
    for stream in oldest {
        assert!(is_closed(stream, SOON).await);
    }
    for stream in newest {
        assert!(!is_closed(stream, Duration::from_millis(50)).await);
    }
    log::says(123, "more connections than one may have").await;
    // Tokens are counted as well.
    let secret = netmaster
        .token(json!({"name": "ci", "role": "viewer"}))
        .await;
    let path = "/v1/endpoints?watch=true";
    let bearer = netmaster.with_secret(secret);
    let mut watches = Vec::new();
    for _ in 0..5 {
        watches.push(bearer.request(Method::GET, path).send().await.unwrap());
    }
    let gone = async { while let Ok(Some(_)) = watches[0].chunk().await {} };
    timeout(SOON, gone).await.unwrap();
    netmaster.still_serves().await;
}

#[tokio::test]
async fn bodies_of_one_identity_that_do_not_come_hold_up_nobody_else() {
    let netmaster = Netmaster::start().await;
    let pair = netmaster.authority.sign(&Wish::client("node:n1"));
    let head = "POST /v1/endpoints HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n\
                content-length: 1048576\r\n\r\n{";
    let mut standing = Vec::new();
    // More than there is room for, if one might have all of it.
    for _ in 0..300 {
        let mut stream = netmaster.narrow_from(124, &pair).await;
        stream.write_all(head.as_bytes()).await.unwrap();
        stream.flush().await.unwrap();
        standing.push(stream);
    }
    let admin = netmaster.caller("admin:root");
    let blue = json!({"name": "blue", "vlan": 100});
    let made = admin.ask(Method::POST, "/v1/networks", &blue).await;
    assert_eq!(made.status, 201, "{made:?}");
    drop(standing);
}

#[tokio::test]
async fn a_viewer_leaves_operators_their_places_at_a_node() {
    let netmaster = Netmaster::with_blue(Limits::default()).await;
    let path = "/v1/nodes/n1/requests";
    let status = json!({"kind": "status", "deadline_seconds": 300});
    // An agent that never answers, so that the requests wait.
    let agent = netmaster.caller("node:n1").request(Method::GET, path);
    let _agent = agent.send().await.unwrap();
    let mut waiting = Vec::new();
    let mut ask = async |name: &str| {
        let request = netmaster.caller(name).request(Method::POST, path);
        let answer = request.json(&status).send().await.unwrap();
        let code = answer.status().as_u16();
        waiting.push(answer);
        code
    };
    for number in 0..6 {
        let expected = if number < 4 { 200 } else { 503 };
        assert_eq!(ask("viewer:vera").await, expected, "{number}");
    }
    for _ in 0..4 {
        assert_eq!(ask("viewer:otto").await, 200);
    }
    assert_eq!(ask("viewer:ida").await, 503);
    assert_eq!(ask("operator:olga").await, 200);
}

#[tokio::test]
async fn answers_that_one_identity_does_not_read_are_so_many_and_others_get_theirs() {
    let netmaster = Netmaster::start().await;
    netmaster.fill().await;
    let pair = netmaster.authority.sign(&Wish::client("operator:olga"));
    let mut unread = Vec::new();
    let mut refused = false;
    for _ in 0..12 {
        let mut stream = netmaster.narrow_from(125, &pair).await;
        let request = b"GET /v1/export HTTP/1.1\r\nhost: localhost\r\n\r\n";
        stream.write_all(request).await.unwrap();
        let mut status = [0; 13];
        stream.read_exact(&mut status).await.unwrap();
        refused |= status == *b"HTTP/1.1 429 ";
        unread.push(stream);
    }
    assert!(refused, "it is told to read first");
    let slow = netmaster.caller_with(&pair);
    let export = "/v1/export";
    slow.get(export).await.is(429, "too_many_requests");
    assert_eq!(slow.get("/v1/cluster").await.status, 200);
    let other = netmaster.caller("operator:otto").get(export).await;
    assert_eq!(other.status, 200, "{}", other.body["detail"]);
    drop(unread);
    let read = async {
        while slow.get(export).await.status != 200 {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    timeout(SOON, read).await.unwrap();
}
