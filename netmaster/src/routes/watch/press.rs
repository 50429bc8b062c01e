//! The lines of watches, each rendered once for all who watch.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use bytes::{Bytes, BytesMut};
use trunkline_ipam::{Kind, Object, Revision};
use trunkline_netmaster_api::WatchEvent;
use trunkline_types::{Labels, Name};

use super::super::list::values;
use super::super::noun::{Noun, Scene};
use super::super::query::Selection;
use super::super::scope::network_of;
use super::line;
use crate::app::App;
use crate::feed::{Happening, Publication};

/// How many sheets are kept: those that watchers who keep up still have to see. Who is further
/// behind has its lines rendered again.
const SHEETS: usize = 256;

/// A sheet, or the place where whoever comes first will put it.
type Place = Arc<OnceLock<Arc<Sheet>>>;

/// The lines of the last publications.
#[derive(Debug, Default)]
pub(super) struct Press {
    sheets: Mutex<BTreeMap<(Revision, Kind), Place>>,
}

impl Press {
    /// What `publication` says about objects of kind `N`.
    pub(super) fn sheet<N: Noun>(&self, app: &App, publication: &Publication) -> Arc<Sheet> {
        let place = {
            let mut sheets = self.sheets.lock().unwrap_or_else(PoisonError::into_inner);
            let place = sheets.entry((publication.to, N::KIND)).or_default().clone();
            while sheets.len() > SHEETS {
                sheets.pop_first();
            }
            place
        };
        // Outside the lock: other sheets need not wait for this one.
        place
            .get_or_init(|| Arc::new(app.look(|scene| Sheet::of::<N>(scene, publication))))
            .clone()
    }
}

/// The lines of one publication about objects of one kind.
#[derive(Debug, Default)]
pub(super) struct Sheet {
    entries: Vec<Entry>,
    /// All of it, for those who want everything.
    whole: Bytes,
    /// What follows several lines: only then all of the publication is dealt with.
    end: Bytes,
}

/// What became of one object.
#[derive(Debug)]
struct Entry {
    /// How it is now; none if it went.
    put: Option<(Bytes, Facts)>,
    /// That it went, for those who had it before; none if nobody had.
    delete: Option<(Bytes, Option<Facts>)>,
}

/// What selectors look at.
#[derive(Debug)]
struct Facts {
    labels: Option<Labels>,
    fields: Vec<Vec<String>>,
    network: Option<Name>,
}

impl Facts {
    fn of<N: Noun>(scene: &Scene<'_>, object: &Object, view: &N::View) -> Self {
        let places = 0..N::FIELDS.len();
        Self {
            labels: N::labels(object).cloned(),
            fields: places.map(|place| values::<N>(view, place)).collect(),
            network: network_of(scene.catalog, object),
        }
    }

    fn match_selection(&self, selection: &Selection) -> bool {
        selection.matches_labels(self.labels.as_ref())
            && selection.reaches(|| self.network.clone())
            && selection.matches_fields(|place| {
                self.fields
                    .get(place)
                    .map(Vec::as_slice)
                    .unwrap_or_default()
            })
    }
}

impl Sheet {
    fn of<N: Noun>(scene: &Scene<'_>, publication: &Publication) -> Self {
        let kind = |happening: &&Happening| {
            let (Happening::Put { object, .. } | Happening::Deleted(object)) = happening;
            object.key().kind() == N::KIND
        };
        let happenings: Vec<_> = publication.happenings.iter().filter(kind).collect();
        if happenings.is_empty() {
            return Self::default();
        }
        let alone = happenings.len() == 1;
        // Who has seen one of several lines has not seen the others, and must get them again.
        let revision = if alone {
            publication.to
        } else {
            publication.from
        };
        let entries = happenings
            .iter()
            .filter_map(|happening| Entry::of::<N>(scene, happening, revision.number()));
        let entries: Vec<_> = entries.collect();
        let end = if alone {
            Bytes::new()
        } else {
            let revision = publication.to.number();
            line(&WatchEvent::<N::View>::Bookmark { revision })
        };
        let mut whole = BytesMut::new();
        for entry in &entries {
            whole.extend_from_slice(entry.line());
        }
        if !whole.is_empty() {
            whole.extend_from_slice(&end);
        }
        Self {
            entries,
            whole: whole.freeze(),
            end,
        }
    }

    /// What somebody sees who asked for `selection`.
    pub(super) fn lines(&self, selection: &Selection) -> Bytes {
        if selection.is_empty() {
            return self.whole.clone();
        }
        let mut seen = self
            .entries
            .iter()
            .filter_map(|entry| entry.seen(selection));
        let Some(first) = seen.next() else {
            return Bytes::new();
        };
        let Some(second) = seen.next() else {
            if self.end.is_empty() {
                return first.clone();
            }
            return [first.as_ref(), self.end.as_ref()].concat().into();
        };
        let mut lines = BytesMut::from(first.as_ref());
        lines.extend_from_slice(second);
        for line in seen {
            lines.extend_from_slice(line);
        }
        lines.extend_from_slice(&self.end);
        lines.freeze()
    }
}

impl Entry {
    /// None if it is of no concern: its join partners are gone, so that its own end follows.
    fn of<N: Noun>(scene: &Scene<'_>, happening: &Happening, revision: u64) -> Option<Self> {
        let deleted = |object: &Object| {
            let view = N::view(scene, object);
            let facts = view
                .as_ref()
                .map(|view| Facts::of::<N>(scene, object, view));
            let event = WatchEvent::Delete {
                revision,
                key: object.key().name(),
                object: view,
            };
            (line(&event), facts)
        };
        match happening {
            Happening::Put { object, before } => {
                let view = N::view(scene, object)?;
                let facts = Facts::of::<N>(scene, object, &view);
                let event = WatchEvent::Put {
                    revision,
                    object: view,
                };
                Some(Self {
                    put: Some((line(&event), facts)),
                    delete: before.as_ref().map(deleted),
                })
            }
            Happening::Deleted(object) => Some(Self {
                put: None,
                delete: Some(deleted(object)),
            }),
        }
    }

    /// What somebody sees who asked for everything.
    fn line(&self) -> &[u8] {
        match (&self.put, &self.delete) {
            (Some((line, _)), _) | (None, Some((line, _))) => line,
            (None, None) => &[],
        }
    }

    fn seen(&self, selection: &Selection) -> Option<&Bytes> {
        if let Some((line, facts)) = &self.put
            && facts.match_selection(selection)
        {
            return Some(line);
        }
        match &self.delete {
            Some((line, Some(facts))) if facts.match_selection(selection) => Some(line),
            // Whether it was asked for is not known any more; to forget what one does not have does
            // no harm.
            Some((line, None)) => Some(line),
            _ => None,
        }
    }
}
