//! Why a command failed, and what to do about it.

use std::error::Error as _;
use std::fmt;
use std::io;
use std::process::ExitCode;

use trunkline_netmaster_api::ClientError;

/// Why a command failed; printed with the way out.
#[derive(Debug)]
pub(crate) enum Failure {
    /// netmaster, or the way there.
    Netmaster(ClientError),
    /// The answer cannot be printed.
    Render(Box<dyn std::error::Error>),
    /// The answer cannot be written.
    Output(io::Error),
}

impl Failure {
    pub(crate) fn is_closed_pipe(&self) -> bool {
        matches!(self, Self::Output(error) if error.kind() == io::ErrorKind::BrokenPipe)
    }

    /// As documented in `netctl --help`.
    pub(crate) fn exit_code(&self) -> ExitCode {
        match self {
            Self::Netmaster(ClientError::BaseUrl { .. }) => ExitCode::from(2),
            Self::Netmaster(error) if error.is_unreachable() => ExitCode::from(3),
            Self::Netmaster(_) | Self::Render(_) | Self::Output(_) => ExitCode::FAILURE,
        }
    }
}

impl From<ClientError> for Failure {
    fn from(error: ClientError) -> Self {
        Self::Netmaster(error)
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
                match error {
                    ClientError::Unreachable { .. } => write!(
                        f,
                        "\nIs it running? Start it with `netmaster serve`, or name another one \
                         with `--server` or in NETMASTER."
                    ),
                    ClientError::Unanswered { .. } => {
                        write!(f, "\nRepeat the command: that does no harm.")
                    }
                    ClientError::Unreadable { .. } => {
                        write!(f, "\nAre netctl and netmaster of the same version?")
                    }
                    _ => Ok(()),
                }
            }
            Self::Render(error) => write!(f, "the answer cannot be printed: {error}"),
            Self::Output(error) => write!(f, "cannot write to standard output: {error}"),
        }
    }
}

fn root_cause(error: &ClientError) -> Option<&dyn std::error::Error> {
    let mut cause = error.source()?;
    while let Some(deeper) = cause.source() {
        cause = deeper;
    }
    Some(cause)
}
