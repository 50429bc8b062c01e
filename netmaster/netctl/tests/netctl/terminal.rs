//! What only a person at a terminal sees.

use std::fs::File;
use std::io::Read as _;
use std::os::fd::OwnedFd;
use std::process::{Command, Stdio};
use std::time::Duration;

use nix::pty::openpty;
use serde_json::{Value, json};
use tempfile::TempDir;
use trunkline_netmaster_api::ErrorCode;

use crate::canned::{canned, problem, serve, text};
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

/// What a person sees of a command whose every request is answered after `each`, by `answers`.
fn seen_slowly(
    each: Duration,
    line: &str,
    mut answers: impl FnMut(&str, &Value) -> (u16, String) + Send + 'static,
) -> String {
    let url = serve(Box::new(move |request, body| {
        std::thread::sleep(each);
        let body = serde_json::from_str(body).unwrap_or_default();
        answers(request, &body)
    }));
    on_a_terminal(netctl(&url, line), false, true)
}

#[test]
fn who_waits_for_many_requests_is_told_how_far_they_came() {
    let place = TempDir::new().unwrap();
    let write = |name: &str, text: &str| {
        let path = place.path().join(name);
        std::fs::write(&path, text).unwrap();
        path.display().to_string()
    };

    // Three requests to look through the file, and three to import it.
    let lines = (0..300).map(|n| format!("10.1.{}.{},printer {n}\n", n / 200, n % 200 + 10));
    let file = write(
        "old.csv",
        &format!("ip,owner\n{}", lines.collect::<String>()),
    );
    let line = format!("import addresses {file}");
    let seen = seen_slowly(Duration::from_millis(700), &line, |request, _| {
        let changes = json!({"dry_run": request.ends_with("true"), "revision": 7, "objects": []});
        (200, text(&changes))
    });
    for doing in ["looking through", "importing"] {
        let counted = [120, 240].map(|done| format!("\r{doing}: {done} of 300 lines, "));
        assert!(counted.iter().any(|one| seen.contains(one)), "{seen:?}");
    }
    assert!(seen.ends_with("\r\x1b[K"), "{seen:?}");

    // One request that looks, two that are too large, and four with an object each.
    let profiles = (0..4).map(|n| json!({"kind": "profile", "name": format!("p{n}")}));
    let file = write("all.json", &Value::from_iter(profiles).to_string());
    let line = format!("apply -f {file} --in-parts");
    let seen = seen_slowly(Duration::from_millis(400), &line, |request, body| {
        let objects = body["objects"].as_array().unwrap();
        let dry_run = request.contains("dryRun=true");
        if !dry_run && objects.len() > 1 {
            return problem(ErrorCode::ChangeTooLarge, "one key");
        }
        let changes = (0..).zip(objects).map(|(index, object): (u32, _)| {
            json!({"index": index, "kind": "profile", "name": object["name"], "op": "create"})
        });
        let changes = json!({"dry_run": dry_run, "revision": 7,
                             "objects": changes.collect::<Vec<_>>()});
        (200, text(&changes))
    });
    let counted = (1..4).map(|done| format!("\rapplying: {done} of 4 objects, "));
    assert!(
        counted.into_iter().any(|one| seen.contains(&one)),
        "{seen:?}"
    );

    // A look at all, and then two repairs with a look after each.
    let mut left = 3;
    let seen = seen_slowly(
        Duration::from_millis(700),
        "check --repair",
        move |request, body| {
            if request == "POST /v1/check/repair" {
                let findings = body["findings"].as_array().unwrap().iter();
                let repairs = findings.map(|one| json!({"finding": one, "repaired": true}));
                return (200, text(&json!({"repairs": repairs.collect::<Vec<_>>()})));
            }
            left -= 1;
            let finding = json!({"code": "lease_lost", "kind": "address", "revision": 7,
                             "name": format!("10.1.0.{left}"), "safe": true,
                             "evidence": "somebody says so", "command": "do something"});
            let check = json!({"revision": 9, "total": left, "nodes": 3, "findings": [finding]});
            (200, text(&check))
        },
    );
    assert!(seen.contains("\rrepairing: 1 done, "), "{seen:?}");
}

#[test]
fn a_capture_that_is_refused_leaves_the_file_of_an_earlier_one() {
    let place = TempDir::new().unwrap();
    let path = place.path().join("web.pcapng");
    std::fs::write(&path, "packets").unwrap();
    let url = serve(Box::new(|_, _| {
        problem(ErrorCode::Forbidden, "ask an admin")
    }));
    let line = format!("node capture node1 --file {}", path.display());
    let output = netctl(&url, &line).output().unwrap();
    assert_eq!(output.status.code(), Some(6), "{output:?}");
    assert_eq!(std::fs::read_to_string(&path).unwrap(), "packets");
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
