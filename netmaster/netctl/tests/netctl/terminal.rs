//! What only a person at a terminal sees.

use std::fs::File;
use std::io::Read as _;
use std::os::fd::OwnedFd;
use std::process::{Command, Stdio};
use std::time::Duration;

use nix::pty::openpty;

use crate::canned::{canned, serve, text};
use crate::netctl;

/// What `command` writes to a terminal that is its standard output, its standard error or both.
fn on_a_terminal(mut command: Command, stdout: bool, stderr: bool) -> String {
    let terminal = openpty(None, None).unwrap();
    let slave = || Stdio::from(terminal.slave.try_clone().unwrap());
    command.stdin(Stdio::null());
    command.stdout(if stdout { slave() } else { Stdio::null() });
    command.stderr(if stderr { slave() } else { Stdio::null() });
    let mut child = command.spawn().unwrap();
    drop(command);
    drop(terminal.slave);
    let text = read(terminal.master);
    child.wait().unwrap();
    text
}

fn read(master: OwnedFd) -> String {
    let mut master = File::from(master);
    let mut text = Vec::new();
    let mut buffer = [0; 4096];
    // When nobody has the other end any more, Linux says EIO.
    while let Ok(length @ 1..) = master.read(&mut buffer) {
        text.extend_from_slice(&buffer[..length]);
    }
    String::from_utf8(text).unwrap()
}

#[test]
fn colours_are_for_a_terminal_only_and_not_for_who_declines_them() {
    let url = canned();
    let list = || netctl(&url, "address ls");
    let seen = on_a_terminal(list(), true, false);
    assert!(seen.contains("\x1b[1mADDRESS"), "{seen:?}");
    assert!(seen.contains("\x1b[31m10.1.0.12"), "{seen:?}");
    for (name, value) in [("NO_COLOR", "1"), ("TERM", "dumb")] {
        let mut plain = list();
        plain.env(name, value);
        let seen = on_a_terminal(plain, true, false);
        assert!(
            seen.contains("10.1.0.12") && !seen.contains('\x1b'),
            "{seen:?}"
        );
    }
    let output = list().env("TERM", "xterm").output().unwrap();
    assert!(!output.stdout.contains(&0x1b));
    let seen = on_a_terminal(netctl(&url, "network show nosuch"), false, true);
    assert!(
        seen.starts_with("\x1b[1;31mnetctl:\x1b[0m network"),
        "{seen:?}"
    );
}

fn slow() -> String {
    serve(Box::new(|_, _| {
        std::thread::sleep(Duration::from_millis(1500));
        (200, text(&crate::canned::blue()))
    }))
}

#[test]
fn who_waits_at_a_terminal_is_told_for_what() {
    let url = slow();
    let seen = on_a_terminal(netctl(&url, "network show blue"), false, true);
    let line = format!("waiting for netmaster at {url}, 1 s");
    assert!(seen.contains(&line), "{seen:?}");
    // And in the end the line is empty.
    assert!(seen.ends_with("\r\x1b[K"), "{seen:?}");
    let output = netctl(&url, "network show blue").output().unwrap();
    assert_eq!(String::from_utf8_lossy(&output.stderr), "");
}

#[test]
fn packets_are_not_written_to_a_terminal() {
    let capture = netctl("http://127.0.0.1:1", "node capture node1");
    let terminal = openpty(None, None).unwrap();
    let mut capture = capture;
    capture.stdout(Stdio::from(terminal.slave.try_clone().unwrap()));
    let output = capture.stderr(Stdio::piped()).spawn().unwrap();
    let output = output.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(
        String::from_utf8_lossy(&output.stderr).contains("--file"),
        "{output:?}"
    );
}
