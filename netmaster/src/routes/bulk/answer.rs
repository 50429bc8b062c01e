//! What becomes of many objects, as it goes over the wire.

use std::collections::BTreeMap;

use serde_json::Value;
use trunkline_ipam as ipam;
use trunkline_ipam::{Key, Kind, Object, ObjectOutcome, Outcomes};
use trunkline_netmaster_api::{
    Changes, Effect, FieldChange, Manifest, ObjectChange, Op, Touch, TouchedEndpoint,
};

use super::super::manifest::as_written;

/// The answer to a request that came to `outcomes`.
pub(super) fn changes(outcomes: &Outcomes, dry_run: bool) -> Changes {
    let revision = match dry_run && !outcomes.change.is_empty() {
        true => outcomes.change.revision().previous(),
        false => outcomes.change.revision(),
    };
    Changes {
        dry_run,
        revision: revision.number(),
        objects: outcomes.objects.iter().map(object).collect(),
    }
}

fn object(outcome: &ObjectOutcome) -> ObjectChange {
    let op = match (&outcome.before, &outcome.after) {
        (None, Some(_)) => Op::Create,
        (Some(_), None) => Op::Delete,
        (before, after) if before == after => Op::Unchanged,
        _ => Op::Update,
    };
    let fields = match op {
        Op::Unchanged => Vec::new(),
        _ => {
            let before = outcome.before.as_ref().map(written).unwrap_or_default();
            let after = outcome.after.as_ref().map(written).unwrap_or_default();
            differing(before, after)
        }
    };
    ObjectChange {
        index: outcome.index.and_then(|index| u32::try_from(index).ok()),
        kind: outcome.key.kind().noun().to_owned(),
        name: outcome.key.name(),
        op,
        fields,
        touches: outcome.effects.iter().map(touch).collect(),
    }
}

/// An object's fields as an operator writes or sees them, by path.
fn written(object: &Object) -> BTreeMap<String, Value> {
    let mut fields = BTreeMap::new();
    flatten("", as_written(object), &mut fields);
    fields.remove("kind");
    fields
}

/// Objects within an object are gone into; lists are one value.
fn flatten(path: &str, value: Value, fields: &mut BTreeMap<String, Value>) {
    match value {
        Value::Null => {}
        Value::Object(members) => {
            for (name, member) in members {
                let path = match path {
                    "" => name,
                    _ => format!("{path}.{name}"),
                };
                flatten(&path, member, fields);
            }
        }
        other => {
            fields.insert(path.to_owned(), other);
        }
    }
}

fn differing(
    mut before: BTreeMap<String, Value>,
    after: BTreeMap<String, Value>,
) -> Vec<FieldChange> {
    let mut changes = BTreeMap::new();
    for (field, after) in after {
        let before = before.remove(&field);
        if before.as_ref() != Some(&after) {
            changes.insert(field, (before, Some(after)));
        }
    }
    let gone = before.into_iter();
    changes.extend(gone.map(|(field, before)| (field, (Some(before), None))));
    let changes = changes
        .into_iter()
        .map(|(field, (before, after))| FieldChange {
            field,
            before,
            after,
        });
    changes.collect()
}

fn touch(effect: &ipam::Effect) -> Touch {
    let endpoints = effect.endpoints.iter().map(|endpoint| TouchedEndpoint {
        attachment: endpoint.attachment.clone(),
        pod: endpoint.pod.clone(),
        node: endpoint.node.clone(),
        addresses: endpoint.addresses.iter().map(|own| own.ip).collect(),
    });
    Touch {
        effect: match effect.kind {
            ipam::EffectKind::KeepsGateway => Effect::KeepsGateway,
            ipam::EffectKind::KeepsMtu => Effect::KeepsMtu,
            ipam::EffectKind::KeepsMac => Effect::KeepsMac,
            ipam::EffectKind::ShapedAnew => Effect::ShapedAnew,
            ipam::EffectKind::MayBindOtherwise => Effect::MayBindOtherwise,
            ipam::EffectKind::Withdrawn => Effect::Withdrawn,
            ipam::EffectKind::HandedOut => Effect::HandedOut,
        },
        total: u64::try_from(effect.total).unwrap_or(u64::MAX),
        endpoints: endpoints.collect(),
        addresses: effect.ranges.clone(),
    }
}

/// What a manifest is about, before anything is known of whether that can be.
pub(super) fn name_of(manifest: &Manifest) -> (Kind, String) {
    match manifest {
        Manifest::Network(spec) => (Kind::Network, spec.name.to_string()),
        Manifest::Subnet(spec) => (Kind::Subnet, spec.name.to_string()),
        Manifest::Pool(spec) => {
            let key = Key::Pool(spec.subnet.clone(), spec.name.clone());
            (Kind::Pool, key.name())
        }
        Manifest::Group(spec) => (Kind::Group, spec.name.to_string()),
        Manifest::Profile(spec) => (Kind::Profile, spec.name.to_string()),
        Manifest::Reservation(spec) => (Kind::Reservation, spec.name.to_string()),
    }
}
