//! `/v1/subnets`

use trunkline_ipam as ipam;
use trunkline_ipam::{
    Catalog, Change, Key, Kind, Ledger, Object, Placement, Revision, Step, Timestamp,
};
use trunkline_netmaster_api::{OldGateway, Subnet, SubnetSpec, SubnetUpdated};
use trunkline_types::{Labels, Name};

use super::field::{Field, Form};
use super::noun::{Managed, Noun, Scene, planned, view};
use crate::failure::Failure;

pub(crate) enum Subnets {}

impl Noun for Subnets {
    const KIND: Kind = Kind::Subnet;
    const PATH: &'static str = "subnets";
    type View = Subnet;
    const FIELDS: &'static [Field<Subnet>] = &[
        Field {
            name: "name",
            form: Form::Name,
            values: |subnet| vec![subnet.name.to_string()],
        },
        Field {
            name: "network",
            form: Form::Name,
            values: |subnet| vec![subnet.network.to_string()],
        },
        Field {
            name: "rack",
            form: Form::Name,
            values: |subnet| subnet.rack.iter().map(ToString::to_string).collect(),
        },
        Field {
            name: "cidr",
            form: Form::Cidr,
            values: |subnet| vec![subnet.cidr.to_string()],
        },
    ];

    fn view(scene: &Scene<'_>, object: &Object) -> Option<Subnet> {
        let Object::Subnet(subnet) = object else {
            return None;
        };
        let (rack, nodes) = match &subnet.placement {
            Placement::Rack(rack) => (Some(rack), None),
            Placement::Nodes(nodes) => (None, Some(nodes)),
            Placement::Anywhere => (None, None),
        };
        Some(Subnet {
            name: subnet.name.clone(),
            network: subnet.network.clone(),
            cidr: subnet.cidr,
            gateway: subnet.gateway,
            ranges: subnet.ranges.clone(),
            exclusions: subnet.exclusions.clone(),
            rack: rack.cloned(),
            nodes: nodes.cloned(),
            labels: subnet.labels.clone(),
            deleting: subnet.deleting,
            in_use: scene.catalog.in_use(&subnet.name),
            capacity: subnet.capacity(),
            revision: subnet.revision.number(),
        })
    }

    fn labels(object: &Object) -> Option<&Labels> {
        match object {
            Object::Subnet(subnet) => Some(&subnet.labels),
            _ => None,
        }
    }
}

impl Managed for Subnets {
    type Spec = SubnetSpec;
    type Wanted = ipam::SubnetSpec;
    type Updated = SubnetUpdated;

    fn wanted(spec: SubnetSpec) -> Result<ipam::SubnetSpec, Failure> {
        let placement = match (spec.rack, spec.nodes) {
            (Some(_), Some(_)) => {
                let why = "a subnet is for a rack or for nodes with labels, not for both: leave \
                           one of them out";
                return Err(Failure::field("nodes", why));
            }
            (Some(rack), None) => Placement::Rack(rack),
            (None, Some(nodes)) => Placement::Nodes(nodes),
            (None, None) => Placement::Anywhere,
        };
        Ok(ipam::SubnetSpec {
            name: spec.name,
            network: spec.network,
            cidr: spec.cidr,
            gateway: spec.gateway,
            ranges: spec.ranges,
            exclusions: spec.exclusions,
            placement,
            labels: spec.labels,
        })
    }

    fn key(wanted: &ipam::SubnetSpec) -> Key {
        Key::Subnet(wanted.name.clone())
    }

    fn network(_: &Catalog, wanted: &ipam::SubnetSpec) -> Option<Name> {
        Some(wanted.network.clone())
    }

    fn create(
        ledger: &Ledger,
        wanted: &ipam::SubnetSpec,
        _: Timestamp,
    ) -> Result<(Object, Change), Failure> {
        let created = ipam::create_subnet(ledger.catalog(), wanted)?;
        Ok(planned(created, Object::Subnet))
    }

    fn update(
        scene: &Scene<'_>,
        ledger: &Ledger,
        wanted: &ipam::SubnetSpec,
        revision: Revision,
    ) -> Result<(SubnetUpdated, Change), Failure> {
        let updated = ipam::update_subnet(ledger.catalog(), wanted, revision)?;
        let (object, change) = planned(updated.planned, Object::Subnet);
        let old_gateway = updated.old_gateway.iter().map(|endpoint| OldGateway {
            attachment: endpoint.attachment.clone(),
            pod: endpoint.pod.clone(),
            node: endpoint.node.clone(),
        });
        let answer = SubnetUpdated {
            subnet: view::<Self>(scene, &object)?,
            old_gateway: old_gateway.collect(),
        };
        Ok((answer, change))
    }

    fn delete(
        ledger: &Ledger,
        key: &Key,
        expected: Option<Revision>,
        _: Timestamp,
    ) -> Result<Step, Failure> {
        let Key::Subnet(name) = key else {
            return Err(Failure::not_found(Self::KIND, &key.name()));
        };
        Ok(ipam::delete_subnet(ledger.catalog(), name, expected)?)
    }
}
