//! `/v1/events`

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use trunkline_ipam::{Key, Kind, Object, Revision};
use trunkline_netmaster_api::{Event, List};
use trunkline_types::Labels;

use super::list::{Asked, Paging, Place, values};
use super::noun::{At, Field, Noun, Scene};
use super::query::{Parameters, Selection};
use super::watch::watch;
use crate::app::App;
use crate::events;
use crate::failure::Failure;

/// How many events are read at a time.
const LOOK: usize = 500;

pub(crate) enum Events {}

impl Noun for Events {
    const KIND: Kind = Kind::Event;
    const PATH: &'static str = "events";
    type View = Event;
    const FIELDS: &'static [Field<Event>] = &[
        Field {
            name: "kind",
            values: |event| vec![event.kind.clone()],
        },
        Field {
            name: "about",
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

/// As other lists, but from the store: events are not kept in memory.
pub(super) async fn list(
    State(app): State<App>,
    parameters: Parameters,
) -> Result<Response, Failure> {
    match Asked::take::<Events>(parameters)? {
        Asked::Watch { selection, after } => watch::<Events>(&app, selection, after).await,
        Asked::Page { selection, paging } => {
            Ok(Json(page(&app, &selection, paging).await?).into_response())
        }
    }
}

async fn page(app: &App, selection: &Selection, paging: Paging) -> Result<List<Event>, Failure> {
    let (revision, mut after) = match paging.from {
        Some(Place {
            revision,
            after: Key::Event(after),
        }) => (revision, after),
        _ => (
            app.allocator.read(|catalog| catalog.revision()),
            Revision::ZERO,
        ),
    };
    let mut items = Vec::new();
    loop {
        let found = events::after(app.allocator.records(), after, LOOK)
            .await
            .map_err(|error| Failure::unreadable(&error))?;
        let exhausted = found.len() < LOOK;
        for (place, event) in found.iter().enumerate() {
            after = event.revision;
            let view = events::view(event);
            if selection.matches_labels(None)
                && selection.matches_fields(|place| values::<Events>(&view, place))
            {
                items.push(view);
            }
            if items.len() == paging.limit && !(exhausted && place + 1 == found.len()) {
                let place = Place {
                    revision,
                    after: Key::Event(after),
                };
                return Ok(List {
                    items,
                    revision: revision.number(),
                    next: Some(place.token::<Events>(selection)),
                });
            }
        }
        if exhausted {
            return Ok(List {
                items,
                revision: revision.number(),
                next: None,
            });
        }
    }
}

pub(super) async fn show(
    State(app): State<App>,
    At { key, .. }: At<Events>,
    parameters: Parameters,
) -> Result<Json<Event>, Failure> {
    parameters.only(&[])?;
    let name = key.name();
    let not_found = || Failure::not_found(Kind::Event, &name);
    let Key::Event(revision) = key else {
        return Err(not_found());
    };
    let Some(before) = revision.number().checked_sub(1).map(Revision::new) else {
        return Err(not_found());
    };
    let found = events::after(app.allocator.records(), before, 1)
        .await
        .map_err(|error| Failure::unreadable(&error))?;
    let event = found.into_iter().find(|event| event.revision == revision);
    event
        .map(|event| Json(events::view(&event)))
        .ok_or_else(not_found)
}
