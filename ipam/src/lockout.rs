//! Nodes whose certificates are void.
//!
//! A certificate cannot be taken back from whoever has it. So it is kept here which ones count no
//! more: those of a node that was removed, until the node has joined anew.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use trunkline_types::Name;

use crate::{Catalog, Change, Edit, Object, Revision, Timestamp};

/// That certificates of a node are void, whether the node is registered or not. It is kept for good:
/// what was signed by an authority of somebody's own may be valid for any time.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lockout {
    /// The node.
    pub node: Name,
    /// Those that are valid from an earlier second on are void.
    pub before: Timestamp,
    /// The change that made it what it is.
    pub revision: Revision,
}

impl Lockout {
    /// Whether a certificate that is valid from `from` on is void; one of which that is not known
    /// is.
    #[must_use]
    pub fn bars(&self, from: Option<Timestamp>) -> bool {
        from.is_none_or(|from| from < self.before)
    }
}

/// Plans that all certificates of `node` that there are become void. Those that are issued later
/// have to be valid from [`Lockout::before`] on at the earliest.
#[must_use]
pub fn lock_out(catalog: &Catalog, node: &Name, now: Timestamp) -> Change {
    let revision = catalog.revision().next();
    Change::new(revision, vec![locked_out(catalog, node, now, revision)])
}

/// The same, as an edit of another change.
pub(crate) fn locked_out(
    catalog: &Catalog,
    node: &Name,
    now: Timestamp,
    revision: Revision,
) -> Edit {
    // A certificate may have been issued in this very second, because of the lockout before.
    let known = catalog.lockout(node);
    let later = known.map_or(now, |known| known.before.after(1).max(now));
    Edit::Put(Object::Lockout(Arc::new(Lockout {
        node: node.clone(),
        before: later,
        revision,
    })))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture::{NOW, ledger, name};

    #[test]
    fn what_was_issued_before_is_void_and_what_is_issued_afterwards_is_not() {
        let mut ledger = ledger();
        assert!(ledger.catalog().lockout(&name("n1")).is_none());
        let change = lock_out(ledger.catalog(), &name("n1"), NOW);
        ledger.apply(&change);
        let lockout = ledger.catalog().lockout(&name("n1")).unwrap().clone();
        let second_before = Timestamp::from_unix_seconds(NOW.unix_seconds() - 1);
        assert!(lockout.bars(Some(second_before)) && lockout.bars(None));
        assert!(!lockout.bars(Some(NOW)));
        assert!(ledger.catalog().lockout(&name("n2")).is_none());
    }

    #[test]
    fn a_second_lockout_bars_what_the_first_one_let_be_issued() {
        let mut ledger = ledger();
        for later in [0, 0, 60] {
            let before = ledger.catalog().lockout(&name("n1")).cloned();
            let change = lock_out(ledger.catalog(), &name("n1"), NOW.after(later));
            ledger.apply(&change);
            let lockout = ledger.catalog().lockout(&name("n1")).unwrap();
            let first = before.map(|before| before.before);
            assert!(first.is_none_or(|first| lockout.bars(Some(first))));
            assert!(lockout.before >= NOW.after(later));
        }
    }
}
