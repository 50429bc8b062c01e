//! What we need of a switch database, and its implementation over OVSDB.

mod ops;
mod read;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::future::Future;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::timeout;

use crate::action::Action;
use crate::client::{ClientError, Connection};
use crate::codec::{Op, Outcome, ProtocolError, TransactRequest};
use crate::error::SwitchError;
use crate::row::{Bridge, Port};

/// How long the server gets beyond its own deadline before we stop listening.
const GRACE: Duration = Duration::from_millis(500);

/// Connections kept for the next call. More are opened when more calls run at the same time.
const MAX_IDLE: usize = 4;

/// RFC 7047's name for a `wait` whose condition did not come true.
const TIMED_OUT: &str = "timed out";

/// The state of the database that a change has led to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Applied {
    /// `Open_vSwitch.next_cfg` after the change: ovs-vswitchd raises `cur_cfg` to it when the
    /// change has reached the datapath.
    pub generation: i64,
}

/// A switch database.
///
/// Implementors: [`OvsdbSwitch`], the real one; [`FakeSwitch`](crate::FakeSwitch), in memory.
pub trait Switch: Send + Sync {
    /// The bridge of that name with its ports, as of one moment; `None` if there is none.
    fn bridge(
        &self,
        name: &str,
    ) -> impl Future<Output = Result<Option<Bridge>, SwitchError>> + Send;

    /// What is noted on the bridge of that name; `None` if there is none. Costs the same however
    /// many ports it has.
    fn bridge_ids(
        &self,
        name: &str,
    ) -> impl Future<Output = Result<Option<BTreeMap<String, String>>, SwitchError>> + Send;

    /// The ports of a bridge that carry `key`=`value` in the external ids of both port and
    /// interface, as [`Action::AddPort`] writes them; none if there is no such bridge. Does not read
    /// the rest of the bridge.
    fn ports_of(
        &self,
        bridge: &str,
        key: &str,
        value: &str,
    ) -> impl Future<Output = Result<Vec<Port>, SwitchError>> + Send;

    /// Makes all the changes, as one transaction, or none of them.
    fn apply(
        &self,
        actions: &[Action],
    ) -> impl Future<Output = Result<Applied, SwitchError>> + Send;

    /// Returns when ovs-vswitchd has carried out the change, at the latest after `deadline`.
    fn settled(
        &self,
        applied: Applied,
        deadline: Duration,
    ) -> impl Future<Output = Result<(), SwitchError>> + Send;
}

/// The switch database behind ovsdb-server's socket.
///
/// Each call has a connection of its own for as long as it runs, so calls do not wait for each
/// other, and one that is dropped half-way takes its connection with it instead of leaving an
/// answer for the next to stumble over. A broken connection is replaced at the next call.
#[derive(Debug)]
pub struct OvsdbSwitch {
    socket: PathBuf,
    deadline: Duration,
    idle: Mutex<Vec<Connection>>,
}

impl OvsdbSwitch {
    /// A switch that connects at its first call. `deadline` is for each request of each call.
    #[must_use]
    pub fn new(socket: &Path, deadline: Duration) -> Self {
        Self {
            socket: socket.to_owned(),
            deadline,
            idle: Mutex::new(Vec::new()),
        }
    }

    /// [`Self::new`], and connects at once.
    ///
    /// # Errors
    ///
    /// [`SwitchError::Connect`] if nobody listens at `socket`, [`SwitchError::Timeout`].
    pub async fn connect(socket: &Path, deadline: Duration) -> Result<Self, SwitchError> {
        let switch = Self::new(socket, deadline);
        let connection = switch.dial().await?;
        switch.keep(connection);
        Ok(switch)
    }

    async fn dial(&self) -> Result<Connection, SwitchError> {
        match timeout(self.deadline, Connection::open(&self.socket)).await {
            Ok(Ok(connection)) => Ok(connection),
            Ok(Err(source)) => Err(SwitchError::Connect {
                socket: self.socket.clone(),
                source,
            }),
            Err(_) => Err(self.too_late("take a connection", self.deadline)),
        }
    }

    fn too_late(&self, what: &str, deadline: Duration) -> SwitchError {
        SwitchError::Timeout {
            what: what.to_owned(),
            suspect: "ovsdb-server",
            deadline,
        }
    }

    fn nonsense(&self, what: &str, source: ProtocolError) -> SwitchError {
        SwitchError::Protocol {
            socket: self.socket.clone(),
            what: what.to_owned(),
            source,
        }
    }

    fn keep(&self, connection: Connection) {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        if idle.len() < MAX_IDLE {
            idle.push(connection);
        }
    }

    /// Sends one transaction, and returns what became of each operation.
    async fn transact(
        &self,
        what: &str,
        ops: Vec<Op>,
        deadline: Duration,
    ) -> Result<Outcome, SwitchError> {
        let request = TransactRequest::new(ops).map_err(|error| self.nonsense(what, error))?;
        match timeout(deadline, self.send(what, &request)).await {
            Ok(outcome) => outcome,
            Err(_) => Err(self.too_late(what, deadline)),
        }
    }

    async fn send(&self, what: &str, request: &TransactRequest) -> Result<Outcome, SwitchError> {
        loop {
            let idle = self
                .idle
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .pop();
            let is_new = idle.is_none();
            let mut connection = match idle {
                Some(connection) => connection,
                None => self.dial().await?,
            };
            match connection.transact(request).await {
                Ok(outcome) => {
                    self.keep(connection);
                    return Ok(outcome);
                }
                // The server has restarted since the last call: nothing has happened yet.
                Err(ClientError::NotSent(_)) if !is_new => {}
                Err(ClientError::NotSent(source) | ClientError::Io(source)) => {
                    let (socket, what) = (self.socket.clone(), what.to_owned());
                    return Err(SwitchError::Disconnected {
                        socket,
                        what,
                        source,
                    });
                }
                Err(ClientError::Protocol(source)) => return Err(self.nonsense(what, source)),
            }
        }
    }

    /// [`Self::transact`] for operations of which none may fail.
    async fn select(
        &self,
        what: &str,
        ops: Vec<Op>,
    ) -> Result<Vec<serde_json::Value>, SwitchError> {
        match self.transact(what, ops, self.deadline).await? {
            Outcome::Done(results) => Ok(results),
            Outcome::Refused { error, details, .. } => Err(SwitchError::Refused {
                what: what.to_owned(),
                error,
                details,
            }),
        }
    }
}

impl Switch for OvsdbSwitch {
    async fn bridge(&self, name: &str) -> Result<Option<Bridge>, SwitchError> {
        let what = format!("read bridge `{name}`");
        let results = self.select(&what, read::bridge_ops(name)).await?;
        read::bridge(&results).map_err(|error| self.nonsense(&what, error))
    }

    async fn bridge_ids(
        &self,
        name: &str,
    ) -> Result<Option<BTreeMap<String, String>>, SwitchError> {
        let what = format!("read external ids of bridge `{name}`");
        let results = self.select(&what, read::bridge_ids_ops(name)).await?;
        read::bridge_ids(&results).map_err(|error| self.nonsense(&what, error))
    }

    async fn ports_of(
        &self,
        bridge: &str,
        key: &str,
        value: &str,
    ) -> Result<Vec<Port>, SwitchError> {
        let what = format!("find the ports of bridge `{bridge}` with `{key}` = `{value}`");
        let results = self
            .select(&what, read::ports_of_ops(bridge, key, value))
            .await?;
        read::ports_of(&results).map_err(|error| self.nonsense(&what, error))
    }

    async fn apply(&self, actions: &[Action]) -> Result<Applied, SwitchError> {
        let what = || match actions {
            [] => "read its generation".to_owned(),
            [action] => action.to_string(),
            [first, rest @ ..] => format!("{first} and {} more", rest.len()),
        };
        let lookups = ops::lookup(actions);
        let found = if lookups.is_empty() {
            ops::Found::default()
        } else {
            let results = self.select(&what(), lookups).await?;
            ops::Found::read(actions, &results).map_err(|error| self.nonsense(&what(), error))?
        };
        let ops::Transaction {
            ops,
            mut preconditions,
        } = ops::transaction(actions, &found);
        match self.transact(&what(), ops, self.deadline).await? {
            Outcome::Done(results) => read::generation(&results)
                .map(|generation| Applied { generation })
                .map_err(|error| self.nonsense(&what(), error)),
            Outcome::Refused { op, error, details } => Err(op
                .filter(|_| error == TIMED_OUT)
                .and_then(|op| preconditions.remove(&op))
                .unwrap_or_else(|| SwitchError::Refused {
                    what: what(),
                    error,
                    details,
                })),
        }
    }

    async fn settled(&self, applied: Applied, deadline: Duration) -> Result<(), SwitchError> {
        let what = format!("reach generation {}", applied.generation);
        let ops = vec![ops::settled(applied.generation, deadline)];
        match self
            .transact(&what, ops, deadline.saturating_add(GRACE))
            .await?
        {
            Outcome::Done(_) => Ok(()),
            Outcome::Refused { error, .. } if error == TIMED_OUT => Err(SwitchError::Timeout {
                what,
                suspect: "ovs-vswitchd",
                deadline,
            }),
            Outcome::Refused { error, details, .. } => Err(SwitchError::Refused {
                what,
                error,
                details,
            }),
        }
    }
}
