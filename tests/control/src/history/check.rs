//! Is a history linearizable?
//!
//! That is: can every operation be given one moment between its start and its end (one that was
//! never answered: any moment after its start, or none at all) such that, done at those moments,
//! one after the other, each would have had the answer that it had?
//!
//! **The model.** Each attachment has one address or none, and no two have the same.
//! `allocate` of one that has an address says that address; of one that has none it says any
//! address that nobody has, and from then on the attachment has it. `full` can be said to any
//! that has none: who cools down, who is reserved and how many there are is not this model's
//! business, so it never accuses wrongly. `release` leaves none.
//!
//! **The search** is Wing and Gong's in the just-in-time order of Lowe: walk through starts and
//! ends in the order of time, and at each end see to it that the operation has been done. It is
//! done there and then if the model allows it; else, and whenever what follows fails, other
//! operations under way are done before it. Situations that led nowhere are remembered.
//! Operations are done as late as they can be, because doing one early helps only where it makes
//! room (a release), or where something else under way about the same attachment is to come after
//! it. An unanswered `allocate` is done only for a look that shows its address: whatever else was
//! told is told as well by doing nothing.
//!
//! **Parts.** Leaving out all that is about some attachments takes only obstacles away (addresses
//! others have), so a part of a linearizable history is linearizable. A fault is therefore first
//! looked for in small parts, which is quick and tells a short story: each attachment alone, and
//! for each address all attachments that were told it. But the parts do not make up the whole (an
//! unanswered release may not be used twice), so the whole is searched as well.

mod search;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::net::IpAddr;

use super::{History, Operation};
use search::{Verdict, search};

/// How many situations the search through the whole may look at. A history without a fault takes
/// about one an operation, so whoever needs more has nearly always found a fault that the parts do
/// not show.
const BUDGET: usize = 1_000_000;

/// How many operations the parts that are searched may have altogether. Where addresses come round
/// often, nearly everybody has had each of them, and such parts tell no shorter story than the whole.
const PARTS: usize = 5_000_000;

/// How many operations before the one without an explanation are told.
const STORY: usize = 30;

/// A history that no store of addresses could have.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotLinearizable {
    /// There is no order.
    #[error(
        "no order of events explains what the clients were told; it breaks at the last of\n{0}"
    )]
    Contradiction(String),
    /// No order was found among very many.
    #[error(
        "no order of events was found that explains what the clients were told, though not all \
         were tried; the furthest came to\n{0}"
    )]
    Undecided(String),
}

/// Checks that `history` is linearizable.
///
/// # Errors
///
/// It is not, or that cannot be decided.
pub fn check(history: &History) -> Result<(), NotLinearizable> {
    for part in Parts::of(history).smallest_first() {
        // A part that cannot be decided is decided with the whole.
        if let Verdict::Contradiction { at } = search(&part, BUDGET) {
            return Err(NotLinearizable::Contradiction(story(history, &part, at)));
        }
    }
    let whole = &history.operations;
    match search(whole, BUDGET) {
        Verdict::Linearizable => Ok(()),
        Verdict::Contradiction { at } => {
            Err(NotLinearizable::Contradiction(story(history, whole, at)))
        }
        Verdict::Undecided { at } => Err(NotLinearizable::Undecided(story(history, whole, at))),
    }
}

/// What is about each attachment alone, and about those that were told the same address.
struct Parts {
    alone: Vec<Vec<Operation>>,
    /// The attachments of each part.
    members: Vec<BTreeSet<usize>>,
}

impl Parts {
    fn of(history: &History) -> Self {
        let mut alone = vec![Vec::new(); history.attachments.len()];
        let mut told: BTreeMap<IpAddr, BTreeSet<usize>> = BTreeMap::new();
        for operation in &history.operations {
            alone[operation.attachment].push(operation.clone());
            if let Some(ip) = operation.call.address() {
                told.entry(ip).or_default().insert(operation.attachment);
            }
        }
        let each = (0..alone.len()).map(|attachment| BTreeSet::from([attachment]));
        let shared = told.into_values().filter(|sharers| sharers.len() > 1);
        let members = each.chain(shared).collect();
        Self { alone, members }
    }

    /// As many of the smallest as there is patience for. Each is made when it is its turn: together
    /// they are many times the whole.
    fn smallest_first(self) -> impl Iterator<Item = Vec<Operation>> {
        let Self { alone, mut members } = self;
        let sizes: Vec<_> = alone.iter().map(Vec::len).collect();
        let size = move |members: &BTreeSet<usize>| -> usize {
            members.iter().map(|&member| sizes[member]).sum()
        };
        members.sort_by_cached_key(&size);
        let mut left = PARTS;
        let affordable = members.into_iter().take_while(move |members| {
            let rest = left.checked_sub(size(members));
            left = rest.unwrap_or_default();
            rest.is_some()
        });
        affordable.map(move |members| {
            let parts = members.iter().map(|&member| &alone[member]);
            parts.flatten().cloned().collect()
        })
    }
}

/// What happened until `operations[at]`, as far as it concerns the same attachments and addresses.
fn story(history: &History, operations: &[Operation], at: usize) -> String {
    let last = &operations[at];
    let end = last.end.unwrap_or(u64::MAX);
    let wanted = last.call.address();
    let concerned: BTreeSet<_> = operations
        .iter()
        .filter(|other| {
            let same = wanted.is_some() && other.call.address() == wanted;
            same || other.attachment == last.attachment
        })
        .map(|other| other.attachment)
        .collect();
    let mut before: Vec<_> = operations
        .iter()
        .filter(|other| concerned.contains(&other.attachment) && other.start <= end)
        .filter(|other| *other != last)
        .collect();
    before.sort_by_key(|operation| operation.start);
    let skipped = before.len().saturating_sub(STORY);
    let mut text = String::new();
    if skipped > 0 {
        let _ = writeln!(text, "  ({skipped} earlier ones)");
    }
    for operation in before.into_iter().skip(skipped).chain([last]) {
        let _ = writeln!(text, "  {}", history.describe(operation));
    }
    text
}

#[cfg(test)]
mod tests;
