//! Maximum transmission units.

use std::fmt;
use std::str::FromStr;

use crate::text::serde_as_number;

/// The largest IP packet of a network, in bytes: 1280–9216.
///
/// 1280 is the least that IPv6 requires of a link (RFC 8200, section 5); 9216 is what data
/// centre switches carry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Mtu(u16);

/// A number or text that is no usable MTU.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("MTU `{0}` is not in 1280–9216 bytes: use 1500 unless the switches carry jumbo frames")]
pub struct MtuError(String);

impl Mtu {
    /// Ethernet's own: 1500 bytes.
    pub const ETHERNET: Self = Self(1500);
    /// The smallest MTU a network may have.
    pub const MIN: Self = Self(1280);
    /// The largest MTU a network may have.
    pub const MAX: Self = Self(9216);
}

impl Default for Mtu {
    fn default() -> Self {
        Self::ETHERNET
    }
}

impl TryFrom<i64> for Mtu {
    type Error = MtuError;

    fn try_from(number: i64) -> Result<Self, Self::Error> {
        u16::try_from(number)
            .ok()
            .map(Self)
            .filter(|mtu| (Self::MIN..=Self::MAX).contains(mtu))
            .ok_or_else(|| MtuError(number.to_string()))
    }
}

impl From<Mtu> for u16 {
    fn from(mtu: Mtu) -> Self {
        mtu.0
    }
}

impl From<Mtu> for u32 {
    fn from(mtu: Mtu) -> Self {
        Self::from(mtu.0)
    }
}

impl FromStr for Mtu {
    type Err = MtuError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let number = text.parse::<i64>().map_err(|_| MtuError(text.to_owned()))?;
        Self::try_from(number)
    }
}

impl fmt::Display for Mtu {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

serde_as_number!(Mtu, u16, 1280..=9216);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_1280_to_9216_bytes_are_mtus() {
        for bad in ["1279", "9217", "0", "-5", "big"] {
            let error = bad.parse::<Mtu>().unwrap_err().to_string();
            assert!(
                error.contains(&format!("`{bad}`")) && error.contains("1280–9216"),
                "{error}"
            );
        }
        assert_eq!("9000".parse::<Mtu>().unwrap().to_string(), "9000");
    }
}
