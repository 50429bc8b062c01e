//! Ethernet addresses.

use std::fmt;
use std::str::FromStr;

use crate::text::serde_as_text;

/// An Ethernet (MAC) address, written `02:01:0a:01:00:0a`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MacAddr([u8; 6]);

/// Text that is no MAC address.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "MAC address `{0}` is not six hexadecimal bytes joined by colons, like `02:01:0a:01:00:0a`"
)]
pub struct ParseMacError(String);

impl MacAddr {
    /// The address of everyone on the link.
    pub const BROADCAST: Self = Self([0xff; 6]);

    /// The address with these six bytes, in the order they go over the wire.
    #[must_use]
    pub const fn new(octets: [u8; 6]) -> Self {
        Self(octets)
    }

    /// The six bytes, in the order they go over the wire.
    #[must_use]
    pub const fn octets(self) -> [u8; 6] {
        self.0
    }
}

impl FromStr for MacAddr {
    type Err = ParseMacError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let error = || ParseMacError(text.to_owned());
        let mut octets = [0; 6];
        let mut parts = text.split(':');
        for octet in &mut octets {
            let part = parts
                .next()
                .filter(|part| part.len() == 2)
                .ok_or_else(error)?;
            // `from_str_radix` would take a sign.
            if !part.bytes().all(|byte| byte.is_ascii_hexdigit()) {
                return Err(error());
            }
            *octet = u8::from_str_radix(part, 16).map_err(|_| error())?;
        }
        parts
            .next()
            .is_none()
            .then_some(Self(octets))
            .ok_or_else(error)
    }
}

impl fmt::Display for MacAddr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [a, b, c, d, e, g] = self.0;
        write!(f, "{a:02x}:{b:02x}:{c:02x}:{d:02x}:{e:02x}:{g:02x}")
    }
}

serde_as_text!(MacAddr);

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn parse_reads_what_display_prints(octets: [u8; 6]) {
            let mac = MacAddr::new(octets);
            prop_assert_eq!(mac.to_string().parse::<MacAddr>().unwrap(), mac);
        }
    }

    #[test]
    fn malformed_text_is_refused_with_the_text() {
        for bad in [
            "",
            "02:01:0a:01:00",
            "02:01:0a:01:00:0a:0b",
            "02-01-0a-01-00-0a",
            "+2:01:0a:01:00:0a",
        ] {
            assert!(
                bad.parse::<MacAddr>()
                    .unwrap_err()
                    .to_string()
                    .contains(&format!("`{bad}`"))
            );
        }
    }
}
