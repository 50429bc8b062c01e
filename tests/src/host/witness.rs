//! Whether this machine is as it was: the lab works in a virtual machine so that it is.

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;
use std::process::Command;

use super::workspace::Workspace;

/// Directories that a network plugin or Open vSwitch would leave files in.
const DIRECTORIES: [&str; 5] = [
    "/etc/cni",
    "/etc/openvswitch",
    "/opt/cni",
    "/run/openvswitch",
    "/run/trunkline",
];

/// What the machine looks like at one moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Witness {
    seen: Vec<(String, String)>,
}

impl Witness {
    /// Looks.
    pub(super) fn take(workspace: &Workspace) -> Self {
        let mut git = Command::new("git");
        git.args(["status", "--porcelain"])
            .current_dir(workspace.root());
        let mut links = Command::new("ip");
        links.args(["-brief", "link"]);
        let mut routes = Command::new("ip");
        routes.args(["route", "show", "table", "all"]);
        let commands = [("git status", git), ("links", links), ("routes", routes)];
        let commands = commands.map(|(what, command)| (what.to_owned(), output_of(command)));
        let files = DIRECTORIES.map(|directory| (directory.to_owned(), files_in(directory)));
        Self {
            seen: commands.into_iter().chain(files).collect(),
        }
    }

    /// Fails with what has changed since.
    pub(super) fn expect_same(&self, workspace: &Workspace) -> anyhow::Result<()> {
        let now = Self::take(workspace);
        for ((what, before), (_, after)) in self.seen.iter().zip(&now.seen) {
            anyhow::ensure!(before == after, "{what} was\n{before}\nand is\n{after}");
        }
        Ok(())
    }
}

/// What it prints, or why it could not: either is to be the same later.
fn output_of(mut command: Command) -> String {
    match command.output() {
        Ok(output) => String::from_utf8_lossy(&output.stdout).into_owned(),
        Err(error) => error.to_string(),
    }
}

/// Every path below `directory`, one a line.
fn files_in(directory: &str) -> String {
    let mut found = BTreeSet::new();
    let mut open = vec![PathBuf::from(directory)];
    while let Some(path) = open.pop() {
        let entries = fs::read_dir(&path).into_iter().flatten().flatten();
        open.extend(
            entries
                .map(|entry| entry.path())
                .filter(|path| found.insert(path.clone())),
        );
    }
    let lines: Vec<_> = found
        .iter()
        .map(|path: &PathBuf| path.display().to_string())
        .collect();
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_found_at_any_depth() {
        let dir = std::env::temp_dir().join(format!("trunkline-witness-{}", std::process::id()));
        fs::create_dir_all(dir.join("a/b")).unwrap();
        fs::write(dir.join("a/b/c"), "").unwrap();

        let found = files_in(&dir.to_string_lossy());

        fs::remove_dir_all(&dir).unwrap();
        assert!(found.ends_with("/a/b/c"), "{found}");
        assert_eq!(found.lines().count(), 3);
    }

    #[test]
    fn a_directory_that_is_not_there_has_no_files() {
        assert_eq!(files_in("/nowhere/at/all"), "");
    }
}
