//! Why a command failed, and what to do about it.

use std::error::Error as _;
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use trunkline_netmaster_api::{AnswerErrorCode, ClientError, ErrorCode, Problem};

use crate::config::ConfigError;

/// Why a command failed; printed with the way out.
#[derive(Debug)]
pub(crate) enum Failure {
    /// netmaster, or the way there.
    Netmaster(ClientError),
    /// The command line asks for something that makes no sense.
    Usage(String),
    /// A file with a secret can be read or changed by others.
    Exposed {
        /// The file.
        path: PathBuf,
        /// Its permissions.
        mode: u32,
    },
    /// The configuration file, or what it says.
    Config(ConfigError),
    /// A node's agent did not answer wholly.
    Answer(AnswerErrorCode, String),
    /// The answer cannot be printed.
    Render(Box<dyn std::error::Error>),
    /// The answer cannot be written to standard output.
    Output(io::Error),
    /// A file cannot be written.
    File(PathBuf, io::Error),
    /// A file cannot be read.
    Unreadable(PathBuf, io::Error),
    /// Objects of a file stand in the way; with what they are called there, `object` or `line`.
    Objects(PathBuf, &'static str, Box<Problem>),
    /// It ended half-way: what was done before stays.
    HalfWay(Progress, Box<Failure>),
    /// There are differences or findings, and they have been printed.
    Found,
}

/// How far a command came that takes several steps, each of which is done wholly or not at all.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Progress {
    /// What is counted, like `line`.
    pub(crate) unit: &'static str,
    /// How many are surely done.
    pub(crate) done: usize,
    /// How many were under way.
    pub(crate) under_way: usize,
    /// How many there are.
    pub(crate) of: usize,
    /// How to go on.
    pub(crate) again: &'static str,
}

/// The exit codes, as documented in `netctl --help`.
mod exit {
    pub(super) const FAILED: u8 = 1;
    pub(super) const USAGE: u8 = 2;
    pub(super) const UNAVAILABLE: u8 = 3;
    pub(super) const CONFLICT: u8 = 4;
    pub(super) const NOT_FOUND: u8 = 5;
    pub(super) const DENIED: u8 = 6;
    pub(super) const FOUND: u8 = 7;
}

impl Failure {
    pub(crate) fn is_closed_pipe(&self) -> bool {
        matches!(self, Self::Output(error) if error.kind() == io::ErrorKind::BrokenPipe)
    }

    /// Whether nothing is left to be said.
    pub(crate) fn is_told(&self) -> bool {
        matches!(self, Self::Found)
    }

    /// The same, of a command that came as far as `progress` says. One that did nothing at all
    /// says so by itself.
    pub(crate) fn half_way(self, progress: Progress) -> Self {
        match progress.done == 0 && !self.is_unsure() {
            true => self,
            false => Self::HalfWay(progress, Box::new(self)),
        }
    }

    /// Whether what was asked for may have happened or not.
    fn is_unsure(&self) -> bool {
        match self {
            Self::Netmaster(ClientError::Refused(problem)) => {
                problem.code == ErrorCode::StoreUnavailable
            }
            Self::Netmaster(error) => matches!(
                error,
                ClientError::Unanswered { .. }
                    | ClientError::NotNetmaster { .. }
                    | ClientError::Unreadable { .. }
            ),
            _ => false,
        }
    }

    pub(crate) fn exit_code(&self) -> ExitCode {
        ExitCode::from(self.code())
    }

    fn code(&self) -> u8 {
        match self {
            Self::Usage(_) | Self::Config(_) | Self::Exposed { .. } => exit::USAGE,
            Self::Netmaster(error) if is_setting(error) => exit::USAGE,
            Self::Netmaster(error) if error.is_retryable() => exit::UNAVAILABLE,
            Self::Netmaster(error) => error.problem().map_or(exit::FAILED, refusal),
            Self::Answer(code, _) if is_retryable(*code) => exit::UNAVAILABLE,
            Self::Objects(_, _, problem) => refusal(problem),
            Self::Found => exit::FOUND,
            Self::Answer(..)
            | Self::Render(_)
            | Self::Output(_)
            | Self::File(..)
            | Self::Unreadable(..) => exit::FAILED,
            Self::HalfWay(_, why) => why.code(),
        }
    }
}

/// Whether it is about which netmaster is asked and by whom, and nothing was asked.
fn is_setting(error: &ClientError) -> bool {
    matches!(
        error,
        ClientError::BaseUrl { .. }
            | ClientError::NobodyTrusted { .. }
            | ClientError::TokenInClear { .. }
            | ClientError::Credentials(_)
    )
}

fn refusal(problem: &Problem) -> u8 {
    match problem.status {
        401 | 403 => exit::DENIED,
        404 => exit::NOT_FOUND,
        409 => exit::CONFLICT,
        429 => exit::UNAVAILABLE,
        _ => exit::FAILED,
    }
}

fn is_retryable(code: AnswerErrorCode) -> bool {
    matches!(
        code,
        AnswerErrorCode::NodeUnreachable
            | AnswerErrorCode::DeadlineExceeded
            | AnswerErrorCode::Interrupted
    )
}

impl From<ClientError> for Failure {
    fn from(error: ClientError) -> Self {
        Self::Netmaster(error)
    }
}

impl From<ConfigError> for Failure {
    fn from(error: ConfigError) -> Self {
        Self::Config(error)
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Netmaster(error) => {
                write!(f, "{error}")?;
                // The layers in between are the HTTP library's own affair.
                if let Some(cause) = root_cause(error) {
                    write!(f, ": {cause}")?;
                }
                f.write_str(way_out(error))
            }
            Self::Usage(text) => f.write_str(text),
            Self::Config(error) => f.write_str(&trunkline_types::chain(error)),
            Self::Exposed { path, mode } => {
                let path = path.display();
                write!(
                    f,
                    "`{path}` is a secret and others can read or change it (mode {mode:04o}), so \
                     it is not used: `chmod 600 {path}`, and have a new one made if somebody may \
                     have read it"
                )
            }
            Self::Answer(code, detail) => {
                write!(f, "the node's answer is not complete: {detail}")?;
                f.write_str(match code {
                    AnswerErrorCode::DeadlineExceeded => {
                        "\nRepeat the command with more `--seconds`: that does no harm."
                    }
                    code if is_retryable(*code) => "\nRepeat the command: that does no harm.",
                    _ => "",
                })
            }
            Self::Render(error) => write!(f, "the answer cannot be printed: {error}"),
            Self::Output(error) => write!(f, "cannot write to standard output: {error}"),
            Self::File(path, error) => write!(f, "cannot write `{}`: {error}", path.display()),
            Self::Unreadable(path, error) => {
                write!(f, "cannot read `{}`: {error}", path.display())
            }
            Self::Objects(path, unit, problem) => {
                f.write_str("nothing was done, ")?;
                objects(f, path, unit, problem)
            }
            Self::HalfWay(progress, why) => half_way(f, progress, why),
            Self::Found => f.write_str("something was found"),
        }
    }
}

/// The objects of a file that stand in the way, by their place in it.
fn objects(f: &mut fmt::Formatter<'_>, path: &Path, unit: &str, problem: &Problem) -> fmt::Result {
    write!(
        f,
        "{} {unit}(s) of `{}` stand in the way:",
        problem.objects.len(),
        path.display()
    )?;
    for object in &problem.objects {
        match object.index {
            Some(index) => write!(f, "\n  {unit} {}, ", u64::from(index) + 1)?,
            None => write!(f, "\n  not in it, ")?,
        }
        write!(f, "{} `{}`: {}", object.kind, object.name, object.detail)?;
    }
    Ok(())
}

/// Why it ended, and how far it came.
fn half_way(f: &mut fmt::Formatter<'_>, progress: &Progress, why: &Failure) -> fmt::Result {
    match why {
        Failure::Objects(path, unit, problem) => objects(f, path, unit, problem)?,
        other => write!(f, "{other}")?,
    }
    let Progress {
        unit,
        done,
        under_way,
        of,
        again,
    } = progress;
    write!(f, "\n{done} of {of} {unit}(s) are done, and stay so")?;
    if why.is_unsure() {
        write!(f, "; of the next {under_way} that is not known")?;
    }
    write!(
        f,
        ".\nPut right what stands in the way, if anything does, and {again}: what is done already \
         changes nothing."
    )
}

fn way_out(error: &ClientError) -> &'static str {
    match error {
        ClientError::Unreachable { .. } => {
            "\nIs it running? Start it with `netmaster serve`, or name another one with \
             `--server`, in NETMASTER, or with `netctl context use`."
        }
        ClientError::Unanswered { .. } | ClientError::Ended { .. } => {
            "\nRepeat the command: that does no harm."
        }
        ClientError::Refused(_) if error.is_retryable() => {
            "\nRepeat the command in a moment: that does no harm."
        }
        ClientError::NobodyTrusted { .. } => {
            "\nName the file with `--ca`, in NETMASTER_CA, or with `netctl context set`."
        }
        ClientError::Unreadable { .. } => "\nAre netctl and netmaster of the same version?",
        _ => "",
    }
}

fn root_cause(error: &ClientError) -> Option<&dyn std::error::Error> {
    let mut cause = error.source()?;
    while let Some(deeper) = cause.source() {
        cause = deeper;
    }
    Some(cause)
}
