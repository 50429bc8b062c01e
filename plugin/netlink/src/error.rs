//! What can go wrong with links, addresses and routes.

use std::fmt;
use std::io;
use std::net::IpAddr;
use std::time::Duration;

use nix::errno::Errno;

use crate::netns::NetnsError;

/// What the kernel was asked to do.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the variants and fields say what they are")]
pub enum Operation {
    ReadLink { name: String },
    CreateVeth { host: String, peer: String },
    SetAlias { name: String, alias: String },
    SetUp { index: u32 },
    Delete { name: String },
    ReadAddresses { index: u32 },
    AddAddress { index: u32, ip: IpAddr, prefix: u8 },
    ReadRoutes { index: u32 },
    AddDefaultRoute { index: u32, gateway: IpAddr },
}

impl fmt::Display for Operation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ReadLink { name } => write!(f, "read link `{name}`"),
            Self::CreateVeth { host, peer } => {
                write!(f, "create veth pair `{host}` and `{peer}`")
            }
            Self::SetAlias { name, alias } => write!(f, "set alias of link `{name}` to `{alias}`"),
            Self::SetUp { index } => write!(f, "set link {index} up"),
            Self::Delete { name } => write!(f, "delete link `{name}`"),
            Self::ReadAddresses { index } => write!(f, "read addresses of link {index}"),
            Self::AddAddress { index, ip, prefix } => {
                write!(f, "add address `{ip}/{prefix}` to link {index}")
            }
            Self::ReadRoutes { index } => write!(f, "read routes of link {index}"),
            Self::AddDefaultRoute { index, gateway } => {
                write!(f, "add default route by way of `{gateway}` to link {index}")
            }
        }
    }
}

/// Why the kernel did not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum LinkError {
    /// The namespace cannot be entered.
    #[error(transparent)]
    Netns(#[from] NetnsError),
    /// There is no netlink socket to be had.
    #[error("cannot open a netlink socket: raise the limit of open files")]
    Socket {
        /// What the system said.
        source: io::Error,
    },
    /// The kernel refused.
    #[error("cannot {operation}: {}", way_out(source))]
    Kernel {
        /// What was tried.
        operation: Operation,
        /// The kernel's answer.
        source: io::Error,
    },
    /// No answer in time. Whether a change was made is unknown: read again.
    #[error(
        "the kernel did not {operation} within {deadline:?}: try again, it may be busy with other links"
    )]
    Timeout {
        /// What was tried.
        operation: Operation,
        /// How long it was waited for.
        deadline: Duration,
    },
    /// The netlink socket is no longer served, or the kernel's answer is none that we know.
    #[error("cannot {operation}: the netlink socket gave no answer that we know, open a new one")]
    Protocol {
        /// What was tried.
        operation: Operation,
        /// What was answered.
        source: Box<rtnetlink::Error>,
    },
}

impl LinkError {
    /// Whether what the operation is about is not there.
    #[must_use]
    pub fn is_not_found(&self) -> bool {
        match self {
            Self::Netns(error) => error.is_not_found(),
            _ => matches!(
                self.errno(),
                Some(Errno::ENODEV | Errno::ENOENT | Errno::ESRCH)
            ),
        }
    }

    /// Whether what was to be made is there already, in this shape or another.
    #[must_use]
    pub fn is_exists(&self) -> bool {
        self.errno() == Some(Errno::EEXIST)
    }

    fn errno(&self) -> Option<Errno> {
        match self {
            Self::Kernel { source, .. } => errno(source),
            _ => None,
        }
    }

    pub(crate) fn new(operation: Operation, error: rtnetlink::Error) -> Self {
        match error {
            rtnetlink::Error::NetlinkError(message) => Self::Kernel {
                operation,
                source: message.to_io(),
            },
            other => Self::Protocol {
                operation,
                source: Box::new(other),
            },
        }
    }
}

fn errno(error: &io::Error) -> Option<Errno> {
    error.raw_os_error().map(Errno::from_raw)
}

/// What to do about a refusal.
fn way_out(error: &io::Error) -> &'static str {
    match errno(error) {
        Some(Errno::EPERM | Errno::EACCES) => {
            "CAP_NET_ADMIN is needed in that network namespace, run as root"
        }
        Some(Errno::EEXIST) => {
            "something of that name or kind exists already, see `ip link`, `ip addr` and `ip route`"
        }
        Some(Errno::ENODEV | Errno::ENOENT | Errno::ESRCH) => "it is not there, see `ip link`",
        Some(Errno::EOPNOTSUPP) => "this kernel does not support it, see `modprobe veth`",
        Some(Errno::ENETUNREACH) => "the gateway must be in a subnet of the link, and the link up",
        Some(Errno::ENETDOWN) => "set the link up first",
        _ => "the kernel refused, see its log (`dmesg`)",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_names_the_operation_its_values_and_the_way_out() {
        let operation = Operation::CreateVeth {
            host: "tk0".into(),
            peer: "eth0".into(),
        };
        let error = LinkError::Kernel {
            operation,
            source: Errno::EEXIST.into(),
        };
        assert!(error.is_exists() && !error.is_not_found());
        assert_eq!(
            error.to_string(),
            "cannot create veth pair `tk0` and `eth0`: something of that name or kind exists \
             already, see `ip link`, `ip addr` and `ip route`"
        );
    }
}
