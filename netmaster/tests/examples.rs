//! What the help and the pages say about certificates, as somebody copies it.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;

use tempfile::TempDir;

/// Where examples are: what `netmaster … --help` prints, and pages.
fn texts() -> Vec<(String, String)> {
    let commands: [&[&str]; 3] = [&[], &["serve"], &["certs"]];
    let helps = commands.map(|of| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_netmaster"));
        let output = command.args(of).arg("--help").output().unwrap();
        assert!(output.status.success(), "{output:?}");
        let name = format!("netmaster {} --help", of.join(" "));
        (name, String::from_utf8(output.stdout).unwrap())
    });
    let pages = ["README.md", "docs/operations.md", "docs/security.md"].map(|page| {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(page);
        (page.to_owned(), std::fs::read_to_string(path).unwrap())
    });
    helps.into_iter().chain(pages).collect()
}

/// The commands of a text, each as its words.
fn commands(text: &str) -> Vec<Vec<String>> {
    let joined = text.replace("\\\n", " ");
    let lines = joined.lines().map(str::trim);
    let lines = lines.filter_map(|line| line.strip_prefix("netmaster "));
    let words = lines.map(|line| {
        let line = line.split(" #").next().unwrap_or_default();
        line.split_whitespace().map(str::to_owned).collect()
    });
    words.collect()
}

fn begins_with(command: &[String], words: &[&str]) -> bool {
    command.len() >= words.len() && command.iter().zip(words).all(|(a, b)| a == b)
}

/// Does what is said of certificates in a directory of its own, and answers the names of the
/// certificates that there are then.
fn made(name: &str, commands: &[Vec<String>]) -> BTreeSet<String> {
    let place = TempDir::new().unwrap();
    for command in commands {
        if !begins_with(command, &["certs"]) {
            continue;
        }
        let elsewhere = format!("{}/", place.path().display());
        let words = command.iter().map(|word| word.replace("/tmp/", &elsewhere));
        let output = Command::new(env!("CARGO_BIN_EXE_netmaster"))
            .args(words)
            .current_dir(place.path())
            .output()
            .unwrap();
        assert!(output.status.success(), "{name}: {command:?}: {output:?}");
    }
    let Ok(directory) = std::fs::read_dir(place.path().join("certs")) else {
        return BTreeSet::new();
    };
    let files = directory.map(|file| file.unwrap().file_name().into_string().unwrap());
    files.filter(|file| file.ends_with(".pem")).collect()
}

#[test]
fn every_command_about_certificates_works_and_makes_replicas_what_they_serve_with() {
    let mut all = BTreeSet::new();
    let mut shown = BTreeSet::new();
    for (name, text) in texts() {
        let commands = commands(&text);
        all.extend(made(&name, &commands));
        for command in &commands {
            let after = |flag: &str| {
                let place = command.iter().position(|word| word == flag)?;
                command.get(place + 1)
            };
            // Replicas ask each other, and nobody but a replica is believed then.
            if begins_with(command, &["certs", "issue"]) && after("--san").is_some() {
                assert!(command[2].starts_with("replica:"), "{name}: {command:?}");
            }
            if begins_with(command, &["serve", "--store", "etcd"]) {
                let file = after("--tls-cert").expect("replicas have to be locked");
                let file = Path::new(file).file_name().unwrap().to_str().unwrap();
                assert!(file.starts_with("replica-"), "{name}: {command:?}");
                shown.insert(file.to_owned());
            }
        }
    }
    assert!(
        shown.len() == 1 && shown.is_subset(&all),
        "{shown:?} {all:?}"
    );
}
