//! The guest's standard streams, and this side's terminal.

use std::io::{self, IsTerminal, Read, Write};
use std::process::{ChildStdin, ChildStdout, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};

use anyhow::Context;
use nix::sys::termios::{self, SetArg, Termios};

/// Ctrl-], as in telnet.
const ESCAPE: u8 = 0x1d;

/// Who is at the other end of the guest's output.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Terminal {
    /// A person: the guest gets a terminal with job control.
    Interactive,
    /// A log, or a person who watches: the guest gets a plain stream, which is faster, and no input.
    Stream,
}

impl Terminal {
    /// The device that carries the streams: a console is `/dev/hvc0` in the guest, a port
    /// `/dev/vport<device>p1`.
    pub(super) fn qemu_args(self) -> [&'static str; 6] {
        let device = match self {
            Self::Interactive => "virtconsole,chardev=stdio",
            Self::Stream => "virtserialport,nr=1,chardev=stdio",
        };
        [
            "-chardev",
            "stdio,id=stdio,signal=off",
            "-device",
            "virtio-serial-pci",
            "-device",
            device,
        ]
    }

    /// Lines and columns of this terminal, or those of a classic one.
    pub(crate) fn size(self) -> (u16, u16) {
        const CLASSIC: (u16, u16) = (24, 80);
        // Asking the kernel takes an unsafe ioctl; stty is on every Linux.
        let output = Command::new("stty")
            .arg("size")
            .stdin(Stdio::inherit())
            .stderr(Stdio::null())
            .output();
        output
            .ok()
            .and_then(|output| parse_size(&String::from_utf8_lossy(&output.stdout)))
            .unwrap_or(CLASSIC)
    }

    /// Tells progress. A raw terminal needs the carriage return.
    pub(super) fn notice(self, text: &str) {
        let end = if self == Self::Interactive {
            "\r\n"
        } else {
            "\n"
        };
        eprint!("{text}{end}");
    }
}

fn parse_size(text: &str) -> Option<(u16, u16)> {
    let (lines, columns) = text.trim().split_once(' ')?;
    let size = (lines.parse().ok()?, columns.parse().ok()?);
    // A pseudo-terminal that nobody sized says 0 0.
    (size.0 > 0 && size.1 > 0).then_some(size)
}

/// While this lives, keys go through as they are typed; what they mean is the guest's business.
pub(super) struct RawMode {
    before: Termios,
}

impl RawMode {
    /// None where there is no terminal, or nobody at it.
    pub(super) fn enter(terminal: Terminal) -> anyhow::Result<Option<Self>> {
        let stdin = io::stdin();
        if terminal == Terminal::Stream || !stdin.is_terminal() {
            return Ok(None);
        }
        let before = termios::tcgetattr(&stdin).context("cannot read the terminal's mode")?;
        let mut raw = before.clone();
        termios::cfmakeraw(&mut raw);
        termios::tcsetattr(&stdin, SetArg::TCSANOW, &raw)
            .context("cannot set the terminal's mode")?;
        Ok(Some(Self { before }))
    }
}

impl Drop for RawMode {
    fn drop(&mut self) {
        let _ = termios::tcsetattr(io::stdin(), SetArg::TCSANOW, &self.before);
    }
}

/// Copies the guest's output to ours as it comes, and remembers how it ended.
pub(super) struct Screen(JoinHandle<Tail>);

impl Screen {
    /// Starts copying.
    pub(super) fn show(mut output: ChildStdout) -> Self {
        Self(thread::spawn(move || {
            let mut tail = Tail::default();
            let mut buffer = [0; 16 * 1024];
            while let Ok(count @ 1..) = output.read(&mut buffer) {
                let mut screen = io::stdout().lock();
                // With our reader gone the guest still runs to its end; its exit code matters.
                let _ = screen
                    .write_all(&buffer[..count])
                    .and_then(|()| screen.flush());
                tail.push(&buffer[..count]);
            }
            tail
        }))
    }

    /// Waits for the last byte of a machine that has ended; returns the last line that says something.
    pub(super) fn finish(self) -> Option<String> {
        self.0.join().ok()?.last_line()
    }
}

/// The end of a stream.
#[derive(Default)]
struct Tail(Vec<u8>);

impl Tail {
    const KEPT: usize = 4096;

    fn push(&mut self, bytes: &[u8]) {
        self.0.extend_from_slice(bytes);
        let excess = self.0.len().saturating_sub(Self::KEPT);
        self.0.drain(..excess);
    }

    fn last_line(&self) -> Option<String> {
        let text = String::from_utf8_lossy(&self.0);
        let last = text.lines().rfind(|line| !line.trim().is_empty());
        last.map(|line| line.trim_end().to_owned())
    }
}

/// Copies our input to the guest, where a person is at the keyboard.
pub(super) struct Keyboard {
    end: Arc<AtomicBool>,
    /// Held so that QEMU's input stays open, and silent.
    _unused: Option<ChildStdin>,
}

impl Keyboard {
    /// Starts copying. The thread ends with the process: nothing can call it off its read.
    pub(super) fn connect(terminal: Terminal, mut input: ChildStdin) -> Self {
        let end = Arc::new(AtomicBool::new(false));
        if terminal == Terminal::Stream {
            return Self {
                end,
                _unused: Some(input),
            };
        }
        let asked = Arc::clone(&end);
        thread::spawn(move || {
            let mut buffer = [0; 1024];
            while let Ok(count @ 1..) = io::stdin().lock().read(&mut buffer) {
                let typed = &buffer[..count];
                if typed.contains(&ESCAPE) {
                    asked.store(true, Ordering::Relaxed);
                    return;
                }
                if input.write_all(typed).and_then(|()| input.flush()).is_err() {
                    return;
                }
            }
        });
        Self { end, _unused: None }
    }

    /// Whether the person has typed Ctrl-].
    pub(super) fn asked_to_end(&self) -> bool {
        self.end.load(Ordering::Relaxed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_line_is_the_last_that_says_something() {
        let mut tail = Tail::default();

        tail.push(b"one\ntwo\r\n\n");

        assert_eq!(tail.last_line().as_deref(), Some("two"));
    }

    #[test]
    fn a_terminal_without_a_size_is_not_believed() {
        assert_eq!(parse_size("0 0\n"), None);
        assert_eq!(parse_size("50 132\n"), Some((50, 132)));
    }
}
