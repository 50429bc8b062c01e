//! `/v1/groups`

use trunkline_ipam as ipam;
use trunkline_ipam::{Change, Key, Kind, Ledger, Object, Revision, Scope, Step, Timestamp};
use trunkline_netmaster_api::{Group, GroupSpec, Level};
use trunkline_types::{Labels, Name};

use super::field::{Field, Form};
use super::noun::{Managed, Noun, Scene, at_once, planned, view};
use crate::failure::Failure;

pub(crate) enum Groups {}

fn one(name: Option<&Name>) -> Vec<String> {
    name.map(ToString::to_string).into_iter().collect()
}

impl Noun for Groups {
    const KIND: Kind = Kind::Group;
    const PATH: &'static str = "groups";
    type View = Group;
    const FIELDS: &'static [Field<Group>] = &[
        Field {
            name: "name",
            form: Form::Name,
            values: |group| vec![group.name.to_string()],
        },
        Field {
            name: "level",
            form: Form::Level,
            values: |group| vec![group.level.as_str().to_owned()],
        },
        Field {
            name: "namespace",
            form: Form::Text,
            values: |group| group.namespaces.iter().map(ToString::to_string).collect(),
        },
        Field {
            name: "network",
            form: Form::Name,
            values: |group| one(group.network.as_ref()),
        },
        Field {
            name: "pool",
            form: Form::Name,
            values: |group| one(group.pool.as_ref()),
        },
        Field {
            name: "profile",
            form: Form::Name,
            values: |group| one(group.profile.as_ref()),
        },
    ];

    fn view(_: &Scene<'_>, object: &Object) -> Option<Group> {
        let Object::Group(group) = object else {
            return None;
        };
        let (nodes, namespaces, pods) = match &group.scope {
            Scope::Cluster => (None, None, None),
            Scope::NodeClass { nodes } => (Some(nodes), None, None),
            Scope::Namespaces { namespaces } => (None, Some(namespaces), None),
            Scope::Pods { namespaces, pods } => (None, Some(namespaces), Some(pods)),
        };
        Some(Group {
            name: group.name.clone(),
            level: level(group.scope.level()),
            nodes: nodes.cloned(),
            namespaces: namespaces.into_iter().flatten().cloned().collect(),
            pods: pods.cloned(),
            network: group.network.clone(),
            pool: group.pool.clone(),
            profile: group.profile.clone(),
            priority: group.priority,
            labels: group.labels.clone(),
            revision: group.revision.number(),
        })
    }

    fn labels(object: &Object) -> Option<&Labels> {
        match object {
            Object::Group(group) => Some(&group.labels),
            _ => None,
        }
    }
}

impl Managed for Groups {
    type Spec = GroupSpec;
    type Wanted = ipam::GroupSpec;
    type Updated = Group;

    fn wanted(spec: GroupSpec) -> Result<ipam::GroupSpec, Failure> {
        Ok(ipam::GroupSpec {
            scope: scope(&spec)?,
            name: spec.name,
            network: spec.network,
            pool: spec.pool,
            profile: spec.profile,
            priority: spec.priority,
            labels: spec.labels,
        })
    }

    fn key(wanted: &ipam::GroupSpec) -> Key {
        Key::Group(wanted.name.clone())
    }

    fn create(
        ledger: &Ledger,
        wanted: &ipam::GroupSpec,
        _: Timestamp,
    ) -> Result<(Object, Change), Failure> {
        let created = ipam::create_group(ledger.catalog(), wanted)?;
        Ok(planned(created, Object::Group))
    }

    fn update(
        scene: &Scene<'_>,
        ledger: &Ledger,
        wanted: &ipam::GroupSpec,
        revision: Revision,
    ) -> Result<(Group, Change), Failure> {
        let updated = ipam::update_group(ledger.catalog(), wanted, revision)?;
        let (object, change) = planned(updated, Object::Group);
        Ok((view::<Self>(scene, &object)?, change))
    }

    fn delete(
        ledger: &Ledger,
        key: &Key,
        expected: Option<Revision>,
        _: Timestamp,
    ) -> Result<Step, Failure> {
        let Key::Group(name) = key else {
            return Err(Failure::not_found(Self::KIND, &key.name()));
        };
        Ok(at_once(ipam::delete_group(
            ledger.catalog(),
            name,
            expected,
        )?))
    }
}

/// Which pods a group is for.
fn scope(spec: &GroupSpec) -> Result<Scope, Failure> {
    let namespaces = || spec.namespaces.iter().cloned().collect();
    match (&spec.nodes, &spec.pods) {
        (Some(_), _) if !spec.namespaces.is_empty() => Err(Failure::field(
            "nodes",
            "a group is for nodes or for namespaces, not for both: leave one of them out",
        )),
        (_, Some(_)) if spec.namespaces.is_empty() => Err(Failure::field(
            "pods",
            "pods are chosen within namespaces: name them in `namespaces`",
        )),
        (Some(nodes), _) => Ok(Scope::NodeClass {
            nodes: nodes.clone(),
        }),
        (None, Some(pods)) => Ok(Scope::Pods {
            namespaces: namespaces(),
            pods: pods.clone(),
        }),
        (None, None) if spec.namespaces.is_empty() => Ok(Scope::Cluster),
        (None, None) => Ok(Scope::Namespaces {
            namespaces: namespaces(),
        }),
    }
}

/// A level as it goes over the wire.
pub(super) fn level(level: ipam::Level) -> Level {
    match level {
        ipam::Level::Cluster => Level::Cluster,
        ipam::Level::NodeClass => Level::NodeClass,
        ipam::Level::Namespace => Level::Namespace,
        ipam::Level::Labels => Level::Labels,
        ipam::Level::Pod => Level::Pod,
    }
}
