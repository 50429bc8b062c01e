//! Quality of service: bandwidth, burst, DSCP.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::text::serde_as_number;

/// A bandwidth in bits per second, 1,000 to 10^13 (10 Tbit/s).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Bandwidth(u64);

/// A number that is no bandwidth.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("bandwidth `{0}` is not valid: use 1000–10000000000000 bits per second")]
pub struct BandwidthError(i64);

impl Bandwidth {
    const MIN: i64 = 1_000;
    const MAX: i64 = 10_000_000_000_000;

    /// The bandwidth in bits per second.
    #[must_use]
    pub const fn bits_per_second(self) -> u64 {
        self.0
    }
}

impl TryFrom<i64> for Bandwidth {
    type Error = BandwidthError;

    fn try_from(number: i64) -> Result<Self, BandwidthError> {
        match u64::try_from(number) {
            Ok(bits) if (Self::MIN..=Self::MAX).contains(&number) => Ok(Self(bits)),
            _ => Err(BandwidthError(number)),
        }
    }
}

impl From<Bandwidth> for u64 {
    fn from(bandwidth: Bandwidth) -> Self {
        bandwidth.0
    }
}

impl fmt::Display for Bandwidth {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

serde_as_number!(Bandwidth, u64, Bandwidth::MIN..=Bandwidth::MAX);

/// How much may be sent at once beyond the bandwidth: in bytes, 1 to 4294967295 (4 GiB - 1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Burst(u32);

/// A number that is no burst.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("burst `{0}` is not valid: use 1–4294967295 bytes")]
pub struct BurstError(i64);

impl Burst {
    /// The burst in bytes.
    #[must_use]
    pub const fn bytes(self) -> u32 {
        self.0
    }
}

impl TryFrom<i64> for Burst {
    type Error = BurstError;

    fn try_from(number: i64) -> Result<Self, BurstError> {
        u32::try_from(number)
            .ok()
            .filter(|bytes| *bytes > 0)
            .map(Self)
            .ok_or(BurstError(number))
    }
}

impl From<Burst> for u32 {
    fn from(burst: Burst) -> Self {
        burst.0
    }
}

serde_as_number!(Burst, u32, 1..=i64::from(u32::MAX));

/// A differentiated services code point, 0–63 (RFC 2474).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Dscp(u8);

/// A number that is no DSCP.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("DSCP `{0}` is not valid: use 0–63")]
pub struct DscpError(i64);

impl Dscp {
    const MAX: u8 = 63;
}

impl TryFrom<i64> for Dscp {
    type Error = DscpError;

    fn try_from(number: i64) -> Result<Self, DscpError> {
        u8::try_from(number)
            .ok()
            .filter(|code| *code <= Self::MAX)
            .map(Self)
            .ok_or(DscpError(number))
    }
}

impl From<Dscp> for u8 {
    fn from(dscp: Dscp) -> Self {
        dscp.0
    }
}

impl fmt::Display for Dscp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

serde_as_number!(Dscp, u8, 0..=i64::from(Dscp::MAX));

/// The limit in one direction.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rate {
    /// In bits per second.
    pub bandwidth: Bandwidth,
    /// In bytes; without one, what the node's shaper takes for the bandwidth.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub burst: Option<Burst>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_out_of_range_are_quoted_in_the_refusal() {
        for (json, quoted) in [
            ("999", "`999`"),
            ("-1", "`-1`"),
            ("10000000000001", "`10000000000001`"),
        ] {
            let error = serde_json::from_str::<Bandwidth>(json)
                .unwrap_err()
                .to_string();
            assert!(error.contains(quoted), "{error}");
        }
        assert!(serde_json::from_str::<Dscp>("64").is_err());
        assert!(serde_json::from_str::<Burst>("0").is_err());
        assert!(serde_json::from_str::<Burst>("4294967296").is_err());
    }

    #[test]
    fn a_rate_reads_what_it_writes() {
        let text = r#"{"bandwidth":50000000,"burst":625000}"#;
        let rate: Rate = serde_json::from_str(text).unwrap();
        assert_eq!(serde_json::to_string(&rate).unwrap(), text);
    }
}
