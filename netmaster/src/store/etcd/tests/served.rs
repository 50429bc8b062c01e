//! netmaster as its flags have it served, on an etcd with TLS, clients' certificates and users.

use std::path::Path;
use std::time::Duration;

use clap::Parser as _;
use etcd_client::{
    Certificate, Client, ConnectOptions, Identity, Permission, PermissionType, TlsOptions,
};
use tokio::sync::oneshot;
use trunkline_netmaster_api as api;
use trunkline_types::chain;

use super::certificates;
use super::server::Server;
use crate::args::{Args, Command, ServeConfig, StoreConfig};
use crate::server::{Server as Netmaster, open_store};
use crate::store::StoreError;

const SOON: Duration = Duration::from_secs(30);

/// An etcd that wants a certificate of `directory` and a user.
fn etcd(directory: &Path) -> Server {
    certificates::make(directory);
    let file = |name: &str| directory.join(name).display().to_string();
    Server::start(&[
        "--client-cert-auth",
        &format!("--trusted-ca-file={}", file("ca.pem")),
        &format!("--cert-file={}", file("member.pem")),
        &format!("--key-file={}", file("member.key")),
    ])
}

/// Adds the user as `netmaster serve --help` says, and has etcd ask for users from now on.
async fn add_user(server: &Server, directory: &Path) {
    let read = |name: &str| std::fs::read(directory.join(name)).unwrap();
    let identity = Identity::from_pem(read("member.pem"), read("member.key"));
    let tls = TlsOptions::new()
        .ca_certificate(Certificate::from_pem(read("ca.pem")))
        .identity(identity);
    let options = ConnectOptions::new().with_tls(tls);
    let address = [format!("https://{}", server.address)];
    let mut client = Client::connect(address, Some(options)).await.unwrap();
    client.user_add("root", "secret", None).await.unwrap();
    client.user_grant_role("root", "root").await.unwrap();
    client.role_add("netmaster").await.unwrap();
    let own = Permission::new(PermissionType::Readwrite, "/trunkline/").with_prefix();
    client
        .role_grant_permission("netmaster", own)
        .await
        .unwrap();
    client
        .user_add("netmaster", "pass word", None)
        .await
        .unwrap();
    client
        .user_grant_role("netmaster", "netmaster")
        .await
        .unwrap();
    client.auth_enable().await.unwrap();
    std::fs::write(directory.join("password"), "pass word\n").unwrap();
}

/// What the flags say, with a certificate of `identity`.
fn flags(server: &Server, directory: &Path, identity: &Path) -> ServeConfig {
    let flag = |flag: &str, file: &Path| format!("--{flag}={}", file.display());
    let line = [
        "netmaster".to_owned(),
        "serve".to_owned(),
        "--listen=127.0.0.1:0".to_owned(),
        "--no-kubernetes".to_owned(),
        "--store=etcd".to_owned(),
        format!("--etcd-endpoints=https://{}", server.address),
        flag("etcd-ca", &directory.join("ca.pem")),
        flag("etcd-cert", &identity.join("member.pem")),
        flag("etcd-key", &identity.join("member.key")),
        "--etcd-user=netmaster".to_owned(),
        flag("etcd-password-file", &directory.join("password")),
    ];
    match Args::try_parse_from(line).unwrap().command {
        Command::Serve(args) => args.config().unwrap(),
        other => panic!("{other:?}"),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn netmaster_is_served_on_an_etcd_with_tls_and_a_user() {
    let directory = tempfile::tempdir().unwrap();
    let directory = directory.path();
    let server = etcd(directory);
    add_user(&server, directory).await;
    let config = flags(&server, directory, directory);
    let store = open_store(config.store).await.unwrap();
    let served = Netmaster::bind(&config.listen, store, config.options);
    let served = served.await.unwrap();
    let url = served.urls().next().unwrap();
    let (stop, stopped) = oneshot::channel();
    let running = tokio::spawn(served.run(async {
        let _ = stopped.await;
    }));
    let client = api::Client::with(&url, api::Credentials::default()).unwrap();
    // The cluster is founded by what the leader writes.
    let leading = async {
        loop {
            match client.cluster().await {
                Ok(cluster) if cluster.leading => break,
                _ => tokio::time::sleep(Duration::from_millis(50)).await,
            }
        }
    };
    tokio::time::timeout(SOON, leading).await.unwrap();
    let _ = stop.send(());
    running.await.unwrap().unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_certificate_of_another_authority_is_refused_by_etcd_and_the_error_says_where_to_look() {
    let directory = tempfile::tempdir().unwrap();
    let directory = directory.path();
    let server = etcd(directory);
    std::fs::write(directory.join("password"), "pass word\n").unwrap();
    let other = tempfile::tempdir().unwrap();
    certificates::make(other.path());
    let mut config = flags(&server, directory, other.path());
    if let StoreConfig::Etcd(etcd) = &mut config.store {
        etcd.start = Duration::from_secs(2);
    }
    let refused = open_store(config.store).await.unwrap_err();
    assert!(
        matches!(refused, StoreError::Unreachable { .. }),
        "{refused}"
    );
    let told = chain(&refused);
    assert!(
        told.contains("--etcd-cert") && told.contains("--trusted-ca-file"),
        "{told}"
    );
    assert!(!told.contains("pass word"), "{told}");
}
