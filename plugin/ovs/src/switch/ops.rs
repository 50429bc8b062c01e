//! Writing: actions as the operations of one transaction.

use std::collections::{BTreeSet, HashMap};
use std::time::Duration;

use ovsdb::protocol::{Uuid, UuidSet};
use serde::Deserialize;
use serde_json::Value;

use crate::action::{Action, NewPort};
use crate::codec::{
    Clause, Columns, Datum, Op, OpenVswitchRow, ProtocolError, UuidName, Where, named, rows,
};
use crate::error::SwitchError;
use crate::row::FailMode;

/// What must be known before rows can be removed: OVSDB deletes references by uuid only.
///
/// Between this and the transaction another process may remove the same rows, which makes ours
/// remove nothing, or make new ones of the same name, which have other uuids and stay.
pub(crate) fn lookup(actions: &[Action]) -> Vec<Op> {
    let mut ops = Vec::new();
    for action in actions {
        match action {
            Action::RemoveBridge { name } => ops.push(Op::Select {
                table: "Bridge",
                r#where: named(name),
                columns: BRIDGE_COLUMNS,
            }),
            Action::RemovePort { bridge, name } => {
                ops.push(Op::Select {
                    table: "Bridge",
                    r#where: named(bridge),
                    columns: BRIDGE_COLUMNS,
                });
                ops.push(Op::Select {
                    table: "Port",
                    r#where: named(name),
                    columns: &["_uuid"],
                });
            }
            _ => {}
        }
    }
    ops
}

const BRIDGE_COLUMNS: &[&str] = &["_uuid", "ports"];

#[derive(Deserialize)]
struct BridgeRefs {
    #[serde(rename = "_uuid")]
    uuid: Uuid,
    ports: UuidSet,
}

#[derive(Deserialize)]
struct PortRef {
    #[serde(rename = "_uuid")]
    uuid: Uuid,
}

/// The rows that removals refer to, by the index of their action. Those that are not there, or
/// not in the bridge meant, are absent.
#[derive(Debug, Default)]
pub(crate) struct Found {
    bridges: HashMap<usize, (Uuid, Vec<Uuid>)>,
    ports: HashMap<usize, Uuid>,
}

impl Found {
    /// Reads the results of [`lookup`].
    pub(crate) fn read(actions: &[Action], results: &[Value]) -> Result<Self, ProtocolError> {
        let mut found = Self::default();
        let mut results = results.iter();
        for (index, action) in actions.iter().enumerate() {
            match action {
                Action::RemoveBridge { .. } => {
                    if let Some(bridge) = rows::<BridgeRefs>(results.next())?.pop() {
                        found
                            .bridges
                            .insert(index, (bridge.uuid, bridge.ports.into()));
                    }
                }
                Action::RemovePort { .. } => {
                    let bridge = rows::<BridgeRefs>(results.next())?.pop();
                    let port = rows::<PortRef>(results.next())?.pop();
                    if let (Some(bridge), Some(port)) = (bridge, port)
                        && bridge.ports.contains(&port.uuid)
                    {
                        found.ports.insert(index, port.uuid);
                    }
                }
                _ => {}
            }
        }
        Ok(found)
    }
}

/// The operations of a transaction.
#[derive(Debug, Default)]
pub(crate) struct Transaction {
    pub(crate) ops: Vec<Op>,
    /// What it means if the `wait` at that place among the operations fails.
    pub(crate) preconditions: HashMap<usize, SwitchError>,
}

/// The operations that make all of `actions` happen, and raise the generation if anything does.
pub(crate) fn transaction(actions: &[Action], found: &Found) -> Transaction {
    let mut transaction = Transaction::default();
    for (index, action) in actions.iter().enumerate() {
        transaction.act(index, action, found);
    }
    if !transaction.ops.is_empty() {
        transaction.ops.push(Op::Mutate {
            table: "Open_vSwitch",
            r#where: vec![],
            mutations: vec![("next_cfg", "+=", 1.into())],
        });
    }
    transaction.ops.push(Op::Select {
        table: "Open_vSwitch",
        r#where: vec![],
        columns: OpenVswitchRow::COLUMNS,
    });
    transaction
}

impl Transaction {
    /// Adds the operations of one action. `index` is its place, by which new rows are told apart.
    fn act(&mut self, index: usize, action: &Action, found: &Found) {
        match action {
            Action::AddBridge {
                name,
                fail_mode,
                external_ids,
            } => {
                self.require_no_bridge(name);
                self.require_no_port(name);
                let port = Columns::from([("name", name.as_str().into())]);
                let interface = Columns::from([("type", "internal".into())]);
                let port = self.insert_port(index, name, port, interface);
                let row = Columns::from([
                    ("name", name.as_str().into()),
                    ("fail_mode", fail_mode_datum(*fail_mode)),
                    ("external_ids", external_ids.into()),
                    ("ports", (&port).into()),
                ]);
                let bridge = UuidName::new(format!("bridge{index}"));
                self.ops.push(Op::insert("Bridge", &bridge, row));
                self.mutate(
                    "Open_vSwitch",
                    vec![],
                    vec![("bridges", "insert", (&bridge).into())],
                );
            }
            Action::SetFailMode { bridge, fail_mode } => {
                self.require_bridge(bridge);
                self.ops.push(Op::Update {
                    table: "Bridge",
                    r#where: named(bridge),
                    row: Columns::from([("fail_mode", fail_mode_datum(*fail_mode))]),
                });
            }
            Action::RemoveBridge { .. } => {
                if let Some((bridge, ports)) = found.bridges.get(&index) {
                    let removed = vec![("bridges", "delete", (*bridge).into())];
                    self.mutate("Open_vSwitch", vec![], removed);
                    self.delete("Bridge", *bridge);
                    for port in ports {
                        self.delete("Port", *port);
                    }
                }
            }
            Action::AddPort(port) => self.add_port(index, port),
            Action::RemovePort { bridge, .. } => {
                if let Some(port) = found.ports.get(&index) {
                    let removed = vec![("ports", "delete", (*port).into())];
                    self.mutate("Bridge", named(bridge), removed);
                    self.delete("Port", *port);
                }
            }
            Action::SetBridgeIds {
                bridge,
                set,
                remove,
            } => {
                self.require_bridge(bridge);
                // An insert leaves a key alone that is there already.
                let replaced: BTreeSet<String> = set.keys().chain(remove).cloned().collect();
                let mutations = vec![
                    ("external_ids", "delete", (&replaced).into()),
                    ("external_ids", "insert", set.into()),
                ];
                self.mutate("Bridge", named(bridge), mutations);
            }
        }
    }

    fn add_port(&mut self, index: usize, new: &NewPort) {
        // Without a bridge the new rows would vanish, unreferenced, and nobody would say so.
        self.require_bridge(&new.bridge);
        self.require_no_port(&new.name);
        let mut port = Columns::from([("external_ids", (&new.external_ids).into())]);
        if let Some(tag) = new.tag {
            port.insert("tag", i64::from(u16::from(tag)).into());
        }
        let mut interface = Columns::from([("external_ids", (&new.external_ids).into())]);
        if let Some(ofport) = new.ofport_request {
            interface.insert("ofport_request", i64::from(ofport).into());
        }
        let port = self.insert_port(index, &new.name, port, interface);
        // A mutation adds one port, and loses none that others add or remove at the same time.
        let added = vec![("ports", "insert", (&port).into())];
        self.mutate("Bridge", named(&new.bridge), added);
    }

    /// Inserts a port with its one interface, both called `name`.
    fn insert_port(
        &mut self,
        index: usize,
        name: &str,
        mut port: Columns,
        mut interface: Columns,
    ) -> UuidName {
        let interface_name = UuidName::new(format!("interface{index}"));
        interface.insert("name", name.into());
        self.ops
            .push(Op::insert("Interface", &interface_name, interface));
        let port_name = UuidName::new(format!("port{index}"));
        port.insert("name", name.into());
        port.insert("interfaces", (&interface_name).into());
        self.ops.push(Op::insert("Port", &port_name, port));
        port_name
    }

    fn mutate(&mut self, table: &'static str, r#where: Where, mutations: Vec<Clause>) {
        self.ops.push(Op::Mutate {
            table,
            r#where,
            mutations,
        });
    }

    /// Deletes a row at once. That it is no longer referred to would do the same when the
    /// transaction commits, too late for the preconditions of the actions that follow.
    fn delete(&mut self, table: &'static str, row: Uuid) {
        self.ops.push(Op::Delete {
            table,
            r#where: vec![("_uuid", "==", row.into())],
        });
    }

    fn require_bridge(&mut self, name: &str) {
        let otherwise = SwitchError::BridgeMissing {
            name: name.to_owned(),
        };
        self.require(Op::expect("Bridge", name, true), otherwise);
    }

    fn require_no_bridge(&mut self, name: &str) {
        let otherwise = SwitchError::BridgeExists {
            name: name.to_owned(),
        };
        self.require(Op::expect("Bridge", name, false), otherwise);
    }

    fn require_no_port(&mut self, name: &str) {
        let otherwise = SwitchError::PortExists {
            name: name.to_owned(),
        };
        self.require(Op::expect("Port", name, false), otherwise);
    }

    fn require(&mut self, wait: Op, otherwise: SwitchError) {
        self.preconditions.insert(self.ops.len(), otherwise);
        self.ops.push(wait);
    }
}

fn fail_mode_datum(fail_mode: FailMode) -> Datum {
    Datum::from(fail_mode.to_string().as_str())
}

/// A `wait` for ovs-vswitchd to have carried out that generation.
pub(crate) fn settled(generation: i64, deadline: Duration) -> Op {
    Op::Wait {
        table: "Open_vSwitch",
        r#where: vec![("cur_cfg", ">=", generation.into())],
        columns: &["cur_cfg"],
        until: "!=",
        rows: vec![],
        timeout: i64::try_from(deadline.as_millis()).unwrap_or(i64::MAX),
    }
}
