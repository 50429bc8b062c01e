//! The executable: certificates are made, and served with.

use std::fs::File;
use std::io::{BufRead as _, BufReader};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};

use nix::sys::resource::{Resource, getrlimit, setrlimit};
use trunkline_netmaster_api::{Client, Credentials, Endpoint, Group};

fn netmaster(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_netmaster"));
    command.args(arguments);
    for variable in [
        "NETMASTER",
        "NETMASTER_CA",
        "NETMASTER_CERT",
        "NETMASTER_KEY",
    ] {
        command.env_remove(variable);
    }
    command
}

fn certs(directory: &Path, arguments: &[&str]) -> Output {
    netmaster(&["certs"])
        .args(arguments)
        .arg("--dir")
        .arg(directory)
        .output()
        .unwrap()
}

/// A netmaster that runs, and ends with the test.
struct Running {
    process: Child,
    url: String,
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn credentials(directory: &Path, name: &str) -> Credentials {
    let file = |kind: &str| directory.join(format!("{name}.{kind}"));
    Credentials {
        ca: Some(directory.join("ca.pem")),
        certificate: Some((file("pem"), file("key"))),
        token: None,
    }
}

/// Makes an authority and certificates as the documentation says, and serves with them.
fn serve(directory: &Path) -> Running {
    for arguments in [
        &["init"][..],
        &["issue", "replica:netmaster-1", "--san", "127.0.0.1"],
        &["issue", "admin:root"],
        &["issue", "node:n1"],
    ] {
        let made = certs(directory, arguments);
        assert!(made.status.success(), "{arguments:?} {made:?}");
    }
    let file = |name: &str| directory.join(name).display().to_string();
    let mut process = netmaster(&[
        "serve",
        "--listen=127.0.0.1:0",
        "--tls-cert",
        &file("replica-netmaster-1.pem"),
        "--tls-key",
        &file("replica-netmaster-1.key"),
        "--tls-client-ca",
        &file("ca.pem"),
        "--data-dir",
        &file("data"),
    ])
    .stdout(Stdio::piped())
    .stderr(File::create(directory.join("log")).unwrap())
    .spawn()
    .unwrap();
    let mut line = String::new();
    let output = process.stdout.take().unwrap();
    BufReader::new(output).read_line(&mut line).unwrap();
    let url = line.trim().trim_start_matches("listening on ").to_owned();
    assert!(url.starts_with("https://"), "{line}");
    Running { process, url }
}

#[tokio::test]
async fn who_may_not_have_an_object_is_logged_as_who_may_not_ask() {
    let directory = tempfile::tempdir().unwrap();
    let directory = directory.path();
    let running = serve(directory);
    let node = Client::with(&running.url, credentials(directory, "node-n1")).unwrap();
    let all = Default::default();
    // Its role may not ask for groups at all, and for endpoints of its own node only.
    let groups = node.list::<Group>(&all).await.unwrap_err();
    let endpoints = node.list::<Endpoint>(&all).await.unwrap_err();
    let log = std::fs::read_to_string(directory.join("log")).unwrap();
    for refused in [groups, endpoints] {
        let problem = refused.problem().unwrap();
        assert_eq!(problem.status, 403);
        let is_told = |line: &str| {
            line.contains("refused") && line.contains("127.0.0.1") && line.contains(&problem.detail)
        };
        assert!(log.lines().any(is_told), "{problem:?}: {log}");
    }
}

#[tokio::test]
async fn made_certificates_are_served_and_asked_with() {
    let directory = tempfile::tempdir().unwrap();
    let directory = directory.path();
    let running = serve(directory);
    let admin = Client::with(&running.url, credentials(directory, "admin-root")).unwrap();
    admin
        .list::<trunkline_netmaster_api::Node>(&Default::default())
        .await
        .unwrap();
    let node = Client::with(&running.url, credentials(directory, "node-n1")).unwrap();
    node.cluster().await.unwrap();
    let file = |name: &str| directory.join(name).display().to_string();
    let backup = |certificate: &str| {
        netmaster(&[
            "backup",
            "--server",
            &running.url,
            "--ca",
            &file("ca.pem"),
            "--cert",
            &file(&format!("{certificate}.pem")),
            "--key",
            &file(&format!("{certificate}.key")),
            &file("backup"),
        ])
        .output()
        .unwrap()
    };
    let denied = backup("node-n1");
    assert_eq!(denied.status.code(), Some(1), "{denied:?}");
    let text = String::from_utf8_lossy(&denied.stderr).into_owned();
    assert!(
        text.contains("`node:n1`") && text.contains("`admin`"),
        "{text}"
    );
    let done = backup("admin-root");
    assert!(done.status.success(), "{done:?}");
}

#[tokio::test]
async fn five_thousand_idle_connections_leave_room_for_the_rest() {
    const IDLE: usize = 5_000;
    let (_, hard) = getrlimit(Resource::RLIMIT_NOFILE).unwrap();
    assert!(
        hard > 6_000,
        "raise the hard limit of file descriptors: {hard}"
    );
    setrlimit(Resource::RLIMIT_NOFILE, hard, hard).unwrap();
    let directory = tempfile::tempdir().unwrap();
    let running = serve(directory.path());
    let address = running.url.trim_start_matches("https://");
    let mut idle = Vec::new();
    for _ in 0..IDLE {
        idle.push(TcpStream::connect(address).unwrap());
    }
    let admin = credentials(directory.path(), "admin-root");
    let client = Client::with(&running.url, admin).unwrap();
    client.cluster().await.unwrap();
    // They come from one address, which has fewer.
    let log = std::fs::read_to_string(directory.path().join("log")).unwrap();
    assert!(log.contains("nothing had said who this is"), "{log}");
    let resident = std::fs::read_to_string(format!("/proc/{}/status", running.process.id()));
    let resident = resident.unwrap();
    let line = resident.lines().find(|line| line.starts_with("VmRSS:"));
    let kib: u64 = line
        .unwrap()
        .split_whitespace()
        .nth(1)
        .unwrap()
        .parse()
        .unwrap();
    assert!(kib < 512 << 10, "{kib} KiB");
    assert_eq!(idle.len(), IDLE);
    drop(idle);
    client.cluster().await.unwrap();
}

#[test]
fn a_netmaster_that_crashes_leaves_no_core() {
    let directory = tempfile::tempdir().unwrap();
    let running = serve(directory.path());
    let limits = std::fs::read_to_string(format!("/proc/{}/limits", running.process.id()));
    let limits = limits.unwrap();
    let core = limits
        .lines()
        .find(|line| line.starts_with("Max core file size"));
    let words: Vec<_> = core.unwrap().split_whitespace().collect();
    assert_eq!(words[4..6], ["0", "0"], "{limits}");
}
