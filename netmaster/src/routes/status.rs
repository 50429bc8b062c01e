//! `/v1/status` and `/v1/usage`: how the whole is, and how full subnets are.

use axum::Json;
use axum::extract::State;
use trunkline_ipam as ipam;
use trunkline_ipam::{Catalog, Timestamp};
use trunkline_netmaster_api::{
    Forecast, NodesStatus, ReplicaStatus, SilentNode, Status, StoreStatus, SubnetUse, Usage,
};
use trunkline_types::chain;

use super::access::Caller;
use super::cluster::unfounded;
use super::query::Parameters;
use crate::app::App;
use crate::clock::now;
use crate::failure::Failure;
use crate::replica::Role;
use crate::usage::Use;

/// From how many thousandths on a subnet is close to full.
const CLOSE: u64 = 800;

/// If it will be full in so many seconds, it is close to full as well: three days.
const SOON: u64 = 3 * 24 * 3600;

/// How many subnets that are close to full a status names.
const SUBNETS: usize = 50;

/// How many silent nodes it names.
const SILENT: usize = 100;

pub(super) async fn show(
    State(app): State<App>,
    parameters: Parameters,
) -> Result<Json<Status>, Failure> {
    parameters.only(&[])?;
    let role = app.allocator.role().borrow().clone();
    let (leading, leader) = match role {
        Role::Leader => (true, Some(app.replicas.own().to_owned())),
        Role::Follower { leader } => (false, leader),
    };
    let store = store(&app).await;
    let uses = app.usage.of(&app.allocator).into_iter().filter(is_close);
    let subnets = uses.take(SUBNETS).map(subnet_use).collect();
    let now = now();
    app.allocator
        .read(|catalog| {
            let cluster = catalog.cluster()?;
            Some(Json(Status {
                cluster: cluster.id.clone(),
                epoch: cluster.epoch.number(),
                revision: catalog.revision().number(),
                version: env!("CARGO_PKG_VERSION").to_owned(),
                leading,
                leader,
                replicas: replicas(&app, leading, catalog.revision().number()),
                store,
                subnets,
                nodes: nodes(&app, catalog, now),
            }))
        })
        .ok_or_else(unfounded)
}

fn replicas(app: &App, leading: bool, revision: u64) -> Vec<ReplicaStatus> {
    let mut replicas = vec![ReplicaStatus {
        url: app.replicas.own().to_owned(),
        leading,
        revision,
        heard: 0,
    }];
    // Followers tell the leader that they are there, and nobody else.
    if leading {
        let known = app.replicas.known().into_iter();
        replicas.extend(known.map(|known| ReplicaStatus {
            url: known.url,
            leading: false,
            revision: known.revision,
            heard: known.ago.as_secs(),
        }));
    }
    replicas
}

async fn store(app: &App) -> StoreStatus {
    let reader = app.allocator.records();
    let space = reader.space().await;
    let problem = space.as_ref().err().map(|error| chain(error));
    let space = space.unwrap_or_default();
    StoreStatus {
        kind: reader.kind().to_owned(),
        problem,
        size: space.size,
        free: space.free,
        commits: app.metrics.commits(),
    }
}

fn nodes(app: &App, catalog: &Catalog, now: Timestamp) -> NodesStatus {
    let silent_after = app.policy.silent_after.as_secs();
    let mut silent: Vec<_> = catalog
        .nodes()
        .map(|node| (app.heard.last(node), node))
        .filter(|(heard, _)| heard.after(silent_after) < now)
        .collect();
    silent.sort_by_key(|(heard, node)| (*heard, node.name.clone()));
    let count = |count: usize| u64::try_from(count).unwrap_or(u64::MAX);
    NodesStatus {
        heard: count(catalog.nodes().count() - silent.len()),
        silent: count(silent.len()),
        silent_nodes: silent
            .into_iter()
            .take(SILENT)
            .map(|(heard, node)| SilentNode {
                name: node.name.clone(),
                rack: node.rack.clone(),
                last_heard: heard.unix_seconds(),
            })
            .collect(),
        awaited: count(catalog.unreported().count()),
    }
}

fn is_close(one: &Use) -> bool {
    let soon = match one.forecast {
        ipam::Forecast::Full => true,
        ipam::Forecast::FullIn { seconds } => seconds <= SOON,
        ipam::Forecast::Distant | ipam::Forecast::TooLittle { .. } => false,
    };
    soon || one.permille() >= CLOSE
}

fn subnet_use(one: Use) -> SubnetUse {
    SubnetUse {
        name: one.subnet,
        network: one.network,
        taken: one.taken,
        capacity: one.capacity,
        hourly: one.hourly,
        forecast: match one.forecast {
            ipam::Forecast::TooLittle { seconds } => Forecast::TooLittleHistory { seconds },
            ipam::Forecast::Full => Forecast::Full,
            ipam::Forecast::FullIn { seconds } => Forecast::FullIn { seconds },
            ipam::Forecast::Distant => Forecast::Distant,
        },
    }
}

pub(super) async fn usage(
    State(app): State<App>,
    caller: Caller,
    mut parameters: Parameters,
) -> Result<Json<Usage>, Failure> {
    let limit = parameters.limit()?;
    parameters.only(&["limit"])?;
    let mut uses = app.usage.of(&app.allocator);
    if let Some(networks) = caller.networks() {
        uses.retain(|one| networks.contains(&one.network));
    }
    let total = u64::try_from(uses.len()).unwrap_or(u64::MAX);
    Ok(Json(Usage {
        subnets: uses.into_iter().take(limit).map(subnet_use).collect(),
        total,
    }))
}
