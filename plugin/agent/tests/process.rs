//! `netplugin` as a process, without a node around it.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::fs;
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::Duration;

use serde_json::json;
use tempfile::TempDir;

/// An agent that wants to join, and ends with the test.
struct Running(Child);

impl Running {
    fn joining(directory: &TempDir, url: &str) -> Self {
        let path = |name: &str| directory.path().join(name);
        fs::write(path("token"), "s3cret").unwrap();
        let config = json!({
            "node": "n1",
            "rack": "r1",
            "netmaster": url,
            "netmasterCert": path("node.pem"),
            "netmasterKey": path("node.key"),
            "netmasterBootstrapTokenFile": path("token"),
            "uplink": "eth1",
            "socket": path("netplugin.sock"),
            "ovsdbSocket": path("db.sock"),
        });
        fs::write(path("netplugin.json"), config.to_string()).unwrap();
        let process = Command::new(env!("CARGO_BIN_EXE_netplugin"))
            .args(["run", "--config"])
            .arg(path("netplugin.json"))
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn();
        Self(process.unwrap())
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Somebody who comes within 20 s.
fn accept(listener: &TcpListener) -> TcpStream {
    listener.set_nonblocking(true).unwrap();
    let come = (0..400).find_map(|_| {
        sleep(Duration::from_millis(50));
        listener.accept().ok()
    });
    come.expect("nobody came").0
}

#[test]
fn a_netplugin_that_crashes_leaves_no_core() {
    let directory = tempfile::tempdir().unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let running = Running::joining(&directory, &url);
    // It has read its token by now, and waits for an answer.
    let _asked = accept(&listener);
    let limits = fs::read_to_string(format!("/proc/{}/limits", running.0.id())).unwrap();
    let core = limits
        .lines()
        .find(|line| line.starts_with("Max core file size"));
    let words: Vec<_> = core.unwrap().split_whitespace().collect();
    assert_eq!(words[4..6], ["0", "0"], "{limits}");
}
