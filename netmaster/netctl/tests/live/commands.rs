//! The pages of `docs/`.

use std::collections::BTreeSet;
use std::process::Command;

use tempfile::TempDir;

use crate::page::{holds, path};

#[test]
fn a_persons_first_session() {
    holds("first-session.md");
}

#[test]
fn the_page_shows_what_every_command_prints() {
    holds("netctl.md");
}

/// All commands that have no commands below them, by their manual pages.
fn commands() -> BTreeSet<String> {
    let place = TempDir::new().unwrap();
    let netctl = env!("CARGO_BIN_EXE_netctl");
    let status = Command::new(netctl).arg("man").arg(place.path()).status();
    assert!(status.unwrap().success());
    let names = std::fs::read_dir(place.path()).unwrap();
    let names: BTreeSet<_> = names
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .map(|name| name.trim_end_matches(".1").to_owned())
        .collect();
    let has_more = |name: &String| {
        let below = format!("{name}-");
        names.iter().any(|other| other.starts_with(&below))
    };
    let leaves = names.iter().filter(|name| !has_more(name));
    leaves.map(|name| name.replace('-', " ")).collect()
}

#[test]
fn every_command_is_on_the_page() {
    let commands = commands();
    assert!(commands.len() > 50, "{commands:?}");
    let page = std::fs::read_to_string(path("netctl.md")).unwrap();
    let shown: Vec<_> = page
        .lines()
        .filter_map(|line| line.strip_prefix("$ "))
        .collect();
    for command in commands {
        let is_shown = |line: &&str| {
            let rest = line.strip_prefix(command.as_str());
            rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(' '))
        };
        let times = shown.iter().filter(|line| is_shown(line)).count();
        assert!(times > 0, "`{command}` is not shown in docs/netctl.md");
    }
}

#[test]
fn the_page_shows_what_an_apply_does_to_objects_and_whom_it_touches() {
    let page = std::fs::read_to_string(path("netctl.md")).unwrap();
    let (_, rest) = page.split_once("\n$ netctl apply -f new.yaml").unwrap();
    let (shown, _) = rest.split_once("```").unwrap();
    for begin in [
        "~ subnet ",
        "- group ",
        "  ! 2 endpoint(s) ",
        "  ! no longer",
    ] {
        let told = shown.lines().any(|line| line.starts_with(begin));
        assert!(told, "`{begin}` {shown}");
    }
}

#[test]
fn every_command_of_contiv_is_answered_by_one_that_exists() {
    let page = std::fs::read_to_string(path("contiv.md")).unwrap();
    let rows: Vec<_> = page
        .lines()
        .filter(|line| line.starts_with("| `"))
        .collect();
    assert_eq!(rows.len(), 48, "contiv's netctl has 48 commands");
    let commands = commands();
    for row in rows {
        let answer = row.split('|').nth(2).unwrap();
        let ours = answer.split('`').skip(1).step_by(2);
        for command in ours.filter(|quoted| quoted.starts_with("netctl ")) {
            let exists = commands.iter().any(|known| {
                let rest = command.strip_prefix(known.as_str());
                rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(' '))
            });
            assert!(exists, "`{command}` does not exist: {row}");
        }
        assert!(!answer.trim().is_empty(), "{row}");
    }
}
