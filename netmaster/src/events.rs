//! Events, as they go over the wire.

use trunkline_ipam::{Event, EventKind};
use trunkline_netmaster_api as api;

/// A kind's one written form.
pub(crate) fn kind_name(kind: EventKind) -> String {
    let name = serde_json::to_value(kind).unwrap_or_default();
    name.as_str().unwrap_or("unknown").to_owned()
}

/// An event as it goes over the wire.
pub(crate) fn view(event: &Event) -> api::Event {
    api::Event {
        revision: event.revision.number(),
        at: event.at.unix_seconds(),
        kind: kind_name(event.kind),
        about: event.about.clone(),
        message: event.message.clone(),
    }
}
