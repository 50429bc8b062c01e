//! The agent's watch.

use std::time::Duration;

use tokio::sync::mpsc;
use tokio::time::{Instant, Interval, MissedTickBehavior, interval_at};
use trunkline_netmaster_api::ToAgent;
use trunkline_types::Name;

use super::Relay;

/// How often a watch shows that it lives.
const BOOKMARK: Duration = Duration::from_secs(10);

/// What the agent of a node is told. Dropping it closes the watch.
#[derive(Debug)]
pub(crate) struct AgentWatch {
    relay: Relay,
    node: Name,
    generation: u64,
    lines: mpsc::Receiver<ToAgent>,
    bookmarks: Interval,
}

impl AgentWatch {
    pub(super) fn new(
        relay: Relay,
        node: Name,
        generation: u64,
        lines: mpsc::Receiver<ToAgent>,
    ) -> Self {
        let mut bookmarks = interval_at(Instant::now() + BOOKMARK, BOOKMARK);
        bookmarks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        Self {
            relay,
            node,
            generation,
            lines,
            bookmarks,
        }
    }

    /// The next line; `None` when a newer watch takes over, or this netmaster no longer leads.
    pub(crate) async fn next(&mut self) -> Option<ToAgent> {
        // Both are cancel-safe.
        tokio::select! {
            line = self.lines.recv() => line,
            _ = self.bookmarks.tick() => Some(ToAgent::Bookmark),
        }
    }
}

impl Drop for AgentWatch {
    fn drop(&mut self) {
        self.relay.disconnect(&self.node, self.generation);
    }
}
