//! Applying more objects than one transaction holds.

use std::collections::BTreeSet;

use serde_json::Value;
use trunkline_netmaster_api::{Apply, ApplyOptions, Changes, ClientError, ErrorCode, Op};

use crate::failure::{Failure, Progress};
use crate::manifest::Manifests;
use crate::progress::Steps;
use crate::session::Session;

/// How many objects the first part has. If that is too much, the next attempt is with half.
const FIRST: usize = 1000;

/// The kinds, each after those that it may refer to.
const KINDS: [&str; 6] = [
    "network",
    "profile",
    "subnet",
    "pool",
    "group",
    "reservation",
];

/// What would become of all objects, if parts were made of them.
pub(super) async fn rehearse(session: &Session, manifests: &Manifests) -> Result<Changes, Failure> {
    let options = ApplyOptions {
        dry_run: true,
        in_parts: true,
        ..ApplyOptions::default()
    };
    let objects = manifests.objects();
    let changes = session.wait(session.client.apply(objects, &options)).await;
    changes.map_err(|failure| manifests.placed(failure))
}

/// Makes the objects what the file says, part by part. As far as all can be looked at together,
/// that comes first, so that what stands in the way is known before anything is done.
pub(super) async fn make(session: &Session, manifests: &Manifests) -> Result<Changes, Failure> {
    let objects = manifests.objects();
    let mut whole = Changes {
        dry_run: false,
        revision: 0,
        objects: Vec::new(),
    };
    let mut order: Vec<usize> = (0..objects.len()).collect();
    if objects.len() <= Apply::OBJECTS_MAX {
        let looked = rehearse(session, manifests).await?;
        whole.revision = looked.revision;
        let same = looked.objects.into_iter();
        whole.objects = same.filter(|one| one.op == Op::Unchanged).collect();
        let places = whole.objects.iter().filter_map(|one| place(one.index));
        let same: BTreeSet<usize> = places.collect();
        order.retain(|place| !same.contains(place));
    }
    order.sort_by_key(|place| objects.get(*place).map(rank));
    let steps = Steps::of("applying", "objects", Some(order.len()));
    let work = part_by_part(session, manifests, &order, &steps);
    for changes in session.go_through(&steps, work).await? {
        whole.revision = changes.revision;
        whole.objects.extend(changes.objects);
    }
    whole
        .objects
        .sort_by_key(|one| one.index.unwrap_or(u32::MAX));
    Ok(whole)
}

/// Makes the objects at these places what the file says, in this order, and answers what each part
/// changed.
async fn part_by_part(
    session: &Session,
    manifests: &Manifests,
    order: &[usize],
    steps: &Steps,
) -> Result<Vec<Changes>, Failure> {
    let objects = manifests.objects();
    let options = ApplyOptions::default();
    let mut parts = Vec::new();
    let mut size = FIRST;
    let mut rest = order;
    while !rest.is_empty() {
        let (part, later) = rest.split_at(size.min(rest.len()));
        let wanted: Vec<&Value> = part.iter().filter_map(|at| objects.get(*at)).collect();
        let applied = session.client.apply(&wanted, &options).await;
        match applied.map_err(Failure::from) {
            Ok(changes) => {
                parts.push(moved(changes, part));
                steps.add(part.len());
                rest = later;
            }
            Err(failure) if is_too_large(&failure) && part.len() > 1 => size = part.len() / 2,
            Err(failure) => {
                let done = order.len() - rest.len();
                let failure = manifests.placed(refused_at(failure, part));
                return Err(failure.half_way(Progress {
                    unit: "object",
                    done,
                    under_way: part.len(),
                    of: order.len(),
                    again: "apply the file again",
                }));
            }
        }
    }
    Ok(parts)
}

/// When an object's turn is. What is of no known kind is refused whenever that is.
fn rank(object: &Value) -> (usize, bool) {
    let kind = object.get("kind").and_then(Value::as_str);
    let kind = KINDS.iter().position(|known| Some(*known) == kind);
    // Addresses that are named go before those that are chosen, else a chosen one might be one that
    // is named.
    let named = object.get("addresses").and_then(Value::as_array);
    (kind.unwrap_or(KINDS.len()), named.is_none_or(Vec::is_empty))
}

fn is_too_large(failure: &Failure) -> bool {
    let Failure::Netmaster(error) = failure else {
        return false;
    };
    matches!(
        error.code(),
        Some(ErrorCode::ChangeTooLarge | ErrorCode::BodyTooLarge)
    )
}

fn place(index: Option<u32>) -> Option<usize> {
    usize::try_from(index?).ok()
}

/// The place in the file of what has this one in a part.
fn in_file(index: Option<u32>, part: &[usize]) -> Option<u32> {
    u32::try_from(*part.get(place(index)?)?).ok()
}

/// The same, by places in the file.
fn moved(mut changes: Changes, part: &[usize]) -> Changes {
    for object in &mut changes.objects {
        object.index = in_file(object.index, part);
    }
    changes
}

/// The same, by places in the file.
fn refused_at(failure: Failure, part: &[usize]) -> Failure {
    match failure {
        Failure::Netmaster(ClientError::Refused(mut problem)) => {
            for object in &mut problem.objects {
                object.index = in_file(object.index, part);
            }
            ClientError::Refused(problem).into()
        }
        other => other,
    }
}
