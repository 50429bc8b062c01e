//! The operations of a transaction (RFC 7047, section 5.2): those that we use.

use std::collections::{BTreeMap, BTreeSet};

use ovsdb::protocol::{Map, Set, Uuid};
use serde::Serialize;

/// A value in a row, a condition or a mutation.
#[derive(Clone, Debug, Serialize)]
#[serde(untagged)]
pub(crate) enum Datum {
    Text(String),
    Integer(i64),
    Row(Uuid),
    /// A row that the same transaction inserts.
    NewRow(UuidName),
    Map(Map<String, String>),
    Set(Set<String>),
}

/// The name that a transaction gives a row it inserts: `["named-uuid", <name>]`.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct UuidName(&'static str, String);

impl UuidName {
    /// `name` must be an identifier: letters, digits, underscores.
    pub(crate) fn new(name: String) -> Self {
        Self("named-uuid", name)
    }
}

impl From<&str> for Datum {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<i64> for Datum {
    fn from(integer: i64) -> Self {
        Self::Integer(integer)
    }
}

impl From<Uuid> for Datum {
    fn from(uuid: Uuid) -> Self {
        Self::Row(uuid)
    }
}

impl From<&UuidName> for Datum {
    fn from(name: &UuidName) -> Self {
        Self::NewRow(name.clone())
    }
}

impl From<&BTreeMap<String, String>> for Datum {
    fn from(map: &BTreeMap<String, String>) -> Self {
        Self::Map(map.clone().into())
    }
}

impl From<&BTreeSet<String>> for Datum {
    fn from(set: &BTreeSet<String>) -> Self {
        Self::Set(Set(set.iter().cloned().collect()))
    }
}

/// Column, function or mutator, value.
pub(crate) type Clause = (&'static str, &'static str, Datum);

/// Which rows: those that satisfy all the conditions.
pub(crate) type Where = Vec<Clause>;

/// A row to be, or to compare with: some of its columns.
pub(crate) type Columns = BTreeMap<&'static str, Datum>;

/// An operation.
#[derive(Clone, Debug, Serialize)]
#[serde(tag = "op", rename_all = "lowercase")]
pub(crate) enum Op {
    Insert {
        table: &'static str,
        row: Columns,
        #[serde(rename = "uuid-name")]
        uuid_name: String,
    },
    Select {
        table: &'static str,
        r#where: Where,
        columns: &'static [&'static str],
    },
    Update {
        table: &'static str,
        r#where: Where,
        row: Columns,
    },
    Mutate {
        table: &'static str,
        r#where: Where,
        mutations: Vec<Clause>,
    },
    Delete {
        table: &'static str,
        r#where: Where,
    },
    Wait {
        table: &'static str,
        r#where: Where,
        columns: &'static [&'static str],
        until: &'static str,
        rows: Vec<Columns>,
        /// In milliseconds.
        timeout: i64,
    },
}

impl Op {
    /// Inserts a row that the transaction's other operations call `name`.
    pub(crate) fn insert(table: &'static str, name: &UuidName, row: Columns) -> Self {
        Self::Insert {
            table,
            row,
            uuid_name: name.1.clone(),
        }
    }

    /// Makes the transaction fail, at once, unless a row of that name exists (or none does).
    pub(crate) fn expect(table: &'static str, name: &str, exists: bool) -> Self {
        let rows = if exists {
            vec![Columns::from([("name", name.into())])]
        } else {
            Vec::new()
        };
        Self::Wait {
            table,
            r#where: named(name),
            columns: &["name"],
            until: "==",
            rows,
            timeout: 0,
        }
    }
}

/// The row of that name.
pub(crate) fn named(name: &str) -> Where {
    vec![("name", "==", name.into())]
}
