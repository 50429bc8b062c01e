//! The node's bridge and its uplink.

use std::fmt;

use trunkline_types::{InterfaceName, Name};

/// The bridge as it should be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wanted {
    /// The bridge's name.
    pub bridge: InterfaceName,
    /// The link that is the bridge's trunk port to the top-of-rack switch.
    pub uplink: InterfaceName,
    /// The node, written on the bridge as its owner.
    pub node: Name,
}

/// A bridge as OVSDB shows it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SeenBridge {
    /// The node that made it, if it carries our mark.
    pub owner: Option<String>,
    /// Whether it forwards by learning when it has no controller (fail mode `standalone`).
    pub standalone: bool,
    /// Its ports.
    pub ports: Vec<SeenPort>,
}

/// A port of the bridge as OVSDB shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SeenPort {
    /// The port's name.
    pub name: String,
    /// Whether it carries our uplink mark.
    pub uplink: bool,
    /// Whether it is an access port, that is, has a VLAN tag.
    pub tagged: bool,
}

/// One step towards the wanted bridge.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// Create the bridge, marked as ours.
    AddBridge,
    /// Make the bridge forward by learning.
    SetStandalone,
    /// Take a port that is no longer the uplink out of the bridge.
    RemovePort(String),
    /// Put the uplink into the bridge as a trunk of all VLANs.
    AddUplink,
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::AddBridge => f.write_str("add the bridge"),
            Self::SetStandalone => f.write_str("set fail mode standalone"),
            Self::RemovePort(port) => write!(f, "remove port {port}, the uplink of old"),
            Self::AddUplink => f.write_str("add the uplink as trunk"),
        }
    }
}

/// A bridge that we must not touch stands where ours should.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Conflict {
    /// The bridge carries no mark of ours.
    #[error(
        "bridge `{0}` exists but Trunkline did not make it: set another `bridge` in the agent's \
         configuration, or remove it with `ovs-vsctl del-br {0}`"
    )]
    Foreign(InterfaceName),
    /// The bridge was made for another node's agent.
    #[error(
        "bridge `{bridge}` belongs to node `{owner}`, and this agent is node `{node}`: correct \
         `node` in the agent's configuration, or remove the bridge with `ovs-vsctl del-br {bridge}`"
    )]
    OtherNode {
        /// The bridge's name.
        bridge: InterfaceName,
        /// The node whose name is on it.
        owner: String,
        /// Our node.
        node: Name,
    },
}

/// What to do so that the bridge becomes as wanted; nothing when it is.
///
/// # Errors
///
/// [`Conflict`] when the bridge of that name is not ours.
pub fn plan(wanted: &Wanted, seen: Option<&SeenBridge>) -> Result<Vec<Action>, Conflict> {
    let Some(bridge) = seen else {
        return Ok(vec![Action::AddBridge, Action::AddUplink]);
    };
    match &bridge.owner {
        None => return Err(Conflict::Foreign(wanted.bridge.clone())),
        Some(owner) if owner != wanted.node.as_str() => {
            return Err(Conflict::OtherNode {
                bridge: wanted.bridge.clone(),
                owner: owner.clone(),
                node: wanted.node.clone(),
            });
        }
        Some(_) => {}
    }
    let right =
        |port: &&SeenPort| port.uplink && !port.tagged && port.name == wanted.uplink.as_str();
    let mut actions = Vec::new();
    if !bridge.standalone {
        actions.push(Action::SetStandalone);
    }
    actions.extend(
        bridge
            .ports
            .iter()
            .filter(|port| port.uplink && !right(port))
            .map(|port| Action::RemovePort(port.name.clone())),
    );
    if !bridge.ports.iter().any(|port| right(&port)) {
        actions.push(Action::AddUplink);
    }
    Ok(actions)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wanted() -> Wanted {
        Wanted {
            bridge: "br-trunk".parse().unwrap(),
            uplink: "eth1".parse().unwrap(),
            node: "node1".parse().unwrap(),
        }
    }

    fn port(name: &str, uplink: bool) -> SeenPort {
        SeenPort {
            name: name.into(),
            uplink,
            tagged: false,
        }
    }

    fn ours(ports: Vec<SeenPort>) -> SeenBridge {
        SeenBridge {
            owner: Some("node1".into()),
            standalone: true,
            ports,
        }
    }

    #[test]
    fn nothing_is_planned_for_a_bridge_as_wanted() {
        let seen = ours(vec![port("eth1", true), port("tlabc", false)]);
        assert_eq!(plan(&wanted(), Some(&seen)).unwrap(), []);
    }

    #[test]
    fn a_missing_bridge_is_made_with_its_uplink() {
        assert_eq!(
            plan(&wanted(), None).unwrap(),
            [Action::AddBridge, Action::AddUplink]
        );
    }

    #[test]
    fn a_new_uplink_replaces_the_old_one_and_pods_stay() {
        let seen = ours(vec![port("eth0", true), port("tlabc", false)]);
        assert_eq!(
            plan(&wanted(), Some(&seen)).unwrap(),
            [Action::RemovePort("eth0".into()), Action::AddUplink]
        );
    }

    #[test]
    fn an_uplink_with_a_tag_is_made_a_trunk_again() {
        let mut uplink = port("eth1", true);
        uplink.tagged = true;
        assert_eq!(
            plan(&wanted(), Some(&ours(vec![uplink]))).unwrap(),
            [Action::RemovePort("eth1".into()), Action::AddUplink]
        );
    }

    #[test]
    fn a_foreign_bridge_is_left_alone() {
        let error = plan(&wanted(), Some(&SeenBridge::default())).unwrap_err();
        assert!(error.to_string().contains("`br-trunk`"), "{error}");
    }

    #[test]
    fn the_bridge_of_another_node_is_left_alone() {
        let seen = SeenBridge {
            owner: Some("node2".into()),
            ..SeenBridge::default()
        };
        let error = plan(&wanted(), Some(&seen)).unwrap_err().to_string();
        assert!(
            error.contains("`node2`") && error.contains("`node1`"),
            "{error}"
        );
    }
}
