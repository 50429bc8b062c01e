//! How a node gets its certificate.

use std::time::Duration;

use rcgen::{CertificateParams, KeyPair};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use trunkline_netmaster::Limits;
use trunkline_netmaster_api::{Credentials, ErrorCode, JoinSpec, NodeCertificate, Secret};

use crate::authority::replace;
use crate::netmaster::{Caller, Netmaster, SOON};

/// A machine's key, and what it asks with.
struct Machine {
    key: KeyPair,
}

impl Machine {
    fn new() -> Self {
        Self {
            key: KeyPair::generate().unwrap(),
        }
    }

    fn request(&self) -> String {
        let params = CertificateParams::default();
        let request = params.serialize_request(&self.key).unwrap();
        request.pem().unwrap()
    }

    fn spec(&self, node: &str, token: &Secret) -> JoinSpec {
        JoinSpec {
            node: node.parse().unwrap(),
            token: token.clone(),
            request: self.request(),
        }
    }

    /// The machine as its certificate makes it known.
    fn with(&self, netmaster: &Netmaster, certificate: &NodeCertificate) -> Caller {
        let directory = netmaster.directory.path();
        let name = format!("joined-{}", certificate.not_after);
        let (pem, key) = (
            directory.join(format!("{name}.pem")),
            directory.join(format!("{name}.key")),
        );
        replace(&key, &self.key.serialize_pem());
        replace(&pem, &certificate.certificate);
        let credentials = Credentials {
            ca: Some(netmaster.ca()),
            certificate: Some((pem, key)),
            token: None,
        };
        Caller::with(&netmaster.url(), credentials)
    }
}

async fn join(
    netmaster: &Netmaster,
    machine: &Machine,
    node: &str,
    token: &Secret,
) -> Result<NodeCertificate, ErrorCode> {
    let joined = netmaster
        .nobody()
        .client
        .join(&machine.spec(node, token))
        .await;
    joined.map_err(|error| error.code().unwrap_or_else(|| panic!("{error}")))
}

fn token(nodes: &[&str]) -> Value {
    json!({"name": "rack", "role": "node", "nodes": nodes})
}

#[tokio::test]
async fn a_node_joins_with_a_token_and_is_known_by_its_certificate() {
    let netmaster = Netmaster::start().await;
    let secret = netmaster.token(token(&["n17", "n18"])).await;
    let machine = Machine::new();
    let joined = join(&netmaster, &machine, "n17", &secret).await.unwrap();
    let agent = machine.with(&netmaster, &joined);
    let rack = json!({"rack": "r1"});
    let registered = agent.ask(Method::PUT, "/v1/nodes/n17", &rack).await;
    assert_eq!(registered.status, 200, "{registered:?}");
    let other = agent.ask(Method::PUT, "/v1/nodes/n18", &rack).await;
    other.is(403, "forbidden");
    // The answer got lost, and the same machine asks again.
    join(&netmaster, &machine, "n17", &secret).await.unwrap();
    let admin = netmaster.caller("admin:root");
    let shown = admin.get("/v1/tokens/rack").await.body;
    assert_eq!(shown["joined"], json!(["n17"]));
    let records = admin
        .get("/v1/audit?fieldSelector=name=n17,result=done")
        .await;
    let records = records.body["items"].as_array().unwrap().clone();
    assert_eq!(records.len(), 2);
    assert_eq!(records[0]["identity"], "token:rack");
    assert_eq!(records[0]["path"], "/v1/join");
    assert!(!format!("{records:?}").contains(secret.expose()));
    let of_second = |key: &str| records[0]["after"][key].as_str().unwrap().to_owned();
    assert_eq!(of_second("serial").len(), 32);
    assert_eq!(of_second("key_sha256").len(), 64);
    assert_ne!(records[1]["after"]["serial"], of_second("serial"));
    assert_eq!(records[1]["after"]["key_sha256"], of_second("key_sha256"));
}

#[tokio::test]
async fn nobody_joins_with_what_is_not_for_them() {
    let netmaster = Netmaster::start().await;
    let admin = netmaster.caller("admin:root");
    let secret = netmaster.token(token(&["n17"])).await;
    let operator = json!({"name": "ci", "role": "admin"});
    let operator = netmaster.token(operator).await;
    let (first, second) = (Machine::new(), Machine::new());
    join(&netmaster, &first, "n17", &secret).await.unwrap();
    let used = join(&netmaster, &second, "n17", &secret).await;
    assert_eq!(used.unwrap_err(), ErrorCode::Forbidden);
    let other = join(&netmaster, &second, "n18", &secret).await;
    assert_eq!(other.unwrap_err(), ErrorCode::Forbidden);
    for bad in [operator, Secret::new(""), Secret::new("trunkline_0")] {
        let refused = join(&netmaster, &second, "n17", &bad).await;
        assert_eq!(refused.unwrap_err(), ErrorCode::Unauthenticated);
    }
    let mut forged = first.spec("n17", &secret);
    forged.request = "-----BEGIN CERTIFICATE REQUEST-----\nAAAA\n".to_owned();
    let refused = netmaster.nobody().client.join(&forged).await.unwrap_err();
    assert_eq!(refused.code(), Some(ErrorCode::InvalidField));
    assert_eq!(admin.delete("/v1/tokens/rack").await.status, 204);
    let deleted = join(&netmaster, &first, "n17", &secret).await;
    assert_eq!(deleted.unwrap_err(), ErrorCode::Unauthenticated);
    let denied = admin
        .get("/v1/audit?fieldSelector=result=denied")
        .await
        .body;
    let paths: Vec<_> = denied["items"].as_array().unwrap().iter().collect();
    assert_eq!(paths.len(), 6, "{denied}");
    assert!(
        paths.iter().all(|one| one["path"] == "/v1/join"),
        "{denied}"
    );
    assert_eq!(paths[0]["identity"], "token:rack");
}

#[tokio::test]
async fn a_reusable_token_is_good_for_one_machine_after_another() {
    let netmaster = Netmaster::start().await;
    let spec = json!({"name": "lab", "role": "node", "nodes": ["n17"], "reusable": true});
    let secret = netmaster.token(spec).await;
    for _ in 0..3 {
        let machine = Machine::new();
        join(&netmaster, &machine, "n17", &secret).await.unwrap();
    }
}

#[tokio::test]
async fn a_node_renews_its_own_certificate_and_nobody_elses() {
    let netmaster = Netmaster::with_blue(Limits::default()).await;
    let secret = netmaster.token(token(&["n1"])).await;
    let machine = Machine::new();
    let joined = join(&netmaster, &machine, "n1", &secret).await.unwrap();
    let agent = machine.with(&netmaster, &joined);
    let admin = netmaster.caller("admin:root");
    assert_eq!(admin.delete("/v1/tokens/rack").await.status, 204);
    let body = json!({"request": machine.request()});
    let path = "/v1/nodes/n1/certificate";
    let renewed = agent.ask(Method::POST, path, &body).await;
    assert_eq!(renewed.status, 200, "{renewed:?}");
    let renewed: NodeCertificate = serde_json::from_value(renewed.body).unwrap();
    assert!(renewed.not_after >= joined.not_after);
    let agent = machine.with(&netmaster, &renewed);
    assert_eq!(agent.get("/v1/nodes/n1").await.status, 200);
    for caller in [
        netmaster.caller("node:n2"),
        netmaster.caller("admin:root"),
        netmaster.caller("cluster:m2"),
    ] {
        let denied = caller.ask(Method::POST, path, &body).await;
        denied.is(403, "forbidden");
    }
    // Who was removed is to join anew.
    assert_eq!(admin.delete("/v1/nodes/n1").await.status, 204);
    let removed = agent.ask(Method::POST, path, &body).await;
    removed.is(401, "unauthenticated");
}

/// Tokens are told apart by the second in which they were made.
async fn a_second_later() {
    tokio::time::sleep(Duration::from_millis(1100)).await;
}

#[tokio::test]
async fn a_node_that_was_removed_does_not_come_back_with_its_old_certificates_or_token() {
    let netmaster = Netmaster::with_blue(Limits::default()).await;
    let old = netmaster.token(token(&["n1"])).await;
    let machine = Machine::new();
    let joined = join(&netmaster, &machine, "n1", &old).await.unwrap();
    // One that netmaster issued, and one that it never heard of.
    let stolen = [
        machine.with(&netmaster, &joined),
        netmaster.caller("node:n1"),
    ];
    a_second_later().await;
    let admin = netmaster.caller("admin:root");
    assert_eq!(admin.delete("/v1/nodes/n1").await.status, 204);
    let rack = json!({"rack": "r1"});
    let refused = async || {
        for agent in &stolen {
            let answer = agent.ask(Method::PUT, "/v1/nodes/n1", &rack).await;
            answer.is(401, "unauthenticated");
            let body = json!({"request": machine.request()});
            let path = "/v1/nodes/n1/certificate";
            let answer = agent.ask(Method::POST, path, &body).await;
            answer.is(401, "unauthenticated");
        }
    };
    refused().await;
    assert_eq!(admin.get("/v1/nodes/n1").await.status, 404);
    let again = join(&netmaster, &machine, "n1", &old).await;
    assert_eq!(again.unwrap_err(), ErrorCode::Forbidden);

    let spec = json!({"name": "new", "role": "node", "nodes": ["n1"]});
    let new = netmaster.token(spec).await;
    let rebuilt = Machine::new();
    let joined = join(&netmaster, &rebuilt, "n1", &new).await.unwrap();
    let agent = rebuilt.with(&netmaster, &joined);
    let registered = agent.ask(Method::PUT, "/v1/nodes/n1", &rack).await;
    assert_eq!(registered.status, 200, "{registered:?}");
    let body = json!({"request": rebuilt.request()});
    let renewed = agent
        .ask(Method::POST, "/v1/nodes/n1/certificate", &body)
        .await;
    assert_eq!(renewed.status, 200, "{renewed:?}");
    let renewed = serde_json::from_value(renewed.body).unwrap();
    let agent = rebuilt.with(&netmaster, &renewed);
    assert_eq!(agent.get("/v1/nodes/n1").await.status, 200);
    refused().await;
    let denied = admin
        .get("/v1/audit?fieldSelector=identity=node:n1,result=denied")
        .await;
    assert!(!denied.body["items"].as_array().unwrap().is_empty());
}

#[tokio::test]
async fn who_revokes_a_nodes_certificates_ends_its_watches_and_leaves_the_node_alone() {
    let netmaster = Netmaster::with_blue(Limits::default()).await;
    let (agent, other) = (netmaster.caller("node:n1"), netmaster.caller("node:n2"));
    let watch = |agent: &Caller, node: &str| {
        let path = format!("/v1/endpoints?watch=true&fieldSelector=node={node}");
        agent.request(Method::GET, &path).send()
    };
    let mut watched = watch(&agent, "n1").await.unwrap();
    let mut others = watch(&other, "n2").await.unwrap();
    assert_eq!(
        (watched.status(), others.status()),
        (StatusCode::OK, StatusCode::OK)
    );
    let operator = netmaster.caller("operator:olga");
    let revoked = operator.delete("/v1/nodes/n1/certificate").await;
    assert_eq!(revoked.status, 204, "{revoked:?}");
    let ended = async { while let Ok(Some(_)) = watched.chunk().await {} };
    tokio::time::timeout(SOON, ended).await.unwrap();
    agent.get("/v1/nodes/n1").await.is(401, "unauthenticated");
    assert_eq!(operator.get("/v1/nodes/n1").await.status, 200);
    assert_eq!(other.get("/v1/nodes/n2").await.status, 200);
    let goes_on = async { while let Ok(Some(_)) = others.chunk().await {} };
    let goes_on = tokio::time::timeout(Duration::from_millis(100), goes_on).await;
    assert!(goes_on.is_err(), "the watch of another node ended");
    // One that nobody ever registered can be locked out as well.
    let unknown = operator.delete("/v1/nodes/n9/certificate").await;
    assert_eq!(unknown.status, 204, "{unknown:?}");
    let record = operator
        .get("/v1/audit?fieldSelector=name=n9,result=done")
        .await;
    assert_eq!(record.body["items"][0]["identity"], "operator:olga");
}
