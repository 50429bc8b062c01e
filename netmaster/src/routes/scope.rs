//! What a token that is for some networks only reaches: them, and what is of them.
//!
//! Of the operations, those which say so in the table; of the objects, those that are of one of its
//! networks. What a change does is looked at edit by edit, so that nothing else comes with it.

use std::collections::BTreeSet;
use std::sync::Arc;

use trunkline_ipam::{Catalog, Change, Edit, Key, Network, Object, Rehearsal};
use trunkline_netmaster_api::ErrorCode;
use trunkline_types::Name;

use super::access::Caller;
use crate::failure::Failure;
use crate::identity::{Identity, Scope};

/// Looks an object up.
type Find<'a> = &'a dyn Fn(&Key) -> Option<Object>;

/// The network that an object is of; none if its kind has none.
pub(super) fn network_of(catalog: &Catalog, object: &Object) -> Option<Name> {
    network_by(&|key: &Key| catalog.object(key), object)
}

fn network_by(find: Find<'_>, object: &Object) -> Option<Name> {
    match object {
        Object::Network(network) => Some(network.name.clone()),
        Object::Subnet(subnet) => Some(subnet.network.clone()),
        Object::Pool(pool) => match find(&Key::Subnet(pool.subnet.clone()))? {
            Object::Subnet(subnet) => Some(subnet.network.clone()),
            _ => None,
        },
        Object::Reservation(reservation) => Some(reservation.network.clone()),
        Object::Address(address) => Some(address.network.clone()),
        Object::Endpoint(endpoint) => Some(endpoint.network.clone()),
        _ => None,
    }
}

/// Refuses what is about no network, if that is all that `identity` is for.
pub(super) fn check_operation(identity: &Identity, of_networks: bool) -> Result<(), Failure> {
    match identity.scope() {
        Scope::Networks(_) if !of_networks => {
            let why = format!(
                "{}, and this is not about one network: use another token",
                reach(identity)
            );
            Err(Failure::new(ErrorCode::Forbidden, why))
        }
        _ => Ok(()),
    }
}

impl Caller {
    /// The only networks that the caller may see and change; none for all.
    pub(super) fn networks(&self) -> Option<Arc<BTreeSet<Name>>> {
        match self.0.scope() {
            Scope::Everything => None,
            Scope::Networks(networks) => Some(networks.clone()),
        }
    }

    /// Refuses a caller who is not for `network`, which `key` is of.
    pub(super) fn reaches(&self, key: &Key, network: Option<&Name>) -> Result<(), Failure> {
        let Scope::Networks(networks) = self.0.scope() else {
            return Ok(());
        };
        if network.is_some_and(|network| networks.contains(network)) {
            return Ok(());
        }
        let what = match (key, network) {
            (Key::Network(_), _) | (_, None) => format!("not for {key}"),
            // Which one is nothing for the caller to know.
            (_, Some(_)) => format!("{key} is of another one"),
        };
        let why = format!("{}, and {what}: use another token", reach(&self.0));
        Err(Failure::new(ErrorCode::Forbidden, why))
    }

    /// Refuses a caller who is for some networks only and has left it to groups which one it is to
    /// be: that may be any, and what stands in the way of that one is nothing for the caller to know.
    pub(super) fn names_a_network(&self) -> Result<(), Failure> {
        if *self.0.scope() == Scope::Everything {
            return Ok(());
        }
        let why = format!(
            "{}, and groups may say another: name one of them as `network`",
            reach(&self.0)
        );
        Err(Failure::new(ErrorCode::Forbidden, why))
    }

    /// Refuses a caller who is not for the network that an object is of.
    pub(super) fn reaches_object(&self, catalog: &Catalog, object: &Object) -> Result<(), Failure> {
        self.reaches(&object.key(), network_of(catalog, object).as_ref())
    }

    /// What the caller is told in the place of a refusal that says of itself how to be discreet;
    /// none if the caller may hear all of it.
    pub(super) fn instead(&self, discreetly: Option<&str>) -> Option<String> {
        match self.0.scope() {
            Scope::Everything => None,
            Scope::Networks(_) => discreetly.map(|why| format!("{}, and {why}", reach(&self.0))),
        }
    }

    /// A refusal without what is of other networks, or of none, if the caller is for some only.
    pub(super) fn may_hear(&self, failure: Failure) -> Failure {
        match self.instead(failure.discreetly()) {
            Some(detail) => failure.saying(detail),
            None => failure,
        }
    }

    /// Refuses a change that does something to what is not of the caller's networks, or to how a
    /// network is told from others.
    pub(super) fn may_make(&self, catalog: &Catalog, change: &Change) -> Result<(), Failure> {
        let find = |key: &Key| catalog.object(key);
        self.may_lead(&find, &find, change)
    }

    /// The same of a change that was rehearsed, and so has what it refers to in itself.
    pub(super) fn may_make_all(
        &self,
        rehearsal: &Rehearsal<'_>,
        change: &Change,
    ) -> Result<(), Failure> {
        let catalog = rehearsal.ledger().catalog();
        let before = |key: &Key| rehearsal.before(key);
        self.may_lead(&before, &|key: &Key| catalog.object(key), change)
    }

    /// Refuses a change from what `before` finds to what `after` finds.
    fn may_lead(&self, before: Find<'_>, after: Find<'_>, change: &Change) -> Result<(), Failure> {
        if *self.0.scope() == Scope::Everything {
            return Ok(());
        }
        for edit in change.edits() {
            let key = match edit {
                Edit::Put(object) => object.key(),
                Edit::Delete(key) => key.clone(),
            };
            if !is_of_networks(&key) {
                check_passenger(&self.0, &key)?;
                continue;
            }
            let current = before(&key);
            if let Some(current) = &current {
                self.reaches(&key, network_by(before, current).as_ref())?;
            }
            if let Edit::Put(object) = edit {
                self.reaches(&key, network_by(after, object).as_ref())?;
                if let Object::Network(network) = object {
                    self.keeps_apart(current.as_ref(), network)?;
                }
            }
        }
        Ok(())
    }

    /// Refuses another VLAN: it may be that of a network which the caller is not for, in another
    /// fabric or under another name.
    fn keeps_apart(&self, current: Option<&Object>, wanted: &Network) -> Result<(), Failure> {
        let kept = matches!(current, Some(Object::Network(current))
            if current.vlan == wanted.vlan && current.fabric() == wanted.fabric());
        if kept {
            return Ok(());
        }
        let why = format!(
            "{}: it neither creates networks nor changes the VLAN or the fabric of network `{}`; \
             use another token",
            reach(&self.0),
            wanted.name
        );
        Err(Failure::new(ErrorCode::Forbidden, why))
    }
}

fn is_of_networks(key: &Key) -> bool {
    matches!(
        key,
        Key::Network(_)
            | Key::Subnet(_)
            | Key::Pool(..)
            | Key::Reservation(_)
            | Key::Address(_)
            | Key::Endpoint(_)
    )
}

/// Records go with a change of anything, and a node's sign of life with one of its endpoints.
fn check_passenger(identity: &Identity, key: &Key) -> Result<(), Failure> {
    match key {
        Key::Holding(..) | Key::Event(_) | Key::Audit(_) | Key::Node(_) => Ok(()),
        _ => {
            let why = format!(
                "{}, and {key} is of none: use another token",
                reach(identity)
            );
            Err(Failure::new(ErrorCode::Forbidden, why))
        }
    }
}

/// Says what a caller is for.
fn reach(identity: &Identity) -> String {
    let names = match identity.scope() {
        Scope::Everything => Vec::new(),
        Scope::Networks(networks) => networks.iter().map(|name| format!("`{name}`")).collect(),
    };
    format!(
        "`{}` is for network {} only",
        identity.name(),
        names.join(", ")
    )
}
