//! Named steps of cargo commands: streamed, timed and kept in a log.

use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::time::{Duration, Instant};

use anyhow::{Context, bail};

/// How much of a failed step's log is shown again at the end.
const TAIL_LINES: usize = 60;

/// A step that was carried out.
#[derive(Debug)]
pub(super) struct Step {
    /// One word, as in the coverage pages' `step:fmt`.
    pub(super) name: &'static str,
    /// Whether every command of it succeeded.
    pub(super) passed: bool,
    /// From start to end.
    pub(super) took: Duration,
    log: PathBuf,
}

impl Step {
    /// Runs `commands` one after the other, up to the first that fails. What they print is shown as it
    /// comes, and written to `<dir>/<name>.log`.
    pub(super) fn run(
        name: &'static str,
        dir: &Path,
        commands: impl IntoIterator<Item = Command>,
    ) -> anyhow::Result<Self> {
        eprintln!("=== {name}");
        fs::create_dir_all(dir).with_context(|| format!("cannot create `{}`", dir.display()))?;
        let log = dir.join(format!("{name}.log"));
        let mut file =
            File::create(&log).with_context(|| format!("cannot create `{}`", log.display()))?;
        let begun = Instant::now();
        let mut passed = true;
        for command in commands {
            passed = succeeds(command, &mut file)?;
            if !passed {
                break;
            }
        }
        let step = Self {
            name,
            passed,
            took: begun.elapsed(),
            log,
        };
        eprintln!("=== {step}");
        Ok(step)
    }

    /// Fails where the step did.
    pub(super) fn require(&self) -> anyhow::Result<()> {
        if !self.passed {
            bail!(
                "{} failed; its output is in `{}`",
                self.name,
                self.log.display()
            );
        }
        Ok(())
    }

    /// All that was printed.
    pub(super) fn output(&self) -> anyhow::Result<String> {
        let bytes =
            fs::read(&self.log).with_context(|| format!("cannot read `{}`", self.log.display()))?;
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    }
}

impl std::fmt::Display for Step {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let verdict = if self.passed { "passed" } else { "FAILED" };
        write!(
            f,
            "{} {verdict} after {:.1} s",
            self.name,
            self.took.as_secs_f64()
        )
    }
}

/// Says how the steps went, with the end of the first failed one's output.
pub(super) fn conclude(steps: &[Step]) -> anyhow::Result<ExitCode> {
    let failed = steps.iter().find(|step| !step.passed);
    if let Some(step) = failed {
        let output = step.output()?;
        let lines: Vec<_> = output.lines().collect();
        let tail = &lines[lines.len().saturating_sub(TAIL_LINES)..];
        println!(
            "--- {} ({})\n{}",
            step.name,
            step.log.display(),
            tail.join("\n")
        );
    }
    for step in steps {
        println!("{step}");
    }
    Ok(if failed.is_some() {
        ExitCode::FAILURE
    } else {
        ExitCode::SUCCESS
    })
}

/// Both streams go through one pipe: cargo says on the one which tests the other is about.
fn succeeds(mut command: Command, log: &mut File) -> anyhow::Result<bool> {
    let (mut output, input) = io::pipe().context("cannot open a pipe")?;
    command
        // The log is read by people and by us, not by a terminal.
        .env("CARGO_TERM_COLOR", "never")
        .stdout(input.try_clone().context("cannot share a pipe")?)
        .stderr(input);
    let mut child = command
        .spawn()
        .with_context(|| format!("cannot run {command:?}"))?;
    // It holds our ends of the pipe for writing; with them open, reading would never end.
    drop(command);
    let mut buffer = [0; 16 * 1024];
    loop {
        let count = output
            .read(&mut buffer)
            .context("cannot read a step's output")?;
        if count == 0 {
            break;
        }
        log.write_all(&buffer[..count])
            .context("cannot write a step's log")?;
        // A reader that has gone does not fail the step.
        let _ = io::stderr().write_all(&buffer[..count]);
    }
    Ok(child.wait().context("cannot wait for a step")?.success())
}
