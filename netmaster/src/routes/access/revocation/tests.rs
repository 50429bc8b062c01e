//! Over HTTP, with a token that is made before netmaster starts: by its API none ends within a
//! minute.

use std::collections::BTreeSet;
use std::net::SocketAddr;

use serde_json::Value;
use trunkline_ipam::{
    Catalog, Grant, Ledger, Revision, TokenRole, TokenSpec, create_token, found_cluster,
};
use trunkline_netmaster_api::Credentials;

use super::*;
use crate::server::{ServeOptions, Server};
use crate::store::{Batch, Embedded, Store as _};

/// Long enough for anything that happens at all.
const SOON: Duration = Duration::from_secs(20);

/// How many seconds the token is good for.
const LIFE: u64 = 6;

/// A store with token `ci` of a viewer, which ends in [`LIFE`] seconds.
fn with_token(digest: trunkline_ipam::Digest) -> Embedded {
    let mut store = Embedded::in_memory().unwrap();
    let mut ledger = Ledger::default();
    let founded = found_cluster(&Catalog::default(), "c-1", now());
    ledger.apply(&founded);
    let spec = TokenSpec {
        name: "ci".parse().unwrap(),
        digest,
        grant: Grant::Role {
            role: TokenRole::Viewer,
            networks: BTreeSet::new(),
        },
        expires: now().after(LIFE),
    };
    let token = create_token(ledger.catalog(), &spec, now()).unwrap();
    let mut batch = Batch::on(Revision::ZERO);
    batch.add(&founded).unwrap();
    batch.add(&token.change).unwrap();
    store.commit(&batch).unwrap();
    store
}

#[tokio::test]
async fn a_token_ends_by_the_clock_for_requests_and_for_a_watch_that_is_open() {
    let secret = tokens::draw().unwrap();
    let store = with_token(tokens::digest(secret.expose().as_bytes()));
    let ends = now().after(LIFE);
    let any_port: SocketAddr = "127.0.0.1:0".parse().unwrap();
    let server = Server::bind(&[any_port], store, ServeOptions::default()).await;
    let server = server.unwrap();
    let url = format!("http://{}", server.addresses().next().unwrap());
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let running = tokio::spawn(server.run(async {
        let _ = stopped.await;
    }));
    let http = reqwest::Client::builder()
        .no_proxy()
        .tls_backend_preconfigured(Credentials::default().tls().unwrap())
        .build()
        .unwrap();
    let get = |path: &str| {
        let request = http.get(format!("{url}{path}"));
        request.bearer_auth(secret.expose()).send()
    };
    let list = get("/v1/networks").await.unwrap();
    assert_eq!(list.status(), 200);
    let mut watch = get("/v1/networks?watch=true").await.unwrap();
    assert_eq!(watch.status(), 200);
    assert!(now() < ends, "it was good for something");

    let ended = async { while watch.chunk().await.unwrap().is_some() {} };
    tokio::time::timeout(SOON, ended).await.unwrap();
    assert!(now() >= ends, "the watch went on as long as it might");
    let refused = get("/v1/networks").await.unwrap();
    assert_eq!(refused.status(), 401);
    let problem: Value = serde_json::from_str(&refused.text().await.unwrap()).unwrap();
    assert_eq!(problem["code"], "unauthenticated", "{problem}");
    let why = problem["detail"].as_str().unwrap();
    assert!(why.contains("`ci` has expired"), "{why}");
    stop.send(()).unwrap();
    running.await.unwrap().unwrap();
}
