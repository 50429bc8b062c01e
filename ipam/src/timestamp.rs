//! Points in time, handed in by whoever has a clock.

use serde::{Deserialize, Serialize};

/// Whole seconds since 1970-01-01 00:00:00 UTC.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct Timestamp(u64);

impl Timestamp {
    /// The last second of the year 9999. Later ones cannot be written as dates, and are most often
    /// milliseconds.
    pub const LATEST: Self = Self(253_402_300_799);

    /// The point `seconds` after 1970-01-01 00:00:00 UTC.
    #[must_use]
    pub const fn from_unix_seconds(seconds: u64) -> Self {
        Self(seconds)
    }

    /// The point so many seconds later; the end of time if there is none.
    #[must_use]
    pub const fn after(self, seconds: u64) -> Self {
        Self(self.0.saturating_add(seconds))
    }

    /// The seconds since 1970-01-01 00:00:00 UTC.
    #[must_use]
    pub const fn unix_seconds(self) -> u64 {
        self.0
    }
}
