//! How long things are waited for, and how much is leased ahead.

use std::time::Duration;

use crate::Timestamp;

/// The times and shares that decisions go by; the same on every replica.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Policy {
    /// How long a released address is kept for its last owner; zero: not at all.
    pub cool_down: Duration,
    /// How long after a restore nothing is handed out, whoever has reported.
    pub restore_hold: Duration,
    /// After how long without a word a node counts as silent.
    pub silent_after: Duration,
    /// After how long without a word a node's leases are taken from it. Agents stop using leases
    /// an hour earlier, by a clock of their own.
    pub offline_limit: Duration,
    /// All reserves of a subnet together stay within one part in so many of what is not in use; at
    /// least 1.
    pub reserve_share: u64,
    /// The time between the two observations that a sweep needs.
    pub sweep_gap: Duration,
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            cool_down: Duration::from_secs(60),
            restore_hold: Duration::from_secs(120),
            silent_after: Duration::from_secs(120),
            offline_limit: Duration::from_secs(25 * 3600),
            reserve_share: 8,
            sweep_gap: Duration::from_secs(60),
        }
    }
}

impl Policy {
    /// Whether an address that was released at `since` is still kept for its last owner.
    ///
    /// A `since` that lies further ahead than the cool-down is from a clock that was set back; it
    /// would keep the address for as long as the clock was wrong.
    #[must_use]
    pub fn is_cooling(&self, since: Timestamp, now: Timestamp) -> bool {
        let cool_down = self.cool_down.as_secs();
        now < since.after(cool_down) && since <= now.after(cool_down)
    }
}
