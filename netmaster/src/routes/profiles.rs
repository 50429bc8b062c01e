//! `/v1/profiles`

use trunkline_ipam as ipam;
use trunkline_ipam::{Change, Key, Kind, Ledger, Object, Revision, Step, Timestamp};
use trunkline_netmaster_api::{Profile, ProfileSpec, Rate};
use trunkline_types as types;
use trunkline_types::Labels;

use super::field::{Field, Form};
use super::noun::{Managed, Noun, Scene, at_once, planned, view};
use crate::failure::Failure;

pub(crate) enum Profiles {}

impl Noun for Profiles {
    const KIND: Kind = Kind::Profile;
    const PATH: &'static str = "profiles";
    type View = Profile;
    const FIELDS: &'static [Field<Profile>] = &[Field {
        name: "name",
        form: Form::Name,
        values: |profile| vec![profile.name.to_string()],
    }];

    fn view(_: &Scene<'_>, object: &Object) -> Option<Profile> {
        let Object::Profile(profile) = object else {
            return None;
        };
        Some(Profile {
            name: profile.name.clone(),
            ingress: profile.ingress.map(rate),
            egress: profile.egress.map(rate),
            dscp: profile.dscp,
            labels: profile.labels.clone(),
            revision: profile.revision.number(),
        })
    }

    fn labels(object: &Object) -> Option<&Labels> {
        match object {
            Object::Profile(profile) => Some(&profile.labels),
            _ => None,
        }
    }
}

impl Managed for Profiles {
    type Spec = ProfileSpec;
    type Wanted = ipam::ProfileSpec;
    type Updated = Profile;

    fn wanted(spec: ProfileSpec) -> Result<ipam::ProfileSpec, Failure> {
        let rate = |rate: Rate| types::Rate {
            bandwidth: rate.bandwidth,
            burst: rate.burst,
        };
        Ok(ipam::ProfileSpec {
            name: spec.name,
            ingress: spec.ingress.map(rate),
            egress: spec.egress.map(rate),
            dscp: spec.dscp,
            labels: spec.labels,
        })
    }

    fn key(wanted: &ipam::ProfileSpec) -> Key {
        Key::Profile(wanted.name.clone())
    }

    fn create(
        ledger: &Ledger,
        wanted: &ipam::ProfileSpec,
        _: Timestamp,
    ) -> Result<(Object, Change), Failure> {
        let created = ipam::create_profile(ledger.catalog(), wanted)?;
        Ok(planned(created, Object::Profile))
    }

    fn update(
        scene: &Scene<'_>,
        ledger: &Ledger,
        wanted: &ipam::ProfileSpec,
        revision: Revision,
    ) -> Result<(Profile, Change), Failure> {
        let updated = ipam::update_profile(ledger.catalog(), wanted, revision)?;
        let (object, change) = planned(updated, Object::Profile);
        Ok((view::<Self>(scene, &object)?, change))
    }

    fn delete(
        ledger: &Ledger,
        key: &Key,
        expected: Option<Revision>,
        _: Timestamp,
    ) -> Result<Step, Failure> {
        let Key::Profile(name) = key else {
            return Err(Failure::not_found(Self::KIND, &key.name()));
        };
        Ok(at_once(ipam::delete_profile(
            ledger.catalog(),
            name,
            expected,
        )?))
    }
}

/// A limit as it goes over the wire.
pub(super) fn rate(rate: types::Rate) -> Rate {
    Rate {
        bandwidth: rate.bandwidth,
        burst: rate.burst,
    }
}
