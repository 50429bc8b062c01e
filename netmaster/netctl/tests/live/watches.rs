//! Watches that go on, and requests that are given up.

use std::io::{BufRead as _, BufReader, Lines};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::{Value, json};
use tempfile::TempDir;
use trunkline_netmaster::Embedded;
use trunkline_netmaster_api::{Network, NetworkSpec};

use crate::agent::{Agent, act};
use crate::netmaster::Netmaster;

fn netctl(url: &str, line: &str) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_netctl"));
    command
        .args(line.split_whitespace())
        .env_clear()
        .env("HOME", "/nonexistent")
        .env("NETMASTER", url)
        .stdin(Stdio::null());
    command
}

/// A watch that is killed when the test is done with it.
struct Watching {
    child: Child,
    lines: Lines<BufReader<ChildStdout>>,
}

impl Watching {
    fn start(mut command: Command) -> Self {
        let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        Self { child, lines }
    }

    fn next(&mut self) -> String {
        self.lines.next().unwrap().unwrap()
    }

    fn json(&mut self) -> Value {
        serde_json::from_str(&self.next()).unwrap()
    }
}

impl Drop for Watching {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn create(netmaster: &Netmaster, name: &str, vlan: &str) -> u64 {
    let spec = NetworkSpec {
        name: name.parse().unwrap(),
        vlan: vlan.parse().unwrap(),
        mtu: Default::default(),
        labels: Default::default(),
    };
    let created = netmaster.client.create::<Network>(&spec);
    netmaster.runtime.block_on(created).unwrap().revision
}

fn remove(netmaster: &Netmaster, name: &str) {
    let name = name.parse().unwrap();
    let removed = netmaster.client.delete::<Network>(&name);
    netmaster.runtime.block_on(removed).unwrap();
}

#[test]
fn a_watch_tells_how_things_are_and_then_what_changes() {
    let netmaster = Netmaster::start();
    create(&netmaster, "blue", "100");
    let mut watch = Watching::start(netctl(&netmaster.url, "network ls -w"));
    assert_eq!(watch.next(), "CHANGE  NAME  VLAN  MTU");
    assert_eq!(watch.next(), "-       blue  100   1500");
    create(&netmaster, "green", "200");
    assert_eq!(watch.next(), "put     green  200   1500");
    remove(&netmaster, "blue");
    assert_eq!(watch.next(), "delete  blue   100   1500");
}

#[test]
fn a_watch_of_what_matches_a_selector_tells_of_nothing_else() {
    let netmaster = Netmaster::start();
    let mut watch = Watching::start(netctl(&netmaster.url, "network ls -w -o name --vlan 200"));
    // So that the watch is open; there is nothing to list.
    let mut all = Watching::start(netctl(&netmaster.url, "network ls -w -o name"));
    create(&netmaster, "blue", "100");
    assert_eq!(all.next(), "blue");
    create(&netmaster, "green", "200");
    assert_eq!(watch.next(), "green");
}

#[test]
fn a_watch_is_resumed_by_revision() {
    let netmaster = Netmaster::start();
    let first = create(&netmaster, "blue", "100");
    create(&netmaster, "green", "200");
    let line = format!("network ls -w --after {first} -o json");
    let mut watch = Watching::start(netctl(&netmaster.url, &line));
    assert_eq!(watch.json()["object"]["name"], "green");
    let mut begun = Watching::start(netctl(&netmaster.url, "network ls -w -o json"));
    assert_eq!(begun.json()["object"]["name"], "blue");
    assert_eq!(begun.json()["object"]["name"], "green");
    let bookmark = begun.json();
    assert_eq!(bookmark["type"], "bookmark");
    assert!(bookmark["revision"].as_u64().unwrap() > first);
}

#[test]
fn a_watch_outlives_netmaster() {
    let place = TempDir::new().unwrap();
    let any_port = "127.0.0.1:0".parse().unwrap();
    let netmaster = Netmaster::on(Embedded::open(place.path()).unwrap(), any_port);
    let address = netmaster.url.trim_start_matches("http://").parse().unwrap();
    create(&netmaster, "blue", "100");
    let mut command = netctl(&netmaster.url, "network ls -w -o name");
    command.stderr(Stdio::piped());
    let mut watch = Watching::start(command);
    assert_eq!(watch.next(), "blue");
    // It is watched, and not only listed.
    create(&netmaster, "green", "200");
    assert_eq!(watch.next(), "green");
    drop(netmaster);
    let netmaster = Netmaster::on(Embedded::open(place.path()).unwrap(), address);
    create(&netmaster, "red", "300");
    // Or else blue and green would come again.
    assert_eq!(watch.next(), "red");
    let mut said = BufReader::new(watch.child.stderr.take().unwrap()).lines();
    let said = said.next().unwrap().unwrap();
    assert!(said.contains("going on as soon as it is back"), "{said}");
}

#[test]
fn a_watch_ends_when_nobody_reads_it() {
    let netmaster = Netmaster::start();
    create(&netmaster, "blue", "100");
    let mut watch = Watching::start(netctl(&netmaster.url, "network ls -w -o name"));
    assert_eq!(watch.next(), "blue");
    // Nothing changes any more, so only looking tells.
    let Watching { child, lines } = &mut watch;
    let reader = std::mem::replace(lines, BufReader::new(spare()).lines());
    drop(reader);
    let deadline = Instant::now() + Duration::from_secs(60);
    let status = loop {
        if let Some(status) = child.try_wait().unwrap() {
            break status;
        }
        assert!(Instant::now() < deadline, "it goes on");
        std::thread::sleep(Duration::from_millis(20));
    };
    assert_eq!(status.code(), Some(0));
}

/// The output of a program that prints nothing.
fn spare() -> ChildStdout {
    let mut child = Command::new("true").stdout(Stdio::piped()).spawn().unwrap();
    child.wait().unwrap();
    child.stdout.take().unwrap()
}

#[test]
fn who_interrupts_a_request_cancels_it() {
    let netmaster = Netmaster::start();
    act(&netmaster, "register node1 r1");
    let mut agent = netmaster.runtime.block_on(Agent::of(&netmaster, "node1"));
    let mut command = netctl(&netmaster.url, "node status node1 --seconds 300");
    let mut child = command.stdout(Stdio::null()).spawn().unwrap();
    let asked = netmaster.runtime.block_on(agent.next()).unwrap();
    assert_eq!(asked["spec"]["kind"], "status");
    kill(
        Pid::from_raw(i32::try_from(child.id()).unwrap()),
        Signal::SIGINT,
    )
    .unwrap();
    let next = netmaster.runtime.block_on(agent.next()).unwrap();
    assert_eq!(next, json!({"type": "cancel", "id": asked["id"]}));
    assert!(!child.wait().unwrap().success());
}

#[test]
fn an_answer_comes_line_by_line_and_an_incomplete_one_fails() {
    let netmaster = Netmaster::start();
    act(&netmaster, "register node1 r1");
    let mut agent = netmaster.runtime.block_on(Agent::of(&netmaster, "node1"));
    let ask = || {
        let mut command = netctl(&netmaster.url, "node plan node1 -o json");
        command
            .stderr(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap()
    };
    let item = |item: Value| json!({"type": "item", "item": item});
    for (last, code, said) in [
        (json!({"type": "end"}), 0, ""),
        (
            json!({"type": "error", "code": "failed", "detail": "no switch here"}),
            1,
            "netctl: the node's answer is not complete: no switch here\n",
        ),
    ] {
        let child = ask();
        let asked = netmaster.runtime.block_on(agent.next()).unwrap();
        let lines = [item(json!("add port")), item(json!({"set": 1})), last];
        let id = asked["id"].as_str().unwrap();
        netmaster.runtime.block_on(agent.answer(id, &lines));
        let output = child.wait_with_output().unwrap();
        assert_eq!(
            String::from_utf8_lossy(&output.stdout),
            "\"add port\"\n{\"set\":1}\n"
        );
        assert_eq!(String::from_utf8_lossy(&output.stderr), said);
        assert_eq!(output.status.code(), Some(code));
    }
    drop(agent);
}

#[test]
fn a_node_that_is_not_there_may_be_asked_again() {
    let netmaster = Netmaster::start();
    act(&netmaster, "register node1 r1");
    let output = netctl(&netmaster.url, "node status node1 --seconds 1")
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(3), "{output:?}");
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(said.contains("Repeat the command"), "{said}");
    let output = netctl(&netmaster.url, "node status node9")
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(5), "{output:?}");
}
