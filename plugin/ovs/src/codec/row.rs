//! Rows of the tables that we read.

use std::collections::BTreeMap;

use ovsdb::protocol::{Map, Optional, Uuid, UuidSet};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::ProtocolError;
use crate::row::{FailMode, Interface};

/// A row of table `Bridge`.
#[derive(Debug, Deserialize)]
pub(crate) struct BridgeRow {
    pub(crate) name: String,
    pub(crate) fail_mode: Optional<FailMode>,
    pub(crate) datapath_type: String,
    pub(crate) external_ids: Map<String, String>,
    pub(crate) ports: UuidSet,
}

/// A row of table `Port`.
#[derive(Debug, Deserialize)]
pub(crate) struct PortRow {
    #[serde(rename = "_uuid")]
    pub(crate) uuid: Uuid,
    pub(crate) name: String,
    pub(crate) tag: Optional<u16>,
    pub(crate) external_ids: Map<String, String>,
    pub(crate) interfaces: UuidSet,
}

/// A row of table `Interface`.
#[derive(Debug, Deserialize)]
pub(crate) struct InterfaceRow {
    #[serde(rename = "_uuid")]
    pub(crate) uuid: Uuid,
    name: String,
    r#type: String,
    ofport: Optional<i64>,
    error: Optional<String>,
    external_ids: Map<String, String>,
}

impl From<InterfaceRow> for Interface {
    fn from(row: InterfaceRow) -> Self {
        Self {
            name: row.name,
            kind: row.r#type,
            // -1 is OVS's word for "could not be opened".
            ofport: Option::from(row.ofport).and_then(|ofport: i64| ofport.try_into().ok()),
            error: row.error.into(),
            external_ids: row.external_ids.into(),
        }
    }
}

/// The row of table `Open_vSwitch`.
#[derive(Debug, Deserialize)]
pub(crate) struct OpenVswitchRow {
    pub(crate) next_cfg: i64,
}

impl BridgeRow {
    pub(crate) const COLUMNS: &[&str] = &[
        "name",
        "fail_mode",
        "datapath_type",
        "external_ids",
        "ports",
    ];
}

impl PortRow {
    pub(crate) const COLUMNS: &[&str] = &["_uuid", "name", "tag", "external_ids", "interfaces"];
}

impl InterfaceRow {
    pub(crate) const COLUMNS: &[&str] =
        &["_uuid", "name", "type", "ofport", "error", "external_ids"];
}

impl OpenVswitchRow {
    pub(crate) const COLUMNS: &[&str] = &["next_cfg"];
}

/// The rows in the result of a `select`.
pub(crate) fn rows<T: DeserializeOwned>(result: Option<&Value>) -> Result<Vec<T>, ProtocolError> {
    #[derive(Deserialize)]
    struct Selected {
        rows: Vec<BTreeMap<String, Value>>,
    }
    let result = result.ok_or(ProtocolError::Missing("a result for each operation"))?;
    let Selected { rows } = Selected::deserialize(result)?;
    rows.into_iter()
        .map(|row| {
            // The wire types of `ovsdb` panic on a tag without its value.
            if let Some((column, _)) = row.iter().find(|(_, value)| !is_datum(value)) {
                return Err(ProtocolError::Column(column.clone()));
            }
            Ok(T::deserialize(Value::Object(row.into_iter().collect()))?)
        })
        .collect()
}

/// Whether this is a value in OVSDB's notation (RFC 7047, section 5.1): an atom, a set, a map.
fn is_datum(value: &Value) -> bool {
    match tagged(value) {
        Some(("set", Value::Array(atoms))) => atoms.iter().all(is_atom),
        Some(("map", Value::Array(pairs))) => pairs.iter().all(|pair| {
            pair.as_array()
                .is_some_and(|pair| pair.len() == 2 && pair.iter().all(is_atom))
        }),
        _ => is_atom(value),
    }
}

fn is_atom(value: &Value) -> bool {
    match value {
        Value::String(_) | Value::Number(_) | Value::Bool(_) => true,
        _ => matches!(tagged(value), Some(("uuid", Value::String(_)))),
    }
}

fn tagged(value: &Value) -> Option<(&str, &Value)> {
    match value.as_array()?.as_slice() {
        [Value::String(tag), value] => Some((tag, value)),
        _ => None,
    }
}
