//! The parameters of URLs.

use std::collections::{BTreeMap, BTreeSet};
use std::error::Error;
use std::net::IpAddr;
use std::str::FromStr;
use std::sync::Arc;

use axum::extract::{FromRequestParts, Query};
use axum::http::Uri;
use axum::http::request::Parts;
use serde::Deserialize as _;
use trunkline_ipam::{AuditResult, EventKind, Kind};
use trunkline_netmaster_api::{AddressState, Level, Role};
use trunkline_types::{Attachment, Cidr, Labels, MacAddr, Name, Selector, VlanId, chain};

use super::noun::{Field, Noun};
use crate::failure::Failure;

/// How many things a page has at most, and without `limit`.
pub(crate) const PAGE: usize = 1000;

/// How many conditions a `fieldSelector` has at most.
const CONDITIONS: usize = 16;

/// The states that addresses are shown in.
const STATES: [AddressState; 8] = [
    AddressState::Conflict,
    AddressState::Bound,
    AddressState::Leased,
    AddressState::Node,
    AddressState::Reserved,
    AddressState::Excluded,
    AddressState::Cooling,
    AddressState::Free,
];

/// The levels that groups are shown with.
const LEVELS: [Level; 4] = [
    Level::Cluster,
    Level::NodeClass,
    Level::Namespace,
    Level::Labels,
];

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
            Some(text) => conditions(&text, N::KIND, N::FIELDS)
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

fn conditions<V>(text: &str, kind: Kind, fields: &[Field<V>]) -> Result<Vec<Condition>, String> {
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
        let known = fields.iter().position(|field| field.name == name);
        let field = known.ok_or_else(|| {
            let choices: Vec<_> = fields.iter().map(|field| field.name).collect();
            format!(
                "field `{}` cannot be selected by: use {}",
                name.escape_debug(),
                choices.join(", ")
            )
        })?;
        let value = written(kind, name, value).map_err(|why| format!("field `{name}`: {why}"))?;
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

/// A value of the field `name` in the one form that answers have it in, so that it can be compared.
/// What cannot be a value of that field would match nothing, and never be noticed.
fn written(kind: Kind, name: &str, value: &str) -> Result<String, String> {
    match name {
        // A record of the audit names objects of whatever kind.
        "name" | "kind" if kind == Kind::Audit => Ok(value.to_owned()),
        "name" | "network" | "subnet" | "pool" | "profile" | "reservation" | "node" | "rack" => {
            as_one::<Name>(value)
        }
        "vlan" => as_one::<VlanId>(value),
        "mac" => as_one::<MacAddr>(value),
        "cidr" => as_one::<Cidr>(value),
        "attachment" => as_one::<Attachment>(value),
        "ip" | "address" | "from" => match value.parse::<IpAddr>() {
            Ok(ip) => Ok(ip.to_string()),
            Err(_) => Err(format!(
                "`{}` is not an IP address: write it like `10.1.0.1` or `fd00::1`",
                value.escape_debug()
            )),
        },
        "state" => one_of(value, &STATES.map(AddressState::as_str)),
        "level" => one_of(value, &LEVELS.map(Level::as_str)),
        "role" => as_one::<Role>(value),
        "result" => one_of(value, &AuditResult::ALL.map(AuditResult::name)),
        "kind" => match EventKind::deserialize(serde_json::Value::from(value)) {
            Ok(_) => Ok(value.to_owned()),
            // It names those that there are.
            Err(error) => Err(error.to_string()),
        },
        // Pods and namespaces are Kubernetes' to name, and what an event is about is text, as is who
        // asked for something.
        _ => Ok(value.to_owned()),
    }
}

fn as_one<T>(value: &str) -> Result<String, String>
where
    T: FromStr<Err: Error + 'static> + ToString,
{
    let value: Result<T, _> = value.parse();
    value
        .map(|value| value.to_string())
        .map_err(|error| chain(&error))
}

fn one_of(value: &str, known: &[&str]) -> Result<String, String> {
    if known.contains(&value) {
        return Ok(value.to_owned());
    }
    let choices: Vec<_> = known.iter().map(|one| format!("`{one}`")).collect();
    Err(format!(
        "`{}` is none of its values: use {}",
        value.escape_debug(),
        choices.join(", ")
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    struct View(&'static str, &'static str);

    const FIELDS: &[Field<View>] = &[
        Field {
            name: "network",
            values: |view| vec![view.0.to_owned()],
        },
        Field {
            name: "state",
            values: |view| vec![view.1.to_owned()],
        },
    ];

    fn matches(text: &str, view: &View) -> bool {
        let selection = Selection {
            labels: Selector::default(),
            fields: conditions(text, Kind::Address, FIELDS).unwrap(),
            networks: None,
        };
        selection.matches_fields(|place| (FIELDS[place].values)(view))
    }

    #[test]
    fn every_condition_must_hold() {
        let view = View("blue", "bound");
        for text in [
            "",
            "network=blue",
            "network==blue",
            "network = blue,state!=free",
        ] {
            assert!(matches(text, &view), "{text}");
        }
        for text in ["network=red", "network!=blue", "network=blue,state=free"] {
            assert!(!matches(text, &view), "{text}");
        }
    }

    #[test]
    fn a_value_may_be_written_in_any_form_that_it_has() {
        for (field, given, one) in [
            ("address", "FD00:0::1", "fd00::1"),
            ("mac", "02:AA:00:00:00:01", "02:aa:00:00:00:01"),
            ("vlan", "0100", "100"),
            ("about", "Node N1", "Node N1"),
            ("role", "viewer", "viewer"),
        ] {
            let written = written(Kind::Event, field, given);
            assert_eq!(written.as_deref(), Ok(one), "{field}");
        }
    }

    #[test]
    fn what_cannot_be_a_value_of_a_field_is_refused() {
        for (field, value) in [
            ("vlan", "abc"),
            ("vlan", "4095"),
            ("vlan", ""),
            ("network", "Blue!"),
            ("address", "10.1.0"),
            ("mac", "02:01"),
            ("cidr", "10.1.0.1/24"),
            ("attachment", "c1"),
            ("state", "lost"),
            ("level", "rack"),
            ("kind", "party"),
            ("role", "king"),
            ("from", "here"),
            ("result", "undone"),
        ] {
            let error = written(Kind::Event, field, value).unwrap_err();
            assert!(error.contains(&format!("`{value}`")), "{field}: {error}");
        }
    }

    #[test]
    fn the_audit_is_searched_for_objects_of_every_kind() {
        for (field, value) in [
            ("kind", "network"),
            ("name", "blue-r1/web"),
            ("name", "10.1.0.7"),
            ("identity", "token:ci"),
            ("result", "denied"),
        ] {
            let written = written(Kind::Audit, field, value);
            assert_eq!(written.as_deref(), Ok(value), "{field}");
        }
    }

    #[test]
    fn a_selector_that_is_none_is_quoted_and_the_choices_named() {
        for (bad, says) in [
            (
                "colour=red",
                "`colour` cannot be selected by: use network, state",
            ),
            ("network", "`network` is no condition"),
            (",", "`` is no condition"),
            ("=", "field `` cannot"),
        ] {
            let error = conditions(bad, Kind::Address, FIELDS).unwrap_err();
            assert!(error.contains(says), "{bad}: {error}");
        }
        let many = vec!["state!=free"; 17].join(",");
        assert!(
            conditions(&many, Kind::Address, FIELDS)
                .unwrap_err()
                .contains("more than 16")
        );
    }
}
