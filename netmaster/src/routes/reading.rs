//! What requests carry, read without a server: see [`crate::reading`].

use axum::http::Uri;
use serde::de::DeserializeOwned;
use trunkline_ipam::{Kind, Revision};
use trunkline_netmaster_api::Problem;

use super::addresses::Addresses;
use super::audit::Audits;
use super::endpoints::Endpoints;
use super::events::Events;
use super::extract::{parse, parse_key};
use super::groups::Groups;
use super::list::{self, Asked};
use super::networks::Networks;
use super::nodes::Nodes;
use super::noun::Noun;
use super::pools::Pools;
use super::profiles::Profiles;
use super::query::{Parameters, Selection};
use super::records::{self, Record};
use super::reservations::Reservations;
use super::subnets::Subnets;
use super::tokens::Tokens;
use crate::failure::Failure;

/// What a request's body says.
///
/// # Errors
///
/// The [`Problem`] that the request is answered with.
pub fn body<T: DeserializeOwned>(body: &[u8]) -> Result<T, Box<Problem>> {
    parse(body).map_err(|failure| Box::new(failure.problem().clone()))
}

/// What can be listed, as URLs have it.
pub const LISTS: [&str; 12] = {
    let mut paths = [""; READERS.len()];
    let mut at = 0;
    while at < paths.len() {
        paths[at] = READERS[at].path;
        at += 1;
    }
    paths
};

/// What is asked of a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Listed {
    /// To follow what changes.
    Watch {
        /// Of what: the same text for the same.
        selection: String,
        /// After which revision; none to begin with how things are.
        after: Option<u64>,
    },
    /// A page.
    Page {
        /// Of what: the same text for the same.
        selection: String,
        /// How many things it has at most, 1–1000.
        limit: usize,
        /// Where the page before ended; none for the first one.
        from: Option<Place>,
    },
}

/// Where a page ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// The revision of the first page.
    pub revision: u64,
    /// The name of the last thing on it.
    pub name: String,
}

/// What the parameters `query` ask of the list `path`, one of [`LISTS`]. None if a URL cannot have
/// them.
///
/// # Errors
///
/// The [`Problem`] that the request is answered with.
#[must_use]
pub fn list(path: &str, query: &str) -> Option<Result<Listed, Box<Problem>>> {
    let (reader, parameters) = (reader(path)?, parameters(query)?);
    let asked = parameters.and_then(reader.ask);
    Some(match asked {
        Ok(Asked::Watch { selection, after }) => Ok(Listed::Watch {
            selection: selection.fingerprint(),
            after: after.map(Revision::number),
        }),
        Ok(Asked::Page { selection, paging }) => Ok(Listed::Page {
            selection: selection.fingerprint(),
            limit: paging.limit,
            from: paging.from.map(|place| Place {
                revision: place.revision.number(),
                name: place.after.name(),
            }),
        }),
        Err(failure) => Err(Box::new(failure.problem().clone())),
    })
}

/// The `continue` that a page of the list `path`, asked for by `query`, is answered with if it ends
/// at `place`. None if it cannot end there, or is none.
#[must_use]
pub fn continue_token(path: &str, query: &str, place: &Place) -> Option<String> {
    let (reader, parameters) = (reader(path)?, parameters(query)?);
    let Asked::Page { selection, .. } = parameters.and_then(reader.ask).ok()? else {
        return None;
    };
    let place = list::Place {
        revision: Revision::new(place.revision),
        after: parse_key(reader.kind, &place.name)?,
    };
    Some((reader.token)(&place, &selection))
}

/// How the parameters of one kind's list are read.
struct Reader {
    kind: Kind,
    path: &'static str,
    ask: fn(Parameters) -> Result<Asked, Failure>,
    token: fn(&list::Place, &Selection) -> String,
}

const READERS: [Reader; 12] = [
    Reader::of::<Networks>(),
    Reader::of::<Subnets>(),
    Reader::of::<Pools>(),
    Reader::of::<Groups>(),
    Reader::of::<Profiles>(),
    Reader::of::<Reservations>(),
    Reader::of::<Nodes>(),
    Reader::of::<Addresses>(),
    Reader::of::<Endpoints>(),
    Reader::of::<Tokens>(),
    Reader::of_records::<Events>(),
    Reader::of_records::<Audits>(),
];

impl Reader {
    const fn of<N: Noun>() -> Self {
        Self {
            kind: N::KIND,
            path: N::PATH,
            ask: ask::<N>,
            token: list::Place::token::<N>,
        }
    }

    const fn of_records<N: Record>() -> Self {
        Self {
            ask: ask_of_records::<N>,
            ..Self::of::<N>()
        }
    }
}

/// As somebody asks for whom there are objects of all networks.
fn ask<N: Noun>(parameters: Parameters) -> Result<Asked, Failure> {
    Asked::take::<N>(parameters, None)
}

fn ask_of_records<N: Record>(parameters: Parameters) -> Result<Asked, Failure> {
    records::take::<N>(parameters, None).map(|(asked, _)| asked)
}

fn reader(path: &str) -> Option<Reader> {
    READERS.into_iter().find(|reader| reader.path == path)
}

fn parameters(query: &str) -> Option<Result<Parameters, Failure>> {
    // What follows a `#` is not sent.
    let query = (!query.contains('#')).then_some(query)?;
    let uri: Uri = format!("/?{query}").parse().ok()?;
    Some(Parameters::of(&uri))
}
