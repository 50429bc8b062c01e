use std::path::{Path, PathBuf};

use clap::CommandFactory as _;

use super::*;

#[test]
fn the_command_line_is_sound() {
    Args::command().debug_assert();
}

/// All files below `directory` whose names end with `.<extension>`, without tests.
fn files(directory: &Path, extension: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        let stem = path.file_stem().unwrap();
        if stem == "tests" || stem == "coverage" {
            continue;
        }
        if path.is_dir() {
            found.extend(files(&path, extension));
        } else if path.extension().is_some_and(|end| end == extension) {
            found.push(path);
        }
    }
    found
}

/// The commands that a text names in backticks.
fn suggestions(text: &str) -> Vec<String> {
    // Texts in code go on in the next line.
    let mut whole = String::new();
    for line in text.lines() {
        match line.trim_end().strip_suffix('\\') {
            Some(line) => whole.push_str(&(line.trim_start().to_owned() + " ")),
            None => whole.push_str(&format!("{}\n", line.trim_start())),
        }
    }
    let quoted = whole.split('`').skip(1).step_by(2);
    let commands = quoted.filter(|text| text.starts_with("netctl ") && !text.contains('\n'));
    commands
        .map(|text| text.split_whitespace().collect::<Vec<_>>().join(" "))
        .collect()
}

/// What is not there of a command that somebody suggests; its values are not looked at.
fn missing(suggestion: &str) -> Option<String> {
    let mut command = Args::command();
    command.build();
    let mut words = suggestion.split(' ').skip(1).peekable();
    // A noun may be filled in: then it is one that the others are like.
    let mut current = command;
    while let Some(word) = words.peek() {
        let word = if word.starts_with('{') {
            "network"
        } else {
            *word
        };
        if word.starts_with('<') {
            break;
        }
        match current.find_subcommand(word) {
            Some(found) => current = found.clone(),
            None if current.has_subcommands() => return Some(word.to_owned()),
            None => break,
        }
        words.next();
    }
    words
        .filter_map(|word| word.strip_prefix("--"))
        .map(|flag| flag.split('=').next().unwrap_or(flag).to_owned())
        .find(|flag| {
            let mut known = current.get_arguments();
            !known.any(|one| one.get_long() == Some(flag.as_str()))
        })
}

#[test]
fn every_command_that_a_message_or_a_page_suggests_exists() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let mut looked_at = 0;
    for (directory, extension) in [("ipam/src", "rs"), ("netmaster/src", "rs"), ("docs", "md")] {
        for file in files(&root.join(directory), extension) {
            // Half of that page's commands are another program's.
            if file.ends_with("contiv.md") {
                continue;
            }
            let text = std::fs::read_to_string(&file).unwrap();
            for suggestion in suggestions(&text) {
                looked_at += 1;
                let missing = missing(&suggestion);
                assert_eq!(missing, None, "`{suggestion}` in {}", file.display());
            }
        }
    }
    assert!(looked_at > 30, "{looked_at}");
}

#[test]
fn the_flags_to_select_by_are_the_fields_of_the_api() {
    let page = include_str!("../../../../docs/api.md");
    let rows = page.split("| kind | fields to select by |").nth(1).unwrap();
    let rows = rows
        .lines()
        .skip(2)
        .take_while(|line| line.starts_with('|'));
    let mut looked_at = 0;
    for row in rows {
        let quoted = |cell: &str| -> Vec<String> {
            cell.split('`')
                .skip(1)
                .step_by(2)
                .map(str::to_owned)
                .collect()
        };
        let mut cells = row.trim_matches('|').split('|');
        let kind = cells.next().unwrap().trim();
        let noun = match kind {
            "addresses" => "address",
            kind => kind.strip_suffix('s').unwrap_or(kind),
        };
        let command = Args::command();
        let Some(noun) = command.find_subcommand(noun) else {
            panic!("there is no noun for {kind}");
        };
        let ls = noun.find_subcommand("ls").unwrap();
        for field in quoted(cells.next().unwrap()) {
            looked_at += 1;
            let mut flags = ls.get_arguments();
            assert!(
                flags.any(|flag| flag.get_long() == Some(&field)),
                "{kind}: {field}"
            );
        }
    }
    assert!(looked_at > 30, "{looked_at}");
}

#[test]
fn the_page_has_the_exit_codes_of_the_help() {
    let page = include_str!("../../../../docs/netctl.md");
    let codes = AFTER_HELP.split("Exit codes:\n").nth(1).unwrap();
    for line in codes.lines() {
        let (code, meaning) = line.trim().split_once("  ").unwrap();
        let row = format!("| {code} | {meaning} |");
        assert!(page.contains(&row), "{row}");
    }
}
