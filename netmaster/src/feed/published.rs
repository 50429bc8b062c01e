//! What readers see: the catalog as of the last durable batch, and the feed that led there.

use std::sync::{PoisonError, RwLock, RwLockWriteGuard};

use tokio::sync::watch;
use trunkline_ipam::{Catalog, Change, Edit, Ledger, Object, Revision};

use super::{Feed, Happening, Publication};
use crate::store::Position;

/// The readers' catalog and feed, in step: who sees a revision in the feed sees at least that in
/// the catalog.
#[derive(Debug)]
pub(crate) struct Published {
    state: RwLock<State>,
    feed: Feed,
    /// The revision of the last lockout that came, or of a catalog that may have others. Apart from
    /// the feed: agents watch it by the thousand, and it is very seldom that there is one.
    lockouts: watch::Sender<Revision>,
}

#[derive(Debug)]
struct State {
    catalog: Catalog,
    position: Position,
}

impl Published {
    pub(crate) fn new(catalog: Catalog, position: Position) -> Self {
        Self {
            feed: Feed::after(position.revision()),
            lockouts: watch::Sender::new(position.revision()),
            state: RwLock::new(State { catalog, position }),
        }
    }

    /// Reads what is durable.
    pub(crate) fn read<T>(&self, read: impl FnOnce(&Catalog) -> T) -> T {
        // A poisoned lock guards a whole catalog all the same: it is replaced only by applying a
        // change that was planned on it.
        let state = self.state.read().unwrap_or_else(PoisonError::into_inner);
        read(&state.catalog)
    }

    /// Up to where the store has been read.
    pub(crate) fn position(&self) -> Position {
        let state = self.state.read().unwrap_or_else(PoisonError::into_inner);
        state.position
    }

    /// What a writer starts with.
    pub(crate) fn ledger(&self) -> Ledger {
        // Free space is counted anew: a batch does not tell in which order its edits were made.
        Ledger::of(self.read(Catalog::clone))
    }

    /// What happens from now on.
    pub(crate) fn feed(&self) -> &Feed {
        &self.feed
    }

    /// Changes when somebody may have been locked out, once the catalog shows it.
    pub(crate) fn lockouts(&self) -> watch::Receiver<Revision> {
        self.lockouts.subscribe()
    }

    /// Makes the edits of a batch that is durable.
    pub(crate) fn publish(&self, from: Revision, to: Position, edits: Vec<Edit>) {
        let locks_out = edits.iter().any(is_lockout);
        {
            let mut state = self.write();
            let catalog = &state.catalog;
            let happenings = edits
                .iter()
                .filter_map(|edit| happening(catalog, edit))
                .collect();
            state.catalog.apply(&Change::new(to.revision(), edits));
            state.position = to;
            self.feed.push(Publication {
                from,
                to: to.revision(),
                happenings,
            });
        }
        self.feed.wake(to.revision());
        if locks_out {
            self.lockouts.send_replace(to.revision());
        }
    }

    /// Replaces everything, because what led there is not known.
    pub(crate) fn replace(&self, catalog: Catalog, position: Position) {
        {
            let mut state = self.write();
            *state = State { catalog, position };
            self.feed.reset(position.revision());
        }
        self.feed.wake(position.revision());
        self.lockouts.send_replace(position.revision());
    }

    fn write(&self) -> RwLockWriteGuard<'_, State> {
        self.state.write().unwrap_or_else(PoisonError::into_inner)
    }
}

fn is_lockout(edit: &Edit) -> bool {
    matches!(edit, Edit::Put(Object::Lockout(_)))
}

/// What `edit` does to `catalog`, if anything: a batch may delete what it has itself created, of
/// which followers never hear.
fn happening(catalog: &Catalog, edit: &Edit) -> Option<Happening> {
    match edit {
        Edit::Put(object) => Some(Happening::Put {
            object: object.clone(),
            before: catalog.object(&object.key()),
        }),
        Edit::Delete(key) => catalog.object(key).map(Happening::Deleted),
    }
}
