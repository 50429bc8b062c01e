//! A process that does not outlive us.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Duration;

use anyhow::Context as _;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use super::wait::wait_until;

/// How long a process may take to end when asked to.
const STOP_DEADLINE: Duration = Duration::from_secs(20);

/// How much of a log goes into an error.
const TAIL_LINES: usize = 12;

/// `program` such that the kernel kills it should we be killed, and that Ctrl-C does not reach it: we
/// are the one to end it.
///
/// The kernel takes the end of the thread that started it for ours, so it has to be started from
/// the main thread or a worker of the runtime, never from a thread that comes and goes.
pub fn command(program: impl AsRef<OsStr>) -> Command {
    let mut command = Command::new("setpriv");
    command.args(["--pdeathsig", "KILL", "--"]).arg(program);
    command.process_group(0);
    command
}

/// A running process with its log; killed when dropped.
#[derive(Debug)]
pub struct Process {
    name: String,
    log: PathBuf,
    /// How long the log was already when this process started, in bytes.
    log_start: usize,
    child: Child,
}

/// What a process has of the machine's memory, in bytes.
#[derive(Clone, Copy, Debug)]
pub struct Memory {
    /// Resident now.
    pub resident: u64,
    /// The most it ever was.
    pub peak: u64,
}

impl Process {
    /// Starts `command` with its output appended to `<dir>/<name>.log`.
    ///
    /// # Errors
    ///
    /// The log cannot be opened or the process not started.
    pub fn start(name: &str, dir: &Path, mut command: Command) -> anyhow::Result<Self> {
        let log = dir.join(format!("{name}.log"));
        let file = File::options()
            .create(true)
            .append(true)
            .open(&log)
            .with_context(|| format!("cannot open `{}`", log.display()))?;
        let log_start = usize::try_from(file.metadata()?.len())?;
        command
            .stdin(Stdio::null())
            .stdout(file.try_clone()?)
            .stderr(file);
        let child = command
            .spawn()
            .with_context(|| format!("cannot run {command:?}"))?;
        Ok(Self {
            name: name.to_owned(),
            log,
            log_start,
            child,
        })
    }

    /// Its process id.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// What it printed; not what one of the same name did before it.
    pub fn output(&self) -> String {
        let log = fs::read(&self.log).unwrap_or_default();
        String::from_utf8_lossy(log.get(self.log_start..).unwrap_or_default()).into_owned()
    }

    /// Fails with the end of its log if it is no longer running.
    ///
    /// # Errors
    ///
    /// It ended.
    pub fn check_running(&mut self) -> anyhow::Result<()> {
        let Some(status) = self.child.try_wait()? else {
            return Ok(());
        };
        Err(self.failure(status))
    }

    /// That it ended with `status`, and the end of its log.
    fn failure(&self, status: ExitStatus) -> anyhow::Error {
        let output = self.output();
        let lines: Vec<_> = output.lines().collect();
        let tail = &lines[lines.len().saturating_sub(TAIL_LINES)..];
        anyhow::anyhow!("{} ended with {status}: {}", self.name, tail.join("\n"))
    }

    /// Ends it with SIGKILL, as a crash would; a success if it has ended.
    ///
    /// # Errors
    ///
    /// The kernel refuses.
    pub fn kill(&mut self) -> anyhow::Result<()> {
        self.child.kill().context("cannot kill a child process")?;
        self.child.wait().context("cannot wait for a child")?;
        Ok(())
    }

    /// Asks it to end with SIGTERM and waits until it has.
    ///
    /// # Errors
    ///
    /// It is not gone by the deadline.
    pub async fn stop(&mut self) -> anyhow::Result<()> {
        self.signal(Signal::SIGTERM)?;
        self.ended(STOP_DEADLINE).await.map(drop)
    }

    /// Waits until it has done what it is for, and ended.
    ///
    /// # Errors
    ///
    /// It is not gone by the deadline, or failed.
    pub async fn wait_done(&mut self, deadline: Duration) -> anyhow::Result<()> {
        let status = self.ended(deadline).await?;
        if status.success() {
            return Ok(());
        }
        Err(self.failure(status))
    }

    async fn ended(&mut self, deadline: Duration) -> anyhow::Result<ExitStatus> {
        let what = format!("{} to end", self.name);
        let child = &mut self.child;
        wait_until(&what, deadline, || {
            let seen = match child.try_wait() {
                Ok(Some(status)) => Ok(status),
                Ok(None) => Err("still running".to_owned()),
                Err(error) => Err(error.to_string()),
            };
            async { seen }
        })
        .await
    }

    /// Stops it in its tracks; its sockets stay open.
    ///
    /// # Errors
    ///
    /// It has ended.
    pub fn pause(&self) -> anyhow::Result<()> {
        self.signal(Signal::SIGSTOP)
    }

    /// Lets it go on.
    ///
    /// # Errors
    ///
    /// It has ended.
    pub fn resume(&self) -> anyhow::Result<()> {
        self.signal(Signal::SIGCONT)
    }

    fn signal(&self, signal: Signal) -> anyhow::Result<()> {
        let pid = Pid::from_raw(i32::try_from(self.child.id())?);
        kill(pid, signal).with_context(|| format!("cannot send {signal} to {}", self.name))
    }

    /// Its memory now.
    ///
    /// # Errors
    ///
    /// It has ended.
    pub fn memory(&self) -> anyhow::Result<Memory> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id()))?;
        let bytes = |field: &str| -> anyhow::Result<u64> {
            let line = status.lines().find_map(|line| line.strip_prefix(field));
            let kib = line.and_then(|rest| rest.split_whitespace().next());
            let kib: u64 = kib
                .with_context(|| format!("no `{field}` in the status of {}", self.name))?
                .parse()?;
            Ok(kib * 1024)
        };
        Ok(Memory {
            resident: bytes("VmRSS:")?,
            peak: bytes("VmHWM:")?,
        })
    }

    /// How long its threads have been on a processor.
    ///
    /// # Errors
    ///
    /// It has ended.
    pub fn processor_time(&self) -> anyhow::Result<Duration> {
        let mut nanoseconds = 0;
        for task in fs::read_dir(format!("/proc/{}/task", self.child.id()))? {
            // A thread may end while it is looked at; what it used is then not known.
            let stat = fs::read_to_string(task?.path().join("schedstat")).unwrap_or_default();
            let on_processor = stat.split_whitespace().next();
            nanoseconds += on_processor.map_or(Ok(0), str::parse::<u64>)?;
        }
        Ok(Duration::from_nanos(nanoseconds))
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // Both fail only for a child that has been waited for, which is what we want.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
