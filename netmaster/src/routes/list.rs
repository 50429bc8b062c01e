//! Lists, page by page.

use std::collections::BTreeSet;
use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use trunkline_ipam::{Key, Revision};
use trunkline_netmaster_api::List;
use trunkline_types::Name;

use super::access::Caller;
use super::extract::parse_key;
use super::noun::{Noun, view};
use super::query::{Parameters, Selection};
use super::scope::network_of;
use super::watch::watch;
use crate::app::App;
use crate::failure::Failure;

/// How many objects are looked at before writers get their turn.
const LOOK: usize = 4096;

/// The parameters of a list and of a watch.
pub(crate) const PARAMETERS: &[&str] = &[
    "labelSelector",
    "fieldSelector",
    "limit",
    "continue",
    "watch",
    "after",
];

pub(super) async fn list<N: Noun>(
    State(app): State<App>,
    caller: Caller,
    parameters: Parameters,
) -> Result<Response, Failure> {
    let asked = Asked::take::<N>(parameters, caller.networks())?;
    if let Some(owner) = N::OWNER {
        caller.sees(N::PATH, asked.selection().wanted::<N>(owner))?;
    }
    match asked {
        Asked::Watch { selection, after } => watch::<N>(&app, &caller, selection, after).await,
        Asked::Page { selection, paging } => {
            Ok(Json(page::<N>(&app, &selection, paging).await?).into_response())
        }
    }
}

/// What is asked of a list.
#[derive(Clone, Debug)]
pub(super) enum Asked {
    /// To follow what changes, after a revision or from how things are.
    Watch {
        selection: Selection,
        after: Option<Revision>,
    },
    /// A page.
    Page {
        selection: Selection,
        paging: Paging,
    },
}

impl Asked {
    fn selection(&self) -> &Selection {
        match self {
            Self::Watch { selection, .. } | Self::Page { selection, .. } => selection,
        }
    }

    /// All that `parameters` say, by somebody for whom there are only objects of these networks;
    /// none for all.
    pub(super) fn take<N: Noun>(
        mut parameters: Parameters,
        networks: Option<Arc<BTreeSet<Name>>>,
    ) -> Result<Self, Failure> {
        let asked = Self::begin::<N>(&mut parameters, networks)?;
        parameters.only(asked.known())?;
        Ok(asked)
    }

    /// The same, of that which can be asked of every list; the rest stays in `parameters`.
    pub(super) fn begin<N: Noun>(
        parameters: &mut Parameters,
        networks: Option<Arc<BTreeSet<Name>>>,
    ) -> Result<Self, Failure> {
        let selection = Selection::take::<N>(parameters)?.within(networks);
        if parameters.flag("watch")? {
            let after = parameters.number("after")?.map(Revision::new);
            return Ok(Self::Watch { selection, after });
        }
        let paging = Paging::take::<N>(parameters, &selection)?;
        Ok(Self::Page { selection, paging })
    }

    /// What can be asked of every list, or of every watch.
    pub(super) fn known(&self) -> &'static [&'static str] {
        match self {
            Self::Watch { .. } => &["labelSelector", "fieldSelector", "watch", "after"],
            Self::Page { .. } => &PARAMETERS[..4],
        }
    }
}

/// Which page.
#[derive(Clone, Debug)]
pub(super) struct Paging {
    pub(super) limit: usize,
    /// Where the page before ended; none for the first one.
    pub(super) from: Option<Place>,
}

/// Where a page ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Place {
    /// The revision of the first page.
    pub(super) revision: Revision,
    pub(super) after: Key,
}

impl Paging {
    pub(super) fn take<N: Noun>(
        parameters: &mut Parameters,
        selection: &Selection,
    ) -> Result<Self, Failure> {
        let limit = parameters.limit()?;
        let from = match parameters.take("continue") {
            None => None,
            Some(token) => Some(Place::parse::<N>(&token, selection).ok_or_else(|| {
                let why = "it is not what a list with these selectors was answered: begin the \
                           list anew";
                Failure::parameter("continue", why)
            })?),
        };
        Ok(Self { limit, from })
    }
}

async fn page<N: Noun>(
    app: &App,
    selection: &Selection,
    paging: Paging,
) -> Result<List<N::View>, Failure> {
    let Paging { limit, from } = paging;
    let mut revision = from.as_ref().map(|place| place.revision);
    let mut after = from.map(|place| place.after);
    let mut items = Vec::new();
    loop {
        let mut exhausted = true;
        let from = after.clone();
        app.look(|scene| {
            // Of the beginning: what changes while the pages are read comes with a watch from here.
            revision.get_or_insert(scene.catalog.revision());
            let objects = scene.catalog.objects_after(N::KIND, from.as_ref());
            for (looked, object) in objects.enumerate() {
                if looked == LOOK || items.len() == limit {
                    exhausted = false;
                    break;
                }
                after = Some(object.key());
                let network = || network_of(scene.catalog, &object);
                if selection.matches_labels(N::labels(&object)) && selection.reaches(network) {
                    let view = view::<N>(scene, &object)?;
                    if selection.matches_fields(|place| values::<N>(&view, place)) {
                        items.push(view);
                    }
                }
            }
            Ok::<_, Failure>(())
        })?;
        if exhausted || items.len() == limit {
            let revision = revision.unwrap_or_default();
            let place = after
                .filter(|_| !exhausted)
                .map(|after| Place { revision, after });
            return Ok(List {
                items,
                revision: revision.number(),
                next: place.map(|place| place.token::<N>(selection)),
            });
        }
        tokio::task::yield_now().await;
    }
}

/// The values of the field at `place`.
pub(super) fn values<N: Noun>(view: &N::View, place: usize) -> Vec<String> {
    let field = N::FIELDS.get(place);
    field.map(|field| (field.values)(view)).unwrap_or_default()
}

impl Place {
    /// The place as text that says nothing to others: kind, selectors, revision and key, the first
    /// two as a checksum over all.
    pub(super) fn token<N: Noun>(&self, selection: &Selection) -> String {
        let plain = format!("{}/{}", self.revision.number(), self.after.name());
        let sum = checksum::<N>(&plain, selection);
        let hex: String = plain.bytes().map(|byte| format!("{byte:02x}")).collect();
        format!("{sum:016x}{hex}")
    }

    pub(super) fn parse<N: Noun>(token: &str, selection: &Selection) -> Option<Self> {
        let (sum, hex) = token.split_at_checked(16)?;
        let bytes = hex.as_bytes().chunks(2).map(|pair| {
            let pair = std::str::from_utf8(pair).ok()?;
            u8::from_str_radix(pair, 16).ok()
        });
        let plain = String::from_utf8(bytes.collect::<Option<_>>()?).ok()?;
        if u64::from_str_radix(sum, 16).ok()? != checksum::<N>(&plain, selection) {
            return None;
        }
        let (revision, key) = plain.split_once('/')?;
        Some(Self {
            revision: Revision::new(revision.parse().ok()?),
            after: parse_key(N::KIND, key)?,
        })
    }
}

/// FNV-1a: the same in every version, so that a token outlives an upgrade. It guards against
/// mix-ups, not against forgery: whoever may list may list from anywhere.
fn checksum<N: Noun>(plain: &str, selection: &Selection) -> u64 {
    let text = format!("{}|{}|{plain}", N::PATH, selection.fingerprint());
    text.bytes().fold(0xcbf2_9ce4_8422_2325, |sum, byte| {
        (sum ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

#[cfg(test)]
mod tests {
    use super::super::networks::Networks;
    use super::super::pools::Pools;
    use super::*;

    #[test]
    fn a_token_is_read_back_only_for_the_list_that_it_is_of() {
        let place = Place {
            revision: Revision::new(17),
            after: Key::Network("blue".parse().unwrap()),
        };
        let all = Selection::default();
        let token = place.token::<Networks>(&all);
        assert_eq!(Place::parse::<Networks>(&token, &all), Some(place));
        assert_eq!(Place::parse::<Pools>(&token, &all), None);
        for damaged in [
            "",
            "x",
            &token[1..],
            &token[..token.len() - 1],
            &token.replace("62", "63"),
            &format!("{token}00"),
            &"é".repeat(40),
        ] {
            assert_eq!(Place::parse::<Networks>(damaged, &all), None, "{damaged}");
        }
    }
}
