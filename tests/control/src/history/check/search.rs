//! The search for an order of events.

use std::cmp::Reverse;
use std::collections::{HashMap, HashSet};
use std::net::IpAddr;

use crate::history::{Allocated, Call, Operation};

/// What the search came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// There is an order.
    Linearizable,
    /// There is none; the furthest attempt found no place for the operation `at`.
    Contradiction { at: usize },
    /// None was found within the budget.
    Undecided { at: usize },
}

/// Looks for an order, in at most `budget` situations.
pub(super) fn search(operations: &[Operation], budget: usize) -> Verdict {
    let timeline = Timeline::of(operations);
    let ends = &timeline.ends;
    let mut state = State::new(operations, &timeline);
    let mut choices: Vec<Choice> = Vec::new();
    let mut hopeless: HashSet<(usize, u128)> = HashSet::new();
    let (mut at, mut furthest, mut seen) = (0, 0, 0);
    loop {
        // What was done early needs nothing more.
        while at < ends.len() && state.done[ends[at].operation] {
            at += 1;
        }
        if at == ends.len() {
            return Verdict::Linearizable;
        }
        furthest = furthest.max(at);
        seen += 1;
        if seen > budget {
            let at = ends[furthest].operation;
            return Verdict::Undecided { at };
        }
        if !hopeless.contains(&(at, state.fingerprint)) {
            choices.push(Choice {
                end: at,
                mark: state.undo.len(),
                fingerprint: state.fingerprint,
                ways: Ways::Untried,
            });
        }
        // On along the last choice that has a way left.
        loop {
            let Some(choice) = choices.last_mut() else {
                let at = ends[furthest].operation;
                return Verdict::Contradiction { at };
            };
            state.go_back(choice.mark);
            if choice.take_next_way(&mut state) {
                at = choice.end;
                break;
            }
            hopeless.insert((choice.end, choice.fingerprint));
            choices.pop();
        }
    }
}

/// The ends of operations in the order of time, and what was under way at each.
struct Timeline {
    ends: Vec<End>,
    /// The operations without an end, by start.
    open: Vec<usize>,
}

struct End {
    operation: usize,
    /// What had started and ends later.
    under_way: Vec<usize>,
    /// How many of [`Timeline::open`] had started.
    open: usize,
}

impl Timeline {
    fn of(operations: &[Operation]) -> Self {
        let mut by_start: Vec<_> = (0..operations.len()).collect();
        by_start.sort_by_key(|&operation| operations[operation].start);
        let mut by_end: Vec<_> = (0..operations.len())
            .filter_map(|operation| Some((operations[operation].end?, operation)))
            .collect();
        by_end.sort_unstable();
        let mut starts = by_start.into_iter().peekable();
        let (mut ends, mut open, mut under_way) = (Vec::new(), Vec::new(), Vec::new());
        for (time, operation) in by_end {
            // What starts at the very moment that another ends overlaps with it, in case of doubt.
            while let Some(started) = starts.next_if(|&next| operations[next].start <= time) {
                match operations[started].end {
                    Some(_) => under_way.push(started),
                    None => open.push(started),
                }
            }
            under_way.retain(|&other| other != operation);
            ends.push(End {
                operation,
                under_way: under_way.clone(),
                open: open.len(),
            });
        }
        Self { ends, open }
    }
}

/// An end that had to be got past, and the ways of doing so that are left.
struct Choice {
    end: usize,
    /// How much had been done before.
    mark: usize,
    /// Of the situation before.
    fingerprint: u128,
    ways: Ways,
}

enum Ways {
    Untried,
    /// Doing the operation there and then was tried.
    Direct,
    /// So were others before it, but for these; the last is the next.
    Others(Vec<usize>),
}

impl Choice {
    /// Does the next operation that can be done; false if there is none left.
    fn take_next_way(&mut self, state: &mut State<'_>) -> bool {
        loop {
            match &mut self.ways {
                Ways::Untried => {
                    self.ways = Ways::Direct;
                    if state.perform(state.timeline.ends[self.end].operation, self.end) {
                        return true;
                    }
                }
                Ways::Direct => self.ways = Ways::Others(state.others(self.end)),
                Ways::Others(left) => match left.pop() {
                    None => return false,
                    Some(other) if state.perform(other, self.end) => return true,
                    Some(_) => {}
                },
            }
        }
    }
}

/// Which operations have been done, and who has which address now.
struct State<'a> {
    operations: &'a [Operation],
    timeline: &'a Timeline,
    done: Vec<bool>,
    held: HashMap<usize, IpAddr>,
    owners: HashMap<IpAddr, usize>,
    /// What was done, and what its attachment had before.
    undo: Vec<(usize, Option<IpAddr>)>,
    /// Of what was done and what is held, however it came about.
    fingerprint: u128,
}

impl<'a> State<'a> {
    fn new(operations: &'a [Operation], timeline: &'a Timeline) -> Self {
        Self {
            operations,
            timeline,
            done: vec![false; operations.len()],
            held: HashMap::new(),
            owners: HashMap::new(),
            undo: Vec::new(),
            fingerprint: 0,
        }
    }

    /// Does `operation` if the model allows it, at the moment of the end `at`.
    fn perform(&mut self, operation: usize, at: usize) -> bool {
        let Operation {
            attachment, call, ..
        } = self.operations[operation];
        let held = self.held(attachment);
        let after = match call {
            Call::Release => None,
            Call::Allocate(Some(Allocated::Full)) | Call::Look(None) if held.is_none() => None,
            Call::Allocate(Some(Allocated::Address(ip))) if self.can_have(attachment, ip) => {
                Some(ip)
            }
            Call::Look(Some(ip)) if held == Some(ip) => held,
            Call::Look(Some(ip)) if self.can_have(attachment, ip) => {
                let Some(unanswered) = self.unanswered_allocate(attachment, at) else {
                    return false;
                };
                self.mark_done(unanswered, Some(ip));
                Some(ip)
            }
            Call::Allocate(_) | Call::Look(_) => return false,
        };
        self.mark_done(operation, after);
        true
    }

    fn held(&self, attachment: usize) -> Option<IpAddr> {
        self.held.get(&attachment).copied()
    }

    /// Whether `allocate` can answer `ip`.
    fn can_have(&self, attachment: usize, ip: IpAddr) -> bool {
        match self.held(attachment) {
            Some(held) => held == ip,
            None => !self.owners.contains_key(&ip),
        }
    }

    fn unanswered_allocate(&self, attachment: usize, at: usize) -> Option<usize> {
        let mut open = self.open_at(at);
        open.find(|&operation| {
            let other = &self.operations[operation];
            other.attachment == attachment && other.call == Call::Allocate(None)
        })
    }

    /// What was never answered and has not been done, at the moment of the end `at`.
    fn open_at(&self, at: usize) -> impl Iterator<Item = usize> {
        let started = &self.timeline.open[..self.timeline.ends[at].open];
        started
            .iter()
            .copied()
            .filter(|&operation| !self.done[operation])
    }

    /// What can usefully be done before the operation that ends at `at`; the most promising last.
    fn others(&self, at: usize) -> Vec<usize> {
        let end = &self.timeline.ends[at];
        let concerned = self.concerned_by(&self.operations[end.operation]);
        let under_way = end.under_way.iter().copied();
        let under_way: Vec<_> = under_way
            .filter(|&operation| !self.done[operation])
            .chain(self.open_at(at))
            .collect();
        // Only of these can it matter what is done to them first.
        let releases = under_way
            .iter()
            .filter(|&&operation| self.operations[operation].call == Call::Release);
        let unsettled: HashSet<usize> = releases
            .chain([&end.operation])
            .map(|&operation| self.operations[operation].attachment)
            .collect();
        let mut useful = under_way;
        useful.retain(|&operation| {
            let attachment = self.operations[operation].attachment;
            match self.operations[operation].call {
                Call::Release => self.held(attachment).is_some(),
                Call::Allocate(Some(_)) => unsettled.contains(&attachment),
                Call::Allocate(None) | Call::Look(_) => false,
            }
        });
        useful.sort_by_key(|&operation| {
            let Operation {
                attachment, end, ..
            } = self.operations[operation];
            // What has to be done soon anyway is better spent than what can wait for ever.
            (
                concerned.contains(&Some(attachment)),
                Reverse(end.unwrap_or(u64::MAX)),
            )
        });
        useful
    }

    /// Whose release may be what `operation` waits for: its own, and that of who has its address.
    fn concerned_by(&self, operation: &Operation) -> [Option<usize>; 2] {
        let wanted = match operation.call {
            Call::Allocate(Some(Allocated::Address(ip))) | Call::Look(Some(ip)) => Some(ip),
            _ => None,
        };
        let owner = wanted.and_then(|ip| self.owners.get(&ip).copied());
        [Some(operation.attachment), owner]
    }

    fn mark_done(&mut self, operation: usize, after: Option<IpAddr>) {
        let attachment = self.operations[operation].attachment;
        self.undo.push((operation, self.held(attachment)));
        self.done[operation] = true;
        self.fingerprint ^= mark(operation, 0);
        self.hold(attachment, after);
    }

    fn hold(&mut self, attachment: usize, after: Option<IpAddr>) {
        if let Some(before) = self.held.remove(&attachment) {
            self.owners.remove(&before);
            self.fingerprint ^= mark(attachment, number(before));
        }
        if let Some(after) = after {
            self.held.insert(attachment, after);
            self.owners.insert(after, attachment);
            self.fingerprint ^= mark(attachment, number(after));
        }
    }

    fn go_back(&mut self, mark_to: usize) {
        while self.undo.len() > mark_to
            && let Some((operation, before)) = self.undo.pop()
        {
            self.done[operation] = false;
            self.fingerprint ^= mark(operation, 0);
            self.hold(self.operations[operation].attachment, before);
        }
    }
}

/// Never 0, which is for operations.
fn number(ip: IpAddr) -> u128 {
    let number = match ip {
        IpAddr::V4(ip) => u32::from(ip).into(),
        IpAddr::V6(ip) => u128::from(ip),
    };
    number | (1 << 127)
}

/// A number that is in a fingerprint or not: 128 bits of a good mixture (twice SplitMix64), so that
/// two situations with one fingerprint are not to be expected in the life of the universe.
fn mark(index: usize, of: u128) -> u128 {
    let [high, low] = [of >> 64, of & u128::from(u64::MAX)].map(|half| {
        let half = u64::try_from(half).unwrap_or_default();
        u128::from(half)
    });
    let index = u128::try_from(index).unwrap_or_default();
    let mut mixed = index ^ (high << 64) ^ (low << 32) ^ 0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c834;
    for _ in 0..3 {
        mixed ^= mixed >> 67;
        mixed = mixed.wrapping_mul(0xda94_2042_e4dd_58b5_94d0_49bb_1331_11eb);
    }
    mixed ^ (mixed >> 64)
}
