//! Reading: which rows to ask for, and what they mean.

use std::collections::{BTreeMap, HashMap, HashSet};

use ovsdb::protocol::{Map, Uuid};
use serde::Deserialize;
use serde_json::Value;

use crate::codec::{BridgeRow, InterfaceRow, Op, OpenVswitchRow, PortRow, ProtocolError};
use crate::codec::{Datum, named, rows};
use crate::row::{Bridge, Interface, Port};

/// What to select for [`bridge`]: the bridge and, as the database cannot join tables, all ports
/// and interfaces. A node has hardly any of other bridges.
pub(crate) fn bridge_ops(name: &str) -> Vec<Op> {
    vec![
        Op::Select {
            table: "Bridge",
            r#where: named(name),
            columns: BridgeRow::COLUMNS,
        },
        Op::Select {
            table: "Port",
            r#where: vec![],
            columns: PortRow::COLUMNS,
        },
        Op::Select {
            table: "Interface",
            r#where: vec![],
            columns: InterfaceRow::COLUMNS,
        },
    ]
}

/// The bridge in the results of [`bridge_ops`].
pub(crate) fn bridge(results: &[Value]) -> Result<Option<Bridge>, ProtocolError> {
    let Some(row) = rows::<BridgeRow>(results.first())?.pop() else {
        return Ok(None);
    };
    let mut interfaces = interfaces(results.get(2))?;
    let members: HashSet<Uuid> = row.ports.iter().copied().collect();
    let mut ports = Vec::with_capacity(members.len());
    for port_row in rows::<PortRow>(results.get(1))? {
        if members.contains(&port_row.uuid) {
            let port = port(port_row, &mut interfaces)?;
            ports.push(port.ok_or(ProtocolError::Dangling)?);
        }
    }
    if ports.len() != members.len() {
        return Err(ProtocolError::Dangling);
    }
    ports.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(Some(Bridge {
        name: row.name,
        fail_mode: row.fail_mode.into(),
        datapath_type: row.datapath_type,
        external_ids: row.external_ids.into(),
        ports,
    }))
}

/// What to select for [`bridge_ids`].
pub(crate) fn bridge_ids_ops(name: &str) -> Vec<Op> {
    vec![Op::Select {
        table: "Bridge",
        r#where: named(name),
        columns: &["external_ids"],
    }]
}

/// The external ids in the results of [`bridge_ids_ops`].
pub(crate) fn bridge_ids(
    results: &[Value],
) -> Result<Option<BTreeMap<String, String>>, ProtocolError> {
    #[derive(Deserialize)]
    struct Ids {
        external_ids: Map<String, String>,
    }
    let row = rows::<Ids>(results.first())?.pop();
    Ok(row.map(|row| row.external_ids.into()))
}

/// What to select for [`ports_of`].
pub(crate) fn ports_of_ops(bridge: &str, key: &str, value: &str) -> Vec<Op> {
    let mark = BTreeMap::from([(key.to_owned(), value.to_owned())]);
    let marked = || vec![("external_ids", "includes", Datum::from(&mark))];
    vec![
        Op::Select {
            table: "Bridge",
            r#where: named(bridge),
            columns: BridgeRow::COLUMNS,
        },
        Op::Select {
            table: "Port",
            r#where: marked(),
            columns: PortRow::COLUMNS,
        },
        Op::Select {
            table: "Interface",
            r#where: marked(),
            columns: InterfaceRow::COLUMNS,
        },
    ]
}

/// The ports in the results of [`ports_of_ops`].
pub(crate) fn ports_of(results: &[Value]) -> Result<Vec<Port>, ProtocolError> {
    let Some(row) = rows::<BridgeRow>(results.first())?.pop() else {
        return Ok(Vec::new());
    };
    let mut interfaces = interfaces(results.get(2))?;
    let mut ports = Vec::new();
    for port_row in rows::<PortRow>(results.get(1))? {
        if row.ports.contains(&port_row.uuid) {
            // A port whose interface lacks the mark was not made by us.
            ports.extend(port(port_row, &mut interfaces)?);
        }
    }
    ports.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(ports)
}

/// The generation that the last result, a select from `Open_vSwitch`, tells.
pub(crate) fn generation(results: &[Value]) -> Result<i64, ProtocolError> {
    let row = rows::<OpenVswitchRow>(results.last())?.pop();
    Ok(row
        .ok_or(ProtocolError::Missing("the row of table `Open_vSwitch`"))?
        .next_cfg)
}

fn interfaces(result: Option<&Value>) -> Result<HashMap<Uuid, Interface>, ProtocolError> {
    let rows = rows::<InterfaceRow>(result)?;
    Ok(rows.into_iter().map(|row| (row.uuid, row.into())).collect())
}

/// The port with its interfaces; `None` if one of them is not among `interfaces`.
fn port(
    row: PortRow,
    interfaces: &mut HashMap<Uuid, Interface>,
) -> Result<Option<Port>, ProtocolError> {
    let own: Option<Vec<Interface>> = row
        .interfaces
        .iter()
        .map(|uuid| interfaces.remove(uuid))
        .collect();
    Ok(own.map(|mut interfaces| {
        interfaces.sort_by(|a, b| a.name.cmp(&b.name));
        Port {
            name: row.name,
            tag: row.tag.into(),
            external_ids: row.external_ids.into(),
            interfaces,
        }
    }))
}
