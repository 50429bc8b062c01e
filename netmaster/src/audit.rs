//! The audit: what people and programs did to the objects, and what they were refused.
//!
//! What is done is recorded in the change that does it: there is neither one without the other. What
//! changes nothing and is recorded all the same, as a capture or a back-up, is recorded before it is
//! done, and not done if that fails. What is not done is recorded by a change of its own, up to a
//! number for each identity and minute, so that nobody fills the store by asking for what they may
//! not have; how many more there were is recorded too. What agents do all day, for endpoints and
//! reserves, is in the history of addresses and not here.

mod budget;
mod elsewhere;
mod outbox;
mod trail;

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::time::timeout;
use tracing::warn;
use trunkline_ipam::{Audit, AuditResult, AuditedObject, Change, Edit, Ledger, Object, Timestamp};
use trunkline_netmaster_api as api;
use trunkline_netmaster_api::ErrorCode;

use crate::allocator::{Allocator, WriteError};
use crate::failure::Failure;
use crate::replica::Role;
use budget::Budget;
pub(crate) use elsewhere::refused_elsewhere;
use outbox::Outbox;
pub(crate) use trail::Trail;

/// How long a caller who was refused something waits for that to be recorded.
const DEADLINE: Duration = Duration::from_secs(5);

/// What keeps those who are refused within bounds. Clones are one and the same.
#[derive(Clone, Debug, Default)]
pub(crate) struct Auditor {
    budget: Arc<Mutex<Budget>>,
    /// What a follower has to tell the leader.
    outbox: Outbox,
}

impl Auditor {
    /// Records that something was not done, unless there were too many of that. A follower has the
    /// leader record it.
    pub(crate) async fn not_done(
        &self,
        allocator: &Allocator,
        trail: &Trail,
        code: ErrorCode,
        now: Timestamp,
    ) {
        let result = result_of(code);
        let Some(omitted) = self.lock(|budget| budget.take(trail.identity(), result, now)) else {
            return;
        };
        let mut audit = trail.audit(now);
        audit.result = result;
        audit.code = Some(code.name());
        audit.omitted = omitted;
        if *allocator.role().borrow() == Role::Leader {
            write(allocator, audit).await;
        } else {
            self.outbox.put(audit);
        }
    }

    /// Records what another replica refused while it followed, unless there were too many of that.
    pub(crate) async fn take_over(&self, allocator: &Allocator, mut audit: Audit, now: Timestamp) {
        let who = audit.identity.as_deref();
        let taken = self.lock(|budget| budget.take_with(who, audit.result, audit.omitted, now));
        if let Some(omitted) = taken {
            audit.omitted = omitted;
            write(allocator, audit).await;
        }
    }

    /// Records how many were left out of those who have stopped since.
    pub(crate) async fn catch_up(&self, allocator: &Allocator, now: Timestamp) {
        for (identity, result, omitted) in self.lock(|budget| budget.over(now)) {
            let mut audit = Trail::of_nobody(identity).audit(now);
            audit.result = result;
            audit.omitted = omitted;
            write(allocator, audit).await;
        }
    }

    fn lock<T>(&self, work: impl FnOnce(&mut Budget) -> T) -> T {
        work(&mut self.budget.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// Writes a record by itself, of something that is done or refused in any case.
pub(crate) async fn write(allocator: &Allocator, audit: Audit) {
    match timeout(DEADLINE, put(allocator, audit)).await {
        Ok(Ok(())) => {}
        Ok(Err(WriteError::Unavailable(why))) => warn!(%why, "the audit lacks a record"),
        Ok(Err(_)) | Err(_) => warn!("the audit lacks a record: the store does not answer"),
    }
}

/// Writes a record by itself, before what it is about is done.
///
/// # Errors
///
/// Nothing is recorded, so nothing may be done.
pub(crate) async fn record(allocator: &Allocator, audit: Audit) -> Result<(), Failure> {
    match timeout(DEADLINE, put(allocator, audit)).await {
        Ok(written) => written.map_err(Failure::from),
        Err(_) => Err(Failure::new(
            ErrorCode::StoreUnavailable,
            "the store does not answer, and this is not done without a record of it: repeat the \
             request",
        )),
    }
}

async fn put(allocator: &Allocator, mut audit: Audit) -> Result<(), WriteError<Failure>> {
    let put = move |ledger: &Ledger| {
        let next = ledger.catalog().revision().next();
        audit.revision = next;
        let put = Edit::Put(Object::Audit(audit.into()));
        Ok(((), Change::new(next, vec![put])))
    };
    allocator.write(put).await
}

/// What came of a request that was not done for this reason.
fn result_of(code: ErrorCode) -> AuditResult {
    match code {
        ErrorCode::Unauthenticated | ErrorCode::Forbidden => AuditResult::Denied,
        _ => AuditResult::Refused,
    }
}

/// Whether a refusal for this reason has a place in the audit, whatever was asked for.
pub(crate) fn is_denial(code: ErrorCode) -> bool {
    result_of(code) == AuditResult::Denied
}

/// A record as it goes over the wire.
pub(crate) fn view(audit: &Audit) -> api::Audit {
    api::Audit {
        revision: audit.revision.number(),
        at: audit.at.unix_seconds(),
        identity: audit.identity.clone(),
        from: audit.from,
        method: audit.method.clone(),
        path: audit.path.clone(),
        kind: audit.kind.clone(),
        name: audit.name.clone(),
        before: audit.before.clone(),
        after: audit.after.clone(),
        objects: audit.objects.iter().map(object).collect(),
        result: audit.result.name().to_owned(),
        code: audit.code.clone(),
        omitted: audit.omitted,
    }
}

fn object(object: &AuditedObject) -> api::AuditedObject {
    api::AuditedObject {
        kind: object.kind.clone(),
        name: object.name.clone(),
        before: object.before.clone(),
        after: object.after.clone(),
    }
}

#[cfg(test)]
mod tests;
