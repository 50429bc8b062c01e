//! Events: read from the store.

use trunkline_ipam::{Event, EventKind, Object, Revision};
use trunkline_netmaster_api as api;

use crate::store::{EVENTS, Reader, StoreError, decode};

/// Up to `limit` events that happened after revision `after`, oldest first.
pub(crate) async fn after(
    reader: &Reader,
    after: Revision,
    limit: usize,
) -> Result<Vec<Event>, StoreError> {
    let after = format!("{EVENTS}{:020}", after.number());
    let page = reader.scan(EVENTS, Some(&after), limit).await?;
    let events = page.iter().map(|(key, value)| decode(key, value));
    events
        .filter_map(|object| match object {
            Ok(Object::Event(event)) => Some(Ok(event.as_ref().clone())),
            Ok(_) => None,
            Err(error) => Some(Err(error.into())),
        })
        .collect()
}

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
