//! Requests to nodes, relayed: what an operator asks goes out on the watch that the node's agent
//! has open, and the lines of its answer come back as they are.
//!
//! ```text
//! operator ─► Relay::ask ─► station of the node ─► AgentWatch ─► agent
//! operator ◄─ Asked::next ◄──── lines ◄──── Relay::answer ◄───── agent
//! ```
//!
//! Nothing of it is stored: a netmaster that ends, or no longer leads, drops what is under way,
//! and says so. All that waits is bounded, in number, in bytes and in time.

mod agent;
mod answer;
mod asked;
mod asker;
mod station;

use std::collections::HashMap;
use std::fmt;
use std::str::FromStr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{mpsc, watch};
use tokio::time::Instant;
use trunkline_netmaster_api::{AnswerLine, NodeRequestSpec, Role};
use trunkline_types::Name;
use uuid::Uuid;

pub(crate) use agent::AgentWatch;
pub(crate) use answer::AnswerError;
pub(crate) use asked::Asked;
pub(crate) use asker::Asker;
use station::{Pending, Station};

use crate::metrics::Metrics;

/// How many requests one node may have at a time: an operator's handful, and the sweeper's probes.
/// Not all of them are for anybody, see [`Asker`].
const PLACES: usize = 16;

/// How many lines of an answer may wait for the one who asked. Beyond that the agent waits.
const LINES: usize = 16;

/// How long a request waits for an agent that is not connected: it may be between two watches.
const GRACE: Duration = Duration::from_secs(5);

/// Names a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct RequestId(Uuid);

impl fmt::Display for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// What an agent sends, on its way to the one who asked.
#[derive(Debug)]
enum Piece {
    /// The agent has begun to answer.
    Begun,
    Line(AnswerLine),
}

/// Why a request is not relayed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum AskError {
    /// The caller may not ask this.
    #[error("requests of kind `{kind}` take the role `{needed}`, and the caller is `{role}`")]
    Forbidden {
        kind: &'static str,
        needed: Role,
        role: Role,
    },
    /// The node has as many requests as it may have, in all or of who asks.
    #[error(
        "node `{node}` has as many requests already as it may have, {PLACES} in all and a part of \
         them of one identity: repeat the request when one of them is answered"
    )]
    Busy { node: Name },
}

/// The requests of all nodes. Clones are one and the same.
#[derive(Clone, Debug)]
pub(crate) struct Relay {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    stations: Mutex<HashMap<Name, Station>>,
    /// Changes when all that is under way is dropped.
    term: watch::Sender<u64>,
    metrics: Metrics,
}

impl Relay {
    pub(crate) fn new(metrics: Metrics) -> Self {
        let shared = Shared {
            stations: Mutex::new(HashMap::new()),
            term: watch::Sender::new(0),
            metrics,
        };
        Self {
            shared: Arc::new(shared),
        }
    }

    /// Refuses a request that takes more than `role`.
    ///
    /// # Errors
    ///
    /// [`AskError::Forbidden`].
    pub(crate) fn check(spec: &NodeRequestSpec, role: Role) -> Result<(), AskError> {
        let kind = spec.request.kind();
        let needed = spec.request.role();
        if role.covers(needed) {
            return Ok(());
        }
        Err(AskError::Forbidden { kind, needed, role })
    }

    /// Puts a request to the agent of `node`, which has to be a node that exists.
    ///
    /// # Errors
    ///
    /// [`AskError`] if the caller may not ask, or the node has too many requests.
    pub(crate) fn ask(
        &self,
        node: &Name,
        spec: NodeRequestSpec,
        asker: Asker,
    ) -> Result<Asked, AskError> {
        Self::check(&spec, asker.role())?;
        let kind = spec.request.kind();
        let id = RequestId(Uuid::new_v4());
        let deadline = Instant::now() + Duration::from_secs(spec.deadline_seconds.into());
        let (lines, answer) = mpsc::channel(LINES);
        let term = self.shared.term.subscribe();
        let connected = {
            let mut stations = self.stations();
            let station = stations.entry(node.clone()).or_default();
            let pending = Pending {
                spec,
                asker,
                deadline,
                lines: Some(lines),
            };
            if !station.take(id, pending) {
                return Err(AskError::Busy { node: node.clone() });
            }
            station.connected()
        };
        Ok(Asked::new(
            self.clone(),
            (node.clone(), id, kind),
            answer,
            connected,
            term,
            deadline,
        ))
    }

    /// The watch of the agent of `node`. One that it had before ends: the newer one wins.
    pub(crate) fn watch(&self, node: &Name) -> AgentWatch {
        let mut stations = self.stations();
        let station = stations.entry(node.clone()).or_default();
        let (generation, lines) = station.connect();
        self.shared.metrics.agents_connected(connected(&stations));
        AgentWatch::new(self.clone(), node.clone(), generation, lines)
    }

    /// Whether the agent of `node` has a watch open.
    pub(crate) fn is_connected(&self, node: &Name) -> bool {
        let stations = self.stations();
        stations.get(node).is_some_and(Station::is_connected)
    }

    /// Drops all that is under way, and ends all agents' watches: this replica no longer leads, or
    /// it stops.
    pub(crate) fn close(&self) {
        let dropped = std::mem::take(&mut *self.stations());
        self.shared.metrics.agents_connected(0);
        self.shared.term.send_modify(|term| *term += 1);
        drop(dropped);
    }

    fn disconnect(&self, node: &Name, generation: u64) {
        let mut stations = self.stations();
        if let Some(station) = stations.get_mut(node) {
            station.disconnect(generation);
            if station.is_idle() {
                stations.remove(node);
            }
        }
        self.shared.metrics.agents_connected(connected(&stations));
    }

    /// Nobody waits for the answer any more.
    fn forget(&self, node: &Name, id: RequestId) {
        let mut stations = self.stations();
        if let Some(station) = stations.get_mut(node) {
            station.forget(id);
            if station.is_idle() {
                stations.remove(node);
            }
        }
    }

    fn stations(&self) -> MutexGuard<'_, HashMap<Name, Station>> {
        // Nothing panics while it is held half-way through a change.
        let stations = self.shared.stations.lock();
        stations.unwrap_or_else(PoisonError::into_inner)
    }
}

fn connected(stations: &HashMap<Name, Station>) -> usize {
    stations.values().filter(|one| one.is_connected()).count()
}

impl FromStr for RequestId {
    type Err = uuid::Error;

    fn from_str(text: &str) -> Result<Self, uuid::Error> {
        text.parse().map(Self)
    }
}

#[cfg(test)]
mod tests;
