//! What a pod is bound to: the ladder from what the pod itself says down to the whole cluster.

use std::cmp::Reverse;
use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;

use trunkline_types::{Labels, Name};

use super::{Group, Level, Scope};
use crate::{Catalog, Node};

/// The pod that is asked about.
#[derive(Clone, Copy, Debug)]
pub struct Subject<'a> {
    /// The node it runs on, if that is known; without one, no group of a node class is for it.
    pub node: Option<&'a Node>,
    /// Its namespace; without one, no group of namespaces is for it.
    pub namespace: Option<&'a str>,
    /// Its labels.
    pub labels: &'a Labels,
    /// The network that the pod itself names.
    pub network: Option<&'a Name>,
    /// The pool that the pod itself names.
    pub pool: Option<&'a Name>,
    /// The profile that the pod itself names.
    pub profile: Option<&'a Name>,
}

/// What a pod is bound to, and how that came about.
///
/// Each value is chosen for itself: the network may come from one group and the pool from another.
/// Whether the network has such a pool is found when an address is asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Resolution {
    /// Its network; without one, nobody names any.
    pub network: Option<Choice>,
    /// Its pool; without one, its addresses are of no pool.
    pub pool: Option<Choice>,
    /// Its profile; without one, its traffic is not limited.
    pub profile: Option<Choice>,
    /// Every rung that was looked at, the most specific first.
    pub ladder: Vec<Rung>,
}

/// One value, and who chose it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Choice {
    /// The name of the network, pool or profile.
    pub value: Name,
    /// How specific the choice is.
    pub level: Level,
    /// The group that names it; none if the pod itself does.
    pub group: Option<Name>,
}

/// One step of the ladder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rung {
    /// How specific it is.
    pub level: Level,
    /// The group; none for the pod itself.
    pub group: Option<Arc<Group>>,
    /// Whether it is for the pod.
    pub outcome: Outcome,
}

/// Whether a rung is for a pod.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It is. Of what it names, these were not settled by a higher rung; none if it names nothing
    /// else.
    Matched {
        /// What it settled.
        settles: Vec<Binding>,
    },
    /// It is not.
    Missed(Miss),
}

/// The values that a group binds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Binding {
    /// The network.
    Network,
    /// The pool.
    Pool,
    /// The profile.
    Profile,
}

/// Why a rung is not for a pod.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Miss {
    /// The pod itself names neither network nor pool nor profile.
    SaysNothing,
    /// The pod's namespace is not among the group's, or is not known.
    Namespace,
    /// The pod's labels do not match.
    Labels,
    /// The node's labels do not match, or the node is not known.
    Node,
}

impl Binding {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Network, Self::Pool, Self::Profile];
}

impl fmt::Display for Binding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Network => "network",
            Self::Pool => "pool",
            Self::Profile => "profile",
        })
    }
}

impl fmt::Display for Miss {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::SaysNothing => "the pod names neither network nor pool nor profile",
            Self::Namespace => "the pod's namespace is not among the group's",
            Self::Labels => "the pod's labels do not match",
            Self::Node => "the node's labels do not match",
        })
    }
}

impl Group {
    /// The value it names for `binding`.
    #[must_use]
    pub fn bound(&self, binding: Binding) -> Option<&Name> {
        match binding {
            Binding::Network => self.network.as_ref(),
            Binding::Pool => self.pool.as_ref(),
            Binding::Profile => self.profile.as_ref(),
        }
    }
}

impl Subject<'_> {
    fn says(&self, binding: Binding) -> Option<&Name> {
        match binding {
            Binding::Network => self.network,
            Binding::Pool => self.pool,
            Binding::Profile => self.profile,
        }
    }

    /// Why a group of this scope is not for the pod; none if it is.
    fn misses(&self, scope: &Scope, namespace: Option<&Name>) -> Option<Miss> {
        let in_namespace =
            |namespaces: &BTreeSet<Name>| namespace.is_some_and(|own| namespaces.contains(own));
        match scope {
            Scope::Cluster => None,
            Scope::NodeClass { nodes } => {
                let matches = self.node.is_some_and(|node| nodes.matches(&node.labels));
                (!matches).then_some(Miss::Node)
            }
            Scope::Namespaces { namespaces } => {
                (!in_namespace(namespaces)).then_some(Miss::Namespace)
            }
            Scope::Pods { namespaces, .. } if !in_namespace(namespaces) => Some(Miss::Namespace),
            Scope::Pods { pods, .. } => (!pods.matches(self.labels)).then_some(Miss::Labels),
        }
    }
}

/// What `subject` is bound to. Groups of other namespaces are not looked at, so that the cost does
/// not grow with their number.
#[must_use]
pub fn resolve(catalog: &Catalog, subject: &Subject<'_>) -> Resolution {
    let namespace = namespace_of(subject);
    climb(subject, catalog.groups_near(namespace.as_ref()))
}

/// The same as [`resolve`], with every group there is on the ladder: for an operator who asks why
/// one is not for a pod.
#[must_use]
pub fn explain(catalog: &Catalog, subject: &Subject<'_>) -> Resolution {
    climb(subject, catalog.groups())
}

/// A namespace that is no name is in no group.
fn namespace_of(subject: &Subject<'_>) -> Option<Name> {
    subject.namespace?.parse().ok()
}

fn climb<'a>(subject: &Subject<'_>, groups: impl Iterator<Item = &'a Arc<Group>>) -> Resolution {
    let namespace = namespace_of(subject);
    let mut groups: Vec<_> = groups.collect();
    // No two groups that may match one pod and name the same value are equal up to the name; it
    // is there to give the ladder one order.
    groups.sort_by_key(|group| {
        let rank = Reverse((group.scope.level(), group.priority));
        (rank, &group.name)
    });
    let mut resolution = Resolution::default();
    let says_nothing = Binding::ALL.iter().all(|b| subject.says(*b).is_none());
    resolution.step(
        Level::Pod,
        None,
        says_nothing.then_some(Miss::SaysNothing),
        |binding| subject.says(binding),
    );
    for group in groups {
        let miss = subject.misses(&group.scope, namespace.as_ref());
        let level = group.scope.level();
        resolution.step(level, Some(group), miss, |binding| group.bound(binding));
    }
    resolution
}

impl Resolution {
    /// What was chosen for `binding`.
    #[must_use]
    pub fn chosen(&self, binding: Binding) -> Option<&Choice> {
        match binding {
            Binding::Network => self.network.as_ref(),
            Binding::Pool => self.pool.as_ref(),
            Binding::Profile => self.profile.as_ref(),
        }
    }

    fn step<'a>(
        &mut self,
        level: Level,
        group: Option<&Arc<Group>>,
        miss: Option<Miss>,
        names: impl Fn(Binding) -> Option<&'a Name>,
    ) {
        let outcome = match miss {
            Some(miss) => Outcome::Missed(miss),
            None => Outcome::Matched {
                settles: self.settle(level, group, names),
            },
        };
        self.ladder.push(Rung {
            level,
            group: group.cloned(),
            outcome,
        });
    }

    fn settle<'a>(
        &mut self,
        level: Level,
        group: Option<&Arc<Group>>,
        names: impl Fn(Binding) -> Option<&'a Name>,
    ) -> Vec<Binding> {
        let mut settled = Vec::new();
        for binding in Binding::ALL {
            let place = match binding {
                Binding::Network => &mut self.network,
                Binding::Pool => &mut self.pool,
                Binding::Profile => &mut self.profile,
            };
            if let (None, Some(value)) = (&place, names(binding)) {
                *place = Some(Choice {
                    value: value.clone(),
                    level,
                    group: group.map(|group| group.name.clone()),
                });
                settled.push(binding);
            }
        }
        settled
    }
}

#[cfg(test)]
mod tests;
