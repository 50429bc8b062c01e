//! Contexts: what is written, what is used, and what is refused.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Output};

use tempfile::TempDir;

use crate::{alone, canned};

fn netctl(home: &Path, line: &str) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_netctl"));
    command.args(line.split_whitespace());
    alone(&mut command).env("HOME", home);
    command
}

fn done(mut command: Command) -> String {
    let output = command.output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    String::from_utf8(output.stdout).unwrap()
}

fn refused(mut command: Command) -> (Option<i32>, String) {
    let Output { status, stderr, .. } = command.output().unwrap();
    (status.code(), String::from_utf8(stderr).unwrap())
}

#[test]
fn a_context_is_begun_used_changed_and_removed() {
    let home = TempDir::new().unwrap();
    let home = home.path();
    let url = canned();
    assert_eq!(done(netctl(home, "context ls -o name")), "");
    let set = format!("context set lab --server {url} --token-file /run/token");
    assert_eq!(done(netctl(home, &set)), "context lab set\n");
    done(netctl(home, "context set away --server http://127.0.0.1:1"));
    assert_eq!(done(netctl(home, "context ls -o name")), "away\nlab\n");
    let file = home.join(".config/trunkline/netctl.yaml");
    let text = std::fs::read_to_string(&file).unwrap();
    assert!(
        text.contains("current: lab") && text.contains("token_file: /run/token"),
        "{text}"
    );
    // What is not given stays.
    done(netctl(home, "context set lab --ca ca.pem"));
    let text = std::fs::read_to_string(&file).unwrap();
    assert!(
        text.contains("/ca.pem") && text.contains("token_file: /run/token"),
        "{text}"
    );
    assert_eq!(
        done(netctl(home, "context use away")),
        "context away is used from now on\n"
    );
    assert_eq!(refused(netctl(home, "network ls")).0, Some(3));
    done(netctl(home, "context rm away"));
    assert_eq!(refused(netctl(home, "context use away")).0, Some(2));
}

#[test]
fn the_current_context_is_asked_unless_something_else_is_said() {
    let home = TempDir::new().unwrap();
    let home = home.path();
    let url = canned();
    done(netctl(home, &format!("context set lab --server {url}")));
    done(netctl(home, "context set away --server http://127.0.0.1:1"));
    assert!(done(netctl(home, "network ls")).contains("blue"));
    assert_eq!(
        refused(netctl(home, "network ls --context away")).0,
        Some(3)
    );
    let mut by_variable = netctl(home, "network ls");
    by_variable.env("NETCTL_CONTEXT", "away");
    assert_eq!(refused(by_variable).0, Some(3));
    let mut by_variable = netctl(home, "network ls --context away");
    by_variable.env("NETMASTER", &url);
    assert!(done(by_variable).contains("blue"));
    let by_flag = format!("network ls --context away --server {url}");
    assert!(done(netctl(home, &by_flag)).contains("blue"));
    let (code, text) = refused(netctl(home, "network ls --context nowhere"));
    assert_eq!(code, Some(2));
    assert!(
        text.contains("`nowhere`") && text.contains("netctl context ls"),
        "{text}"
    );
}

#[test]
fn a_file_with_a_token_that_others_can_read_is_refused_without_the_token() {
    let home = TempDir::new().unwrap();
    let file = home.path().join("netctl.yaml");
    std::fs::write(
        &file,
        "contexts: {lab: {server: 'http://127.0.0.1:1', token: hush}}",
    )
    .unwrap();
    std::fs::set_permissions(&file, PermissionsExt::from_mode(0o640)).unwrap();
    let line = format!("context ls --config {}", file.display());
    let (code, text) = refused(netctl(home.path(), &line));
    assert_eq!(code, Some(2));
    assert!(
        text.contains("chmod 600") && !text.contains("hush"),
        "{text}"
    );
    std::fs::set_permissions(&file, PermissionsExt::from_mode(0o600)).unwrap();
    for format in ["table", "wide", "json", "yaml", "name"] {
        let text = done(netctl(home.path(), &format!("{line} -o {format}")));
        assert!(text.contains("lab") && !text.contains("hush"), "{text}");
    }
}
