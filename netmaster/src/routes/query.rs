//! The parameters of URLs.

use std::collections::{BTreeMap, BTreeSet};
use std::error::Error;
use std::str::FromStr;
use std::sync::Arc;

use axum::extract::{FromRequestParts, Query};
use axum::http::Uri;
use axum::http::request::Parts;
use trunkline_types::{Labels, Name, Selector, chain};

use super::field::Field;
use super::noun::Noun;
use crate::failure::Failure;

/// How many things a page has at most, and without `limit`.
pub(crate) const PAGE: usize = 1000;

/// How many conditions a `fieldSelector` has at most.
const CONDITIONS: usize = 16;

/// A URL's parameters, each at most once.
#[derive(Debug)]
pub(crate) struct Parameters(BTreeMap<String, String>);

impl<S: Send + Sync> FromRequestParts<S> for Parameters {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Failure> {
        Self::of(&parts.uri)
    }
}

impl Parameters {
    /// The parameters of `uri`.
    pub(crate) fn of(uri: &Uri) -> Result<Self, Failure> {
        let pairs = Query::<Vec<(String, String)>>::try_from_uri(uri);
        let Query(pairs) = pairs.map_err(|_| {
            let query = uri.query().unwrap_or_default();
            Failure::parameter(query, "it cannot be read: write `<name>=<value>`")
        })?;
        let mut parameters = BTreeMap::new();
        for (name, value) in pairs {
            if parameters.insert(name.clone(), value).is_some() {
                return Err(Failure::parameter(
                    &name,
                    "it is there twice: leave one out",
                ));
            }
        }
        Ok(Self(parameters))
    }

    /// Refuses parameters that nobody took. `known` is what there is to take.
    pub(crate) fn only(self, known: &[&str]) -> Result<(), Failure> {
        let Some((name, _)) = self.0.first_key_value() else {
            return Ok(());
        };
        let known: Vec<_> = known.iter().map(|name| format!("`{name}`")).collect();
        let choices = match known.as_slice() {
            [] => "there are none here".to_owned(),
            _ => format!("use {}", known.join(", ")),
        };
        Err(Failure::parameter(
            name,
            &format!("it is not known: {choices}"),
        ))
    }

    pub(crate) fn take(&mut self, name: &str) -> Option<String> {
        self.0.remove(name)
    }

    pub(crate) fn number(&mut self, name: &str) -> Result<Option<u64>, Failure> {
        let Some(text) = self.take(name) else {
            return Ok(None);
        };
        // `parse` would take a sign.
        let number = text
            .bytes()
            .all(|byte| byte.is_ascii_digit())
            .then(|| text.parse().ok());
        number.flatten().map(Some).ok_or_else(|| {
            let why = format!(
                "`{}` is not a number from 0 to {}",
                text.escape_debug(),
                u64::MAX
            );
            Failure::parameter(name, &why)
        })
    }

    pub(crate) fn parse<T>(&mut self, name: &str) -> Result<Option<T>, Failure>
    where
        T: FromStr<Err: Error + 'static>,
    {
        let Some(text) = self.take(name) else {
            return Ok(None);
        };
        let parsed = text.parse().map(Some);
        parsed.map_err(|error: T::Err| Failure::parameter(name, &chain(&error)))
    }

    /// How many things a page is to have.
    pub(crate) fn limit(&mut self) -> Result<usize, Failure> {
        let Some(limit) = self.number("limit")? else {
            return Ok(PAGE);
        };
        let fits = usize::try_from(limit).ok();
        let fits = fits.filter(|limit| (1..=PAGE).contains(limit));
        fits.ok_or_else(|| Failure::parameter("limit", &format!("`{limit}` is not in 1–{PAGE}")))
    }

    /// True for `name`, `name=` and `name=true`.
    pub(crate) fn flag(&mut self, name: &str) -> Result<bool, Failure> {
        match self.take(name).as_deref() {
            None | Some("false") => Ok(false),
            Some("" | "true") => Ok(true),
            Some(other) => {
                let why = format!("`{}` is neither `true` nor `false`", other.escape_debug());
                Err(Failure::parameter(name, &why))
            }
        }
    }
}

/// Which objects of a kind are asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Selection {
    labels: Selector,
    fields: Vec<Condition>,
    /// The only networks whose objects there are for who asks; none for all.
    networks: Option<Arc<BTreeSet<Name>>>,
}

/// What one field must be, or must not be.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Condition {
    /// Its place among the kind's fields.
    field: usize,
    is: bool,
    value: String,
}

impl Selection {
    /// What is asked of kind `N`.
    pub(crate) fn take<N: Noun>(parameters: &mut Parameters) -> Result<Self, Failure> {
        let labels = match parameters.take("labelSelector") {
            None => Selector::default(),
            Some(text) => text
                .parse()
                .map_err(|error| Failure::parameter("labelSelector", &chain(&error)))?,
        };
        let fields = match parameters.take("fieldSelector") {
            None => Vec::new(),
            Some(text) => conditions(&text, N::FIELDS)
                .map_err(|why| Failure::parameter("fieldSelector", &why))?,
        };
        Ok(Self {
            labels,
            fields,
            networks: None,
        })
    }

    /// The same for somebody for whom there are only objects of these networks; none for all.
    pub(crate) fn within(self, networks: Option<Arc<BTreeSet<Name>>>) -> Self {
        Self { networks, ..self }
    }

    /// Whether there are objects of `network` for who asks; none is that of an object of no network.
    pub(crate) fn reaches(&self, network: impl FnOnce() -> Option<Name>) -> bool {
        match &self.networks {
            None => true,
            Some(networks) => network().is_some_and(|network| networks.contains(&network)),
        }
    }

    /// Whether everything is asked for.
    pub(crate) fn is_empty(&self) -> bool {
        self.labels.is_empty() && self.fields.is_empty() && self.networks.is_none()
    }

    /// Whether the labels match; an object of a kind without labels has none.
    pub(crate) fn matches_labels(&self, labels: Option<&Labels>) -> bool {
        match labels {
            Some(labels) => self.labels.matches(labels),
            None => self.labels.matches(&Labels::default()),
        }
    }

    /// Whether the fields match, of which `values` gives those of the one at a place.
    pub(crate) fn matches_fields<V: AsRef<[String]>>(&self, values: impl Fn(usize) -> V) -> bool {
        self.fields.iter().all(|condition| {
            let values = values(condition.field);
            values.as_ref().contains(&condition.value) == condition.is
        })
    }

    /// The same where not every value is known: whether what is known does not rule it out.
    pub(crate) fn may_match_fields<'a>(
        &self,
        values: impl Fn(usize) -> Option<&'a [String]>,
    ) -> bool {
        self.fields.iter().all(|condition| {
            let values = values(condition.field);
            values.is_none_or(|values| values.contains(&condition.value) == condition.is)
        })
    }

    /// The values that `field` must have one of, if one is asked for: to look in a better place
    /// than through everything.
    pub(crate) fn wanted<N: Noun>(&self, field: &str) -> Option<&str> {
        let wanted = self.fields.iter().find(|condition| {
            condition.is
                && N::FIELDS
                    .get(condition.field)
                    .is_some_and(|one| one.name == field)
        });
        wanted.map(|condition| condition.value.as_str())
    }

    /// The same text for the same selection.
    pub(crate) fn fingerprint(&self) -> String {
        match &self.networks {
            None => format!("{}|{:?}", self.labels, self.fields),
            Some(networks) => format!("{}|{:?}|{networks:?}", self.labels, self.fields),
        }
    }
}

fn conditions<V>(text: &str, fields: &[Field<V>]) -> Result<Vec<Condition>, String> {
    if text.trim().is_empty() {
        return Ok(Vec::new());
    }
    let mut conditions = Vec::new();
    for part in text.split(',') {
        let malformed = || {
            let part = part.escape_debug();
            format!("`{part}` is no condition: write `<field>=<value>` or `<field>!=<value>`")
        };
        let (name, value) = part.split_once('=').ok_or_else(malformed)?;
        let (name, is) = match name.strip_suffix('!') {
            Some(name) => (name, false),
            None => (name, true),
        };
        let value = value.strip_prefix('=').unwrap_or(value).trim();
        let name = name.trim();
        let mut known = fields.iter().enumerate();
        let known = known.find(|(_, field)| field.name == name);
        let (field, of) = known.ok_or_else(|| {
            let choices: Vec<_> = fields.iter().map(|field| field.name).collect();
            format!(
                "field `{}` cannot be selected by: use {}",
                name.escape_debug(),
                choices.join(", ")
            )
        })?;
        let value = of.form.read(value);
        let value = value.map_err(|why| format!("field `{name}`: {why}"))?;
        conditions.push(Condition { field, is, value });
    }
    if conditions.len() > CONDITIONS {
        return Err(format!(
            "there are more than {CONDITIONS} conditions: use fewer"
        ));
    }
    conditions.sort();
    conditions.dedup();
    Ok(conditions)
}

#[cfg(test)]
mod tests;
