//! `/v1/cluster`, and the check that requests are of the same cluster.

use std::time::Duration;

use axum::Json;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderValue};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use tokio::time::timeout;
use trunkline_ipam::Revision;
use trunkline_netmaster_api as api;
use trunkline_netmaster_api::{Awaiting, Cluster, ErrorCode, header};
use trunkline_types::Name;

use super::access::Caller;
use super::query::Parameters;
use crate::allocator::Allocator;
use crate::app::App;
use crate::failure::Failure;
use crate::forward::SEEN;
use crate::replica::Role;

/// How long a follower may take to see what the sender of a request has seen.
const CATCH_UP: Duration = Duration::from_secs(2);

pub(super) async fn show(
    State(app): State<App>,
    caller: Caller,
    headers: HeaderMap,
    parameters: Parameters,
) -> Result<Json<Cluster>, Failure> {
    parameters.only(&[])?;
    hear(&app, &caller, &headers);
    let allocator = &app.allocator;
    let role = allocator.role().borrow().clone();
    let (leading, leader) = match role {
        Role::Leader => (true, None),
        Role::Follower { leader } => (false, leader),
    };
    allocator
        .read(|catalog| {
            let cluster = catalog.cluster()?;
            let awaiting = catalog
                .nodes()
                .filter(|node| node.reported < cluster.epoch)
                .filter(|node| knows_of(&caller, &node.name))
                .map(|node| Awaiting {
                    node: node.name.clone(),
                    rack: node.rack.clone(),
                });
            Some(Json(Cluster {
                id: cluster.id.clone(),
                epoch: cluster.epoch.number(),
                since: cluster.since.unix_seconds(),
                revision: catalog.revision().number(),
                leading,
                leader,
                version: env!("CARGO_PKG_VERSION").to_owned(),
                awaiting: awaiting.collect(),
            }))
        })
        .ok_or_else(unfounded)
}

/// Whether a node is somebody's to know of: an agent knows its own, and who is for some networks
/// none, since nodes are of no network.
fn knows_of(caller: &Caller, node: &Name) -> bool {
    match caller.0.role() {
        api::Role::Node => caller.0.node() == Some(node),
        _ => caller.networks().is_none(),
    }
}

/// A follower that asks says so, and that it is there. Where nobody shows who he is, everybody is
/// believed.
fn hear(app: &App, caller: &Caller, headers: &HeaderMap) {
    let may = caller.0.is_replica() || caller.0.role() == api::Role::Admin;
    if !may || caller.networks().is_some() {
        return;
    }
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    let seen = text(SEEN.as_str()).and_then(|seen| seen.parse().ok());
    if let (Some(url), Some(seen)) = (text(header::REPLICA), seen) {
        app.replicas.hear(url, seen);
    }
}

/// What the sender of a request has seen, or what this replica has.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Known {
    cluster: Option<String>,
    epoch: Option<u64>,
    revision: Option<u64>,
}

/// Refuses requests of another cluster, or whose sender has seen more than there is; and says in
/// every answer which cluster this is.
pub(super) async fn same_cluster(
    State(allocator): State<Allocator>,
    request: Request,
    next: Next,
) -> Response {
    let checked = match said(request.headers()) {
        Ok(said) => check(&allocator, &said).await,
        Err(failure) => Err(failure),
    };
    let mut response = match checked {
        Ok(()) => next.run(request).await,
        Err(failure) => failure.into_response(),
    };
    say(&own(&allocator), response.headers_mut());
    response
}

fn own(allocator: &Allocator) -> Known {
    allocator.read(|catalog| Known {
        cluster: catalog.cluster().map(|cluster| cluster.id.clone()),
        epoch: catalog.cluster().map(|cluster| cluster.epoch.number()),
        revision: Some(catalog.revision().number()),
    })
}

async fn check(allocator: &Allocator, said: &Known) -> Result<(), Failure> {
    if *said == Known::default() {
        return Ok(());
    }
    let own = own(allocator);
    let Some(id) = &own.cluster else {
        // There is nothing yet that the sender could know, or this replica has yet to see it.
        return Err(unfounded());
    };
    if let Some(other) = said.cluster.as_ref().filter(|other| *other != id) {
        return Err(wrong(format!(
            "this is cluster `{id}`, and the sender knows cluster `{}`: send it to a netmaster of \
             its own cluster",
            other.escape_debug()
        )));
    }
    let epoch = own.epoch.unwrap_or(0);
    let behind = match said.epoch.unwrap_or(epoch).cmp(&epoch) {
        std::cmp::Ordering::Greater => true,
        std::cmp::Ordering::Equal => said.revision > own.revision,
        // What was seen in an older epoch has been restored away.
        std::cmp::Ordering::Less => false,
    };
    if !behind {
        return Ok(());
    }
    let following = *allocator.role().borrow() != Role::Leader;
    if following && said.epoch.is_none_or(|said| said == epoch) {
        return catch_up(allocator, Revision::new(said.revision.unwrap_or(0))).await;
    }
    Err(wrong(format!(
        "this netmaster is in epoch {epoch} at revision {}, and the sender has seen epoch {} and \
         revision {}: the store was replaced by an older one; restore a back-up with `netmaster \
         restore`, which begins a new epoch",
        own.revision.unwrap_or(0),
        said.epoch.unwrap_or(epoch),
        said.revision.unwrap_or(0),
    )))
}

/// Waits until this replica has seen `revision`.
pub(super) async fn catch_up(allocator: &Allocator, revision: Revision) -> Result<(), Failure> {
    let seen = async {
        while allocator.read(|catalog| catalog.revision()) < revision {
            let Ok(mut feed) = allocator.feed().subscribe(revision.previous()) else {
                // It has seen so much more that the feed does not reach back that far.
                return;
            };
            // An error means that everything was loaded anew; look again.
            let _ = feed.next().await;
        }
    };
    timeout(CATCH_UP, seen).await.map_err(|_| {
        let own = allocator.read(|catalog| catalog.revision());
        Failure::new(
            ErrorCode::NotReady,
            format!(
                "this replica has seen what happened up to revision {own}, and the sender up to \
                 revision {revision}: repeat the request, or ask another replica"
            ),
        )
    })
}

/// The first leader has yet to give the cluster its id.
pub(super) fn unfounded() -> Failure {
    Failure::new(
        ErrorCode::NotReady,
        "this replica does not know yet which cluster it is of, as no replica has led so far: \
         repeat the request",
    )
}

fn wrong(detail: String) -> Failure {
    Failure::new(ErrorCode::WrongCluster, detail)
}

fn said(headers: &HeaderMap) -> Result<Known, Failure> {
    let number = |name: &str| -> Result<Option<u64>, Failure> {
        let Some(value) = headers.get(name) else {
            return Ok(None);
        };
        let number = value.to_str().ok().and_then(|text| text.parse().ok());
        number.map(Some).ok_or_else(|| {
            Failure::header(name, "it is not a number: send what an answer had in it")
        })
    };
    let cluster = headers.get(header::CLUSTER);
    Ok(Known {
        cluster: cluster.map(|id| String::from_utf8_lossy(id.as_bytes()).into_owned()),
        epoch: number(header::EPOCH)?,
        revision: number(header::REVISION)?,
    })
}

fn say(known: &Known, headers: &mut HeaderMap) {
    let (Some(id), Some(epoch)) = (&known.cluster, known.epoch) else {
        return;
    };
    // It was drawn by us, and is a UUID.
    if let Ok(id) = HeaderValue::from_str(id) {
        headers.insert(header::CLUSTER, id);
    }
    headers.insert(header::EPOCH, epoch.into());
    if let Some(revision) = known.revision {
        headers.insert(header::REVISION, revision.into());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::identity::{Identity, IdentityName, Scope};

    #[test]
    fn whose_report_is_awaited_is_not_for_everybody_to_know() {
        let node: Name = "n17".parse().unwrap();
        let token = |scope| {
            let name = IdentityName::Token("ci".parse().unwrap());
            Caller(Identity::new(name, api::Role::Viewer, scope))
        };
        let certificate = |name| Caller(Identity::of_certificate(name).unwrap());
        for (caller, knows) in [
            (certificate("node:n17"), true),
            (certificate("node:n18"), false),
            (certificate("viewer:vera"), true),
            (certificate("cluster:netmaster-2"), true),
            (Caller(Identity::local()), true),
            (token(Scope::Everything), true),
            (token(Scope::Networks(Default::default())), false),
        ] {
            assert_eq!(knows_of(&caller, &node), knows, "{caller:?}");
        }
    }
}
