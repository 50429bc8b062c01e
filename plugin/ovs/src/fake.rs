//! A switch in memory, for the tests of those who use one.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::action::{Action, NewPort};
use crate::error::SwitchError;
use crate::row::{Bridge, Interface, Port};
use crate::switch::{Applied, Switch};

/// The number of a bridge's internal port (OpenFlow's `OFPP_LOCAL`).
const LOCAL: u32 = 65534;

/// A [`Switch`] in memory, with the refusals of the real one. Whatever is applied has settled.
#[derive(Debug, Default)]
pub struct FakeSwitch {
    state: Mutex<State>,
}

#[derive(Clone, Debug, Default)]
struct State {
    bridges: BTreeMap<String, Bridge>,
    generation: i64,
}

impl FakeSwitch {
    /// A switch without bridges.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Switch for FakeSwitch {
    async fn bridge(&self, name: &str) -> Result<Option<Bridge>, SwitchError> {
        Ok(self.state().bridges.get(name).cloned())
    }

    async fn bridge_ids(
        &self,
        name: &str,
    ) -> Result<Option<BTreeMap<String, String>>, SwitchError> {
        Ok(self
            .state()
            .bridges
            .get(name)
            .map(|bridge| bridge.external_ids.clone()))
    }

    async fn ports_of(
        &self,
        bridge: &str,
        key: &str,
        value: &str,
    ) -> Result<Vec<Port>, SwitchError> {
        let marked = |ids: &BTreeMap<String, String>| ids.get(key).is_some_and(|is| is == value);
        let state = self.state();
        let ports = state
            .bridges
            .get(bridge)
            .into_iter()
            .flat_map(|bridge| &bridge.ports);
        Ok(ports
            .filter(|port| {
                marked(&port.external_ids)
                    && port
                        .interfaces
                        .iter()
                        .all(|interface| marked(&interface.external_ids))
            })
            .cloned()
            .collect())
    }

    async fn apply(&self, actions: &[Action]) -> Result<Applied, SwitchError> {
        let mut state = self.state();
        let mut next = state.clone();
        let mut changed = false;
        for action in actions {
            changed |= next.act(action)?;
        }
        next.generation += i64::from(changed);
        *state = next;
        Ok(Applied {
            generation: state.generation,
        })
    }

    async fn settled(&self, applied: Applied, deadline: Duration) -> Result<(), SwitchError> {
        if applied.generation <= self.state().generation {
            return Ok(());
        }
        let what = format!("reach generation {}", applied.generation);
        Err(SwitchError::Timeout {
            what,
            suspect: "ovs-vswitchd",
            deadline,
        })
    }
}

impl State {
    /// Carries out one action, and says whether there was anything to do.
    fn act(&mut self, action: &Action) -> Result<bool, SwitchError> {
        match action {
            Action::AddBridge {
                name,
                fail_mode,
                external_ids,
            } => {
                if self.bridges.contains_key(name) {
                    return Err(SwitchError::BridgeExists { name: name.clone() });
                }
                self.require_no_port(name)?;
                let internal = port(name, "internal", None, LOCAL, &BTreeMap::new());
                let bridge = Bridge {
                    name: name.clone(),
                    fail_mode: Some(*fail_mode),
                    datapath_type: String::new(),
                    external_ids: external_ids.clone(),
                    ports: vec![internal],
                };
                self.bridges.insert(name.clone(), bridge);
            }
            Action::SetFailMode { bridge, fail_mode } => {
                self.existing(bridge)?.fail_mode = Some(*fail_mode);
            }
            Action::RemoveBridge { name } => return Ok(self.bridges.remove(name).is_some()),
            Action::AddPort(new) => self.add_port(new)?,
            Action::RemovePort { bridge, name } => {
                let Some(bridge) = self.bridges.get_mut(bridge) else {
                    return Ok(false);
                };
                let before = bridge.ports.len();
                bridge.ports.retain(|port| port.name != *name);
                return Ok(bridge.ports.len() < before);
            }
            Action::SetBridgeIds {
                bridge,
                set,
                remove,
            } => {
                let ids = &mut self.existing(bridge)?.external_ids;
                ids.retain(|key, _| !remove.contains(key));
                ids.extend(set.clone());
            }
        }
        Ok(true)
    }

    fn add_port(&mut self, new: &NewPort) -> Result<(), SwitchError> {
        self.existing(&new.bridge)?;
        self.require_no_port(&new.name)?;
        let bridge = self.existing(&new.bridge)?;
        let taken: BTreeSet<u32> = bridge
            .ports
            .iter()
            .flat_map(|port| &port.interfaces)
            .filter_map(|interface| interface.ofport)
            .collect();
        let ofport = new
            .ofport_request
            .into_iter()
            .chain(1..LOCAL)
            .find(|ofport| !taken.contains(ofport))
            .unwrap_or(LOCAL);
        let tag = new.tag.map(u16::from);
        bridge
            .ports
            .push(port(&new.name, "", tag, ofport, &new.external_ids));
        bridge.ports.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(())
    }

    fn existing(&mut self, bridge: &str) -> Result<&mut Bridge, SwitchError> {
        self.bridges
            .get_mut(bridge)
            .ok_or_else(|| SwitchError::BridgeMissing {
                name: bridge.to_owned(),
            })
    }

    fn require_no_port(&self, name: &str) -> Result<(), SwitchError> {
        if self
            .bridges
            .values()
            .any(|bridge| bridge.port(name).is_some())
        {
            return Err(SwitchError::PortExists {
                name: name.to_owned(),
            });
        }
        Ok(())
    }
}

fn port(
    name: &str,
    kind: &str,
    tag: Option<u16>,
    ofport: u32,
    external_ids: &BTreeMap<String, String>,
) -> Port {
    let interface = Interface {
        name: name.to_owned(),
        kind: kind.to_owned(),
        ofport: Some(ofport),
        error: None,
        external_ids: external_ids.clone(),
    };
    Port {
        name: name.to_owned(),
        tag,
        external_ids: external_ids.clone(),
        interfaces: vec![interface],
    }
}
