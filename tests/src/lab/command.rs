//! Running a command to its end, with a deadline, in a namespace if need be.

use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use anyhow::Context;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use super::netns::enter_and_run;

/// Long enough for anything that is not hung, even on an emulated machine.
const DEADLINE: Duration = Duration::from_secs(60);

/// A command that has yet to run.
#[derive(Debug)]
pub struct Invocation {
    program: String,
    args: Vec<String>,
    env: Vec<(String, String)>,
    stdin: String,
    netns: Option<PathBuf>,
    deadline: Duration,
}

/// A command that has ended.
#[derive(Debug)]
pub struct Finished {
    /// Its command line.
    pub command: String,
    /// How it ended.
    pub status: ExitStatus,
    /// What it printed.
    pub stdout: String,
    /// What it complained about.
    pub stderr: String,
    /// From start to end.
    pub took: Duration,
}

impl Invocation {
    /// `program`, found by `PATH` unless it has a slash.
    pub fn new(program: impl Into<String>) -> Self {
        Self {
            program: program.into(),
            args: Vec::new(),
            env: Vec::new(),
            stdin: String::new(),
            netns: None,
            deadline: DEADLINE,
        }
    }

    /// Adds arguments.
    pub fn args<S: Into<String>>(mut self, args: impl IntoIterator<Item = S>) -> Self {
        self.args.extend(args.into_iter().map(Into::into));
        self
    }

    /// Sets an environment variable.
    pub fn env(mut self, name: &str, value: impl Into<String>) -> Self {
        self.env.push((name.to_owned(), value.into()));
        self
    }

    /// Sets several environment variables.
    pub fn envs(self, variables: impl IntoIterator<Item = (&'static str, String)>) -> Self {
        let set = |command: Self, (name, value): (&str, String)| command.env(name, value);
        variables.into_iter().fold(self, set)
    }

    /// Gives it standard input.
    pub fn stdin(mut self, text: impl Into<String>) -> Self {
        self.stdin = text.into();
        self
    }

    /// Runs it in the network namespace at `path`.
    pub fn in_netns(mut self, path: &Path) -> Self {
        self.netns = Some(path.to_owned());
        self
    }

    /// Runs it to its end.
    ///
    /// # Errors
    ///
    /// It cannot be started, or is not done by the deadline and was killed. That it fails is not
    /// an error here: see [`Finished::status`] and [`Invocation::succeed`].
    pub fn run(self) -> anyhow::Result<Finished> {
        let line = self.line();
        let start = Instant::now();
        let stdin = self.stdin.clone();
        let deadline = self.deadline;
        let child = self.spawn(Stdio::piped(), Stdio::piped(), Stdio::piped())?;
        let pid = child.id();
        let (sender, receiver) = mpsc::channel();
        std::thread::spawn(move || sender.send(feed_and_wait(child, &stdin)));
        let (status, stdout, stderr) = match receiver.recv_timeout(deadline) {
            Ok(outcome) => outcome.with_context(|| format!("`{line}` could not be waited for"))?,
            Err(_) => {
                if let Ok(pid) = i32::try_from(pid) {
                    kill(Pid::from_raw(pid), Signal::SIGKILL).ok();
                }
                anyhow::bail!("`{line}` was not done after {} s", deadline.as_secs());
            }
        };
        Ok(Finished {
            command: line,
            status,
            stdout,
            stderr,
            took: start.elapsed(),
        })
    }

    /// Runs it to its end and returns what it printed.
    ///
    /// # Errors
    ///
    /// As [`Invocation::run`]; also if it fails, with what it complained about.
    pub fn succeed(self) -> anyhow::Result<String> {
        let finished = self.run()?;
        anyhow::ensure!(finished.status.success(), "{finished}");
        Ok(finished.stdout)
    }

    /// Starts it and lets it run.
    ///
    /// # Errors
    ///
    /// It cannot be started.
    pub fn spawn(self, stdin: Stdio, stdout: Stdio, stderr: Stdio) -> anyhow::Result<Child> {
        let line = self.line();
        let mut command = Command::new(&self.program);
        command
            .args(&self.args)
            .envs(self.env)
            .stdin(stdin)
            .stdout(stdout)
            .stderr(stderr);
        let child = match &self.netns {
            None => command.spawn().map_err(anyhow::Error::from),
            Some(netns) => enter_and_run(netns, move || Ok(command.spawn()?)),
        };
        child.with_context(|| format!("can't start `{line}`"))
    }

    fn line(&self) -> String {
        std::iter::once(&self.program)
            .chain(&self.args)
            .cloned()
            .collect::<Vec<_>>()
            .join(" ")
    }
}

fn feed_and_wait(mut child: Child, stdin: &str) -> std::io::Result<(ExitStatus, String, String)> {
    let mut pipe = child.stdin.take();
    let mut out = child.stdout.take();
    let mut err = child.stderr.take();
    std::thread::scope(|scope| {
        // Three pipes at once, else one that fills up stops the child. A child that does not
        // read its input closes the pipe, which is its right.
        scope.spawn(move || pipe.take().map(|mut pipe| pipe.write_all(stdin.as_bytes())));
        let stderr = scope.spawn(move || read_all(err.as_mut()));
        let stdout = read_all(out.as_mut());
        let status = child.wait()?;
        Ok((status, stdout, stderr.join().unwrap_or_default()))
    })
}

fn read_all(pipe: Option<&mut impl Read>) -> String {
    let mut bytes = Vec::new();
    if let Some(pipe) = pipe {
        // What was read before a failure is still worth showing.
        let _ = pipe.read_to_end(&mut bytes);
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

impl std::fmt::Display for Finished {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "`{}` ended with {}", self.command, self.status)?;
        for text in [self.stdout.trim(), self.stderr.trim()] {
            if !text.is_empty() {
                write!(f, "; {text}")?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hung_command_is_killed_at_its_deadline() {
        let mut sleep = Invocation::new("sleep").args(["30"]);
        sleep.deadline = Duration::from_millis(100);
        let error = sleep.run().unwrap_err().to_string();
        assert!(error.contains("`sleep 30` was not done"), "{error}");
    }

    #[test]
    fn a_failed_command_says_what_it_complained_about() {
        let error = Invocation::new("sh")
            .args(["-c", "echo no >&2; exit 3"])
            .succeed();
        let error = error.unwrap_err().to_string();
        assert!(
            error.contains("exit status: 3") && error.ends_with("no"),
            "{error}"
        );
    }

    #[test]
    fn input_is_fed_and_output_is_returned() {
        assert_eq!(
            Invocation::new("cat").stdin("hello").succeed().unwrap(),
            "hello"
        );
    }
}
