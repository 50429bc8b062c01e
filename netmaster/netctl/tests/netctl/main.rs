//! `netctl` as its users see it: what it prints and how it ends, against a canned netmaster.
//!
//! Each case is compared with a file in `tests/golden/`, which has the command, its standard
//! output, its standard error and its exit code. `TRUNKLINE_BLESS=1 cargo test -p
//! trunkline-netctl` writes the files anew.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod bulk;
mod canned;
mod changes;
mod check;
mod contexts;
mod explain;
mod shells;
mod terminal;

use std::net::TcpListener;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use canned::canned;

fn netctl(url: &str, line: &str) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_netctl"));
    command.args(line.split_whitespace());
    alone(&mut command).env("NETMASTER", url);
    command
}

/// Nothing of whoever runs the tests: neither configuration nor environment.
fn alone(command: &mut Command) -> &mut Command {
    command.env_clear().env("HOME", "/nonexistent")
}

/// Runs each line, and compares all of them with the golden file.
#[track_caller]
fn golden(file: &str, url: &str, lines: &[&str]) {
    let mut text = String::new();
    for line in lines {
        let output = netctl(url, line).output().unwrap();
        text.push_str(&transcript(line, &output));
    }
    // Ports are a matter of luck, and blanks at the ends of lines clap's affair.
    let text = text.replace(url, "http://netmaster:9630");
    let text: String = text
        .lines()
        .map(|line| format!("{}\n", line.trim_end()))
        .collect();
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/golden")
        .join(file);
    if std::env::var_os("TRUNKLINE_BLESS").is_some() {
        std::fs::write(&path, &text).unwrap();
    }
    let expected = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        text == expected,
        "{} differs; got:\n{text}\nTRUNKLINE_BLESS=1 takes it over",
        path.display()
    );
}

fn transcript(line: &str, output: &Output) -> String {
    let stderr = String::from_utf8_lossy(&output.stderr);
    let stderr: String = stderr.lines().map(|line| format!("! {line}\n")).collect();
    let exit = match output.status.code() {
        Some(0) => String::new(),
        code => format!("exit code {}\n", code.unwrap()),
    };
    let stdout = String::from_utf8_lossy(&output.stdout);
    format!("$ netctl {line}\n{stdout}{stderr}{exit}\n")
}

#[test]
fn objects_as_tables() {
    golden(
        "tables.txt",
        &canned(),
        &[
            "network ls",
            "network show blue",
            "subnet ls",
            "subnet show blue-r1",
            "node ls",
            "node show node1",
            "endpoint ls",
            "endpoint show 4f5e1c/eth0",
            "pool ls",
            "pool show blue-r1/web",
            "group ls",
            "group show shop-web",
            "profile ls",
            "profile show gold",
            "reservation ls",
            "reservation show db",
            "address ls",
            "address show 10.1.0.12",
            "address history 10.1.0.12",
            "event ls",
            "event show 19",
            "token ls",
            "token show ci",
            "audit ls",
            "audit show 19",
            "cluster show",
            "version",
        ],
    );
}

#[test]
fn objects_as_wide_tables() {
    let nouns = [
        "network",
        "subnet",
        "pool",
        "group",
        "profile",
        "reservation",
        "address",
        "endpoint",
        "node",
        "event",
        "token",
        "audit",
    ];
    let lines: Vec<_> = nouns
        .iter()
        .map(|noun| format!("{noun} ls -o wide"))
        .collect();
    let lines: Vec<_> = lines.iter().map(String::as_str).collect();
    golden("wide.txt", &canned(), &lines);
}

#[test]
fn objects_as_names() {
    let nouns = [
        "network",
        "subnet",
        "pool",
        "group",
        "profile",
        "reservation",
        "address",
        "endpoint",
        "node",
        "event",
        "token",
        "audit",
    ];
    let lines: Vec<_> = nouns
        .iter()
        .map(|noun| format!("{noun} ls -o name"))
        .collect();
    let mut lines: Vec<_> = lines.iter().map(String::as_str).collect();
    lines.extend([
        "pool show blue-r1/web -o name",
        "address history 10.1.0.12 -o name",
    ]);
    golden("names.txt", &canned(), &lines);
}

#[test]
fn objects_as_json() {
    golden(
        "json.txt",
        &canned(),
        &[
            "network ls -o json",
            "network show blue -o json",
            "subnet show blue-r1 -o json",
            "node ls -o json",
            "endpoint show 4f5e1c/eth0 -o json",
            "pool show blue-r1/web -o json",
            "group show shop-web -o json",
            "profile show gold -o json",
            "reservation show db -o json",
            "address show 10.1.0.12 -o json",
            "address history 10.1.0.12 -o json",
            "event show 19 -o json",
            "audit show 19 -o json",
            "cluster show -o json",
            "version -o json",
        ],
    );
}

#[test]
fn objects_as_yaml() {
    golden(
        "yaml.txt",
        &canned(),
        &[
            "network ls -o yaml",
            "subnet show blue-r1 -o yaml",
            "node ls -o yaml",
            "endpoint ls -o yaml",
        ],
    );
}

#[test]
fn changes_say_what_they_did() {
    golden(
        "changes.txt",
        &canned(),
        &[
            "network create blue --vlan 100",
            "-o json network create blue --vlan 100 --mtu 1500",
            "subnet create blue-r1 --network blue --cidr 10.1.0.0/24 --gateway 10.1.0.1 \
             --range 10.1.0.10-10.1.0.99 --range 10.1.0.200-10.1.0.209 --rack r1",
            "subnet rm blue-r1",
            "network rm blue",
            "network rm blue -o yaml",
            "token create ci --role operator --network blue --network green --lifetime 30d",
            "token create ci --role operator -o json",
            "token create ci --role operator -o name",
            "token rm ci",
        ],
    );
}

#[test]
fn a_secret_goes_to_a_new_file_that_nobody_else_can_read() {
    use std::os::unix::fs::PermissionsExt as _;

    let place = tempfile::TempDir::new().unwrap();
    let path = place.path().join("ci.token");
    let line = format!(
        "token create ci --role operator --secret-file {}",
        path.display()
    );
    let output = netctl(&canned(), &line).output().unwrap();
    assert!(output.status.success(), "{output:?}");
    let printed = String::from_utf8(output.stdout).unwrap();
    assert!(
        printed.contains("ci.token") && !printed.contains("53c4e7"),
        "{printed}"
    );
    assert_eq!(
        std::fs::read_to_string(&path).unwrap(),
        "trunkline_53c4e7\n"
    );
    let mode = std::fs::metadata(&path).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    // What is there may be another one's.
    let again = netctl(&canned(), &line).output().unwrap();
    assert_eq!(again.status.code(), Some(1), "{again:?}");
    assert_eq!(
        std::fs::read_to_string(&path).unwrap(),
        "trunkline_53c4e7\n"
    );
}

#[test]
fn no_token_is_made_whose_secret_nobody_would_see() {
    let url = canned::serve(Box::new(|request, _| panic!("no answer for `{request}`")));
    let line = "token create ci --role operator -o name";
    let output = netctl(&url, line).output().unwrap();
    assert_eq!(output.status.code(), Some(2), "{output:?}");
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(said.contains("--secret-file"), "{said}");
    // With a file for it, the name is what is printed.
    let place = tempfile::TempDir::new().unwrap();
    let path = place.path().join("ci.token");
    let line = format!("{line} --secret-file {}", path.display());
    let output = netctl(&canned(), &line).output().unwrap();
    assert_eq!(output.stdout, b"ci\n", "{output:?}");
}

#[test]
fn failures_say_why_and_how_to_go_on() {
    golden(
        "refusals.txt",
        &canned(),
        &[
            "network rm storage",
            "network show odd",
            "network show proxy",
            "network show nosuch",
            "network show secret",
            "network show later",
        ],
    );
    // Nobody listens on a port that was just given back.
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let away = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    golden(
        "unreachable.txt",
        &away,
        &["network ls", "network rm blue -o json"],
    );
}

#[test]
fn wrong_usage_is_explained() {
    golden(
        "usage.txt",
        "http://netmaster:9630",
        &[
            "--help",
            "network create --help",
            "subnet create --help",
            "network create blue --vlan 4095",
            "network create blue --vlan -1",
            "network create Blue --vlan 1",
            "network create blue --vlan 1 --mtu 64",
            "subnet create b --network blue --cidr 10.1.0.7/24 --gateway 10.1.0.1",
            "subnet create b --network blue --cidr 10.1.0.0/24 --gateway ten",
            "subnet create b --network blue --cidr 10.1.0.0/24 --gateway 10.1.0.1 --range 9-1",
            "endpoint show eth0",
            "network ls -o xml",
            "network ls --after 7",
            "pool create web --range 10.1.0.5",
            "pool set blue-r1/web --range 10.1.0.5 --add-range 10.1.0.6",
            "group create g --priority high",
            "profile create gold --egress fast",
            "profile create gold --egress-burst 64Ki",
            "reservation create db --network blue --address 10.1.0.20",
            "reservation create db --network blue --pod shop --address 10.1.0.20",
            "reservation create db --network blue --pod shop/db-0 --address 10.1.0.20=x",
            "reservation create db --network blue --pod shop/db-0 --retention soon",
            "subnet ls --selector a&b",
            "subnet ls --field-selector rack",
            "address release 10.1.0.10",
            "token create ci",
            "token create ci --role boss",
            "token create ci --role viewer --lifetime 5s",
            "audit ls --since yesterday",
            "audit ls --since 1700000000 --watch",
            "explain pod web-0",
            "node trace node1 c1/eth0 --to 10.1.0.7 --tcp 80 --udp 80",
            "node probe node1 10.1.0.7 --network blue --seconds 301",
            "--server ftp://x network ls",
        ],
    );
}

#[test]
fn a_closed_pipe_is_a_success() {
    let mut child = netctl(&canned(), "endpoint ls -o json")
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(0));
    assert_eq!(String::from_utf8_lossy(&output.stderr), "");
}

#[test]
fn a_netctl_that_crashes_leaves_no_core() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let mut process = netctl(&url, "network ls")
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    // It has asked by now, and waits for an answer.
    let asked = (0..400).find_map(|_| {
        std::thread::sleep(std::time::Duration::from_millis(50));
        listener.accept().ok()
    });
    let limits = std::fs::read_to_string(format!("/proc/{}/limits", process.id()));
    process.kill().unwrap();
    process.wait().unwrap();
    assert!(asked.is_some(), "nobody asked");
    let limits = limits.unwrap();
    let core = limits
        .lines()
        .find(|line| line.starts_with("Max core file size"));
    let words: Vec<_> = core.unwrap().split_whitespace().collect();
    assert_eq!(words[4..6], ["0", "0"], "{limits}");
}
