//! Changes by people and programs: checked for what the caller reaches, and with their record in
//! the audit.

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use serde::Serialize;
use serde_json::{Value, json};
use trunkline_ipam::{
    AuditedObject, Change, Edit, Key, Ledger, Object, ObjectOutcome, Outcomes, Rehearsal, Timestamp,
};
use trunkline_netmaster_api::ErrorCode;

use super::access::Caller;
use super::manifest::as_written;
use super::noun::{Noun, Scene};
use super::reached::Reached;
use crate::app::App;
use crate::audit::Trail;
use crate::clock::now;
use crate::failure::Failure;

/// How many bytes an object may have in a record, as JSON. A change has to fit into a transaction
/// with its record.
const SHOWN: usize = 32 << 10;

/// How many bytes all objects of a record may have together.
const TOGETHER: usize = 256 << 10;

/// Who asks, and the trail of it.
#[derive(Clone, Debug)]
pub(super) struct Signature {
    pub(super) caller: Caller,
    pub(super) trail: Trail,
}

impl<S: Send + Sync> FromRequestParts<S> for Signature {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Failure> {
        let caller = Caller::from_request_parts(parts, state).await?;
        let TrailOf(trail) = TrailOf::from_request_parts(parts, state).await?;
        Ok(Self { caller, trail })
    }
}

/// The trail of a request, whoever asks.
pub(super) struct TrailOf(pub(super) Trail);

impl<S: Send + Sync> FromRequestParts<S> for TrailOf {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Failure> {
        let trail = parts.extensions.get::<Trail>().cloned();
        trail.map(Self).ok_or_else(|| {
            let why = "the request has not been looked at: this is an error in netmaster, please \
                       report it";
            Failure::new(ErrorCode::Internal, why)
        })
    }
}

/// Makes the change that `plan` comes to, about the object of kind `N` with `key`, with its record.
/// Who asks is looked at before it is planned.
pub(super) async fn write_signed<N: Noun, T: Send + 'static>(
    app: &App,
    signature: Signature,
    key: Key,
    plan: impl FnOnce(&Ledger, &Scene<'_>) -> Result<(T, Change), Failure> + Send + 'static,
) -> Result<T, Failure> {
    let (policy, now) = (app.policy.clone(), now());
    let written = app.allocator.write(move |ledger| {
        let catalog = ledger.catalog();
        let scene = Scene {
            catalog,
            policy: &policy,
            now,
        };
        let reached = signature.caller.reach(catalog, &key)?;
        let (told, change) = plan(ledger, &scene)?;
        let change = signature.sign::<N>(&scene, &reached, change)?;
        Ok::<_, Failure>((told, change))
    });
    Ok(written.await?)
}

impl Signature {
    /// `change`, which is about the object of kind `N` that was reached, with its record.
    pub(super) fn sign<N: Noun>(
        &self,
        scene: &Scene<'_>,
        reached: &Reached,
        change: Change,
    ) -> Result<Change, Failure> {
        self.caller.may_make(scene.catalog, &change)?;
        if !self.trail.is_recorded() || change.is_empty() {
            return Ok(change);
        }
        Ok(recorded::<N>(&self.trail, scene, reached.key(), change))
    }

    /// What becomes of many objects, with one record of all of them: with one for each, a
    /// transaction would have room for half as many.
    pub(super) fn sign_all(
        &self,
        rehearsal: &Rehearsal<'_>,
        mut outcomes: Outcomes,
        now: Timestamp,
    ) -> Result<Outcomes, Failure> {
        self.caller.may_make_all(rehearsal, &outcomes.change)?;
        if !self.trail.is_recorded() || outcomes.change.is_empty() {
            return Ok(outcomes);
        }
        let mut left = TOGETHER;
        let changed = outcomes.objects.iter();
        let changed = changed.filter(|one| one.before != one.after);
        let mut audit = self.trail.audit(now);
        audit.objects = changed.map(|one| audited(one, &mut left)).collect();
        audit.revision = outcomes.change.revision();
        let put = Edit::Put(Object::Audit(audit.into()));
        outcomes.change = outcomes.change.with(put);
        Ok(outcomes)
    }
}

/// What became of one of many objects.
fn audited(outcome: &ObjectOutcome, left: &mut usize) -> AuditedObject {
    let mut written = |object: &Object| {
        let (value, size) = shown(&as_written(object), SHOWN.min(*left))?;
        *left -= size;
        Some(value)
    };
    AuditedObject {
        kind: outcome.key.kind().to_string(),
        name: outcome.key.name(),
        before: outcome.before.as_ref().and_then(&mut written),
        after: outcome.after.as_ref().and_then(&mut written),
    }
}

/// `change` with its record.
pub(super) fn recorded<N: Noun>(
    trail: &Trail,
    scene: &Scene<'_>,
    key: &Key,
    change: Change,
) -> Change {
    trail.about(key.clone());
    let view = |object: &Object| {
        let (value, _) = shown(&N::view(scene, object)?, SHOWN)?;
        Some(value)
    };
    let before = scene.catalog.object(key);
    let fate = change.edits().iter().rev().find_map(|edit| match edit {
        Edit::Put(object) if object.key() == *key => Some(Some(object)),
        Edit::Delete(gone) if gone == key => Some(None),
        _ => None,
    });
    let after = match fate {
        Some(fate) => fate.cloned(),
        // What is done to others on its account leaves it as it is.
        None => before.clone(),
    };
    let mut audit = trail.audit(scene.now);
    // Of a request that makes several changes each has its own object.
    audit.kind = Some(key.kind().to_string());
    audit.name = Some(key.name());
    audit.before = before.as_ref().and_then(view);
    audit.after = after.as_ref().and_then(view);
    audit.revision = change.revision();
    change.with(Edit::Put(Object::Audit(audit.into())))
}

/// An object as a record has it, and how many bytes of `most` that takes.
fn shown(view: &impl Serialize, most: usize) -> Option<(Value, usize)> {
    let text = serde_json::to_vec(view).ok()?;
    if text.len() > most {
        return Some((json!({"omitted_bytes": text.len()}), 0));
    }
    Some((serde_json::from_slice(&text).ok()?, text.len()))
}
