//! One node's requests, and the way to its agent.

use std::collections::BTreeMap;

use tokio::sync::{mpsc, watch};
use tokio::time::Instant;
use trunkline_netmaster_api::{NodeRequestSpec, ToAgent};

use super::{Asker, PLACES, Piece, RequestId};

/// How many lines may wait for an agent: a request and its cancellation for each place, twice, for
/// places are taken again while the agent has yet to read. An agent that is further behind is cut
/// off; it comes back and is told anew.
const BACKLOG: usize = 4 * PLACES;

/// A request that waits for its answer, or for the rest of it.
#[derive(Debug)]
pub(super) struct Pending {
    pub(super) spec: NodeRequestSpec,
    pub(super) asker: Asker,
    pub(super) deadline: Instant,
    /// Where the answer goes; none once it has begun.
    pub(super) lines: Option<mpsc::Sender<Piece>>,
}

impl Pending {
    fn message(&self, id: RequestId) -> ToAgent {
        let left = self.deadline.saturating_duration_since(Instant::now());
        ToAgent::Request {
            id: id.to_string(),
            // Not more than the deadline, which is 300 s at most.
            seconds_left: u16::try_from(left.as_secs()).unwrap_or(u16::MAX),
            spec: self.spec.clone(),
        }
    }
}

#[derive(Debug, Default)]
pub(super) struct Station {
    requests: BTreeMap<RequestId, Pending>,
    agent: Option<mpsc::Sender<ToAgent>>,
    /// Counts the agent's watches.
    generation: u64,
    connected: watch::Sender<bool>,
}

impl Station {
    /// Takes a request in, and tells the agent; `false` if there is no place.
    pub(super) fn take(&mut self, id: RequestId, pending: Pending) -> bool {
        // One whose time is over is kept only by a caller that does not read.
        let now = Instant::now();
        self.requests.retain(|_, other| other.deadline > now);
        let others = self.requests.values().map(|other| &other.asker);
        if !pending.asker.has_place(others) {
            return false;
        }
        self.tell(pending.message(id));
        self.requests.insert(id, pending);
        true
    }

    /// Gives the request up; the agent hears of it, unless it was told that anyway.
    pub(super) fn forget(&mut self, id: RequestId) {
        if self.requests.remove(&id).is_some() {
            self.tell(ToAgent::Cancel { id: id.to_string() });
        }
    }

    /// The answer is complete, or as good as.
    pub(super) fn finish(&mut self, id: RequestId) {
        self.requests.remove(&id);
    }

    /// Where the answer to `id` goes, and until when; `None` if nobody waits for it, or it has
    /// begun.
    pub(super) fn begin(&mut self, id: RequestId) -> Option<(Pending, mpsc::Sender<Piece>)> {
        let pending = self.requests.get_mut(&id)?;
        let lines = pending.lines.take()?;
        let copy = Pending {
            spec: pending.spec.clone(),
            asker: pending.asker.clone(),
            deadline: pending.deadline,
            lines: None,
        };
        Some((copy, lines))
    }

    /// Opens a watch in the place of the last one, with all requests that are not being answered.
    pub(super) fn connect(&mut self) -> (u64, mpsc::Receiver<ToAgent>) {
        let (agent, lines) = mpsc::channel(BACKLOG);
        self.agent = Some(agent);
        self.generation += 1;
        let waiting: Vec<_> = self
            .requests
            .iter()
            .filter(|(_, pending)| pending.lines.is_some())
            .map(|(id, pending)| pending.message(*id))
            .collect();
        for message in waiting {
            self.tell(message);
        }
        self.connected.send_replace(true);
        (self.generation, lines)
    }

    /// The watch of that generation has ended.
    pub(super) fn disconnect(&mut self, generation: u64) {
        if self.generation == generation {
            self.agent = None;
            self.connected.send_replace(false);
        }
    }

    pub(super) fn is_connected(&self) -> bool {
        self.agent.is_some()
    }

    /// Changes when the agent comes or goes.
    pub(super) fn connected(&self) -> watch::Receiver<bool> {
        self.connected.subscribe()
    }

    /// Whether nothing is lost with it.
    pub(super) fn is_idle(&self) -> bool {
        self.agent.is_none() && self.requests.is_empty()
    }

    fn tell(&mut self, message: ToAgent) {
        if let Some(agent) = &self.agent
            && agent.try_send(message).is_err()
        {
            self.agent = None;
            self.connected.send_replace(false);
        }
    }
}
