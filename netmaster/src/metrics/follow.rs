//! Counting what the feed tells.

use tokio::sync::watch;
use trunkline_ipam::Object;

use super::labels::KindLabel;
use super::{Metrics, Tallies};
use crate::allocator::Allocator;
use crate::clock::now;
use crate::feed::{Happening, Subscription};
use crate::replica::Role;

/// Counts until `stop` changes.
pub(crate) async fn follow(
    metrics: Metrics,
    allocator: Allocator,
    mut stop: watch::Receiver<bool>,
) {
    let tallies = &metrics.shared.tallies;
    let mut role = allocator.role();
    let mut leading = *role.borrow_and_update() == Role::Leader;
    let mut feed = begin(&allocator, tallies);
    loop {
        // All are cancel-safe: nothing is taken before it is returned.
        tokio::select! {
            next = feed.next() => match next {
                Ok(publication) => {
                    for happening in &publication.happenings {
                        tallies.see(happening, now());
                        if leading {
                            metrics.happened(happening);
                        }
                    }
                }
                // Too much at once, or loaded anew.
                Err(_) => feed = begin(&allocator, tallies),
            },
            changed = role.changed() => {
                let leads = *role.borrow_and_update() == Role::Leader;
                if leads != leading {
                    metrics.shared.role_changes.inc();
                }
                leading = leads;
                if changed.is_err() {
                    return;
                }
            }
            _ = stop.wait_for(|stop| *stop) => return,
        }
    }
}

/// Counts what is there, and follows from there.
fn begin(allocator: &Allocator, tallies: &Tallies) -> Subscription {
    loop {
        let revision = allocator.read(|catalog| {
            tallies.recount(catalog, now());
            catalog.revision()
        });
        // It fails only if a great deal happened in between.
        if let Ok(subscription) = allocator.feed().subscribe(revision) {
            return subscription;
        }
    }
}

impl Metrics {
    fn happened(&self, happening: &Happening) {
        match happening {
            Happening::Put {
                object: Object::Endpoint(_),
                before: None,
            } => {
                self.shared.allocations.inc();
            }
            Happening::Deleted(Object::Endpoint(_)) => {
                self.shared.releases.inc();
            }
            Happening::Put {
                object: Object::Event(event),
                ..
            } => {
                let kind = crate::events::kind_name(event.kind);
                self.shared.events.get_or_create(&KindLabel { kind }).inc();
            }
            _ => {}
        }
    }
}
