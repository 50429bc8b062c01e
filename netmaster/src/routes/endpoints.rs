//! `/v1/endpoints`

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use tracing::info;
use trunkline_ipam as ipam;
use trunkline_ipam::{Catalog, Key, Kind, Object, Revision};
use trunkline_netmaster_api::{Endpoint, EndpointAddress, EndpointSpec, ErrorCode, Qos, Role};
use trunkline_types::{Labels, Name, Pod};

use super::extract::Body;
use super::noun::{At, Field, Noun, Scene, view};
use super::profiles::rate;
use super::query::{Parameters, Selection};
use super::reservations::holder;
use super::signed::Signature;
use crate::app::App;
use crate::clock::now;
use crate::failure::Failure;

/// What history says of addresses that an agent gave back.
const RELEASED: &str = "released";

pub(crate) enum Endpoints {}

impl Noun for Endpoints {
    const KIND: Kind = Kind::Endpoint;
    const PATH: &'static str = "endpoints";
    type View = Endpoint;
    const FIELDS: &'static [Field<Endpoint>] = &[
        Field {
            name: "attachment",
            values: |endpoint| vec![endpoint.attachment.to_string()],
        },
        Field {
            name: "node",
            values: |endpoint| vec![endpoint.node.to_string()],
        },
        Field {
            name: "network",
            values: |endpoint| vec![endpoint.network.to_string()],
        },
        Field {
            name: "namespace",
            values: |endpoint| {
                let pod = endpoint.pod.iter();
                pod.map(|pod| pod.namespace.clone()).collect()
            },
        },
        Field {
            name: "pod",
            values: |endpoint| endpoint.pod.iter().map(ToString::to_string).collect(),
        },
        Field {
            name: "address",
            values: |endpoint| {
                let addresses = endpoint.addresses.iter();
                addresses.map(|address| address.ip.to_string()).collect()
            },
        },
        Field {
            name: "subnet",
            values: |endpoint| {
                let addresses = endpoint.addresses.iter();
                addresses
                    .map(|address| address.subnet.to_string())
                    .collect()
            },
        },
        Field {
            name: "mac",
            values: |endpoint| vec![endpoint.mac.to_string()],
        },
        Field {
            name: "profile",
            values: |endpoint| {
                let qos = endpoint.qos.iter();
                qos.map(|qos| qos.profile.to_string()).collect()
            },
        },
        Field {
            name: "reservation",
            values: |endpoint| {
                endpoint
                    .reservation
                    .iter()
                    .map(ToString::to_string)
                    .collect()
            },
        },
    ];

    const OWNER: Option<&'static str> = Some("node");

    fn view(scene: &Scene<'_>, object: &Object) -> Option<Endpoint> {
        let Object::Endpoint(endpoint) = object else {
            return None;
        };
        let network = scene.catalog.network(&endpoint.network)?;
        Some(Endpoint {
            attachment: endpoint.attachment.clone(),
            pod: endpoint.pod.clone(),
            pod_uid: endpoint.pod_uid.clone(),
            node: endpoint.node.clone(),
            network: endpoint.network.clone(),
            vlan: network.vlan,
            mtu: network.mtu,
            mac: endpoint.mac,
            addresses: addresses(scene.catalog, &endpoint.addresses)?,
            qos: endpoint
                .profile
                .as_ref()
                .map(|name| qos(scene.catalog, name)),
            reservation: endpoint.reservation.clone(),
            created: endpoint.created.unix_seconds(),
            revision: endpoint.revision.number(),
        })
    }

    fn labels(_: &Object) -> Option<&Labels> {
        None
    }

    fn candidates<'a>(
        scene: &Scene<'a>,
        selection: &Selection,
    ) -> Box<dyn Iterator<Item = Object> + 'a> {
        let catalog = scene.catalog;
        // Every agent watches the endpoints of its own node.
        let node = selection
            .wanted::<Self>("node")
            .and_then(|node| node.parse::<Name>().ok());
        match node {
            Some(node) => Box::new(catalog.endpoints_on(&node).cloned().map(Object::Endpoint)),
            None => catalog.objects_after(Self::KIND, None),
        }
    }
}

/// Addresses with what they take from their subnets; none if one of those is gone.
pub(super) fn addresses(
    catalog: &Catalog,
    addresses: &[ipam::EndpointAddress],
) -> Option<Vec<EndpointAddress>> {
    let addresses = addresses.iter().map(|address| {
        let subnet = catalog.subnet(&address.subnet)?;
        Some(EndpointAddress {
            ip: address.ip,
            prefix: subnet.cidr.prefix(),
            gateway: subnet.gateway,
            subnet: subnet.name.clone(),
        })
    });
    addresses.collect()
}

/// What a profile says; nothing if it is gone.
fn qos(catalog: &Catalog, name: &Name) -> Qos {
    let profile = catalog.profile(name);
    Qos {
        profile: name.clone(),
        ingress: profile.and_then(|profile| profile.ingress).map(rate),
        egress: profile.and_then(|profile| profile.egress).map(rate),
        dscp: profile.and_then(|profile| profile.dscp),
    }
}

pub(super) async fn allocate(
    State(app): State<App>,
    signature: Signature,
    parameters: Parameters,
    Body(spec): Body<EndpointSpec>,
) -> Result<(StatusCode, Json<Endpoint>), Failure> {
    parameters.only(&[])?;
    signature.caller.acts_for(&spec.node)?;
    let key = Key::Endpoint(spec.attachment.clone());
    signature.trail.about(key.clone());
    if let (Some(pod), Role::Node) = (&spec.pod, signature.caller.0.role()) {
        check_claim(&app, &spec, pod).await?;
    }
    let request = ipam::AllocateRequest {
        attachment: spec.attachment,
        node: spec.node,
        fence: spec.fence,
        pod: spec.pod,
        pod_uid: spec.pod_uid,
        pod_labels: spec.pod_labels,
        workload: spec.workload.map(holder),
        network: spec.network,
        pool: spec.pool,
        profile: spec.profile,
        addresses: spec.addresses,
        mac: spec.mac,
        leased: spec.leased,
    };
    let policy = app.policy.clone();
    let now = now();
    let (endpoint, is_new) = app
        .allocator
        .write(move |ledger| {
            let planned = ipam::allocate(ledger, &request, &policy, now)?;
            let is_new = !planned.change.is_empty();
            let catalog = ledger.catalog();
            let policy = &policy;
            // Network and subnet are there before the change, so the view is complete now; after
            // the commit somebody may have released it all again.
            let scene = Scene {
                catalog,
                policy,
                now,
            };
            let object = Object::Endpoint(planned.object);
            signature.caller.reaches_object(catalog, &object)?;
            let endpoint = view::<Endpoints>(&scene, &object)?;
            let change = signature.sign::<Endpoints>(&scene, &key, planned.change)?;
            Ok::<_, Failure>(((endpoint, is_new), change))
        })
        .await?;
    // Only of nodes that exist, so that nobody fills the memory with names.
    app.heard.mark(&endpoint.node, now);
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

/// Refuses an agent that asks for a pod of another node. A pod that has its endpoint already is
/// answered what it has, without a question.
async fn check_claim(app: &App, spec: &EndpointSpec, pod: &Pod) -> Result<(), Failure> {
    let has_it = app.allocator.read(|catalog| {
        let endpoint = catalog.endpoint(&spec.attachment);
        endpoint.is_some_and(|one| one.node == spec.node && one.pod.as_ref() == Some(pod))
    });
    if has_it {
        return Ok(());
    }
    let checked = app.claims.check(&spec.node, pod).await;
    checked.map_err(|wrong| {
        let code = if wrong.is_retryable() {
            ErrorCode::OrchestratorUnavailable
        } else {
            ErrorCode::Forbidden
        };
        Failure::new(code, wrong.to_string())
    })
}

pub(super) async fn release(
    State(app): State<App>,
    signature: Signature,
    At { key, .. }: At<Endpoints>,
    mut parameters: Parameters,
) -> Result<StatusCode, Failure> {
    let expected = parameters.number("revision")?.map(Revision::new);
    parameters.only(&["revision"])?;
    let Key::Endpoint(attachment) = key else {
        return Err(Failure::not_found(Kind::Endpoint, &key.name()));
    };
    let policy = app.policy.clone();
    let now = now();
    let release = ipam::Release {
        attachment: attachment.clone(),
        reason: RELEASED.to_owned(),
        expected,
    };
    let was_there = app
        .allocator
        .write(move |ledger| {
            if let Some(endpoint) = ledger.catalog().endpoint(&release.attachment) {
                signature.caller.acts_for(&endpoint.node)?;
            }
            let catalog = ledger.catalog();
            let change = ipam::release(catalog, &release, now)?;
            let scene = Scene {
                catalog,
                policy: &policy,
                now,
            };
            let key = Key::Endpoint(release.attachment.clone());
            let change = signature.sign::<Endpoints>(&scene, &key, change)?;
            Ok::<_, Failure>((!change.is_empty(), change))
        })
        .await?;
    if was_there {
        info!(%attachment, "endpoint released");
    }
    Ok(StatusCode::NO_CONTENT)
}
