//! How much one caller may ask.

use std::time::Duration;

use reqwest::Method;
use serde_json::json;
use tokio::io::AsyncReadExt as _;
use tokio::net::TcpStream;
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
async fn is_closed(stream: &mut TcpStream, time: Duration) -> bool {
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
