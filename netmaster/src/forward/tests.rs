mod identities;

use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::to_bytes;
use axum::http::StatusCode;
use serde_json::Value;
use trunkline_ipam::Revision;

use super::fixture::{Follower, OWN, http, is_problem, listen};
use super::*;
use crate::store::{Embedded, Store as _};

#[test]
fn only_what_writes_or_is_for_agents_goes_to_the_leader() {
    for (method, path) in [
        (Method::POST, "/v1/networks"),
        (Method::PUT, "/v1/networks/blue"),
        (Method::PATCH, "/v1/nodes/n1"),
        (Method::DELETE, "/v1/endpoints/c1/eth0"),
        (Method::GET, "/v1/nodes/n1/requests"),
        (Method::POST, "/v1/nodes/n1/requests/7/answer"),
        (Method::POST, "/v1/apply"),
        (Method::POST, "/v1/import"),
        (Method::GET, "/v1/check"),
        (Method::GET, "/v1/backup"),
        (Method::POST, "/v1/check/repair"),
    ] {
        assert!(is_for_leader(&method, path), "{method} {path}");
    }
    for (method, path) in [
        (Method::GET, "/v1/networks"),
        (Method::HEAD, "/v1/networks/blue"),
        (Method::GET, "/v1/nodes/requests"),
        (Method::POST, "/v1/explain"),
        (Method::POST, "/healthz"),
        (Method::GET, "/metrics"),
        (Method::GET, "/v1/export"),
        (Method::GET, "/v1/status"),
        (Method::GET, "/v1/usage"),
    ] {
        assert!(!is_for_leader(&method, path), "{method} {path}");
    }
}

#[test]
fn headers_of_one_connection_stay_on_it() {
    let mut headers = HeaderMap::new();
    for (name, value) in [
        ("connection", "close, x-once"),
        ("x-once", "1"),
        ("transfer-encoding", "chunked"),
        ("content-type", "application/json"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    remove_hop_by_hop(&mut headers);
    assert_eq!(headers.len(), 1);
    assert!(headers.contains_key("content-type"));
}

/// Asks `url` as somebody who has seen `revision`.
async fn get(url: String, revision: u64) -> (StatusCode, String) {
    let request = http().get(url).header("trunkline-revision", revision);
    let answer = request.send().await.unwrap();
    let status = answer.status();
    // A watch does not end.
    let text = match status {
        StatusCode::OK => String::new(),
        _ => answer.text().await.unwrap(),
    };
    (status, text)
}

#[tokio::test]
async fn a_write_goes_to_the_leader_and_its_answer_comes_back() {
    let seen = Arc::new(Mutex::new(None));
    let record = seen.clone();
    let leader = Router::new().fallback(async move |request: Request| {
        let (parts, body) = request.into_parts();
        let body = to_bytes(body, 1000).await.unwrap();
        *record.lock().unwrap() = Some((parts, body));
        let headers = [("keep-alive", "timeout=5"), ("x-leader", "yes")];
        (StatusCode::IM_A_TEAPOT, headers, "an answer")
    });
    let (listener, url) = listen().await;
    tokio::spawn(async move { axum::serve(listener, leader).await });
    let follower = Follower::of(Some(url.clone())).await;

    let answer = follower.post(&[("x-own", "1"), ("te", "trailers")]).await;
    assert_eq!(answer, (StatusCode::IM_A_TEAPOT, "an answer".to_owned()));
    let (parts, body) = seen.lock().unwrap().take().unwrap();
    assert_eq!(parts.method, Method::POST);
    assert_eq!(parts.uri.path_and_query().unwrap(), "/v1/networks?x=1");
    assert_eq!(body, "a body");
    assert_eq!(parts.headers["x-own"], "1");
    assert!(!parts.headers.contains_key("te"));
    assert_eq!(parts.headers[FORWARDED], "1");
    assert_eq!(parts.headers[HOST], url.trim_start_matches("http://"));
}

#[tokio::test]
async fn without_a_leader_writes_are_refused_and_reads_served() {
    let follower = Follower::of(None).await;
    is_problem(&follower.post(&[]).await, "no_leader");
    let list = http()
        .get(format!("{}/v1/networks", follower.url))
        .send()
        .await
        .unwrap();
    assert_eq!(list.status(), StatusCode::OK);
    let ready = http()
        .get(format!("{}/readyz", follower.url))
        .send()
        .await
        .unwrap();
    assert_eq!(ready.status(), StatusCode::SERVICE_UNAVAILABLE);
    let leader = Some("http://127.0.0.1:9".to_owned());
    follower.role.send_replace(Role::Follower { leader });
    let ready = http()
        .get(format!("{}/readyz", follower.url))
        .send()
        .await
        .unwrap();
    assert_eq!(ready.status(), StatusCode::OK);
}

#[tokio::test]
async fn a_request_is_not_passed_on_twice() {
    let (listener, url) = listen().await;
    let follower = Follower::of(Some(url)).await;
    let answer = follower.post(&[("trunkline-forwarded", "1")]).await;
    is_problem(&answer, "no_leader");
    // Nobody came.
    let nobody = timeout(Duration::from_millis(50), listener.accept()).await;
    assert!(nobody.is_err());
}

#[tokio::test]
async fn a_leader_that_is_gone_did_nothing_and_one_that_breaks_off_may_have() {
    let (listener, url) = listen().await;
    let follower = Follower::of(Some(url)).await;
    let broken = tokio::spawn(async move {
        let (connection, _) = listener.accept().await.unwrap();
        drop(connection);
        // With the listener the address goes as well.
    });
    is_problem(&follower.post(&[]).await, "store_unavailable");
    broken.await.unwrap();
    is_problem(&follower.post(&[]).await, "no_leader");
}

#[tokio::test]
async fn the_leader_is_asked_how_the_whole_is_for_as_long_as_there_is_one() {
    let leader = Router::new().fallback(async || "from the leader");
    let (listener, url) = listen().await;
    tokio::spawn(async move { axum::serve(listener, leader).await });
    let follower = Follower::of(Some(url)).await;
    let status = async || {
        let answer = http().get(format!("{}/v1/status", follower.url)).send();
        answer.await.unwrap().text().await.unwrap()
    };
    assert_eq!(status().await, "from the leader");
    let leader = Some("http://127.0.0.1:9".to_owned());
    follower.role.send_replace(Role::Follower { leader });
    // That one is gone, and the follower says what it knows itself.
    let own: Value = serde_json::from_str(&status().await).unwrap();
    assert_eq!(own["cluster"], "c-1");
    assert_eq!(own["leading"], false);
}

#[tokio::test]
async fn a_follower_tells_the_leader_that_it_is_there() {
    let seen = Arc::new(Mutex::new(None));
    let record = seen.clone();
    let leader = Router::new().fallback(async move |request: Request| {
        *record.lock().unwrap() = Some(request.into_parts().0);
    });
    let (listener, url) = listen().await;
    tokio::spawn(async move { axum::serve(listener, leader).await });
    let forwarder = Forwarder::with(&Credentials::default(), 10).unwrap();
    forwarder
        .announce(&url, OWN, Revision::new(7))
        .await
        .unwrap();
    let parts = seen.lock().unwrap().take().unwrap();
    assert_eq!(parts.uri.path(), "/v1/cluster");
    assert_eq!(parts.headers[own_header::REPLICA], OWN);
    assert_eq!(parts.headers[SEEN], "7");
}

#[tokio::test]
async fn a_leader_that_hangs_is_given_up_when_it_leads_no_more() {
    for now in [
        Role::Leader,
        Role::Follower { leader: None },
        Role::Follower {
            leader: Some("http://127.0.0.1:9".to_owned()),
        },
    ] {
        let (listener, url) = listen().await;
        let follower = Follower::of(Some(url)).await;
        let role = follower.role.clone();
        let deposed = tokio::spawn(async move {
            // The request has come, and is never answered.
            let connection = listener.accept().await.unwrap();
            role.send_replace(now);
            connection
        });
        let answer = timeout(DEADLINE / 2, follower.post(&[])).await;
        is_problem(
            &answer.expect("long before its deadline"),
            "store_unavailable",
        );
        deposed.await.unwrap();
    }
}

#[tokio::test]
async fn a_follower_that_is_behind_says_so_whoever_leads() {
    let follower = Follower::of(Some("http://127.0.0.1:9".to_owned())).await;
    let list = get(format!("{}/v1/networks", follower.url), 7);
    let watch = get(format!("{}/v1/networks?watch&after=7", follower.url), 0);
    for answer in <[_; 2]>::from(tokio::join!(list, watch)) {
        is_problem(&answer, "not_ready");
        assert!(
            answer.1.contains("up to revision 1") && answer.1.contains("up to revision 7"),
            "{answer:?}"
        );
    }
}

#[tokio::test]
async fn a_follower_that_is_a_moment_behind_waits_before_it_begins_a_watch() {
    let follower = Follower::of(Some("http://127.0.0.1:9".to_owned())).await;
    let url = format!("{}/v1/networks?watch&after=2", follower.url);
    let watch = tokio::spawn(get(url, 0));
    tokio::time::sleep(Duration::from_millis(50)).await;
    assert!(!watch.is_finished());
    let mut ahead = Embedded::in_memory().unwrap();
    let position = ahead
        .replace(Revision::new(2), &mut std::iter::empty())
        .unwrap();
    follower
        .published
        .publish(Revision::new(1), position, Vec::new());
    assert_eq!(watch.await.unwrap().0, StatusCode::OK);
}

#[tokio::test]
async fn so_many_requests_are_with_the_leader_and_one_more_is_told_to_come_again() {
    // Of its answers the beginning comes, as to agents that wait for requests.
    let endless = async || {
        let nothing = futures_util::stream::pending::<Result<axum::body::Bytes, std::io::Error>>();
        Body::from_stream(nothing)
    };
    let leader = Router::new().fallback(endless);
    let (listener, url) = listen().await;
    tokio::spawn(async move { axum::serve(listener, leader).await });
    let forwarder = Forwarder::with(&Credentials::default(), 1).unwrap();
    let role = watch::Sender::new(Role::Follower {
        leader: Some(url.clone()),
    });
    let ask = async || {
        let mut request = Request::new(Body::empty());
        *request.uri_mut() = "/v1/nodes/n1/requests".parse().unwrap();
        request.extensions_mut().insert(Asking {
            identity: Some(Identity::local()),
            address: Some("127.0.0.1".parse().unwrap()),
        });
        forwarder.pass_on(request, &url, role.subscribe()).await
    };
    let first = ask().await.unwrap();
    let refused = ask().await.unwrap_err();
    assert_eq!(refused.problem().code, ErrorCode::NoLeader);
    assert!(refused.problem().code.is_retryable());
    assert!(refused.problem().detail.contains("too many"), "{refused:?}");
    drop(first);
    ask().await.unwrap();
}
