//! The cluster as a whole: which one it is, and how often it was restored from a back-up.

mod epoch;

use serde::{Deserialize, Serialize};

use crate::{Revision, Timestamp};

pub use epoch::{begin_epoch, found_cluster, waive_report};

/// The time since the cluster was last restored from a back-up: each restore begins a later one.
/// What was handed out in an earlier epoch after the back-up was made is not in the books of this
/// one.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct Epoch(u64);

impl Epoch {
    /// The epoch with this number.
    #[must_use]
    pub const fn new(number: u64) -> Self {
        Self(number)
    }

    /// The epoch's number: 0 until the first restore, and then as a rule the time of the last one,
    /// in seconds since 1970-01-01 00:00:00 UTC. See [`begin_epoch`].
    #[must_use]
    pub const fn number(self) -> u64 {
        self.0
    }
}

/// What makes this cluster this one. There is exactly one, made when netmaster first starts on an
/// empty store.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cluster {
    /// Drawn at random once; agents refuse another one.
    pub id: String,
    /// Agents refuse an older one.
    pub epoch: Epoch,
    /// When this epoch began; nothing is handed out for some time from then on, so that nodes that
    /// are not in the back-up can make themselves known.
    pub since: Timestamp,
    /// The change that made it what it is.
    pub revision: Revision,
}
