//! `/v1/subnets`

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use tracing::info;
use trunkline_ipam as ipam;
use trunkline_netmaster_api::{List, Subnet, SubnetSpec};

use super::extract::{Body, PathName};
use crate::allocator::Allocator;
use crate::failure::Failure;

pub(super) async fn create(
    State(allocator): State<Allocator>,
    Body(spec): Body<SubnetSpec>,
) -> Result<(StatusCode, Json<Subnet>), Failure> {
    let spec = ipam::SubnetSpec {
        name: spec.name,
        network: spec.network,
        cidr: spec.cidr,
        gateway: spec.gateway,
        ranges: spec.ranges,
        exclusions: Vec::new(),
        placement: spec
            .rack
            .map_or(ipam::Placement::Anywhere, ipam::Placement::Rack),
        labels: Default::default(),
    };
    let subnet = allocator
        .write(move |ledger| {
            let planned = ipam::create_subnet(ledger.catalog(), &spec)?;
            let subnet = view(ledger.catalog(), &planned.object);
            Ok::<_, Failure>((subnet, planned.change))
        })
        .await?;
    info!(
        subnet = %subnet.name,
        network = %subnet.network,
        cidr = %subnet.cidr,
        revision = subnet.revision,
        "subnet created"
    );
    Ok((StatusCode::CREATED, Json(subnet)))
}

pub(super) async fn list(State(allocator): State<Allocator>) -> Json<List<Subnet>> {
    let items = allocator.read(|catalog| {
        let subnets = catalog.subnets();
        subnets.map(|subnet| view(catalog, subnet)).collect()
    });
    Json(List { items })
}

pub(super) async fn show(
    State(allocator): State<Allocator>,
    PathName(name): PathName,
) -> Result<Json<Subnet>, Failure> {
    allocator
        .read(|catalog| catalog.subnet(&name).map(|subnet| view(catalog, subnet)))
        .map(Json)
        .ok_or_else(|| {
            let key = ipam::Key::Subnet(name);
            ipam::PreconditionError::NotFound { key }.into()
        })
}

pub(super) async fn delete(
    State(allocator): State<Allocator>,
    PathName(name): PathName,
) -> Result<StatusCode, Failure> {
    loop {
        let wanted = name.clone();
        let done = allocator
            .write(move |ledger| {
                let step = ipam::delete_subnet(ledger.catalog(), &wanted, None)?;
                Ok::<_, Failure>((step.done, step.change))
            })
            .await?;
        if done {
            break;
        }
    }
    info!(subnet = %name, "subnet deleted");
    Ok(StatusCode::NO_CONTENT)
}

fn view(catalog: &ipam::Catalog, subnet: &ipam::Subnet) -> Subnet {
    Subnet {
        name: subnet.name.clone(),
        network: subnet.network.clone(),
        cidr: subnet.cidr,
        gateway: subnet.gateway,
        ranges: subnet.ranges.clone(),
        rack: match &subnet.placement {
            ipam::Placement::Rack(rack) => Some(rack.clone()),
            _ => None,
        },
        in_use: catalog.in_use(&subnet.name),
        capacity: subnet.capacity(),
        revision: subnet.revision.number(),
    }
}
