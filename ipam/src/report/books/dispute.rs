//! What a node holds and the books give to somebody else.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;

use super::super::Held;
use super::Books;
use crate::change::STEP_EDITS;
use crate::conflict::{check_sighting, in_conflict, last_words};
use crate::{AddressState, Conflict, Edit, Listing, Node, Object};

/// For how many seconds a node's contradictions are not told again: it may report as often as it
/// likes, and events are few.
const TOLD_GRAIN: u64 = 3600;

/// One thing that a node holds, and what is wrong with that.
pub(in super::super) struct Contradiction<'a> {
    held: &'a Held,
    why: String,
    /// Whether its addresses are in doubt.
    in_doubt: bool,
}

/// What becomes of contradictions.
#[derive(Default)]
pub(in super::super) struct Disputes {
    /// The addresses that are put in conflict, as far as it fits, and the event that says so.
    pub(in super::super) marked: Vec<Edit>,
    /// What there is to say of those that are neither put in conflict nor are so already.
    pub(in super::super) left: Option<String>,
}

impl<'a> Contradiction<'a> {
    /// The books give `held` to somebody else.
    pub(super) fn of(held: &'a Held, why: String) -> Self {
        Self {
            held,
            why,
            in_doubt: true,
        }
    }

    /// `held` cannot be, whatever the books say.
    pub(super) fn odd(held: &'a Held, why: &str) -> Self {
        Self {
            held,
            why: why.to_owned(),
            in_doubt: false,
        }
    }
}

impl Books<'_> {
    /// What is done at once about a node that has reported before and contradicts the books.
    pub(in super::super) fn told(&self) -> Vec<Edit> {
        let Disputes { marked, left } = self.disputes(&self.contradictions());
        if !marked.is_empty() {
            return marked;
        }
        let told = self.node.contradicted;
        let is_new = told.is_none_or(|at| self.now >= at.after(TOLD_GRAIN));
        let Some(message) = left.filter(|_| is_new) else {
            return Vec::new();
        };
        let node = Node {
            contradicted: Some(self.now),
            revision: self.revision,
            ..self.node.clone()
        };
        vec![Edit::Put(Object::Node(Arc::new(node))), self.event(message)]
    }

    /// What becomes of `contradictions`. What is in conflict by this node's word is settled.
    pub(in super::super) fn disputes(&self, contradictions: &[Contradiction<'_>]) -> Disputes {
        let mut marks = BTreeMap::new();
        let (mut told, mut left) = (Vec::new(), Vec::new());
        for one in contradictions {
            let before = marks.len();
            let mut is_settled = one.in_doubt;
            for ip in one.held.addresses.iter().filter(|_| one.in_doubt) {
                if marks.contains_key(ip) || self.is_marked(*ip) {
                    continue;
                }
                match self.mark(*ip, one.held, marks.len()) {
                    Some(mark) => {
                        marks.insert(*ip, mark);
                    }
                    None => is_settled = false,
                }
            }
            if marks.len() > before {
                told.push(one);
            } else if !is_settled {
                left.push(one);
            }
        }
        let new = u64::try_from(marks.len()).unwrap_or(u64::MAX);
        let event = self.message(&told).map(|message| {
            let last = last_words(self.catalog, &self.node.name, new);
            self.event(message + &last.unwrap_or_default())
        });
        Disputes {
            marked: marks.into_values().chain(event).collect(),
            left: self.message(&left),
        }
    }

    /// Whether the address is in conflict already because of what this node holds or saw.
    fn is_marked(&self, ip: IpAddr) -> bool {
        let known = self.catalog.address(ip);
        let conflict = known.and_then(|known| known.conflict.as_deref());
        conflict.is_some_and(|conflict| conflict.node == self.node.name)
    }

    /// The address as one in conflict, beside `planned` others; none if the node is not believed,
    /// or no more fit.
    fn mark(&self, ip: IpAddr, held: &Held, planned: usize) -> Option<Edit> {
        // The event has to fit as well.
        if planned + 1 >= STEP_EDITS || !self.is_believed(ip, planned) {
            return None;
        }
        let conflict = Conflict {
            mac: held.mac,
            seen: self.now,
            node: self.node.name.clone(),
        };
        let (subnet, known) = (self.subnet(ip)?, self.catalog.address(ip));
        let (now, revision) = (self.now, self.revision);
        Some(in_conflict(subnet, known, ip, conflict, now, revision))
    }

    /// Whether the node's word withholds the address: as that of what it sees does. Of what it owes
    /// after a restore it is believed more: that it holds what the books give to somebody else's
    /// endpoint, which may be over, and the address would go to a third one. A reserve is never asked
    /// back for it: who has it looks before a pod gets an address.
    fn is_believed(&self, ip: IpAddr, planned: usize) -> bool {
        let is_bound = self
            .catalog
            .address(ip)
            .is_some_and(|known| matches!(known.state, AddressState::Bound { .. }));
        let is_near = || {
            let subnet = self.subnet(ip);
            subnet.is_some_and(|subnet| subnet.placement.admits(self.node))
        };
        if self.node.reported != self.catalog.epoch() && is_bound && is_near() {
            return true;
        }
        let planned = u64::try_from(planned).unwrap_or(u64::MAX);
        check_sighting(self.catalog, ip, &self.node.name, planned).is_ok()
    }

    /// What an event says of contradictions; none of none.
    fn message(&self, contradictions: &[&Contradiction<'_>]) -> Option<String> {
        let (Contradiction { held, why, .. }, more) = contradictions.split_first()?;
        let mut message = format!(
            "node `{}` holds {} for `{}`, and {why}",
            self.node.name,
            Listing::of(&held.addresses),
            held.attachment
        );
        if !more.is_empty() {
            let more = more.iter().map(|other| &other.held.attachment);
            message += &format!(
                "; as much is wrong with what it holds for {}",
                Listing::of(more)
            );
        }
        Some(message)
    }
}
