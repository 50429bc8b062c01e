//! Certificates are replaced while everything goes on.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use reqwest::Method;
use serde_json::json;
use tokio::time::{sleep, timeout};
use trunkline_netmaster::Limits;
use trunkline_netmaster_api::{Network, Query, WatchEvent};
use x509_parser::prelude::{FromDer as _, X509Certificate};

use crate::authority::{Authority, Pair, Wish, replace};
use crate::netmaster::{Caller, LOOK, Netmaster, SOON};

/// The serial number of the certificate that a new connection is shown.
async fn shown(netmaster: &Netmaster) -> u64 {
    let credentials = trunkline_netmaster_api::Credentials {
        ca: Some(netmaster.ca()),
        ..trunkline_netmaster_api::Credentials::default()
    };
    let connector = tokio_rustls::TlsConnector::from(Arc::new(credentials.tls().unwrap()));
    let name = "localhost".to_owned().try_into().unwrap();
    let stream = connector
        .connect(name, netmaster.connect().await)
        .await
        .unwrap();
    let (_, session) = stream.get_ref();
    let certificate = &session.peer_certificates().unwrap()[0];
    let (_, parsed) = X509Certificate::from_der(certificate).unwrap();
    parsed.tbs_certificate.serial.to_u64_digits()[0]
}

async fn is_shown(netmaster: &Netmaster, pair: &Pair) {
    let taken = async {
        while shown(netmaster).await != pair.serial {
            sleep(Duration::from_millis(50)).await;
        }
    };
    timeout(SOON, taken).await.unwrap();
}

fn replica(authority: &Authority) -> Pair {
    authority.sign(&Wish::replica("replica:netmaster-1"))
}

/// Asks again and again, on one connection and on a new one each time, and counts.
async fn ask(
    kept: Caller,
    fresh: impl Fn() -> Caller,
    stop: Arc<AtomicBool>,
    count: Arc<AtomicUsize>,
) {
    while !stop.load(Ordering::Relaxed) {
        for caller in [&kept, &fresh()] {
            caller.client.cluster().await.unwrap();
            let number = count.fetch_add(1, Ordering::Relaxed);
            let name = format!("group-{number}");
            let body = json!({"name": name, "namespaces": [name], "network": "blue"});
            let answer = caller.ask(Method::POST, "/v1/groups", &body).await;
            assert_eq!(answer.status, 201, "{answer:?}");
        }
        sleep(Duration::from_millis(5)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn certificates_are_replaced_under_load_without_a_failed_request() {
    let limits = Limits {
        rate: 1_000_000,
        ..Limits::default()
    };
    let netmaster = Netmaster::with_blue(limits).await;
    let client = netmaster.authority.sign(&Wish::client("operator:olga"));
    let directory = netmaster.directory.path().to_owned();
    let credentials = client.credentials(&directory, "olga", &netmaster.ca());
    let url = netmaster.url();
    let (stop, count) = (
        Arc::new(AtomicBool::new(false)),
        Arc::new(AtomicUsize::new(0)),
    );
    let mut asking = Vec::new();
    for _ in 0..3 {
        let fresh = {
            let (url, credentials) = (url.clone(), credentials.clone());
            move || Caller::with(&url, credentials.clone())
        };
        asking.push(tokio::spawn(ask(
            fresh(),
            fresh,
            stop.clone(),
            count.clone(),
        )));
    }
    let vera = netmaster.caller("viewer:vera");
    let mut watch = vera.client.watch::<Network>(&Query::default(), None);
    while !matches!(watch.next().await.unwrap(), WatchEvent::Bookmark { .. }) {}
    for _ in 0..3 {
        let own = replica(&netmaster.authority);
        own.write(&directory, "server");
        netmaster
            .authority
            .sign(&Wish::client("operator:olga"))
            .write(&directory, "olga");
        is_shown(&netmaster, &own).await;
        let before = count.load(Ordering::Relaxed);
        while count.load(Ordering::Relaxed) < before + 10 {
            assert!(asking.iter().all(|one| !one.is_finished()));
            sleep(Duration::from_millis(5)).await;
        }
    }
    stop.store(true, Ordering::Relaxed);
    for one in asking {
        one.await.unwrap();
    }
    // The watch never noticed.
    let admin = netmaster.caller("admin:root");
    let red = json!({"name": "red", "vlan": 101});
    assert_eq!(
        admin.ask(Method::POST, "/v1/networks", &red).await.status,
        201
    );
    let event = timeout(SOON, watch.next()).await.unwrap().unwrap();
    assert!(matches!(event, WatchEvent::Put { object, .. } if object.name.as_str() == "red"));
}

#[tokio::test]
async fn what_cannot_be_used_is_not_and_what_comes_after_it_is() {
    let netmaster = Netmaster::start().await;
    let directory = netmaster.directory.path();
    let before = shown(&netmaster).await;
    let (one, other) = (replica(&netmaster.authority), replica(&netmaster.authority));
    // A certificate with the key of another one.
    let mut mixed = one.clone();
    mixed.key = other.key;
    mixed.write(directory, "server");
    replace(&directory.join("ca.crl"), "nothing");
    // Long enough to be looked at twice, and again.
    sleep(LOOK * 6).await;
    assert_eq!(shown(&netmaster).await, before);
    netmaster.still_serves().await;
    one.write(directory, "server");
    let list = netmaster.authority.revoke(&[]);
    replace(&directory.join("ca.crl"), &list);
    is_shown(&netmaster, &one).await;
    netmaster.still_serves().await;
}

#[tokio::test]
async fn clients_of_a_new_authority_are_let_in_beside_those_of_the_one_before() {
    let netmaster = Netmaster::start().await;
    let next = Authority::new("the next authority");
    let both = format!("{}{}", next.pem, netmaster.authority.pem);
    replace(&netmaster.ca(), &both);
    let newcomer = netmaster.caller_with(&next.sign(&Wish::client("viewer:vera")));
    let let_in = async {
        while newcomer.client.cluster().await.is_err() {
            sleep(Duration::from_millis(50)).await;
        }
    };
    timeout(SOON, let_in).await.unwrap();
    netmaster.still_serves().await;
    // And once the one before is trusted no longer, its clients are not either.
    let old = netmaster.caller("viewer:otto");
    old.client.cluster().await.unwrap();
    let trusted = netmaster.directory.path().join("both.pem");
    replace(&trusted, &both);
    replace(&netmaster.ca(), &next.pem);
    let shut_out = async {
        while old.client.cluster().await.is_ok() {
            sleep(Duration::from_millis(50)).await;
        }
    };
    timeout(SOON, shut_out).await.unwrap();
}
