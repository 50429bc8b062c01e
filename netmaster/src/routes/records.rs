//! Lists of records: as other lists, but from the store, for records are not kept in memory.

use std::collections::BTreeSet;
use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use trunkline_ipam::{Key, Object, Revision, Timestamp};
use trunkline_netmaster_api::List;
use trunkline_types::Name;

use super::access::Caller;
use super::list::{Asked, Paging, Place, values};
use super::noun::{At, Noun, view};
use super::query::{Parameters, Selection};
use super::watch::watch;
use crate::app::App;
use crate::failure::Failure;
use crate::history::parse_time;
use crate::records::after;

/// How many records are read at a time.
const LOOK: usize = 500;

/// A kind of record.
pub(crate) trait Record: Noun {
    /// What their keys in the store begin with.
    const PREFIX: &'static str;

    /// The change that a record came with, and when; none if it is another kind of object.
    fn moment(object: &Object) -> Option<(Revision, Timestamp)>;

    /// The key of the one that came with a change.
    fn key(revision: Revision) -> Key;
}

/// The time that is asked for.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Period {
    since: Option<Timestamp>,
    until: Option<Timestamp>,
}

impl Period {
    fn take(parameters: &mut Parameters) -> Result<Self, Failure> {
        let mut time = |name: &str| match parameters.take(name) {
            None => Ok(None),
            Some(text) => parse_time(&text).map(Some).ok_or_else(|| {
                let why = format!(
                    "`{}` is not a time: write seconds since 1970, or like `2026-05-01T12:00:00Z`",
                    text.escape_debug()
                );
                Failure::parameter(name, &why)
            }),
        };
        Ok(Self {
            since: time("since")?,
            until: time("until")?,
        })
    }

    fn has(self, at: Timestamp) -> bool {
        self.since.is_none_or(|since| since <= at) && self.until.is_none_or(|until| at < until)
    }
}

pub(super) async fn list<N: Record>(
    State(app): State<App>,
    caller: Caller,
    parameters: Parameters,
) -> Result<Response, Failure> {
    let (asked, period) = take::<N>(parameters, caller.networks())?;
    match asked {
        Asked::Watch { selection, after } => watch::<N>(&app, &caller, selection, after).await,
        Asked::Page { selection, paging } => {
            Ok(Json(page::<N>(&app, &selection, period, paging).await?).into_response())
        }
    }
}

/// What is asked of a list of records, and of which time. A watch is of what is to come.
pub(super) fn take<N: Record>(
    mut parameters: Parameters,
    networks: Option<Arc<BTreeSet<Name>>>,
) -> Result<(Asked, Period), Failure> {
    let asked = Asked::begin::<N>(&mut parameters, networks)?;
    let mut known = asked.known().to_vec();
    let mut period = Period::default();
    if let Asked::Page { .. } = asked {
        period = Period::take(&mut parameters)?;
        known.extend(["since", "until"]);
    }
    parameters.only(&known)?;
    Ok((asked, period))
}

async fn page<N: Record>(
    app: &App,
    selection: &Selection,
    period: Period,
    paging: Paging,
) -> Result<List<N::View>, Failure> {
    let (revision, mut seen) = match paging.from {
        Some(Place {
            revision,
            after: Key::Event(seen) | Key::Audit(seen),
        }) => (revision, seen),
        _ => (
            app.allocator.read(|catalog| catalog.revision()),
            Revision::ZERO,
        ),
    };
    let mut items = Vec::new();
    loop {
        let found = after(app.allocator.records(), N::PREFIX, seen, LOOK)
            .await
            .map_err(|error| Failure::unreadable(&error))?;
        let exhausted = found.len() < LOOK;
        for (place, record) in found.iter().enumerate() {
            let Some((of, at)) = N::moment(record) else {
                continue;
            };
            seen = of;
            let record = app.look(|scene| view::<N>(scene, record))?;
            let wanted = period.has(at)
                && selection.matches_labels(None)
                && selection.matches_fields(|place| values::<N>(&record, place));
            if wanted {
                items.push(record);
            }
            if items.len() == paging.limit && !(exhausted && place + 1 == found.len()) {
                let place = Place {
                    revision,
                    after: N::key(seen),
                };
                return Ok(List {
                    items,
                    revision: revision.number(),
                    next: Some(place.token::<N>(selection)),
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

pub(super) async fn show<N: Record>(
    State(app): State<App>,
    At { key, .. }: At<N>,
    parameters: Parameters,
) -> Result<Json<N::View>, Failure> {
    parameters.only(&[])?;
    let not_found = || Failure::not_found(N::KIND, &key.name());
    let (Key::Event(revision) | Key::Audit(revision)) = key else {
        return Err(not_found());
    };
    let found = after(app.allocator.records(), N::PREFIX, revision.previous(), 1)
        .await
        .map_err(|error| Failure::unreadable(&error))?;
    let found = found.iter().find(|object| object.key() == key);
    let found = found.ok_or_else(not_found)?;
    app.look(|scene| view::<N>(scene, found)).map(Json)
}
