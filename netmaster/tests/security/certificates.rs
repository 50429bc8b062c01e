//! Certificates that are not to be believed, and those that are.

use reqwest::Method;
use serde_json::json;
use time::Duration;
use trunkline_netmaster_api::{Endpoint, Query};

use crate::authority::{Authority, Pair, Wish, replace};
use crate::log;
use crate::netmaster::{Caller, Netmaster, SOON};

/// The handshake ends before anything is asked, so that nothing is answered either.
async fn is_cut_off(caller: &Caller) {
    let error = caller.client.cluster().await.unwrap_err();
    assert!(error.problem().is_none(), "{error}");
    assert!(error.is_unreachable(), "{error}");
}

/// The same from an address of its own, and the log says why.
async fn is_cut_off_and_logged(netmaster: &Netmaster, pair: &Pair, last: u8, why: &str) {
    let caller = netmaster.caller_from(last, pair);
    is_cut_off(&caller).await;
    let request = caller.request(Method::GET, "/v1/cluster");
    request.send().await.unwrap_err();
    log::says(last, why).await;
}

#[tokio::test]
async fn who_shows_nothing_is_asked_who_it_is() {
    let netmaster = Netmaster::start().await;
    let nobody = netmaster.nobody();
    nobody.get("/v1/networks").await.is(401, "unauthenticated");
    nobody.get("/v1/nothing").await.is(401, "unauthenticated");
    nobody.client.healthz().await.unwrap();
    nobody.client.readyz().await.unwrap();
}

#[tokio::test]
async fn a_certificate_says_who_asks() {
    let netmaster = Netmaster::start().await;
    let operator = netmaster.caller("operator:olga");
    let blue = json!({"name": "blue", "vlan": 100});
    let answer = operator.ask(Method::POST, "/v1/networks", &blue).await;
    assert_eq!(answer.status, 201, "{answer:?}");
    let viewer = netmaster.caller("viewer:vera");
    assert_eq!(viewer.get("/v1/networks").await.status, 200);
    let red = json!({"name": "red", "vlan": 101});
    let answer = viewer.ask(Method::POST, "/v1/networks", &red).await;
    answer.is(403, "forbidden");
    let detail = answer.body["detail"].as_str().unwrap();
    assert!(
        detail.contains("`viewer:vera`") && detail.contains("`operator`"),
        "{detail}"
    );
}

#[tokio::test]
async fn an_expired_certificate_is_refused() {
    let netmaster = Netmaster::start().await;
    let expired = netmaster.authority.sign(&Wish {
        ends_in: -Duration::minutes(1),
        ..Wish::client("admin:root")
    });
    is_cut_off_and_logged(&netmaster, &expired, 101, "expired").await;
    netmaster.still_serves().await;
}

#[tokio::test]
async fn a_certificate_is_of_no_use_beyond_its_end_even_on_an_open_connection() {
    let netmaster = Netmaster::start().await;
    let brief = netmaster.authority.sign(&Wish {
        ends_in: Duration::seconds(4),
        ..Wish::client("viewer:vera")
    });
    let caller = netmaster.caller_with(&brief);
    let mut watch = caller.client.watch::<Endpoint>(&Query::default(), None);
    watch.next().await.unwrap();
    let error = tokio::time::timeout(SOON, watch.next()).await.unwrap();
    assert!(error.unwrap_err().is_unreachable());
    is_cut_off(&caller).await;
    netmaster.still_serves().await;
}

#[tokio::test]
async fn the_certificate_of_another_authority_is_refused_whatever_that_calls_itself() {
    let netmaster = Netmaster::start().await;
    let other = Authority::new("the authority");
    let admin = other.sign(&Wish::client("admin:root"));
    is_cut_off_and_logged(&netmaster, &admin, 102, "invalid peer certificate").await;
    netmaster.still_serves().await;
}

#[tokio::test]
async fn a_certificate_for_servers_is_no_clients() {
    let netmaster = Netmaster::start().await;
    let server = netmaster.authority.sign(&Wish {
        client: false,
        server: true,
        ..Wish::client("admin:root")
    });
    is_cut_off_and_logged(&netmaster, &server, 103, "invalid peer certificate").await;
    netmaster.still_serves().await;
}

#[tokio::test]
async fn a_certificate_that_names_nobody_is_nobodys() {
    let netmaster = Netmaster::start().await;
    for name in ["n1", "root:eve", "node:../n1", "token:ci", "local", ""] {
        let nobody = netmaster.caller(name);
        nobody.get("/v1/networks").await.is(401, "unauthenticated");
    }
}

#[tokio::test]
async fn a_revoked_certificate_is_refused_and_its_connections_are_cut() {
    let netmaster = Netmaster::start().await;
    let revoked = netmaster.authority.sign(&Wish::client("operator:eve"));
    let (eve, vera) = (
        netmaster.caller_with(&revoked),
        netmaster.caller("viewer:vera"),
    );
    let mut watches = Vec::new();
    for caller in [&eve, &vera] {
        let mut watch = caller.client.watch::<Endpoint>(&Query::default(), None);
        watch.next().await.unwrap();
        watches.push(watch);
    }
    let list = netmaster.authority.revoke(&[&revoked]);
    replace(&netmaster.directory.path().join("ca.crl"), &list);
    let cut = tokio::time::timeout(SOON, watches[0].next()).await.unwrap();
    assert!(cut.unwrap_err().is_unreachable());
    is_cut_off_and_logged(&netmaster, &revoked, 104, "revoked").await;
    // Of the other one nothing was heard but what it asked for.
    let blue = json!({"name": "blue", "vlan": 100});
    let admin = netmaster.caller("admin:root");
    let answer = admin.ask(Method::POST, "/v1/networks", &blue).await;
    assert_eq!(answer.status, 201, "{answer:?}");
    vera.client.cluster().await.unwrap();
    let quiet = std::time::Duration::from_millis(300);
    let other = tokio::time::timeout(quiet, watches[1].next()).await;
    assert!(!matches!(other, Ok(Err(_))), "{other:?}");
}

#[tokio::test]
async fn a_token_that_nobody_gave_out_is_refused_and_not_shown() {
    let netmaster = Netmaster::start().await;
    for caller in [netmaster.nobody(), netmaster.caller("admin:root")] {
        let request = caller.request(Method::GET, "/v1/networks");
        let answer = crate::netmaster::Answer::to(request.bearer_auth("s3cret")).await;
        answer.is(401, "unauthenticated");
        assert!(!answer.body.to_string().contains("s3cret"));
    }
}

#[tokio::test]
async fn the_metrics_tell_when_certificates_end() {
    let netmaster = Netmaster::start().await;
    let viewer = netmaster.caller("viewer:vera");
    let answer = viewer
        .request(Method::GET, "/metrics")
        .send()
        .await
        .unwrap();
    let text = answer.text().await.unwrap();
    let now = time::OffsetDateTime::now_utc().unix_timestamp();
    // As the authority of these tests signs them; its own certificate is good for ever.
    for (file, least) in [("server.pem", 23 * 3600), ("ca.pem", 365 * 24 * 3600)] {
        let path = netmaster.directory.path().join(file);
        let name = "netmaster_certificate_not_after_timestamp_seconds";
        let sample = format!("{name}{{file=\"{}\"}} ", path.display());
        let end = text.lines().find_map(|line| line.strip_prefix(&sample));
        let end: i64 = end.unwrap().parse().unwrap();
        assert!(end > now + least, "{file}: {end}");
    }
}
