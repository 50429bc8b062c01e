//! Planning a group's beginning, change and end.

use std::collections::BTreeSet;
use std::sync::Arc;

use trunkline_types::Name;

use super::{
    Binding, CreateGroupError, Group, GroupRulesError, GroupSpec, Scope, UpdateGroupError,
};
use crate::precondition::{at_revision, created, deleted, replaced};
use crate::{Catalog, Change, Key, Kind, NameInUse, Planned, Pool, PreconditionError, Revision};

/// Plans a new group.
///
/// # Errors
///
/// [`CreateGroupError`] if there is one of that name, it is for nobody or binds nothing, what it
/// binds is not there, or it cannot be told from another group which of them counts.
pub fn create_group(
    catalog: &Catalog,
    spec: &GroupSpec,
) -> Result<Planned<Group>, CreateGroupError> {
    if catalog.group(&spec.name).is_some() {
        return Err(NameInUse {
            key: Key::Group(spec.name.clone()),
        }
        .into());
    }
    check_rules(catalog, spec)?;
    Ok(created(catalog, |revision| build(spec, revision)))
}

/// Plans a group's change. It is for pods that come; those that run keep what they were given.
///
/// # Errors
///
/// [`UpdateGroupError`] if it is not there or not at that revision, or if no such group could be
/// created.
pub fn update_group(
    catalog: &Catalog,
    spec: &GroupSpec,
    expected: Revision,
) -> Result<Planned<Group>, UpdateGroupError> {
    let key = || Key::Group(spec.name.clone());
    let current = at_revision(catalog.group(&spec.name), key, Some(expected))?;
    check_rules(catalog, spec)?;
    Ok(replaced(catalog, current, |revision| build(spec, revision)))
}

/// Plans a group's end. Nothing refers to a group, so it is always possible.
///
/// # Errors
///
/// [`PreconditionError`] if it is not there or not at that revision.
pub fn delete_group(
    catalog: &Catalog,
    name: &Name,
    expected: Option<Revision>,
) -> Result<Change, PreconditionError> {
    let key = || Key::Group(name.clone());
    at_revision(catalog.group(name), key, expected)?;
    Ok(deleted(catalog, key()))
}

fn build(spec: &GroupSpec, revision: Revision) -> Group {
    Group {
        name: spec.name.clone(),
        scope: spec.scope.clone(),
        network: spec.network.clone(),
        pool: spec.pool.clone(),
        profile: spec.profile.clone(),
        priority: spec.priority,
        labels: spec.labels.clone(),
        revision,
    }
}

fn check_rules(catalog: &Catalog, spec: &GroupSpec) -> Result<(), GroupRulesError> {
    check_scope(&spec.scope)?;
    check_bound(catalog, spec)?;
    let wanted = build(spec, Revision::ZERO);
    match rival(catalog, &wanted) {
        None => Ok(()),
        Some((other, binding)) => Err(GroupRulesError::Ambiguous {
            group: spec.name.clone(),
            other: other.name.clone(),
            binding,
            level: spec.scope.level(),
            priority: spec.priority,
        }),
    }
}

pub(crate) fn check_scope(scope: &Scope) -> Result<(), GroupRulesError> {
    if let Some(namespaces) = scope.namespaces()
        && !(1..=Scope::NAMESPACES_MAX).contains(&namespaces.len())
    {
        return Err(GroupRulesError::Namespaces {
            given: namespaces.len(),
        });
    }
    match scope {
        Scope::Pods { pods, .. } if pods.is_empty() => Err(GroupRulesError::EmptySelector),
        _ => Ok(()),
    }
}

fn check_bound(catalog: &Catalog, spec: &GroupSpec) -> Result<(), GroupRulesError> {
    if spec.network.is_none() && spec.pool.is_none() && spec.profile.is_none() {
        return Err(GroupRulesError::BindsNothing);
    }
    let missing = |kind, name: &Name| GroupRulesError::NotFound {
        kind,
        name: name.clone(),
    };
    if let Some(network) = &spec.network
        && catalog.network(network).is_none()
    {
        return Err(missing(Kind::Network, network));
    }
    if let Some(profile) = &spec.profile
        && catalog.profile(profile).is_none()
    {
        return Err(missing(Kind::Profile, profile));
    }
    let Some(pool) = &spec.pool else {
        return Ok(());
    };
    if pool.as_str() == Pool::NODES {
        return Err(GroupRulesError::NodesPool);
    }
    if !catalog.has_pool(spec.network.as_ref(), pool, None) {
        return Err(match &spec.network {
            None => missing(Kind::Pool, pool),
            Some(network) => GroupRulesError::NoPoolInNetwork {
                pool: pool.clone(),
                network: network.clone(),
            },
        });
    }
    Ok(())
}

/// Another group that may be for a pod of this one, with nothing to say which of them counts, and
/// the value that both bind.
pub(crate) fn rival<'a>(catalog: &'a Catalog, group: &Group) -> Option<(&'a Arc<Group>, Binding)> {
    let near: BTreeSet<_> = match group.scope.namespaces() {
        None => catalog.groups_near(None).map(|other| &other.name).collect(),
        Some(namespaces) => namespaces
            .iter()
            .flat_map(|namespace| catalog.groups_near(Some(namespace)))
            .map(|other| &other.name)
            .collect(),
    };
    near.into_iter()
        .filter(|name| **name != group.name)
        .filter_map(|name| catalog.group(name))
        .filter(|other| other.priority == group.priority && other.scope.meets(&group.scope))
        .find_map(|other| {
            let both = |binding: &&Binding| {
                other.bound(**binding).is_some() && group.bound(**binding).is_some()
            };
            let binding = Binding::ALL.iter().find(both)?;
            Some((other, *binding))
        })
}

impl Scope {
    /// Whether both are of one level and cannot be told to have no pod in common.
    fn meets(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Cluster, Self::Cluster) => true,
            (Self::NodeClass { nodes: ours }, Self::NodeClass { nodes: theirs }) => {
                !ours.excludes(theirs)
            }
            (Self::Namespaces { namespaces: ours }, Self::Namespaces { namespaces: theirs }) => {
                !ours.is_disjoint(theirs)
            }
            (
                Self::Pods {
                    namespaces: ours,
                    pods,
                },
                Self::Pods {
                    namespaces: theirs,
                    pods: others,
                },
            ) => !ours.is_disjoint(theirs) && !pods.excludes(others),
            _ => false,
        }
    }
}
