//! The invariants of `ARCHITECTURE.md` that a dependency list can show. Needs no root.

#![expect(
    clippy::unwrap_used,
    reason = "a test, with helpers outside its test functions"
)]

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use cargo_metadata::{DependencyKind, Metadata, MetadataCommand, PackageId};

/// What each crate may link of ours. A crate that is not here is an error: decide first.
const MAY_LINK: &[(&str, &[&str])] = &[
    ("trunkline-types", &[]),
    ("trunkline-ipam", &["trunkline-types"]),
    ("trunkline-netmaster-api", &["trunkline-types"]),
    (
        "trunkline-netmaster",
        &[
            "trunkline-types",
            "trunkline-ipam",
            "trunkline-netmaster-api",
        ],
    ),
    (
        "trunkline-netctl",
        &["trunkline-types", "trunkline-netmaster-api"],
    ),
    ("trunkline-rpc", &["trunkline-types"]),
    ("trunkline-dataplane", &["trunkline-types"]),
    ("trunkline-ovs", &["trunkline-types"]),
    ("trunkline-netlink", &["trunkline-types"]),
    (
        "trunkline-plugin",
        &[
            "trunkline-types",
            "trunkline-rpc",
            "trunkline-dataplane",
            "trunkline-ovs",
            "trunkline-netlink",
        ],
    ),
    (
        "trunkline-agent",
        &[
            "trunkline-types",
            "trunkline-netmaster-api",
            "trunkline-rpc",
            "trunkline-dataplane",
            "trunkline-ovs",
            "trunkline-netlink",
        ],
    ),
    // Whatever reads what others wrote is tried from outside, by what those crates offer for it.
    (
        "trunkline-fuzz",
        &[
            "trunkline-types",
            "trunkline-netmaster",
            "trunkline-netmaster-api",
        ],
    ),
    // The lab sees the product only through packets, kernel state and command output.
    ("trunkline-lab", &["trunkline-outcome"]),
    // Its native half sees the control plane only through its executable and its API.
    (
        "trunkline-control",
        &[
            "trunkline-types",
            "trunkline-netmaster-api",
            "trunkline-outcome",
        ],
    ),
    ("trunkline-outcome", &[]),
    (
        "trunkline-floor",
        &["trunkline-types", "trunkline-ovs", "trunkline-netlink"],
    ),
];

/// Crates that decide and do nothing else.
const PURE: [&str; 3] = ["trunkline-types", "trunkline-ipam", "trunkline-dataplane"];

/// What a pure crate must not reach, not even through others: runtimes, sockets, stores, clients.
const IMPURE: [&str; 14] = [
    "async-std",
    "axum",
    "etcd-client",
    "hyper",
    "kube",
    "mio",
    "netlink-sys",
    "ovsdb",
    "redb",
    "reqwest",
    "rtnetlink",
    "smol",
    "socket2",
    "tokio",
];

/// Building these needs a program or library of the system besides a C linker, so the lab, which
/// installs such things, must not need them itself.
const NEEDS_THE_SYSTEM: [&str; 6] = [
    "aws-lc-sys",
    "cc",
    "cmake",
    "openssl-sys",
    "pkg-config",
    "prost-build",
];

#[test]
fn every_crate_links_only_what_the_table_allows() {
    let metadata = metadata();
    let allowed: BTreeMap<_, BTreeSet<&str>> = MAY_LINK
        .iter()
        .map(|(name, may)| (*name, may.iter().copied().collect()))
        .collect();
    for package in metadata.workspace_packages() {
        let name = package.name.as_str();
        let may = allowed.get(name);
        let may = may.unwrap_or_else(|| panic!("{name} is not in the table of {}", file!()));
        for dependency in &package.dependencies {
            let ours = dependency.name.starts_with("trunkline-");
            let normal = dependency.kind == DependencyKind::Normal;
            assert!(
                !ours || !normal || may.contains(dependency.name.as_str()),
                "{name} links {}, which the table of {} does not allow",
                dependency.name,
                file!()
            );
        }
    }
}

#[test]
fn pure_crates_reach_no_runtime_socket_or_store() {
    let metadata = metadata();
    for name in PURE {
        for reached in reached_from(&metadata, name) {
            assert!(
                !IMPURE.contains(&reached.as_str()),
                "{name} reaches {reached}"
            );
        }
    }
}

#[test]
fn the_lab_builds_with_rust_and_a_linker_alone() {
    let metadata = metadata();
    for reached in reached_from(&metadata, "trunkline-lab") {
        assert!(
            !NEEDS_THE_SYSTEM.contains(&reached.as_str()),
            "the lab needs {reached} to build"
        );
    }
}

#[test]
fn crates_of_the_brief_are_used_and_every_crate_has_the_shared_lints() {
    let metadata = metadata();
    let used: BTreeSet<_> = metadata
        .workspace_packages()
        .into_iter()
        .flat_map(|package| {
            package
                .dependencies
                .iter()
                .map(|dependency| dependency.name.clone())
        })
        .collect();
    let brief = [
        "etcd-client",
        "ipnetwork",
        "netlink-packet-route",
        "ovsdb",
        "rtnetlink",
        "serde_json",
        "tokio",
    ];
    for name in brief.into_iter().chain(["tracing"]) {
        assert!(used.contains(name), "no crate of ours depends on {name}");
    }
    for package in metadata.workspace_packages() {
        let manifest = std::fs::read_to_string(&package.manifest_path).unwrap();
        let shared = manifest.contains("[lints]\nworkspace = true");
        assert!(
            shared,
            "{} does not take the workspace's lints",
            package.name
        );
    }
}

#[test]
fn no_crate_of_the_node_spawns_a_process() {
    let metadata = metadata();
    let plugin = metadata.workspace_root.join("plugin");
    let mut open = vec![plugin.into_std_path_buf()];
    let mut read = 0;
    while let Some(path) = open.pop() {
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        if path.is_dir() && !name.starts_with("test") {
            open.extend(
                std::fs::read_dir(&path)
                    .unwrap()
                    .map(|entry| entry.unwrap().path()),
            );
        } else if name.ends_with(".rs") && !name.starts_with("test") {
            read += 1;
            let text = std::fs::read_to_string(&path).unwrap();
            let spawns = text.contains("process::Command") || text.contains("Command::new");
            assert!(!spawns, "{} spawns a process", path.display());
        }
    }
    assert!(read > 20, "only {read} files were read");
}

#[test]
fn pages_have_no_gaps_and_their_links_lead_somewhere() {
    let root = metadata().workspace_root.into_std_path_buf();
    let directories = [
        "",
        "deploy",
        "docs",
        "docs/adr",
        "docs/coverage",
        "docs/security",
    ];
    let mut pages = 0;
    for directory in directories.map(|directory| root.join(directory)) {
        for entry in std::fs::read_dir(&directory).unwrap() {
            let path = entry.unwrap().path();
            if path.extension().is_none_or(|extension| extension != "md") {
                continue;
            }
            pages += 1;
            let text = std::fs::read_to_string(&path).unwrap();
            for gap in ["TODO", "TBD", "XXX", "FIXME"] {
                assert!(!text.contains(gap), "{} has a {gap}", path.display());
            }
            for link in text
                .split("](")
                .skip(1)
                .filter_map(|rest| rest.split(')').next())
            {
                let there = link.starts_with("http") || is_there(&directory, &path, link);
                assert!(
                    there,
                    "{} links to {link}, which is not there",
                    path.display()
                );
            }
        }
    }
    assert!(pages > 8, "only {pages} pages were read");
}

/// Whether a link of `page`, which is in `directory`, leads to a file, and to a heading of it if it
/// names one.
fn is_there(directory: &Path, page: &Path, link: &str) -> bool {
    let (file, heading) = match link.split_once('#') {
        Some((file, heading)) => (file, Some(heading)),
        None => (link, None),
    };
    let file = match file {
        "" => page.to_owned(),
        other => directory.join(other),
    };
    let Some(heading) = heading else {
        return file.exists();
    };
    let text = std::fs::read_to_string(file).unwrap_or_default();
    let mut headings = text.lines().filter_map(|line| {
        let title = line.trim_start_matches('#');
        (title.len() < line.len()).then(|| title.trim().to_lowercase())
    });
    headings.any(|title| {
        let kept = |letter: &char| letter.is_alphanumeric() || matches!(letter, ' ' | '-' | '_');
        let title: String = title.chars().filter(kept).collect();
        title.replace(' ', "-") == heading
    })
}

fn metadata() -> Metadata {
    // Only what this platform builds was downloaded; nothing more need be for a test.
    let options = [
        "--offline",
        "--locked",
        "--filter-platform",
        "x86_64-unknown-linux-gnu",
    ];
    MetadataCommand::new()
        .other_options(options.map(str::to_owned))
        .exec()
        .unwrap()
}

/// The names of all crates that `name` links or builds with, however far away.
fn reached_from(metadata: &Metadata, name: &str) -> BTreeSet<String> {
    let nodes: BTreeMap<&PackageId, _> = metadata
        .resolve
        .as_ref()
        .unwrap()
        .nodes
        .iter()
        .map(|node| (&node.id, node))
        .collect();
    let start = metadata
        .packages
        .iter()
        .find(|package| package.name.as_str() == name)
        .unwrap();
    let mut seen = BTreeSet::new();
    let mut open = vec![&start.id];
    while let Some(id) = open.pop() {
        for dependency in &nodes[id].deps {
            let linked = dependency
                .dep_kinds
                .iter()
                .any(|kind| kind.kind != DependencyKind::Development);
            if linked && seen.insert(&dependency.pkg) {
                open.push(&dependency.pkg);
            }
        }
    }
    seen.into_iter()
        .map(|id| metadata[id].name.to_string())
        .collect()
}
