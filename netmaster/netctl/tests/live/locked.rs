//! netctl and a netmaster that wants to know who asks.

use std::fs::{Permissions, set_permissions};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Command, Output};

use clap::Parser as _;
use tempfile::TempDir;
use trunkline_netmaster::{Args, Command as Task, certs};

use crate::netmaster::Netmaster;

/// Does what `netmaster certs` does.
fn netmaster_certs(directory: &Path, line: &str) {
    let line = format!("netmaster certs {line} --dir {}", directory.display());
    let args = Args::try_parse_from(line.split_whitespace()).unwrap();
    let Task::Certs(args) = args.command else {
        panic!("`{line}` is another task");
    };
    certs(args).unwrap();
}

/// An authority with certificates for a replica and for three people.
fn authority() -> TempDir {
    let directory = TempDir::new().unwrap();
    netmaster_certs(directory.path(), "init");
    netmaster_certs(
        directory.path(),
        "issue replica:netmaster-1 --san 127.0.0.1",
    );
    for identity in ["admin:root", "operator:ada", "viewer:bob"] {
        netmaster_certs(directory.path(), &format!("issue {identity}"));
    }
    directory
}

/// Somebody with a configuration of their own, and the directory of certificates at hand.
struct Person<'a> {
    home: TempDir,
    certs: &'a Path,
}

impl<'a> Person<'a> {
    fn with(certs: &'a Path) -> Self {
        let home = TempDir::new().unwrap();
        Self { home, certs }
    }

    fn runs(&self, line: &str) -> (Option<i32>, String) {
        let mut command = Command::new(env!("CARGO_BIN_EXE_netctl"));
        command
            .args(line.split_whitespace())
            .env_clear()
            .env("HOME", self.home.path())
            .current_dir(self.certs);
        let Output {
            status,
            stdout,
            stderr,
        } = command.output().unwrap();
        let said = [stdout, stderr].concat();
        (status.code(), String::from_utf8(said).unwrap())
    }
}

#[test]
fn a_context_says_who_asks_and_whom_to_trust() {
    let certs = authority();
    let netmaster = Netmaster::locked(certs.path());
    let ada = Person::with(certs.path());
    let url = &netmaster.url;
    let set = format!("context set lab --server {url} --ca ca.pem --cert operator-ada.pem");
    assert_eq!(ada.runs(&set).0, Some(0));
    let (code, said) = ada.runs("network ls");
    assert_eq!(code, Some(2));
    assert!(said.contains("`--key`"), "{said}");
    assert_eq!(
        ada.runs("context set lab --key operator-ada.key").0,
        Some(0)
    );
    let (code, said) = ada.runs("network create blue --vlan 100");
    assert_eq!((code, said.as_str()), (Some(0), "network blue created\n"));
    assert_eq!(
        ada.runs("network ls -o name"),
        (Some(0), "blue\n".to_owned())
    );
}

#[test]
fn who_may_not_is_told_so_by_the_exit_code() {
    let certs = authority();
    let netmaster = Netmaster::locked(certs.path());
    let bob = Person::with(certs.path());
    let flags = format!("--server {} --ca ca.pem", netmaster.url);
    let own = format!("{flags} --cert viewer-bob.pem --key viewer-bob.key");
    assert_eq!(bob.runs(&format!("network ls {own}")).0, Some(0));
    let (code, said) = bob.runs(&format!("network create blue --vlan 100 {own}"));
    assert_eq!(code, Some(6), "{said}");
    let (code, said) = bob.runs(&format!("network ls {flags}"));
    assert_eq!(code, Some(6), "{said}");
}

#[test]
fn nobody_is_trusted_unasked() {
    let certs = authority();
    let netmaster = Netmaster::locked(certs.path());
    let stranger = Person::with(certs.path());
    let flags = format!("--server {}", netmaster.url);
    let (code, said) = stranger.runs(&format!("network ls {flags}"));
    assert_eq!(code, Some(2));
    assert!(said.contains("--ca"), "{said}");
    let other = authority();
    let ca = other.path().join("ca.pem");
    let (code, said) = stranger.runs(&format!("network ls {flags} --ca {}", ca.display()));
    assert_eq!(code, Some(3), "{said}");
    assert!(said.contains("certificate"), "{said}");
}

#[test]
fn a_token_is_not_sent_in_the_clear() {
    let certs = authority();
    let ada = Person::with(certs.path());
    let token = certs.path().join("token");
    std::fs::write(&token, "hush").unwrap();
    set_permissions(&token, Permissions::from_mode(0o600)).unwrap();
    let line = "network ls --server http://192.0.2.1:9630 --token-file token";
    let (code, said) = ada.runs(line);
    assert_eq!(code, Some(2));
    assert!(said.contains("https") && !said.contains("hush"), "{said}");
}

#[test]
fn a_key_or_token_that_others_can_read_is_not_used() {
    let certs = authority();
    let netmaster = Netmaster::locked(certs.path());
    let ada = Person::with(certs.path());
    std::fs::write(certs.path().join("token"), "hush").unwrap();
    let flags = format!("--server {} --ca ca.pem", netmaster.url);
    let own = "--cert operator-ada.pem --key operator-ada.key";
    for (name, shown, mode) in [
        ("operator-ada.key", own, 0o640),
        ("operator-ada.key", own, 0o604),
        ("token", "--token-file token", 0o644),
    ] {
        let file = certs.path().join(name);
        set_permissions(&file, Permissions::from_mode(mode)).unwrap();
        let (code, said) = ada.runs(&format!("network ls {flags} {shown}"));
        assert_eq!(code, Some(2), "{name}: {said}");
        let told =
            format!("`{name}` is a secret and others can read or change it (mode {mode:04o})");
        assert!(said.contains(&told), "{said}");
        assert!(
            said.contains("chmod 600") && !said.contains("hush"),
            "{said}"
        );
    }
    let key = certs.path().join("operator-ada.key");
    set_permissions(&key, Permissions::from_mode(0o400)).unwrap();
    let (code, said) = ada.runs(&format!("network ls {flags} {own}"));
    assert_eq!(code, Some(0), "{said}");
}
