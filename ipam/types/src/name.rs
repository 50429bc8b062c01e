//! Names of objects and of network interfaces.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use crate::text::serde_as_text;

/// The name of a network, subnet, node or rack: 1–63 of `a–z`, `0–9`, `-` and `.`, beginning and
/// ending with a letter or digit.
///
/// It is one segment of a URL and of a store key, so it has no `/` and needs no escaping.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Name(Arc<str>);

/// Text that is no name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "name `{0}` is not valid: use 1–63 of a–z, 0–9, `-` and `.`, beginning and ending with a \
     letter or digit"
)]
pub struct NameError(String);

impl Name {
    const MAX_LEN: usize = 63;

    /// The name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Name {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let alphanumeric = |byte: &u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
        let bytes = text.as_bytes();
        let valid = (1..=Self::MAX_LEN).contains(&bytes.len())
            && bytes
                .iter()
                .all(|byte| alphanumeric(byte) || matches!(byte, b'-' | b'.'))
            && bytes.first().is_some_and(alphanumeric)
            && bytes.last().is_some_and(alphanumeric);
        valid
            .then(|| Self(text.into()))
            .ok_or_else(|| NameError(text.to_owned()))
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

serde_as_text!(Name);

/// The name of a network interface, as Linux takes it: 1–15 bytes, no `/`, no white space.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct InterfaceName(Arc<str>);

/// Text that is no interface name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "interface name `{0}` is not valid: use 1–15 bytes of ASCII without `/`, `:` or white space, \
     and neither `.` nor `..`"
)]
pub struct InterfaceNameError(String);

impl InterfaceName {
    /// `IFNAMSIZ` less the closing NUL.
    const MAX_LEN: usize = 15;

    /// The name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for InterfaceName {
    type Err = InterfaceNameError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let valid = (1..=Self::MAX_LEN).contains(&text.len())
            && text
                .bytes()
                .all(|byte| byte.is_ascii_graphic() && !matches!(byte, b'/' | b':'))
            && !matches!(text, "." | "..");
        valid
            .then(|| Self(text.into()))
            .ok_or_else(|| InterfaceNameError(text.to_owned()))
    }
}

impl fmt::Display for InterfaceName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

serde_as_text!(InterfaceName);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_single_lower_case_labels() {
        for good in ["blue", "rack-12", "node1.example.net", "0"] {
            assert_eq!(good.parse::<Name>().unwrap().to_string(), good);
        }
        let long = "a".repeat(64);
        for bad in [
            "",
            "Blue",
            "a/b",
            "-a",
            "a-",
            "..",
            "a b",
            "é",
            long.as_str(),
        ] {
            assert!(
                bad.parse::<Name>()
                    .unwrap_err()
                    .to_string()
                    .contains(&format!("`{bad}`"))
            );
        }
    }

    #[test]
    fn interface_names_fit_the_kernel() {
        for good in ["eth0", "net1.100", "abcdefghijklmno"] {
            assert_eq!(good.parse::<InterfaceName>().unwrap().as_str(), good);
        }
        for bad in ["", ".", "..", "eth/0", "eth 0", "a:b", "abcdefghijklmnop"] {
            assert!(bad.parse::<InterfaceName>().is_err(), "{bad}");
        }
    }
}
