//! Addresses that a foreign machine answers for: is it still there?
//!
//! A node looks, best the one that saw it, else another one of its rack. If it sees nobody, the
//! address is handed out again; if it sees somebody, the conflict is as fresh as that. When for a
//! long time no node could look, the conflict is over as well: a node looks in any case before a
//! pod gets an address, and would report it anew.

use std::net::IpAddr;

use futures_util::future::try_join_all;
use trunkline_ipam::{Clearance, Conflict, ConflictReport, clear_conflict, report_conflict};
use trunkline_netmaster_api::{AnswerLine, NodeRequest, NodeRequestSpec, Probe, ProbeAnswer};
use trunkline_types::{MacAddr, Name};

use super::{PutOff, Sweeper};
use crate::requests::Asker;

/// How many conflicts are looked at side by side.
const SIDE_BY_SIDE: usize = 8;

/// How many seconds a node may take to look.
const DEADLINE: u16 = 10;

/// What a node that looked has seen.
enum Sighting {
    Nobody,
    Somebody(MacAddr),
}

/// A conflict that is old enough to look again.
struct Old {
    ip: IpAddr,
    network: Name,
    conflict: Conflict,
}

impl Sweeper {
    /// Looks at the conflicts that nobody has seen for a while.
    pub(super) async fn look_at_conflicts(&self) -> Result<(), PutOff> {
        let now = self.now();
        let probe_after = self.config.probe_after.as_secs();
        let old: Vec<Old> = self.allocator.read(|catalog| {
            let conflicts = catalog.addresses().filter_map(|address| {
                let conflict = address.conflict.clone()?;
                (conflict.seen.after(probe_after) <= now).then(|| Old {
                    ip: address.ip,
                    network: address.network.clone(),
                    conflict: *conflict,
                })
            });
            conflicts.collect()
        });
        for some in old.chunks(SIDE_BY_SIDE) {
            try_join_all(some.iter().map(|old| self.look_at_conflict(old))).await?;
        }
        Ok(())
    }

    async fn look_at_conflict(&self, old: &Old) -> Result<(), PutOff> {
        let now = self.now();
        let sighting = match self.observer(&old.conflict.node) {
            Some(node) => self.probe(&node, old).await.map(|seen| (node, seen)),
            None => None,
        };
        match sighting {
            Some((node, Sighting::Somebody(mac))) => {
                let report = ConflictReport {
                    ip: old.ip,
                    mac,
                    node,
                };
                self.write(move |ledger| report_conflict(ledger.catalog(), &report, now))
                    .await?;
                self.metrics.found("conflict_confirmed");
                Ok(())
            }
            Some((node, Sighting::Nobody)) => self.clear(old.ip, Clearance::Looked { node }).await,
            None if old.conflict.seen.after(self.config.clear_after.as_secs()) <= now => {
                self.clear(old.ip, Clearance::Unseen).await
            }
            None => Ok(()),
        }
    }

    async fn clear(&self, ip: IpAddr, why: Clearance) -> Result<(), PutOff> {
        let now = self.now();
        if self
            .write(move |ledger| clear_conflict(ledger.catalog(), ip, &why, now))
            .await?
        {
            self.metrics.found("conflict_cleared");
            tracing::info!(%ip, "conflict cleared");
        }
        Ok(())
    }

    /// A node that can look: `first`, else one of its rack.
    fn observer(&self, first: &Name) -> Option<Name> {
        if self.relay.is_connected(first) {
            return Some(first.clone());
        }
        self.allocator.read(|catalog| {
            let rack = &catalog.node(first)?.rack;
            let mut nodes = catalog.nodes();
            nodes
                .find(|node| node.rack == *rack && self.relay.is_connected(&node.name))
                .map(|node| node.name.clone())
        })
    }

    /// Has `node` look for who answers for the address; `None` if it cannot say.
    async fn probe(&self, node: &Name, old: &Old) -> Option<Sighting> {
        let spec = NodeRequestSpec {
            request: NodeRequest::Probe(Probe {
                network: old.network.clone(),
                ip: old.ip,
            }),
            deadline_seconds: DEADLINE,
        };
        let mut asked = self.relay.ask(node, spec, Asker::Leader).ok()?;
        let mut answer = None;
        while let Some(line) = asked.next().await {
            match line {
                AnswerLine::Item { item } => {
                    answer = serde_json::from_value::<ProbeAnswer>(item).ok();
                }
                AnswerLine::Bytes { .. } => {}
                AnswerLine::End => {
                    return Some(match answer?.answered_by {
                        Some(mac) => Sighting::Somebody(mac),
                        None => Sighting::Nobody,
                    });
                }
                AnswerLine::Error { .. } => return None,
            }
        }
        None
    }
}
