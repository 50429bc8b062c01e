//! Whose interface it is: container, attachment, pod.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::name::{InterfaceName, InterfaceNameError};
use crate::text::serde_as_text;

/// The runtime's name for a container (CNI's `CNI_CONTAINERID`): a letter or digit, then letters,
/// digits, `_`, `.` and `-`; at most 128 bytes.
///
/// The CNI specification sets the alphabet; the length is ours, twice what runtimes use.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ContainerId(Arc<str>);

/// Text that is no container id.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "container id `{0}` is not valid: use 1–128 of a–z, A–Z, 0–9, `_`, `.` and `-`, beginning \
     with a letter or digit"
)]
pub struct ContainerIdError(String);

impl ContainerId {
    const MAX_LEN: usize = 128;

    /// The id as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for ContainerId {
    type Err = ContainerIdError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let valid = (1..=Self::MAX_LEN).contains(&text.len())
            && text
                .bytes()
                .next()
                .is_some_and(|byte| byte.is_ascii_alphanumeric())
            && text
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || b"_.-".contains(&byte));
        valid
            .then(|| Self(text.into()))
            .ok_or_else(|| ContainerIdError(text.to_owned()))
    }
}

impl fmt::Display for ContainerId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

serde_as_text!(ContainerId);

/// The key of a CNI call: one interface of one container, written `<container>/<ifname>`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Attachment {
    /// The container the interface is in.
    pub container: ContainerId,
    /// The interface's name inside the container.
    pub ifname: InterfaceName,
}

/// Text that is no attachment.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AttachmentError {
    /// There is no `/` between container id and interface name.
    #[error("attachment `{0}` is not valid: write it as `<container id>/<interface name>`")]
    NoSlash(String),
    /// The part before the slash is no container id.
    #[error(transparent)]
    Container(#[from] ContainerIdError),
    /// The part after the slash is no interface name.
    #[error(transparent)]
    Interface(#[from] InterfaceNameError),
}

impl FromStr for Attachment {
    type Err = AttachmentError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (container, ifname) = text
            .split_once('/')
            .ok_or_else(|| AttachmentError::NoSlash(text.to_owned()))?;
        Ok(Self {
            container: container.parse()?,
            ifname: ifname.parse()?,
        })
    }
}

impl fmt::Display for Attachment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.container, self.ifname)
    }
}

serde_as_text!(Attachment);

/// A pod's identity as the orchestrator gives it, written `<namespace>/<name>`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Pod {
    /// The pod's namespace.
    pub namespace: String,
    /// The pod's name.
    pub name: String,
}

impl fmt::Display for Pod {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.namespace, self.name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn attachments_round_trip_as_text() {
        let text = "4f5e_A.b-1/eth0";
        assert_eq!(text.parse::<Attachment>().unwrap().to_string(), text);
    }

    #[test]
    fn hostile_attachments_are_refused() {
        for bad in [
            "",
            "eth0",
            "../x/eth0",
            "-c/eth0",
            "c/",
            "c/eth0/x",
            "c\0/eth0",
        ] {
            assert!(bad.parse::<Attachment>().is_err(), "{bad:?}");
        }
    }
}
