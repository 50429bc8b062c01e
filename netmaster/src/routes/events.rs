//! `/v1/events`

use trunkline_ipam::{Key, Kind, Object, Revision, Timestamp};
use trunkline_netmaster_api::Event;
use trunkline_types::Labels;

use super::field::{Field, Form};
use super::noun::{Noun, Scene};
use super::records::Record;
use crate::events;
use crate::store::EVENTS;

pub(crate) enum Events {}

impl Noun for Events {
    const KIND: Kind = Kind::Event;
    const PATH: &'static str = "events";
    type View = Event;
    const FIELDS: &'static [Field<Event>] = &[
        Field {
            name: "kind",
            form: Form::EventKind,
            values: |event| vec![event.kind.clone()],
        },
        Field {
            name: "about",
            form: Form::Text,
            values: |event| vec![event.about.clone()],
        },
    ];

    fn view(_: &Scene<'_>, object: &Object) -> Option<Event> {
        match object {
            Object::Event(event) => Some(events::view(event)),
            _ => None,
        }
    }

    fn labels(_: &Object) -> Option<&Labels> {
        None
    }
}

impl Record for Events {
    const PREFIX: &'static str = EVENTS;

    fn moment(object: &Object) -> Option<(Revision, Timestamp)> {
        match object {
            Object::Event(event) => Some((event.revision, event.at)),
            _ => None,
        }
    }

    fn key(revision: Revision) -> Key {
        Key::Event(revision)
    }
}
