//! What can go wrong with a switch database.

use std::io;
use std::path::PathBuf;
use std::time::Duration;

use crate::codec::ProtocolError;

/// Why a switch database did not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum SwitchError {
    /// Nobody answers at the socket.
    #[error("cannot connect to OVSDB at `{}`: is ovsdb-server running?", socket.display())]
    Connect {
        /// The socket.
        socket: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The connection broke before the answer. Whether a change was made is unknown: read again.
    #[error(
        "lost the connection to OVSDB at `{}` while trying to {what}, which may have happened or \
         not: try again, and see whether ovsdb-server is restarting", socket.display()
    )]
    Disconnected {
        /// The socket.
        socket: PathBuf,
        /// What was tried.
        what: String,
        /// What the system said.
        source: io::Error,
    },
    /// No answer in time. Whether a change was made is unknown: read again.
    #[error(
        "OVSDB did not {what} within {deadline:?}: see whether {suspect} is running and not stuck"
    )]
    Timeout {
        /// What was tried.
        what: String,
        /// Who should have answered.
        suspect: &'static str,
        /// How long it was waited for.
        deadline: Duration,
    },
    /// There is no such bridge, so nothing was changed.
    #[error("there is no bridge `{name}`: create it first, or see `ovs-vsctl list-br`")]
    BridgeMissing {
        /// The bridge that is not there.
        name: String,
    },
    /// There is such a bridge already, so nothing was changed.
    #[error("bridge `{name}` exists already: use it, or remove it first")]
    BridgeExists {
        /// The bridge that is in the way.
        name: String,
    },
    /// There is a port of that name already, in whatever bridge, so nothing was changed.
    #[error("port `{name}` exists already: use another name, or see `ovs-vsctl port-to-br {name}`")]
    PortExists {
        /// The port that is in the way.
        name: String,
    },
    /// ovsdb-server refused for a reason of its own; nothing was changed.
    #[error(
        "OVSDB refused to {what}: {error} ({details}): nothing was changed, see the log of \
         ovsdb-server"
    )]
    Refused {
        /// What was tried.
        what: String,
        /// The kind of refusal, as RFC 7047 names them: `constraint violation` and the like.
        error: String,
        /// ovsdb-server's explanation.
        details: String,
    },
    /// The answer to a request is not one that RFC 7047 and the schema allow.
    #[error(
        "OVSDB at `{}` gave an answer that makes no sense when asked to {what}: is it \
         ovsdb-server with the database `Open_vSwitch`?", socket.display()
    )]
    Protocol {
        /// The socket.
        socket: PathBuf,
        /// What was tried.
        what: String,
        /// What is wrong with the answer.
        source: ProtocolError,
    },
}

impl SwitchError {
    /// Whether the same call may succeed later with nothing changed but time. If it was a change,
    /// it may have been made: read before repeating it.
    #[must_use]
    pub fn is_retryable(&self) -> bool {
        matches!(
            self,
            Self::Connect { .. } | Self::Disconnected { .. } | Self::Timeout { .. }
        )
    }

    /// Whether nothing was changed because the switch was not as the actions require it to be.
    #[must_use]
    pub fn is_precondition_failed(&self) -> bool {
        matches!(
            self,
            Self::BridgeMissing { .. } | Self::BridgeExists { .. } | Self::PortExists { .. }
        )
    }
}
