//! `/v1/addresses`

use std::net::IpAddr;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use tracing::info;
use trunkline_ipam as ipam;
use trunkline_ipam::{AddressState as State_, Key, Kind, Object, Subnet};
use trunkline_netmaster_api::{
    Address, AddressRelease, AddressState, Conflict, ConflictReport, Role,
};
use trunkline_types::{Labels, Name};

use super::access::Caller;
use super::extract::{Body, PathAddress};
use super::field::{Field, Form};
use super::noun::{Noun, Scene};
use super::query::Parameters;
use super::signed::{Signature, write_signed};
use crate::app::App;
use crate::failure::Failure;
use crate::sweeper::Informants;

pub(crate) enum Addresses {}

impl Noun for Addresses {
    const KIND: Kind = Kind::Address;
    const PATH: &'static str = "addresses";
    type View = Address;
    const FIELDS: &'static [Field<Address>] = &[
        Field {
            name: "ip",
            form: Form::Ip,
            values: |address| vec![address.ip.to_string()],
        },
        Field {
            name: "subnet",
            form: Form::Name,
            values: |address| vec![address.subnet.to_string()],
        },
        Field {
            name: "network",
            form: Form::Name,
            values: |address| vec![address.network.to_string()],
        },
        Field {
            name: "state",
            form: Form::State,
            values: |address| vec![address.state.as_str().to_owned()],
        },
        Field {
            name: "node",
            form: Form::Name,
            values: |address| address.node.iter().map(ToString::to_string).collect(),
        },
        Field {
            name: "attachment",
            form: Form::Attachment,
            values: |address| address.attachment.iter().map(ToString::to_string).collect(),
        },
        Field {
            name: "pod",
            form: Form::Text,
            values: |address| address.pod.iter().map(ToString::to_string).collect(),
        },
        Field {
            name: "reservation",
            form: Form::Name,
            values: |address| {
                address
                    .reservation
                    .iter()
                    .map(ToString::to_string)
                    .collect()
            },
        },
    ];

    fn view(scene: &Scene<'_>, object: &Object) -> Option<Address> {
        let Object::Address(address) = object else {
            return None;
        };
        let subnet = scene.catalog.subnet(&address.subnet);
        let idle = || match subnet {
            Some(subnet) => idle(scene, subnet, address.ip, Some(address)),
            None => AddressState::Free,
        };
        let mut view = Address {
            ip: address.ip,
            subnet: address.subnet.clone(),
            network: address.network.clone(),
            state: AddressState::Free,
            attachment: None,
            pod: None,
            node: None,
            since: Some(address.since.unix_seconds()),
            reservation: reservation(scene, address.ip),
            conflict: address.conflict.as_ref().map(|conflict| Conflict {
                mac: conflict.mac,
                seen: conflict.seen.unix_seconds(),
                node: conflict.node.clone(),
            }),
            revision: address.revision.number(),
        };
        view.state = match &address.state {
            State_::Leased { node, .. } => {
                view.node = Some(node.clone());
                AddressState::Leased
            }
            State_::Node { node } => {
                view.node = Some(node.clone());
                AddressState::Node
            }
            State_::Bound { attachment } => {
                let endpoint = scene.catalog.endpoint(attachment);
                view.attachment = Some(attachment.clone());
                view.pod = endpoint.and_then(|endpoint| endpoint.pod.clone());
                view.node = endpoint.map(|endpoint| endpoint.node.clone());
                AddressState::Bound
            }
            State_::Released { .. } => {
                let state = idle();
                let owner = address.last_owner();
                view.pod = owner.filter(|_| state == AddressState::Cooling).cloned();
                state
            }
        };
        if view.conflict.is_some() {
            view.state = AddressState::Conflict;
        }
        Some(view)
    }

    fn labels(_: &Object) -> Option<&Labels> {
        None
    }
}

/// What an address that nobody has can be used for.
fn idle(
    scene: &Scene<'_>,
    subnet: &Subnet,
    ip: IpAddr,
    record: Option<&ipam::Address>,
) -> AddressState {
    let cooling = record.is_some_and(|one| scene.policy.is_cooling(one.since, scene.now));
    if scene.catalog.reservation_of(ip).is_some() {
        AddressState::Reserved
    } else if !subnet.hands_out(ip) {
        AddressState::Excluded
    } else if cooling {
        AddressState::Cooling
    } else {
        AddressState::Free
    }
}

fn reservation(scene: &Scene<'_>, ip: IpAddr) -> Option<Name> {
    let reservation = scene.catalog.reservation_of(ip)?;
    Some(reservation.name.clone())
}

/// Unlike other objects, an address is there without a record: as long as it is in a subnet.
pub(super) async fn show(
    State(app): State<App>,
    caller: Caller,
    PathAddress(ip): PathAddress,
    parameters: Parameters,
) -> Result<Json<Address>, Failure> {
    parameters.only(&[])?;
    let address = app.look(|scene| {
        if let Some(record) = scene.catalog.address(ip) {
            return Addresses::view(scene, &Object::Address(record.clone()));
        }
        let subnet = scene.catalog.subnet_of(ip)?;
        Some(Address {
            ip,
            subnet: subnet.name.clone(),
            network: subnet.network.clone(),
            state: idle(scene, subnet, ip, None),
            attachment: None,
            pod: None,
            node: None,
            since: None,
            reservation: reservation(scene, ip),
            conflict: None,
            revision: 0,
        })
    });
    let not_found = || {
        let detail = format!("address `{ip}` is in no subnet: see `netctl subnet ls`");
        Failure::new(trunkline_netmaster_api::ErrorCode::AddressNotFound, detail)
    };
    let address = address.ok_or_else(not_found)?;
    caller.reaches(&Key::Address(ip), Some(&address.network))?;
    Ok(Json(address))
}

pub(super) async fn report_conflict(
    State(app): State<App>,
    signature: Signature,
    PathAddress(ip): PathAddress,
    parameters: Parameters,
    Body(ConflictReport { mac, node }): Body<ConflictReport>,
) -> Result<StatusCode, Failure> {
    parameters.only(&[])?;
    signature.caller.acts_for(&node)?;
    let report = ipam::ConflictReport { ip, mac, node };
    let role = signature.caller.0.role();
    let key = Key::Address(ip);
    let written = write_signed::<Addresses, _>(&app, signature, key, move |ledger, scene| {
        let change = match role {
            // Or one agent could take the addresses of all others out of circulation.
            Role::Node => ipam::sight_conflict(ledger.catalog(), &report, scene.now)?,
            _ => ipam::report_conflict(ledger.catalog(), &report, scene.now)?,
        };
        Ok((!change.is_empty(), change))
    });
    let is_new = written.await?;
    if is_new {
        info!(%ip, %mac, "address in conflict");
    }
    Ok(StatusCode::NO_CONTENT)
}

pub(super) async fn clear_conflict(
    State(app): State<App>,
    signature: Signature,
    PathAddress(ip): PathAddress,
    parameters: Parameters,
) -> Result<StatusCode, Failure> {
    parameters.only(&[])?;
    let key = Key::Address(ip);
    let written = write_signed::<Addresses, _>(&app, signature, key, move |ledger, scene| {
        let why = ipam::Clearance::Operator;
        let change = ipam::clear_conflict(ledger.catalog(), ip, &why, scene.now)?;
        Ok(((), change))
    });
    written.await?;
    info!(%ip, "conflict cleared");
    Ok(StatusCode::NO_CONTENT)
}

pub(super) async fn release(
    State(app): State<App>,
    signature: Signature,
    PathAddress(ip): PathAddress,
    parameters: Parameters,
    Body(AddressRelease { reason, force }): Body<AddressRelease>,
) -> Result<StatusCode, Failure> {
    parameters.only(&[])?;
    let informants = Informants {
        heard: app.heard.clone(),
        reports: app.reports.clone(),
        pods: app.pods.clone(),
    };
    let key = Key::Address(ip);
    let written = write_signed::<Addresses, _>(&app, signature, key, move |ledger, scene| {
        let (policy, now) = (scene.policy, scene.now);
        let release = ipam::ReleaseAddress {
            ip,
            reason,
            force,
            signs: informants.signs_of(ledger.catalog(), ip),
        };
        let change = ipam::release_address(ledger.catalog(), &release, policy, now)?;
        Ok(((), change))
    });
    written.await?;
    info!(%ip, force, "address released by an operator");
    Ok(StatusCode::NO_CONTENT)
}
