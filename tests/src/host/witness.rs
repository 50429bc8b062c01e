//! Whether this machine is as it was: the lab works in a virtual machine so that it is.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::Context;

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
    seen: Vec<(&'static str, String)>,
}

impl Witness {
    /// Looks at links, routes and the checkout.
    pub(super) fn of_network(workspace: &Workspace) -> anyhow::Result<Self> {
        let command = |program: &str, args: &[&str]| {
            let mut command = Command::new(program);
            command.args(args).current_dir(workspace.root());
            output_of(command)
        };
        Ok(Self {
            seen: vec![
                ("git status", command("git", &["status", "--porcelain"])?),
                ("links", command("ip", &["-brief", "link"])?),
                ("routes", command("ip", &["route", "show", "table", "all"])?),
            ],
        })
    }

    /// Looks at files; packages that the lab installs bring some of them, so look after that.
    pub(super) fn of_files() -> Self {
        let seen = DIRECTORIES.map(|directory| (directory, files_in(Path::new(directory))));
        Self { seen: seen.into() }
    }

    /// Fails with what is not as it was `before`.
    pub(super) fn expect_same(&self, before: &Self) -> anyhow::Result<()> {
        for ((what, before), (_, now)) in before.seen.iter().zip(&self.seen) {
            anyhow::ensure!(before == now, "{what} was\n{before}\nand is\n{now}");
        }
        Ok(())
    }
}

fn output_of(mut command: Command) -> anyhow::Result<String> {
    let output = command
        .output()
        .with_context(|| format!("cannot run {command:?}"))?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    // A command that fails each time would look as if nothing had changed.
    anyhow::ensure!(output.status.success(), "{command:?} failed: {text}");
    Ok(text)
}

/// Every file below `directory` with its size and time of change, one a line.
fn files_in(directory: &Path) -> String {
    let mut lines = BTreeSet::new();
    let mut open = vec![directory.to_owned()];
    while let Some(path) = open.pop() {
        for entry in fs::read_dir(&path).into_iter().flatten().flatten() {
            let Ok(found) = entry.metadata() else {
                continue;
            };
            if found.is_dir() {
                open.push(entry.path());
            }
            lines.insert(format!(
                "{} {} {:?}",
                entry.path().display(),
                found.len(),
                found.modified()
            ));
        }
    }
    lines.into_iter().collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_changed_at_any_depth_is_seen() {
        let dir = std::env::temp_dir().join(format!("trunkline-witness-{}", std::process::id()));
        fs::create_dir_all(dir.join("a/b")).unwrap();
        fs::write(dir.join("a/b/c"), "one").unwrap();
        let before = files_in(&dir);

        fs::write(dir.join("a/b/c"), "three").unwrap();
        let after = files_in(&dir);

        fs::remove_dir_all(&dir).unwrap();
        assert_eq!(before.lines().count(), 3, "{before}");
        assert_ne!(before, after);
    }

    #[test]
    fn what_changed_is_told() {
        let seen = |links: &str| Witness {
            seen: vec![("links", links.to_owned())],
        };

        let error = seen("lo eth0")
            .expect_same(&seen("lo"))
            .unwrap_err()
            .to_string();

        assert!(error.contains("links was\nlo\nand is\nlo eth0"), "{error}");
        seen("lo").expect_same(&seen("lo")).unwrap();
    }

    #[test]
    fn a_command_that_fails_is_no_evidence() {
        assert!(output_of(Command::new("false")).is_err());
    }
}
