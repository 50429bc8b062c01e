//! `/v1/networks`

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use tracing::info;
use trunkline_ipam as ipam;
use trunkline_netmaster_api::{List, Network, NetworkSpec};

use super::extract::{Body, PathName};
use crate::allocator::Allocator;
use crate::failure::Failure;

pub(super) async fn create(
    State(allocator): State<Allocator>,
    Body(spec): Body<NetworkSpec>,
) -> Result<(StatusCode, Json<Network>), Failure> {
    let spec = ipam::NetworkSpec {
        name: spec.name,
        vlan: spec.vlan,
        mtu: spec.mtu,
        labels: Default::default(),
    };
    let network = allocator
        .write(move |ledger| {
            let planned = ipam::create_network(ledger.catalog(), &spec)?;
            Ok::<_, Failure>((view(&planned.object), planned.change))
        })
        .await?;
    info!(network = %network.name, vlan = %network.vlan, revision = network.revision, "network created");
    Ok((StatusCode::CREATED, Json(network)))
}

pub(super) async fn list(State(allocator): State<Allocator>) -> Json<List<Network>> {
    let items = allocator.read(|catalog| catalog.networks().map(|network| view(network)).collect());
    Json(List { items })
}

pub(super) async fn show(
    State(allocator): State<Allocator>,
    PathName(name): PathName,
) -> Result<Json<Network>, Failure> {
    allocator
        .read(|catalog| catalog.network(&name).map(|network| view(network)))
        .map(Json)
        .ok_or_else(|| {
            let key = ipam::Key::Network(name);
            ipam::PreconditionError::NotFound { key }.into()
        })
}

pub(super) async fn delete(
    State(allocator): State<Allocator>,
    PathName(name): PathName,
) -> Result<StatusCode, Failure> {
    let wanted = name.clone();
    allocator
        .write(move |ledger| {
            let change = ipam::delete_network(ledger.catalog(), &wanted, None)?;
            Ok::<_, Failure>(((), change))
        })
        .await?;
    info!(network = %name, "network deleted");
    Ok(StatusCode::NO_CONTENT)
}

fn view(network: &ipam::Network) -> Network {
    Network {
        name: network.name.clone(),
        vlan: network.vlan,
        mtu: network.mtu,
        revision: network.revision.number(),
    }
}
