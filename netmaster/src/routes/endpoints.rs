//! `/v1/endpoints`

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use tracing::info;
use trunkline_ipam as ipam;
use trunkline_netmaster_api::{Endpoint, EndpointAddress, EndpointSpec, ErrorCode, List};

use super::extract::{Body, PathAttachment};
use crate::allocator::Allocator;
use crate::clock::now;
use crate::failure::Failure;

pub(super) async fn allocate(
    State(allocator): State<Allocator>,
    Body(spec): Body<EndpointSpec>,
) -> Result<(StatusCode, Json<Endpoint>), Failure> {
    let request = ipam::AllocateRequest {
        pod: spec.pod,
        ..ipam::AllocateRequest::any(spec.attachment, spec.node, spec.network)
    };
    let policy = ipam::Policy::default();
    let now = now();
    let (endpoint, is_new) = allocator
        .write(move |ledger| {
            let planned = ipam::allocate(ledger, &request, &policy, now)?;
            let is_new = !planned.change.is_empty();
            // Network and subnet are there before the change, so the view is complete now; after
            // the commit somebody may have released it all again.
            let endpoint = view(ledger.catalog(), &planned.object)?;
            Ok::<_, Failure>(((endpoint, is_new), planned.change))
        })
        .await?;
    if !is_new {
        return Ok((StatusCode::OK, Json(endpoint)));
    }
    info!(
        attachment = %endpoint.attachment,
        network = %endpoint.network,
        node = %endpoint.node,
        mac = %endpoint.mac,
        revision = endpoint.revision,
        "endpoint created"
    );
    Ok((StatusCode::CREATED, Json(endpoint)))
}

pub(super) async fn list(
    State(allocator): State<Allocator>,
) -> Result<Json<List<Endpoint>>, Failure> {
    let items: Result<_, Failure> = allocator.read(|catalog| {
        let endpoints = catalog.endpoints();
        endpoints.map(|endpoint| view(catalog, endpoint)).collect()
    });
    Ok(Json(List { items: items? }))
}

pub(super) async fn show(
    State(allocator): State<Allocator>,
    PathAttachment(attachment): PathAttachment,
) -> Result<Json<Endpoint>, Failure> {
    let endpoint = allocator.read(|catalog| {
        let endpoint = catalog.endpoint(&attachment)?;
        Some(view(catalog, endpoint))
    });
    endpoint
        .unwrap_or_else(|| {
            Err(Failure::new(
                ErrorCode::EndpointNotFound,
                format!("endpoint `{attachment}` does not exist: see `netctl endpoint ls`"),
            ))
        })
        .map(Json)
}

pub(super) async fn release(
    State(allocator): State<Allocator>,
    PathAttachment(attachment): PathAttachment,
) -> Result<StatusCode, Failure> {
    let now = now();
    let wanted = ipam::Release {
        attachment: attachment.clone(),
        reason: "released".to_owned(),
        expected: None,
    };
    let was_there = allocator
        .write(move |ledger| {
            let change = ipam::release(ledger.catalog(), &wanted, now)?;
            Ok::<_, Failure>((!change.is_empty(), change))
        })
        .await?;
    if was_there {
        info!(%attachment, "endpoint released");
    }
    Ok(StatusCode::NO_CONTENT)
}

/// The endpoint with what it takes from its network and subnets.
fn view(catalog: &ipam::Catalog, endpoint: &ipam::Endpoint) -> Result<Endpoint, Failure> {
    // The catalog is checked when it is loaded, and no change is planned that breaks it.
    let incomplete = || {
        let text = format!(
            "endpoint `{}` lacks its network or subnet: this is an error in netmaster, please \
             report it",
            endpoint.attachment
        );
        Failure::new(ErrorCode::Internal, text)
    };
    let network = catalog.network(&endpoint.network).ok_or_else(incomplete)?;
    let addresses = endpoint.addresses.iter().map(|address| {
        let subnet = catalog.subnet(&address.subnet).ok_or_else(incomplete)?;
        Ok(EndpointAddress {
            ip: address.ip,
            prefix: subnet.cidr.prefix(),
            gateway: subnet.gateway,
            subnet: subnet.name.clone(),
        })
    });
    Ok(Endpoint {
        attachment: endpoint.attachment.clone(),
        pod: endpoint.pod.clone(),
        node: endpoint.node.clone(),
        network: endpoint.network.clone(),
        vlan: network.vlan,
        mtu: network.mtu,
        mac: endpoint.mac,
        addresses: addresses.collect::<Result<_, Failure>>()?,
        created: endpoint.created.unix_seconds(),
        revision: endpoint.revision.number(),
    })
}
