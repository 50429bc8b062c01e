//! The `netmaster` executable as its users start and stop it.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::io::{BufRead as _, BufReader, Read as _};
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

fn netmaster(directory: &Path, flags: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_netmaster"));
    command
        .args(["serve", "--data-dir"])
        .arg(directory)
        .args(flags)
        .env_remove("TRUNKLINE_LOG")
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command
}

/// Starts it, and reads as many lines of standard output as it serves addresses.
fn start(directory: &Path, flags: &[&str], addresses: usize) -> (Child, Vec<String>) {
    let mut child = netmaster(directory, flags).spawn().unwrap();
    let lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let lines = lines.take(addresses).map(Result::unwrap).collect();
    (child, lines)
}

/// Sends `signal`, and answers exit code and log.
fn stop(mut child: Child, signal: Signal) -> (Option<i32>, String) {
    kill(Pid::from_raw(child.id().try_into().unwrap()), signal).unwrap();
    let mut log = String::new();
    child
        .stderr
        .take()
        .unwrap()
        .read_to_string(&mut log)
        .unwrap();
    (child.wait().unwrap().code(), log)
}

fn refused(output: &Output, text: &str) {
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(
        stderr.starts_with("netmaster: ") || stderr.contains("\nnetmaster: "),
        "{stderr}"
    );
    assert!(stderr.contains(text), "`{stderr}` lacks `{text}`");
}

#[test]
fn it_says_where_it_listens_and_ends_on_a_signal() {
    for signal in [Signal::SIGTERM, Signal::SIGINT] {
        let directory = tempfile::tempdir().unwrap();
        let flags = ["--listen", "127.0.0.1:0", "--listen", "127.0.0.1:0"];
        let (child, lines) = start(directory.path(), &flags, 2);
        for line in lines {
            let port = line.strip_prefix("listening on http://127.0.0.1:").unwrap();
            assert_ne!(port.parse::<u16>().unwrap(), 0);
        }
        let (code, log) = stop(child, signal);
        assert_eq!(code, Some(0), "{log}");
        assert!(
            log.contains(signal.as_str()) && log.contains("stopped"),
            "{log}"
        );
    }
}

#[test]
fn a_second_netmaster_on_the_same_data_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    let any_port = ["--listen", "127.0.0.1:0"];
    let (child, _) = start(directory.path(), &any_port, 1);
    let second = netmaster(directory.path(), &any_port).output().unwrap();
    refused(&second, "in use by another netmaster");
    assert_eq!(stop(child, Signal::SIGTERM).0, Some(0));
    let (third, lines) = start(directory.path(), &any_port, 1);
    assert_eq!(lines.len(), 1);
    stop(third, Signal::SIGTERM);
}

#[test]
fn an_open_address_is_refused_without_leave() {
    let directory = tempfile::tempdir().unwrap();
    let output = netmaster(directory.path(), &["--listen", "0.0.0.0:0"])
        .output()
        .unwrap();
    refused(
        &output,
        "listen address `0.0.0.0:0` can be reached from other machines",
    );
    let left = std::fs::read_dir(directory.path()).unwrap().count();
    assert_eq!(left, 0, "nothing is begun");
    let (child, lines) = start(
        directory.path(),
        &["--listen", "0.0.0.0:0", "--allow-plaintext"],
        1,
    );
    assert!(lines[0].starts_with("listening on http://0.0.0.0:"));
    stop(child, Signal::SIGTERM);
}

#[test]
fn an_address_in_use_is_named() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let directory = tempfile::tempdir().unwrap();
    let output = netmaster(directory.path(), &["--listen", &address])
        .output()
        .unwrap();
    refused(
        &output,
        &format!("cannot listen on `{address}`: choose another"),
    );
}

#[test]
fn a_log_filter_that_is_none_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    let output = netmaster(directory.path(), &[])
        .env("TRUNKLINE_LOG", "netmaster=loud")
        .output()
        .unwrap();
    refused(&output, "TRUNKLINE_LOG `netmaster=loud` is not valid");
}

#[test]
fn wrong_usage_has_an_exit_code_of_its_own() {
    let directory = tempfile::tempdir().unwrap();
    for flags in [
        ["--listen", "localhost"],
        ["--max-watches", "0"],
        ["--max-connections", "many"],
    ] {
        let output = netmaster(directory.path(), &flags).output().unwrap();
        assert_eq!(output.status.code(), Some(2), "{flags:?}");
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert!(stderr.contains(flags[0]), "{stderr}");
    }
}

#[test]
fn help_explains_one_replica_and_three_on_etcd_with_tls() {
    let output = Command::new(env!("CARGO_BIN_EXE_netmaster"))
        .args(["serve", "--help"])
        .output()
        .unwrap();
    let help = String::from_utf8(output.stdout).unwrap();
    for part in [
        "One replica: the default",
        "Several replicas, three as a rule",
        "--store etcd \\",
        "--etcd-endpoints https://etcd1:2379,https://etcd2:2379,https://etcd3:2379",
        "--etcd-ca",
        "--etcd-cert",
        "--etcd-password-file",
        "--auto-compaction-retention",
    ] {
        assert!(help.contains(part), "`{help}` lacks `{part}`");
    }
}
