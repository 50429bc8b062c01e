//! Completions and manual pages.

use std::collections::BTreeSet;
use std::process::Command;

use tempfile::TempDir;

use crate::netctl;

#[test]
fn completions_are_for_three_shells() {
    for (shell, part) in [
        ("bash", "complete -F _netctl"),
        ("zsh", "#compdef netctl"),
        ("fish", "complete -c netctl"),
    ] {
        let output = netctl("", &format!("completion {shell}")).output().unwrap();
        assert_eq!(output.status.code(), Some(0));
        let text = String::from_utf8(output.stdout).unwrap();
        assert!(
            text.contains(part) && text.contains("powered-off"),
            "{shell}"
        );
    }
}

#[test]
fn bash_takes_the_completions() {
    let script = format!(
        "set -eu; source <({} completion bash); COMP_WORDS=(netctl subnet s); COMP_CWORD=2; \
         _netctl netctl s subnet; printf '%s\\n' \"${{COMPREPLY[@]}}\"",
        env!("CARGO_BIN_EXE_netctl")
    );
    let output = Command::new("bash").args(["-c", &script]).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert_eq!(
        text,
        "show\nset\n",
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
}

#[test]
fn every_command_has_a_manual_page() {
    let place = TempDir::new().unwrap();
    let directory = place.path().join("man1");
    let line = format!("man {}", directory.display());
    let output = netctl("", &line).output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    let names = std::fs::read_dir(&directory).unwrap();
    let names: BTreeSet<_> = names
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    for page in [
        "netctl.1",
        "netctl-subnet-create.1",
        "netctl-node-capture.1",
        "netctl-man.1",
    ] {
        assert!(names.contains(page), "{names:?}");
    }
    let page = std::fs::read_to_string(directory.join("netctl-subnet-set.1")).unwrap();
    for part in ["--add\\-exclude", "CIDR can only grow", "netctl subnet set"] {
        let part = part.replace("--", "\\-\\-");
        assert!(page.contains(&part), "{part}: {page}");
    }
    // What a command has for itself comes before what all of them have.
    let page = std::fs::read_to_string(directory.join("netctl-apply.1")).unwrap();
    let place = |flag: &str| page.find(flag).unwrap();
    for own in ["\\-\\-prune", "\\-\\-revision"] {
        for global in ["\\-\\-server", "\\-\\-ca", "\\-\\-output"] {
            assert!(place(own) < place(global), "{own} {global}: {page}");
        }
    }
}
