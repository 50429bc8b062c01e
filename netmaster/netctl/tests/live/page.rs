//! Pages that show what commands print.
//!
//! A block ```` ```console ```` of a page has commands, each behind `$ `, and below each what it
//! prints: standard output, then standard error, then how it ends if it fails. They are run in
//! order, in a shell, and what they print is compared with the page. A comment `<!-- agent: … -->`
//! is what an agent does before the next command; `<!-- meanwhile: … -->` what it does while the
//! next command, a watch, goes on. A watch is interrupted when it has been quiet for a while.

use std::io::{BufRead as _, BufReader, Read as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::sync::mpsc;
use std::time::Duration;

use tempfile::TempDir;

use crate::agent::act;
use crate::netmaster::Netmaster;

/// Long enough for anything that happens at all.
const SOON: Duration = Duration::from_secs(60);

/// How long a watch is listened to without a word.
const QUIET: Duration = Duration::from_secs(3);

pub(crate) fn path(page: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../docs")
        .join(page)
}

/// Runs the commands of a page, and compares.
#[track_caller]
pub(crate) fn holds(page: &str) {
    let path = path(page);
    let expected = std::fs::read_to_string(&path).unwrap();
    let shown = Shown {
        netmaster: Netmaster::start(),
        home: TempDir::new().unwrap(),
        meanwhile: Vec::new(),
    };
    let text = shown.rewritten(&expected);
    if std::env::var_os("TRUNKLINE_BLESS").is_some() {
        std::fs::write(&path, &text).unwrap();
        return;
    }
    let differs = expected.lines().zip(text.lines()).position(|(a, b)| a != b);
    assert!(
        expected == text,
        "{} differs from line {}; got:\n{text}\nTRUNKLINE_BLESS=1 takes it over",
        path.display(),
        differs.unwrap_or_default() + 1
    );
}

struct Shown {
    netmaster: Netmaster,
    home: TempDir,
    /// What agents do during the next command.
    meanwhile: Vec<String>,
}

impl Shown {
    /// The page with what its commands print now.
    fn rewritten(mut self, page: &str) -> String {
        let mut text = String::new();
        let mut in_block = false;
        let mut lines = page.lines().peekable();
        while let Some(line) = lines.next() {
            if let Some(action) = comment(line, "agent") {
                act(&self.netmaster, action);
            }
            if let Some(action) = comment(line, "meanwhile") {
                self.meanwhile.push(action.to_owned());
            }
            let ends = line.starts_with("```");
            if !in_block || ends {
                in_block = line == "```console";
                text.push_str(&format!("{line}\n"));
                continue;
            }
            let Some(command) = line.strip_prefix("$ ") else {
                // What was printed when the page was written.
                continue;
            };
            let mut command = command.to_owned();
            while command.ends_with('\\') {
                command.push('\n');
                command.push_str(lines.next().unwrap());
            }
            let printed = self.run(&command);
            let is_last = loop {
                match lines.peek() {
                    Some(next) if next.starts_with("$ ") => break false,
                    None | Some(&"```") => break true,
                    Some(_) => drop(lines.next()),
                }
            };
            text.push_str(&format!("$ {command}\n{printed}"));
            if !is_last {
                text.push('\n');
            }
        }
        text
    }

    fn run(&mut self, line: &str) -> String {
        let is_watch = line.contains(" -w") || line.contains(" --watch");
        // So that it is netctl that is interrupted, and not its shell.
        let exec = if is_watch { "exec " } else { "" };
        let mut command = self
            .netmaster
            .shell(&format!("{exec}{line}"), self.home.path());
        command.stdin(Stdio::null());
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let meanwhile = std::mem::take(&mut self.meanwhile);
        let text = if is_watch {
            self.watched(command.spawn().unwrap(), &meanwhile)
        } else {
            let output = command.output().unwrap();
            let mut text = String::from_utf8(output.stdout).unwrap();
            text.push_str(&String::from_utf8(output.stderr).unwrap());
            match output.status.code() {
                Some(0) => {}
                code => text.push_str(&format!("(exit code {})\n", code.unwrap())),
            }
            text
        };
        self.steady(&text)
    }

    /// What a watch prints until it is quiet.
    fn watched(&self, mut child: Child, meanwhile: &[String]) -> String {
        let (lines, come) = mpsc::channel();
        let stdout = BufReader::new(child.stdout.take().unwrap());
        std::thread::spawn(move || {
            for line in stdout.lines() {
                // Nobody listens any more when it is interrupted.
                let _ = lines.send(line.unwrap());
            }
        });
        let mut text = come.recv_timeout(SOON).unwrap() + "\n";
        let mut until_quiet = || {
            while let Ok(line) = come.recv_timeout(QUIET) {
                text.push_str(&line);
                text.push('\n');
            }
        };
        until_quiet();
        for action in meanwhile {
            act(&self.netmaster, action);
        }
        until_quiet();
        child.kill().unwrap();
        child.wait().unwrap();
        let mut said = String::new();
        let mut stderr = child.stderr.take().unwrap();
        stderr.read_to_string(&mut said).unwrap();
        format!("{text}{said}^C\n")
    }

    /// The same without what differs from run to run: ports, times, ids, places.
    fn steady(&self, text: &str) -> String {
        let text = text.replace(&self.netmaster.url, "http://127.0.0.1:9630");
        let text = text.replace(&*self.home.path().to_string_lossy(), "/home/ada");
        let text = alike(&text, "0000-00-00T00:00:00Z", "2026-05-01T12:00:00Z");
        let secret = format!("trunkline_{}", "f".repeat(64));
        let shown = format!("trunkline_{}", "0123456789abcdef".repeat(4));
        let text = alike(&text, &secret, &shown);
        let id = "ffffffff-ffff-ffff-ffff-ffffffffffff";
        let text = alike(&text, id, "5d0c2a52-6d5e-4c8e-9a53-0d4b6a1f8f11");
        let text = alike(&text, ": 1000000000", ": 1777636800");
        // How fast the machine is, and how long the test has taken so far.
        let text = numbered(&text, " us median", "850");
        let text = numbered(&text, " us p99", "2400");
        let text = numbered(&text, " failed", "70");
        let text = numbered(&text, " s ago", "0");
        inside(&text, "too little history (", ")", "3 s")
    }
}

/// `text` with `value` in the place of the number before each `suffix`.
fn numbered(text: &str, suffix: &str, value: &str) -> String {
    let mut result = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once(suffix) {
        let kept = before.trim_end_matches(|letter: char| letter.is_ascii_digit());
        result.push_str(kept);
        if kept.len() < before.len() {
            result.push_str(value);
        }
        result.push_str(suffix);
        rest = after;
    }
    result + rest
}

/// `text` with `value` in the place of what is between each `begin` and the next `end`.
fn inside(text: &str, begin: &str, end: &str, value: &str) -> String {
    let mut result = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once(begin) {
        let (_, behind) = after.split_once(end).unwrap();
        result.push_str(&format!("{before}{begin}{value}{end}"));
        rest = behind;
    }
    result + rest
}

/// `text` with `value` wherever it looks like `pattern`, in which `0` is a digit, `f` a hexadecimal
/// one, `1` a one, and everything else itself.
fn alike(text: &str, pattern: &str, value: &str) -> String {
    let fits = |bytes: &[u8]| {
        bytes.len() >= pattern.len()
            && pattern
                .bytes()
                .zip(bytes)
                .all(|(pattern, byte)| match pattern {
                    b'0' => byte.is_ascii_digit(),
                    b'f' => byte.is_ascii_hexdigit(),
                    other => other == *byte,
                })
    };
    let mut result = String::new();
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        if fits(rest.as_bytes()) {
            result.push_str(value);
            rest = &rest[pattern.len()..];
        } else {
            result.push(first);
            rest = &rest[first.len_utf8()..];
        }
    }
    result
}

fn comment<'a>(line: &'a str, kind: &str) -> Option<&'a str> {
    let line = line.strip_prefix("<!-- ")?.strip_suffix(" -->")?;
    line.strip_prefix(kind)?.strip_prefix(": ")
}
