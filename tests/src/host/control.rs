//! The native half: the executable `control`, which tries the control plane on this machine itself.
//!
//! It is an executable of its own because it links what needs programs of the system to build,
//! and the lab, which installs those, must build without them.

use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde::Deserialize;

use super::interrupts::Interrupts;
use super::workspace::Workspace;

/// How often to look whether it has ended.
const PAUSE: Duration = Duration::from_millis(100);

/// How long it may take to end what it started.
const CLEAN_UP: Duration = Duration::from_secs(20);

/// What it offers.
#[derive(Debug, Deserialize)]
pub(super) struct Offer {
    scenarios: Vec<Named>,
    /// The names of its benches.
    pub(super) benches: Vec<String>,
}

#[derive(Debug, Deserialize)]
struct Named {
    group: String,
    name: String,
}

impl Offer {
    /// Asks the executable, which has to be built.
    pub(super) fn of(workspace: &Workspace) -> anyhow::Result<Self> {
        let output = Command::new(executable(workspace))
            .arg("list")
            .stderr(Stdio::inherit())
            .output()
            .context("cannot run `control`")?;
        serde_json::from_slice(&output.stdout).context("`control` says not what it offers")
    }

    /// Whether `filter` matches any scenario; without one, all are meant.
    pub(super) fn matches(&self, filter: Option<&str>) -> bool {
        filter.is_none_or(|filter| {
            let mut scenarios = self.scenarios.iter();
            scenarios.any(|scenario| scenario.name.contains(filter) || scenario.group == filter)
        })
    }
}

/// Runs the scenarios that `filter` matches.
pub(super) fn test(
    workspace: &Workspace,
    filter: Option<&str>,
    long: bool,
    seed: Option<u64>,
    deadline: Option<Duration>,
) -> anyhow::Result<u8> {
    let mut command = command_to_end_with_us(workspace);
    command.arg("test").args(filter);
    if long {
        command.arg("--long");
    }
    if let Some(seed) = seed {
        command.args(["--seed", &seed.to_string()]);
    }
    command.arg("--dir").arg(workspace.lab_dir());
    command.arg("--results").arg(results_file(workspace));
    run(command, deadline)
}

/// Runs benches.
pub(super) fn bench(
    workspace: &Workspace,
    names: &[String],
    json: bool,
    pairs: u32,
    deadline: Option<Duration>,
) -> anyhow::Result<u8> {
    let mut command = command_to_end_with_us(workspace);
    command.arg("bench").args(names);
    command.args(["--pairs", &pairs.to_string()]);
    if json {
        command.arg("--json");
    }
    command.arg("--dir").arg(workspace.lab_dir());
    run(command, deadline)
}

/// Where it leaves how its scenarios went.
pub(super) fn results_file(workspace: &Workspace) -> PathBuf {
    workspace.lab_dir().join("control.json")
}

fn executable(workspace: &Workspace) -> PathBuf {
    workspace.executables().join("control")
}

/// The executable, told by the kernel to end should we be killed.
fn command_to_end_with_us(workspace: &Workspace) -> Command {
    let mut command = Command::new("setpriv");
    command.args(["--pdeathsig", "TERM", "--"]);
    command.arg(executable(workspace));
    command
}

/// Runs `command` to its end. When that is to be now, it is given the time to end what it started;
/// if it does not take it, the kernel sees to that.
fn run(mut command: Command, deadline: Option<Duration>) -> anyhow::Result<u8> {
    // Before signals are taken, for it has to hear of them.
    let mut child = command
        .spawn()
        .with_context(|| format!("cannot run {command:?}"))?;
    let interrupts = Interrupts::take()?;
    let begun = Instant::now();
    loop {
        if let Some(status) = child.try_wait().context("cannot wait for `control`")? {
            return exit_code(status);
        }
        if interrupts.came_within(PAUSE)? {
            end(&mut child)?;
            bail!("interrupted");
        }
        if deadline.is_some_and(|deadline| begun.elapsed() > deadline) {
            end(&mut child)?;
            bail!("`control` was still running after {:?}", begun.elapsed());
        }
    }
}

fn exit_code(status: ExitStatus) -> anyhow::Result<u8> {
    let code = status.code().and_then(|code| u8::try_from(code).ok());
    code.with_context(|| format!("`control` ended with {status}"))
}

/// Asks it to end, and kills it if it does not.
fn end(child: &mut Child) -> anyhow::Result<()> {
    let begun = Instant::now();
    // A terminal's Ctrl-C has reached it already; it can bear to be told twice.
    let _ = kill(Pid::from_raw(i32::try_from(child.id())?), Signal::SIGTERM);
    while begun.elapsed() < CLEAN_UP {
        if child.try_wait()?.is_some() {
            return Ok(());
        }
        std::thread::sleep(PAUSE);
    }
    child.kill()?;
    child.wait()?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn offer() -> Offer {
        let json =
            r#"{"scenarios": [{"group": "netmaster", "name": "crash::etcd"}], "benches": []}"#;
        serde_json::from_str(json).unwrap()
    }

    #[test]
    fn a_filter_is_part_of_a_name_or_a_whole_group() {
        assert!(offer().matches(Some("crash::")));
        assert!(offer().matches(Some("netmaster")));
        assert!(offer().matches(None));
        assert!(!offer().matches(Some("net")));
    }

    #[test]
    fn an_executable_that_hangs_is_ended_by_its_deadline() {
        let mut command = Command::new("sleep");
        command.arg("60");
        let error = run(command, Some(Duration::from_millis(10))).unwrap_err();
        assert!(error.to_string().contains("still running"), "{error}");
    }

    #[test]
    fn an_exit_code_is_handed_on() {
        let mut command = Command::new("sh");
        command.args(["-c", "exit 7"]);
        assert_eq!(run(command, None).unwrap(), 7);
    }
}
