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
    delete: Option<(Bytes, Facts)>,
}

/// What selectors look at, and what decides who may know of the object.
#[derive(Debug)]
struct Facts {
    labels: Option<Labels>,
    /// The values of each field; none where that is not known any more.
    fields: Vec<Option<Vec<String>>>,
    network: Option<Name>,
}

impl Facts {
    /// Without a view only what the object has in itself is known: its node, and most often its
    /// network. To forget what one does not have does no harm, but nobody is told of what they may
    /// not know.
    fn of<N: Noun>(
        scene: &Scene<'_>,
        publication: &Publication,
        object: &Object,
        view: Option<&N::View>,
    ) -> Self {
        let fields = N::FIELDS.iter().enumerate();
        let fields = fields.map(|(place, field)| match view {
            Some(view) => Some(values::<N>(view, place)),
            None if N::OWNER == Some(field.name) => Some(vec![N::owner(object)?.to_string()]),
            None => None,
        });
        let network = network_of(scene.catalog, object);
        Self {
            labels: N::labels(object).cloned(),
            fields: fields.collect(),
            network: network.or_else(|| network_before(publication, object)),
        }
    }

    fn match_selection(&self, selection: &Selection) -> bool {
        selection.matches_labels(self.labels.as_ref())
            && selection.reaches(|| self.network.clone())
            && selection.may_match_fields(|place| self.fields.get(place)?.as_deref())
    }
}

/// The network of a pool whose subnet went together with it.
fn network_before(publication: &Publication, object: &Object) -> Option<Name> {
    let Object::Pool(pool) = object else {
        return None;
    };
    publication
        .happenings
        .iter()
        .find_map(|happening| match happening {
            Happening::Deleted(Object::Subnet(subnet)) if subnet.name == pool.subnet => {
                Some(subnet.network.clone())
            }
            _ => None,
        })
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
            .filter_map(|happening| Entry::of::<N>(scene, publication, happening, revision));
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
    fn of<N: Noun>(
        scene: &Scene<'_>,
        publication: &Publication,
        happening: &Happening,
        revision: Revision,
    ) -> Option<Self> {
        let revision = revision.number();
        let deleted = |object: &Object| {
            let view = N::view(scene, object);
            let facts = Facts::of::<N>(scene, publication, object, view.as_ref());
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
                let facts = Facts::of::<N>(scene, publication, object, Some(&view));
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
            Some((line, facts)) if facts.match_selection(selection) => Some(line),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests;
