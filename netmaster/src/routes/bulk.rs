//! `/v1/apply`, `/v1/export` and `/v1/import`: many objects at once.

mod answer;
mod reach;
mod refusal;

use axum::Json;
use axum::extract::State;
use tracing::info;
use trunkline_ipam as ipam;
use trunkline_ipam::{Change, Kind, Object, ObjectSpec, Outcomes, Revision};
use trunkline_netmaster_api::{
    AdoptedAddress, Changes, Export, ImportSpec, Manifest, Op, RefusedObject,
};
use trunkline_types::{Labels, Selector};

use super::access::Caller;
use super::extract::Body;
use super::manifest::{KINDS, Manifests, manifest, wanted};
use super::query::Parameters;
use super::reservations::retention;
use super::scope::network_of;
use super::signed::Signature;
use crate::allocator::WriteError;
use crate::app::App;
use crate::clock::now;
use crate::failure::Failure;
use crate::store::{Batch, Capacity, StoreError};

/// What reservations are for that an import has made, if it does not say.
const IMPORTED: &str = "imported from another IPAM";

pub(super) async fn apply(
    State(app): State<App>,
    signature: Signature,
    mut parameters: Parameters,
    Manifests(manifests): Manifests,
) -> Result<Json<Changes>, Failure> {
    let dry_run = dry_run(&mut parameters, &signature)?;
    let in_parts = parameters.flag("inParts")?;
    let prune = prune(&mut parameters)?;
    let seen = parameters.number("revision")?.map(Revision::new);
    parameters.only(&["dryRun", "inParts", "prune", "revision"])?;
    if in_parts && !dry_run {
        let why = "it is for looking what would be done, with `dryRun`: what is sent is one part";
        return Err(Failure::parameter("inParts", why));
    }
    let specs = specs(manifests)?;
    let capacity = app.allocator.records().capacity();
    let now = now();
    let done = app
        .allocator
        .rehearse(move |rehearsal| {
            let (caller, catalog) = (&signature.caller, rehearsal.ledger().catalog());
            reach::check_apply(caller, catalog, &specs, prune.as_ref())?;
            if let Some(seen) = seen {
                rehearsal.ledger().check_unchanged_since(seen)?;
            }
            let outcomes = ipam::apply(rehearsal, &specs, prune.as_ref(), now);
            let outcomes = outcomes.map_err(|refused| refusal::of_apply(caller, refused))?;
            let outcomes = signature.sign_all(rehearsal, outcomes, now)?;
            settle(outcomes, dry_run, (!in_parts).then_some(capacity))
        })
        .await?;
    let changes = answer::changes(&done, dry_run);
    tell("applied", &changes);
    Ok(Json(changes))
}

/// Whether it is only to be looked at what would become of the objects.
fn dry_run(parameters: &mut Parameters, signature: &Signature) -> Result<bool, Failure> {
    let dry_run = parameters.flag("dryRun")?;
    if dry_run {
        signature.trail.rehearses();
    }
    Ok(dry_run)
}

/// The labels of what is to go if it is not in the list. Without any, that would be everything.
fn prune(parameters: &mut Parameters) -> Result<Option<Selector>, Failure> {
    let selector: Option<Selector> = parameters.parse("prune")?;
    if selector.as_ref().is_some_and(Selector::is_empty) {
        let why = "it is empty, so everything that is not in the list would go: name labels";
        return Err(Failure::parameter("prune", why));
    }
    Ok(selector)
}

fn specs(manifests: Vec<Manifest>) -> Result<Vec<ObjectSpec>, Failure> {
    let mut specs = Vec::with_capacity(manifests.len());
    let mut refused = Vec::new();
    for (index, manifest) in manifests.into_iter().enumerate() {
        let (kind, name) = answer::name_of(&manifest);
        match wanted(manifest) {
            Ok(spec) => specs.push(spec),
            Err(failure) => {
                let problem = failure.problem();
                refused.push(RefusedObject {
                    index: u32::try_from(index).ok(),
                    kind: kind.noun().to_owned(),
                    name,
                    code: problem.code,
                    detail: problem.detail.clone(),
                    field: problem.field.clone(),
                });
            }
        }
    }
    match refused.is_empty() {
        true => Ok(specs),
        false => Err(refusal::of_all("objects", refused)),
    }
}

/// What is made of a plan: nothing, if it is only to be looked at. Then it still must be one that
/// could be made, at once if there is a `capacity`.
fn settle(
    outcomes: Outcomes,
    dry_run: bool,
    capacity: Option<Capacity>,
) -> Result<(Outcomes, Change), Failure> {
    if !dry_run {
        let change = outcomes.change.clone();
        return Ok((outcomes, change));
    }
    let revision = outcomes.change.revision();
    let nothing = Change::new(revision, Vec::new());
    let Some(capacity) = capacity else {
        return Ok((outcomes, nothing));
    };
    match Batch::within(capacity, revision.previous()).add(&outcomes.change) {
        Ok(_) => Ok((outcomes, nothing)),
        Err(StoreError::TooLarge {
            operations,
            bytes,
            most,
        }) => Err(WriteError::<Failure>::TooLarge {
            operations,
            bytes,
            most,
        }
        .into()),
        Err(error) => Err(Failure::unreadable(&error)),
    }
}

fn tell(what: &'static str, changes: &Changes) {
    let count = |op: Op| {
        let objects = changes.objects.iter();
        objects.filter(|object| object.op == op).count()
    };
    let (created, updated, deleted) = (count(Op::Create), count(Op::Update), count(Op::Delete));
    if !changes.dry_run && created + updated + deleted > 0 {
        info!(
            what,
            created,
            updated,
            deleted,
            revision = changes.revision,
            "objects changed together"
        );
    }
}

pub(super) async fn export(
    State(app): State<App>,
    caller: Caller,
    mut parameters: Parameters,
) -> Result<Json<Export>, Failure> {
    let selector: Selector = parameters.parse("labelSelector")?.unwrap_or_default();
    parameters.only(&["labelSelector"])?;
    let networks = caller.networks();
    // Only the references are copied while writers wait.
    let (revision, objects) = app.allocator.read(|catalog| {
        let seen = |object: &Object| match &networks {
            None => true,
            Some(networks) => {
                network_of(catalog, object).is_some_and(|own| networks.contains(&own))
            }
        };
        let all = KINDS
            .iter()
            .flat_map(|kind| catalog.objects_after(*kind, None));
        (catalog.revision(), all.filter(seen).collect::<Vec<_>>())
    });
    let objects = objects.iter().filter(|object| is_chosen(object, &selector));
    Ok(Json(Export {
        revision: revision.number(),
        objects: objects.filter_map(manifest).collect(),
    }))
}

/// Whether an object has the labels, and stays.
fn is_chosen(object: &Object, selector: &Selector) -> bool {
    let goes = matches!(object, Object::Subnet(subnet) if subnet.deleting);
    !goes && labels(object).is_some_and(|own| selector.matches(own))
}

fn labels(object: &Object) -> Option<&Labels> {
    match object {
        Object::Network(network) => Some(&network.labels),
        Object::Subnet(subnet) => Some(&subnet.labels),
        Object::Pool(pool) => Some(&pool.labels),
        Object::Group(group) => Some(&group.labels),
        Object::Profile(profile) => Some(&profile.labels),
        Object::Reservation(reservation) => Some(&reservation.labels),
        _ => None,
    }
}

pub(super) async fn import(
    State(app): State<App>,
    signature: Signature,
    mut parameters: Parameters,
    Body(spec): Body<ImportSpec>,
) -> Result<Json<Changes>, Failure> {
    let dry_run = dry_run(&mut parameters, &signature)?;
    parameters.only(&["dryRun"])?;
    let import = wished(spec)?;
    let (policy, now) = (app.policy.clone(), now());
    let capacity = app.allocator.records().capacity();
    let done = app
        .allocator
        .rehearse(move |rehearsal| {
            let (caller, catalog) = (&signature.caller, rehearsal.ledger().catalog());
            reach::check_import(caller, catalog, &import.adoptions)?;
            let outcomes = ipam::import(rehearsal, &import, &policy, now);
            let outcomes = outcomes.map_err(|refused| refusal::of_import(caller, refused))?;
            let outcomes = signature.sign_all(rehearsal, outcomes, now)?;
            settle(outcomes, dry_run, Some(capacity))
        })
        .await?;
    let changes = answer::changes(&done, dry_run);
    tell("imported", &changes);
    Ok(Json(changes))
}

/// What is to be imported, as far as that can be told without looking at other objects.
fn wished(spec: ImportSpec) -> Result<ipam::Import, Failure> {
    let mut adoptions = Vec::with_capacity(spec.addresses.len());
    let mut refused = Vec::new();
    for (index, address) in spec.addresses.into_iter().enumerate() {
        let name = address.ip.to_string();
        match adoption(address) {
            Ok(adoption) => adoptions.push(adoption),
            Err(failure) => refused.push(RefusedObject {
                index: u32::try_from(index).ok(),
                kind: Kind::Address.noun().to_owned(),
                name,
                code: failure.problem().code,
                detail: failure.problem().detail.clone(),
                field: failure.problem().field.clone(),
            }),
        }
    }
    if !refused.is_empty() {
        return Err(refusal::of_all("addresses", refused));
    }
    Ok(ipam::Import {
        adoptions,
        retention: retention(spec.retention),
        reason: match spec.reason.is_empty() {
            true => IMPORTED.to_owned(),
            false => spec.reason,
        },
    })
}

fn adoption(address: AdoptedAddress) -> Result<ipam::Adoption, Failure> {
    let place = match (address.attachment, address.node) {
        (Some(attachment), Some(node)) => Some(ipam::Place { attachment, node }),
        (None, None) => None,
        (Some(_), None) => {
            let why = "it is missing: name the node that the attachment is on";
            return Err(Failure::field("node", why));
        }
        (None, Some(_)) => {
            let why = "it is missing: name the attachment on that node, or leave `node` out";
            return Err(Failure::field("attachment", why));
        }
    };
    if address.pod.is_none() && place.is_none() && address.owner.trim().is_empty() {
        let why = "it is missing: name a pod, an attachment with its node, or at least an owner";
        return Err(Failure::field("pod", why));
    }
    Ok(ipam::Adoption {
        ip: address.ip,
        mac: address.mac,
        pod: address.pod,
        place,
        owner: address.owner,
    })
}
