//! What time it is, for the pure functions that may not ask.

use std::time::{SystemTime, UNIX_EPOCH};

use trunkline_ipam::Timestamp;

/// Now, by this machine's clock; a clock before 1970 is as good as 1970.
pub(crate) fn now() -> Timestamp {
    let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH);
    Timestamp::from_unix_seconds(since_epoch.map_or(0, |time| time.as_secs()))
}
