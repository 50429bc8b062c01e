//! Who asks, and that the leader is told so by nobody but replicas.

use std::collections::BTreeSet;
use std::net::IpAddr;

use axum::http::StatusCode;
use rcgen::{CertificateParams, KeyPair};
use serde_json::{Value, json};
use trunkline_netmaster_api::{Audit, Client, Query};

use super::super::fixture::{Follower, is_problem, listen};
use super::super::*;
use crate::certs::fixture::Scene;
use crate::connections::Door;
use crate::identity::Scope;
use crate::join::NodeAuthority;
use crate::server::{ServeOptions, Server};
use crate::store::Embedded;
use crate::tls::{Keeper, TlsFiles};

/// What a replica shows that has the certificate of this name.
fn credentials(certs: &Scene, name: &str) -> Credentials {
    let file = |kind: &str| certs.path(&format!("{name}.{kind}"));
    Credentials {
        ca: Some(certs.path("ca.pem")),
        certificate: Some((file("pem"), file("key"))),
        token: None,
    }
}

/// Certificates, and the URL of a leader that is served with one of them.
async fn leader_with_tls() -> (Scene, String) {
    let certs = Scene::with_authority();
    certs.run("issue replica:m1 --san 127.0.0.1").unwrap();
    certs.run("issue replica:m2 --san 127.0.0.1").unwrap();
    let options = ServeOptions {
        tls: Some(files(&certs, "replica-m1")),
        ..ServeOptions::default()
    };
    let any_port = "127.0.0.1:0".parse().unwrap();
    let store = Embedded::in_memory().unwrap();
    let leader = Server::bind(&[any_port], store, options).await.unwrap();
    let url = leader.urls().next().unwrap();
    tokio::spawn(leader.run(std::future::pending()));
    (certs, url)
}

#[tokio::test]
async fn a_leader_with_tls_is_told_who_asked_and_decides_by_that() {
    let (certs, url) = leader_with_tls().await;
    let agent = Identity::of_certificate("node:n1").unwrap();
    let shown = credentials(&certs, "replica-m2");
    let follower = Follower::asked_by(agent, Some(url.clone()), &shown).await;
    let register = || follower.send(Method::PUT, "/v1/nodes/n1", json!({"rack": "r1"}));
    // The cluster is founded beside the serving.
    let registered = async {
        while register().await == StatusCode::SERVICE_UNAVAILABLE {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        register().await
    };
    let registered = timeout(Duration::from_secs(20), registered).await;
    // No replica may do that by itself.
    assert_eq!(registered.unwrap(), StatusCode::OK);
    let wish = |node: &str| json!({"attachment": "c1/eth0", "node": node, "network": "blue"});
    let own = follower
        .send(Method::POST, "/v1/endpoints", wish("n1"))
        .await;
    assert_eq!(own, StatusCode::NOT_FOUND);
    let other = follower
        .send(Method::POST, "/v1/endpoints", wish("n2"))
        .await;
    assert_eq!(other, StatusCode::FORBIDDEN);

    // Without a certificate it could be anybody.
    let shown = Credentials {
        certificate: None,
        ..shown
    };
    let stranger = Follower::asked_by(Identity::local(), Some(url), &shown).await;
    let answer = stranger
        .send(Method::PUT, "/v1/nodes/n1", json!({"rack": "r1"}))
        .await;
    assert_eq!(answer, StatusCode::FORBIDDEN);
}

/// What a replica with that certificate serves with.
fn files(certs: &Scene, name: &str) -> TlsFiles {
    TlsFiles {
        certificate: certs.path(&format!("{name}.pem")),
        key: certs.path(&format!("{name}.key")),
        client_ca: certs.path("ca.pem"),
        crl: None,
        look: TlsFiles::LOOK,
    }
}

/// Asks from an address that no replica has.
async fn ask_from_afar(
    shown: &Credentials,
    method: Method,
    url: String,
    body: &Value,
) -> (StatusCode, Value) {
    let client = reqwest::Client::builder()
        .no_proxy()
        .local_address(IpAddr::from([127, 0, 0, 2]))
        .tls_backend_preconfigured(shown.tls().unwrap())
        .build()
        .unwrap();
    let answer = client.request(method, url).json(body).send().await.unwrap();
    let status = answer.status();
    let bytes = answer.bytes().await.unwrap();
    (status, serde_json::from_slice(&bytes).unwrap_or_default())
}

#[tokio::test]
async fn a_node_joins_and_renews_through_a_follower_and_is_recorded_as_from_where_it_came() {
    let certs = Scene::with_authority();
    for replica in ["m1", "m2"] {
        let issue = format!("issue replica:{replica} --san 127.0.0.1");
        certs.run(&issue).unwrap();
    }
    certs.run("issue admin:root").unwrap();
    let options = ServeOptions {
        tls: Some(files(&certs, "replica-m1")),
        authority: Some(NodeAuthority {
            certificate: certs.path("ca.pem"),
            key: certs.path("ca.key"),
            life: Duration::from_secs(3600),
        }),
        ..ServeOptions::default()
    };
    let any_port = "127.0.0.1:0".parse().unwrap();
    let store = Embedded::in_memory().unwrap();
    let leader = Server::bind(&[any_port], store, options).await.unwrap();
    let url = leader.urls().next().unwrap();
    tokio::spawn(leader.run(std::future::pending()));
    let keeper = Keeper::start(files(&certs, "replica-m2")).unwrap();
    let own = credentials(&certs, "replica-m2");
    let door = Door::Tls(keeper.loaded());
    let follower = Follower::behind(door, Some(url.clone()), &own).await;
    let at = |path: &str| format!("{}{path}", follower.url);

    let admin = credentials(&certs, "admin-root");
    let spec = json!({"name": "rack", "role": "node", "nodes": ["n1"]});
    let made = async {
        loop {
            let made = ask_from_afar(&admin, Method::POST, at("/v1/tokens"), &spec).await;
            // The cluster is founded beside the serving.
            if made.0 != StatusCode::SERVICE_UNAVAILABLE {
                return made;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    let made = timeout(Duration::from_secs(20), made).await;
    let (status, token) = made.unwrap();
    assert_eq!(status, StatusCode::CREATED, "{token}");

    let key = KeyPair::generate().unwrap();
    let request = CertificateParams::default().serialize_request(&key);
    let request = request.unwrap().pem().unwrap();
    let nobody = Credentials {
        certificate: None,
        ..admin.clone()
    };
    let spec = json!({"node": "n1", "token": token["secret"], "request": request});
    let joined = ask_from_afar(&nobody, Method::POST, at("/v1/join"), &spec).await;
    assert_eq!(joined.0, StatusCode::OK, "{}", joined.1);
    let certificate = joined.1["certificate"].as_str().unwrap();
    std::fs::write(certs.path("joined.pem"), certificate).unwrap();
    std::fs::write(certs.path("joined.key"), key.serialize_pem()).unwrap();
    let agent = credentials(&certs, "joined");
    let rack = json!({"rack": "r1"});
    let registered = ask_from_afar(&agent, Method::PUT, at("/v1/nodes/n1"), &rack).await;
    assert_eq!(registered.0, StatusCode::OK, "{}", registered.1);
    let path = at("/v1/nodes/n1/certificate");
    let renewed = ask_from_afar(&agent, Method::POST, path, &json!({"request": request})).await;
    assert_eq!(renewed.0, StatusCode::OK, "{}", renewed.1);

    let audit = format!("{url}/v1/audit?fieldSelector=name=n1");
    let (_, records) = ask_from_afar(&admin, Method::GET, audit, &json!({})).await;
    let records = records["items"].as_array().unwrap().iter();
    let told = |record: &Value| {
        let text = |key: &str| record[key].as_str().unwrap_or_default().to_owned();
        (text("path"), text("identity"), text("from"))
    };
    let told: BTreeSet<_> = records.map(told).collect();
    let expected = [
        ("/v1/join", "token:rack", "127.0.0.2"),
        ("/v1/nodes/n1/certificate", "node:n1", "127.0.0.2"),
    ];
    let expected = expected.map(|(path, who, from)| (path.into(), who.into(), from.into()));
    assert_eq!(told, BTreeSet::<(String, String, String)>::from(expected));

    // Neither the removed node's certificate nor its token is good at the leader any more, although
    // this follower has not heard of it.
    let removed = ask_from_afar(&admin, Method::DELETE, at("/v1/nodes/n1"), &json!({})).await;
    assert_eq!(removed.0, StatusCode::NO_CONTENT, "{}", removed.1);
    let again = ask_from_afar(&agent, Method::PUT, at("/v1/nodes/n1"), &rack).await;
    assert_eq!(again.0, StatusCode::UNAUTHORIZED, "{}", again.1);
}

#[tokio::test]
async fn a_leader_without_tls_gets_nothing_that_it_would_take_for_an_administrators() {
    let (listener, url) = listen().await;
    let viewer = Identity::of_certificate("operator:olga").unwrap();
    let follower = Follower::asked_by(viewer, Some(url), &Credentials::default()).await;
    is_problem(&follower.post(&[]).await, "no_leader");
    // Nobody came.
    let nobody = timeout(Duration::from_millis(50), listener.accept()).await;
    assert!(nobody.is_err());
}

#[test]
fn a_token_goes_no_further_than_it_has_to() {
    let address = Some("10.0.0.7".parse().unwrap());
    let name = IdentityName::Token("ci".parse().unwrap());
    let identity = Identity::new(
        name,
        trunkline_netmaster_api::Role::Operator,
        Scope::Everything,
    );
    let asking = Asking {
        identity: Some(identity),
        address,
    };
    let headers = || {
        let mut headers = HeaderMap::new();
        headers.insert(AUTHORIZATION, HeaderValue::from_static("Bearer s3cret"));
        headers.insert(own_header::IDENTITY, HeaderValue::from_static("smuggled"));
        headers
    };
    let mut encrypted = headers();
    let way = |came_encrypted, goes_encrypted| Way {
        came_encrypted,
        goes_encrypted,
    };
    vouch(&mut encrypted, Some(&asking), way(true, true)).unwrap();
    assert!(!encrypted.contains_key(AUTHORIZATION));
    let said = encrypted[own_header::IDENTITY].to_str().unwrap();
    assert_eq!(
        said,
        r#"{"name":"token:ci","role":"operator","address":"10.0.0.7"}"#
    );
    let mut plain = headers();
    vouch(&mut plain, Some(&asking), way(false, false)).unwrap();
    assert!(plain.contains_key(AUTHORIZATION) && !plain.contains_key(own_header::IDENTITY));
    // What came encrypted does not go on in the clear.
    assert!(vouch(&mut headers(), Some(&asking), way(true, false)).is_err());
    assert!(vouch(&mut headers(), None, way(true, true)).is_err());
    // Who joins is nobody, and proves by what is in the body that it may.
    let nobody = Asking {
        identity: None,
        address,
    };
    let mut joins = headers();
    vouch(&mut joins, Some(&nobody), way(true, true)).unwrap();
    assert!(!joins.contains_key(AUTHORIZATION));
    assert_eq!(joins[own_header::IDENTITY], r#"{"address":"10.0.0.7"}"#);
    assert!(vouch(&mut headers(), Some(&nobody), way(true, false)).is_err());
}

#[tokio::test]
async fn what_a_follower_refuses_is_in_the_leaders_audit() {
    let (certs, url) = leader_with_tls().await;
    certs.run("issue admin:root").unwrap();
    let viewer = Identity::of_certificate("viewer:vera").unwrap();
    let shown = credentials(&certs, "replica-m2");
    let follower = Follower::asked_by(viewer, Some(url.clone()), &shown).await;
    let denied = follower
        .send(Method::PUT, "/v1/networks/blue", json!({}))
        .await;
    assert_eq!(denied, StatusCode::FORBIDDEN);
    let admin = Client::with(&url, credentials(&certs, "admin-root")).unwrap();
    let recorded = async {
        loop {
            let list = admin.list::<Audit>(&Query::default()).await;
            let records = list.map(|list| list.items).unwrap_or_default();
            if let Some(record) = records.into_iter().next() {
                return record;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    };
    let record = timeout(Duration::from_secs(20), recorded).await;
    let record = record.unwrap();
    assert_eq!(record.identity.as_deref(), Some("viewer:vera"));
    assert_eq!(
        (record.path.as_str(), record.result.as_str()),
        ("/v1/networks/blue", "denied")
    );
    assert_eq!(record.from, Some("127.0.0.1".parse().unwrap()));
}
