//! `/v1/nodes`

use axum::Json;
use axum::extract::State;
use tracing::info;
use trunkline_ipam as ipam;
use trunkline_netmaster_api::{ErrorCode, List, Node, NodeSpec};

use super::extract::{Body, PathName};
use crate::allocator::Allocator;
use crate::clock::now;
use crate::failure::Failure;

pub(super) async fn register(
    State(allocator): State<Allocator>,
    PathName(name): PathName,
    Body(spec): Body<NodeSpec>,
) -> Result<Json<Node>, Failure> {
    let spec = ipam::NodeSpec {
        name,
        rack: spec.rack,
        labels: Default::default(),
        boot_id: None,
        agent_version: None,
    };
    let policy = ipam::Policy::default();
    let now = now();
    let (node, is_new) = allocator
        .write(move |ledger| {
            let planned = ipam::register_node(ledger, &spec, &policy, now)?;
            let is_new = !planned.change.is_empty();
            Ok::<_, Failure>(((view(&planned.object), is_new), planned.change))
        })
        .await?;
    if is_new {
        info!(node = %node.name, rack = %node.rack, revision = node.revision, "node registered");
    }
    Ok(Json(node))
}

pub(super) async fn list(State(allocator): State<Allocator>) -> Json<List<Node>> {
    let items = allocator.read(|catalog| catalog.nodes().map(|node| view(node)).collect());
    Json(List { items })
}

pub(super) async fn show(
    State(allocator): State<Allocator>,
    PathName(name): PathName,
) -> Result<Json<Node>, Failure> {
    allocator
        .read(|catalog| catalog.node(&name).map(|node| view(node)))
        .map(Json)
        .ok_or_else(|| {
            Failure::new(
                ErrorCode::NodeNotFound,
                format!("node `{name}` does not exist: see `netctl node ls`"),
            )
        })
}

fn view(node: &ipam::Node) -> Node {
    Node {
        name: node.name.clone(),
        rack: node.rack.clone(),
        revision: node.revision.number(),
    }
}
