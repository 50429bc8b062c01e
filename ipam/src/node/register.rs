//! Planning a node's registration.

use std::net::IpAddr;
use std::sync::Arc;

use trunkline_types::{Labels, Name};

use super::{Node, NodeSpec, RemovalCause};
use crate::allocate::Search;
use crate::release::Ending;
use crate::{
    Address, AddressState, Catalog, Change, Edit, EndpointAddress, Epoch, Kind, Ledger, Listing,
    Object, Placement, Planned, Policy, Pool, Reason, Refusal, Revision, Subnet, Timestamp,
};

/// Why a node cannot be registered.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RegisterNodeError {
    /// It says that it stands in another rack, while it holds addresses of the old one.
    #[error(
        "node `{node}` cannot move from rack `{rack}` to rack `{wanted}` while {} address(es) are \
         bound or leased on it, {addresses}: move its pods elsewhere first, or correct its rack",
        addresses.total()
    )]
    InUse {
        /// The node.
        node: Name,
        /// The rack it is registered in.
        rack: Name,
        /// The rack it asks for.
        wanted: Name,
        /// What it holds.
        addresses: Listing,
    },
    /// What it holds is being taken from it.
    #[error(
        "node `{node}` is being removed ({}): wait until that is done, then register again",
        why.reason()
    )]
    Removing {
        /// The node.
        node: Name,
        /// On what evidence.
        why: RemovalCause,
    },
}

impl Refusal for RegisterNodeError {
    fn reason(&self) -> Reason {
        match self {
            Self::InUse { .. } => Reason::InUse(Kind::Node),
            Self::Removing { .. } => Reason::Fenced,
        }
    }
}

/// Plans a node's registration. Registering again writes only what is news: another boot, version
/// or label, or that it was not heard for [`Node::HEARD_GRAIN`].
///
/// A node gets addresses of its own from the pool `nodes` of subnets that it may use, those of its
/// rack first, all on one network. Where none is free it does without; it is asked again with every
/// registration.
///
/// # Errors
///
/// [`RegisterNodeError`] if its agent says another rack than before while addresses are bound or
/// leased on the node, or if it is being removed.
pub fn register_node(
    ledger: &Ledger,
    spec: &NodeSpec,
    policy: &Policy,
    now: Timestamp,
) -> Result<Planned<Node>, RegisterNodeError> {
    let catalog = ledger.catalog();
    let existing = catalog.node(&spec.name);
    if let Some(existing) = existing {
        check_existing(catalog, existing, spec)?;
    }
    let revision = catalog.revision().next();
    let mut node = described(existing, spec, now, revision);
    let mut edits = Vec::new();
    if existing.is_some_and(|existing| existing.rack != node.rack) {
        let ending = Ending {
            catalog,
            reason: "the node moved to another rack",
            now,
            revision,
        };
        for own in std::mem::take(&mut node.addresses) {
            edits.extend(ending.node_address(&node.name, &own));
        }
    }
    for (ip, subnet) in own_addresses(ledger, &node, policy, now) {
        edits.push(taken(&node, ip, &subnet, now, revision));
        node.addresses.push(EndpointAddress {
            ip,
            subnet: subnet.name.clone(),
        });
    }
    if let Some(existing) = existing {
        let unchanged = Node {
            revision: existing.revision,
            ..node.clone()
        };
        if unchanged == **existing {
            return Ok(Planned {
                object: existing.clone(),
                change: Change::none(catalog.revision()),
            });
        }
    }
    let node = Arc::new(node);
    edits.push(Edit::Put(Object::Node(node.clone())));
    Ok(Planned {
        object: node,
        change: Change::new(revision, edits),
    })
}

fn check_existing(
    catalog: &Catalog,
    existing: &Node,
    spec: &NodeSpec,
) -> Result<(), RegisterNodeError> {
    let node = || spec.name.clone();
    if let Some(removal) = existing.removing {
        return Err(RegisterNodeError::Removing {
            node: node(),
            why: removal.why,
        });
    }
    if *rack(existing, spec) == existing.rack {
        return Ok(());
    }
    let is_own = |address: &&Arc<Address>| matches!(address.state, AddressState::Node { .. });
    let held = catalog.addresses_on(&spec.name).filter(|a| !is_own(a));
    let addresses = Listing::of(held.map(|address| address.ip));
    if addresses.is_empty() {
        return Ok(());
    }
    Err(RegisterNodeError::InUse {
        node: node(),
        rack: existing.rack.clone(),
        wanted: spec.rack.clone(),
        addresses,
    })
}

/// The rack of a node that registers again: what its agent says if that is news, else what is
/// known, which an operator may have said.
fn rack<'a>(existing: &'a Node, spec: &'a NodeSpec) -> &'a Name {
    match spec.rack == *existing.rack_by_agent() {
        true => &existing.rack,
        false => &spec.rack,
    }
}

/// The node as it describes itself now, over what is known of it.
fn described(
    existing: Option<&Arc<Node>>,
    spec: &NodeSpec,
    now: Timestamp,
    revision: Revision,
) -> Node {
    let Some(existing) = existing else {
        return Node {
            name: spec.name.clone(),
            rack: spec.rack.clone(),
            agent_rack: None,
            labels: spec.labels.clone(),
            boot_id: spec.boot_id.clone(),
            agent_version: spec.agent_version.clone(),
            last_heard: now,
            fence: revision.number(),
            // After a restore a node that is not in the back-up may well hold something.
            reported: Epoch::default(),
            contradicted: None,
            addresses: Vec::new(),
            removing: None,
            revision,
        };
    };
    let known = existing.labels.iter().chain(spec.labels.iter());
    let is_news = now >= existing.last_heard.after(Node::HEARD_GRAIN);
    // Agents of other versions may leave these out; what was known stays.
    let boot_id = spec.boot_id.as_ref().or(existing.boot_id.as_ref());
    let agent_version = spec.agent_version.as_ref();
    let agent_version = agent_version.or(existing.agent_version.as_ref());
    let known = known.map(|(key, value)| (key.clone(), value.clone()));
    let rack = rack(existing, spec);
    let mut node = Node {
        rack: rack.clone(),
        agent_rack: (spec.rack != *rack).then(|| spec.rack.clone()),
        labels: known.collect::<Labels>(),
        boot_id: boot_id.cloned(),
        agent_version: agent_version.cloned(),
        revision,
        ..Node::clone(existing)
    };
    let is_other = Node {
        revision: existing.revision,
        ..node.clone()
    } != **existing;
    if is_news || is_other {
        node.last_heard = now.max(existing.last_heard);
    }
    node
}

/// The addresses that the node is to have beside those it has.
fn own_addresses(
    ledger: &Ledger,
    node: &Node,
    policy: &Policy,
    now: Timestamp,
) -> Vec<(IpAddr, Arc<Subnet>)> {
    let catalog = ledger.catalog();
    let lacks = |is_v4| !node.addresses.iter().any(|a| a.ip.is_ipv4() == is_v4);
    // After a restore a node says what it holds before it gets anything.
    if node.reported != catalog.epoch() {
        return Vec::new();
    }
    let Ok(pool) = Pool::NODES.parse::<Name>() else {
        return Vec::new();
    };
    let known = node.addresses.first();
    let known = known.and_then(|own| Some(&catalog.subnet(&own.subnet)?.network));
    let Some(network) = known.or_else(|| network_for(catalog, &pool, node)) else {
        return Vec::new();
    };
    let search = Search {
        ledger,
        node,
        network,
        pool: Some(&pool),
        owner: None,
        derives_mac: true,
        policy,
        now,
    };
    let families = [true, false].into_iter().filter(|is_v4| lacks(*is_v4));
    let found = families.filter_map(|is_v4| search.pick(is_v4).ok());
    found.map(|(ip, subnet)| (ip, subnet.clone())).collect()
}

/// The network that the node's own addresses are to be on: that of the first subnet with a pool for
/// them, by how close it is to the node, then by the names of network and subnet.
fn network_for<'a>(catalog: &'a Catalog, pool: &Name, node: &Node) -> Option<&'a Name> {
    let subnets = catalog.subnets_with_pool(pool);
    subnets
        .filter(|subnet| !subnet.deleting && subnet.placement.admits(node))
        .min_by_key(|subnet| {
            let distance = match subnet.placement {
                Placement::Rack(_) => 0,
                Placement::Nodes(_) => 1,
                Placement::Anywhere => 2,
            };
            (distance, &subnet.network, &subnet.name)
        })
        .map(|subnet| &subnet.network)
}

fn taken(node: &Node, ip: IpAddr, subnet: &Subnet, now: Timestamp, revision: Revision) -> Edit {
    Edit::Put(Object::Address(Arc::new(Address {
        ip,
        subnet: subnet.name.clone(),
        network: subnet.network.clone(),
        state: AddressState::Node {
            node: node.name.clone(),
        },
        since: now,
        conflict: None,
        revision,
    })))
}
