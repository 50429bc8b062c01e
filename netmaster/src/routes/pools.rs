//! `/v1/pools`

use trunkline_ipam as ipam;
use trunkline_ipam::{Catalog, Change, Key, Kind, Ledger, Object, Revision, Step, Timestamp};
use trunkline_netmaster_api::{Pool, PoolSpec};
use trunkline_types::{Labels, Name};

use super::field::{Field, Form};
use super::noun::{Managed, Noun, Scene, at_once, planned, view};
use crate::failure::Failure;

pub(crate) enum Pools {}

impl Noun for Pools {
    const KIND: Kind = Kind::Pool;
    const PATH: &'static str = "pools";
    type View = Pool;
    const FIELDS: &'static [Field<Pool>] = &[
        Field {
            name: "name",
            form: Form::Name,
            values: |pool| vec![pool.name.to_string()],
        },
        Field {
            name: "subnet",
            form: Form::Name,
            values: |pool| vec![pool.subnet.to_string()],
        },
    ];

    fn view(_: &Scene<'_>, object: &Object) -> Option<Pool> {
        let Object::Pool(pool) = object else {
            return None;
        };
        Some(Pool {
            subnet: pool.subnet.clone(),
            name: pool.name.clone(),
            ranges: pool.ranges.clone(),
            labels: pool.labels.clone(),
            revision: pool.revision.number(),
        })
    }

    fn labels(object: &Object) -> Option<&Labels> {
        match object {
            Object::Pool(pool) => Some(&pool.labels),
            _ => None,
        }
    }
}

impl Managed for Pools {
    type Spec = PoolSpec;
    type Wanted = ipam::PoolSpec;
    type Updated = Pool;

    fn wanted(spec: PoolSpec) -> Result<ipam::PoolSpec, Failure> {
        if spec.ranges.is_empty() {
            return Err(Failure::field(
                "ranges",
                "it is empty: name at least one range",
            ));
        }
        Ok(ipam::PoolSpec {
            subnet: spec.subnet,
            name: spec.name,
            ranges: spec.ranges,
            labels: spec.labels,
        })
    }

    fn key(wanted: &ipam::PoolSpec) -> Key {
        Key::Pool(wanted.subnet.clone(), wanted.name.clone())
    }

    fn network(catalog: &Catalog, wanted: &ipam::PoolSpec) -> Option<Name> {
        Some(catalog.subnet(&wanted.subnet)?.network.clone())
    }

    fn create(
        ledger: &Ledger,
        wanted: &ipam::PoolSpec,
        _: Timestamp,
    ) -> Result<(Object, Change), Failure> {
        let created = ipam::create_pool(ledger.catalog(), wanted)?;
        Ok(planned(created, Object::Pool))
    }

    fn update(
        scene: &Scene<'_>,
        ledger: &Ledger,
        wanted: &ipam::PoolSpec,
        revision: Revision,
    ) -> Result<(Pool, Change), Failure> {
        let updated = ipam::update_pool(ledger.catalog(), wanted, revision)?;
        let (object, change) = planned(updated, Object::Pool);
        Ok((view::<Self>(scene, &object)?, change))
    }

    fn delete(
        ledger: &Ledger,
        key: &Key,
        expected: Option<Revision>,
        _: Timestamp,
    ) -> Result<Step, Failure> {
        let Key::Pool(subnet, name) = key else {
            return Err(Failure::not_found(Self::KIND, &key.name()));
        };
        let change = ipam::delete_pool(ledger.catalog(), subnet, name, expected)?;
        Ok(at_once(change))
    }
}
