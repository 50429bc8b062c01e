//! `/v1/endpoints`

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use tracing::info;
use trunkline_ipam as ipam;
use trunkline_ipam::{Catalog, Key, Kind, Object, Revision};
use trunkline_netmaster_api::{Endpoint, EndpointAddress, EndpointSpec, ErrorCode, Qos, Role};
use trunkline_types::{Labels, Name};

use super::access::Caller;
use super::extract::Body;
use super::field::{Field, Form};
use super::noun::{At, Noun, Scene, view};
use super::profiles::rate;
use super::query::{Parameters, Selection};
use super::reached::Reached;
use super::reservations::holder;
use super::signed::{Signature, write_signed};
use crate::app::App;
use crate::clock::now;
use crate::failure::Failure;
use crate::orchestrator::WrongClaim;

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
            form: Form::Attachment,
            values: |endpoint| vec![endpoint.attachment.to_string()],
        },
        Field {
            name: "node",
            form: Form::Name,
            values: |endpoint| vec![endpoint.node.to_string()],
        },
        Field {
            name: "network",
            form: Form::Name,
            values: |endpoint| vec![endpoint.network.to_string()],
        },
        Field {
            name: "namespace",
            form: Form::Text,
            values: |endpoint| {
                let pod = endpoint.pod.iter();
                pod.map(|pod| pod.namespace.clone()).collect()
            },
        },
        Field {
            name: "pod",
            form: Form::Text,
            values: |endpoint| endpoint.pod.iter().map(ToString::to_string).collect(),
        },
        Field {
            name: "address",
            form: Form::Ip,
            values: |endpoint| {
                let addresses = endpoint.addresses.iter();
                addresses.map(|address| address.ip.to_string()).collect()
            },
        },
        Field {
            name: "subnet",
            form: Form::Name,
            values: |endpoint| {
                let addresses = endpoint.addresses.iter();
                addresses
                    .map(|address| address.subnet.to_string())
                    .collect()
            },
        },
        Field {
            name: "mac",
            form: Form::Mac,
            values: |endpoint| vec![endpoint.mac.to_string()],
        },
        Field {
            name: "profile",
            form: Form::Name,
            values: |endpoint| {
                let qos = endpoint.qos.iter();
                qos.map(|qos| qos.profile.to_string()).collect()
            },
        },
        Field {
            name: "reservation",
            form: Form::Name,
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

    fn owner(object: &Object) -> Option<&Name> {
        match object {
            Object::Endpoint(endpoint) => Some(&endpoint.node),
            _ => None,
        }
    }

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
    let request = wanted(spec);
    let is_agent = signature.caller.0.role() == Role::Node;
    let (request, has_it) = match is_agent {
        true => claimed(&app, request).await?,
        false => (request, false),
    };
    let policy = app.policy.clone();
    let now = now();
    let (endpoint, is_new) = app
        .allocator
        .write(move |ledger| {
            let catalog = ledger.catalog();
            let reached = reach(&signature.caller, catalog, &key, request.network.as_ref())?;
            if has_it && catalog.endpoint(&request.attachment).is_none() {
                return Err(taken_meanwhile(&request));
            }
            let planned = ipam::allocate(ledger, &request, &policy, now)?;
            let is_new = !planned.change.is_empty();
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
            let change = signature.sign::<Endpoints>(&scene, &reached, planned.change)?;
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

/// Looks whether who asks is for the network that is asked for, and for that which the endpoint is of
/// already. That comes before anything is planned, so that no refusal tells of other networks.
fn reach(
    caller: &Caller,
    catalog: &Catalog,
    key: &Key,
    network: Option<&Name>,
) -> Result<Reached, Failure> {
    let reached = caller.reach(catalog, key)?;
    match network {
        Some(_) => caller.reaches(key, network)?,
        None => caller.names_a_network()?,
    }
    Ok(reached)
}

/// A wish as it is planned with.
fn wanted(spec: EndpointSpec) -> ipam::AllocateRequest {
    ipam::AllocateRequest {
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
    }
}

/// An agent's request, if that is for a pod of its own, with what is known of the pod. One that has
/// its endpoint already is answered what it has, without a question: then the second is true.
async fn claimed(
    app: &App,
    request: ipam::AllocateRequest,
) -> Result<(ipam::AllocateRequest, bool), Failure> {
    let has_it = app.allocator.read(|catalog| {
        let endpoint = catalog.endpoint(&request.attachment);
        endpoint.is_some_and(|one| one.node == request.node && one.pod == request.pod)
    });
    if has_it {
        return Ok((request, true));
    }
    let claim = app.claims.check(&request).await?;
    let settled = claim.settle(request);
    let settled = settled.map_err(|wrong| Failure::new(ErrorCode::Forbidden, wrong.to_string()))?;
    Ok((settled, false))
}

impl From<WrongClaim> for Failure {
    fn from(wrong: WrongClaim) -> Self {
        let code = if wrong.is_retryable() {
            ErrorCode::OrchestratorUnavailable
        } else {
            ErrorCode::Forbidden
        };
        Self::new(code, wrong.to_string())
    }
}

/// What was there was not looked into, so nothing new comes of it.
fn taken_meanwhile(request: &ipam::AllocateRequest) -> Failure {
    let why = format!(
        "attachment `{}` has given back its addresses at this moment: repeat the request",
        request.attachment
    );
    Failure::new(ErrorCode::NotReady, why)
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
    let release = ipam::Release {
        attachment: attachment.clone(),
        reason: RELEASED.to_owned(),
        expected,
    };
    let key = Key::Endpoint(attachment.clone());
    let written = write_signed::<Endpoints, _>(&app, signature, key, move |ledger, scene| {
        let change = ipam::release(ledger.catalog(), &release, scene.now)?;
        Ok((!change.is_empty(), change))
    });
    let was_there = written.await?;
    if was_there {
        info!(%attachment, "endpoint released");
    }
    Ok(StatusCode::NO_CONTENT)
}
