//! `/v1/networks`

use trunkline_ipam as ipam;
use trunkline_ipam::{Catalog, Change, Key, Kind, Ledger, Object, Revision, Step, Timestamp};
use trunkline_netmaster_api::{Network, NetworkSpec};
use trunkline_types::{Labels, Name};

use super::field::{Field, Form};
use super::noun::{Managed, Noun, Scene, at_once, planned, view};
use crate::failure::Failure;

pub(crate) enum Networks {}

impl Noun for Networks {
    const KIND: Kind = Kind::Network;
    const PATH: &'static str = "networks";
    type View = Network;
    const FIELDS: &'static [Field<Network>] = &[
        Field {
            name: "name",
            form: Form::Name,
            values: |network| vec![network.name.to_string()],
        },
        Field {
            name: "vlan",
            form: Form::Vlan,
            values: |network| vec![network.vlan.to_string()],
        },
    ];

    fn view(_: &Scene<'_>, object: &Object) -> Option<Network> {
        let Object::Network(network) = object else {
            return None;
        };
        Some(Network {
            name: network.name.clone(),
            vlan: network.vlan,
            mtu: network.mtu,
            labels: network.labels.clone(),
            revision: network.revision.number(),
        })
    }

    fn labels(object: &Object) -> Option<&Labels> {
        match object {
            Object::Network(network) => Some(&network.labels),
            _ => None,
        }
    }
}

impl Managed for Networks {
    type Spec = NetworkSpec;
    type Wanted = ipam::NetworkSpec;
    type Updated = Network;

    fn wanted(spec: NetworkSpec) -> Result<ipam::NetworkSpec, Failure> {
        Ok(ipam::NetworkSpec {
            name: spec.name,
            vlan: spec.vlan,
            mtu: spec.mtu,
            labels: spec.labels,
        })
    }

    fn key(wanted: &ipam::NetworkSpec) -> Key {
        Key::Network(wanted.name.clone())
    }

    fn network(_: &Catalog, wanted: &ipam::NetworkSpec) -> Option<Name> {
        Some(wanted.name.clone())
    }

    fn create(
        ledger: &Ledger,
        wanted: &ipam::NetworkSpec,
        _: Timestamp,
    ) -> Result<(Object, Change), Failure> {
        let created = ipam::create_network(ledger.catalog(), wanted)?;
        Ok(planned(created, Object::Network))
    }

    fn update(
        scene: &Scene<'_>,
        ledger: &Ledger,
        wanted: &ipam::NetworkSpec,
        revision: Revision,
    ) -> Result<(Network, Change), Failure> {
        let updated = ipam::update_network(ledger.catalog(), wanted, revision)?;
        let (object, change) = planned(updated, Object::Network);
        Ok((view::<Self>(scene, &object)?, change))
    }

    fn delete(
        ledger: &Ledger,
        key: &Key,
        expected: Option<Revision>,
        _: Timestamp,
    ) -> Result<Step, Failure> {
        let Key::Network(name) = key else {
            return Err(Failure::not_found(Self::KIND, &key.name()));
        };
        Ok(at_once(ipam::delete_network(
            ledger.catalog(),
            name,
            expected,
        )?))
    }
}
