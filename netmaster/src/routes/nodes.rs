//! `/v1/nodes`

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use tracing::info;
use trunkline_ipam as ipam;
use trunkline_ipam::{Catalog, Holder, Key, Kind, Ledger, Object, RemovalCause, Revision};
use trunkline_netmaster_api::{
    ClusterPoint, Farewell, HoldingsReport, Node, NodeEdit, NodeSpec, Registration, Reserve,
    ReserveReturn, ReserveSpec, Slot,
};
use trunkline_types::{Labels, Name, Pod};

use super::endpoints::addresses;
use super::extract::{Body, PathName};
use super::field::{Field, Form};
use super::noun::{Noun, Scene, in_signed_steps, in_steps, view};
use super::query::Parameters;
use super::signed::{Signature, write_signed};
use crate::app::App;
use crate::clock::now;
use crate::failure::Failure;
use crate::sweeper::Holdings;

pub(crate) enum Nodes {}

impl Noun for Nodes {
    const KIND: Kind = Kind::Node;
    const PATH: &'static str = "nodes";
    type View = Node;
    const FIELDS: &'static [Field<Node>] = &[
        Field {
            name: "name",
            form: Form::Name,
            values: |node| vec![node.name.to_string()],
        },
        Field {
            name: "rack",
            form: Form::Name,
            values: |node| vec![node.rack.to_string()],
        },
        Field {
            name: "address",
            form: Form::Ip,
            values: |node| {
                let addresses = node.addresses.iter();
                addresses.map(|address| address.ip.to_string()).collect()
            },
        },
    ];

    fn view(scene: &Scene<'_>, object: &Object) -> Option<Node> {
        let Object::Node(node) = object else {
            return None;
        };
        Some(Node {
            name: node.name.clone(),
            rack: node.rack.clone(),
            agent_rack: node.agent_rack.clone(),
            labels: node.labels.clone(),
            boot_id: node.boot_id.clone(),
            agent_version: node.agent_version.clone(),
            last_heard: node.last_heard.unix_seconds(),
            fence: node.fence,
            reported: node.reported.number(),
            removing: node.removing.is_some(),
            addresses: addresses(scene.catalog, &node.addresses)?,
            revision: node.revision.number(),
        })
    }

    fn labels(object: &Object) -> Option<&Labels> {
        match object {
            Object::Node(node) => Some(&node.labels),
            _ => None,
        }
    }
}

pub(super) async fn register(
    State(app): State<App>,
    PathName(name): PathName,
    parameters: Parameters,
    Body(spec): Body<NodeSpec>,
) -> Result<Json<Registration>, Failure> {
    parameters.only(&[])?;
    let spec = ipam::NodeSpec {
        name,
        rack: spec.rack,
        labels: spec.labels,
        boot_id: spec.boot_id,
        agent_version: spec.agent_version,
    };
    let policy = app.policy.clone();
    let now = now();
    let (registration, is_new) = app
        .allocator
        .write(move |ledger| {
            let planned = ipam::register_node(ledger, &spec, &policy, now)?;
            let is_new = !planned.change.is_empty();
            let catalog = ledger.catalog();
            let policy = &policy;
            let scene = Scene {
                catalog,
                policy,
                now,
            };
            let registration = Registration {
                node: view::<Nodes>(&scene, &Object::Node(planned.object))?,
                cluster: point(catalog, planned.change.revision()),
            };
            Ok::<_, Failure>(((registration, is_new), planned.change))
        })
        .await?;
    let node = &registration.node;
    app.heard.mark(&node.name, now);
    if is_new {
        info!(node = %node.name, rack = %node.rack, revision = node.revision, "node registered");
    }
    Ok(Json(registration))
}

/// Which cluster it is, as of a revision.
fn point(catalog: &Catalog, revision: Revision) -> Option<ClusterPoint> {
    let cluster = catalog.cluster()?;
    Some(ClusterPoint {
        id: cluster.id.clone(),
        epoch: cluster.epoch.number(),
        revision: revision.number(),
    })
}

pub(super) async fn edit(
    State(app): State<App>,
    signature: Signature,
    PathName(name): PathName,
    parameters: Parameters,
    Body(edit): Body<NodeEdit>,
) -> Result<Json<Node>, Failure> {
    parameters.only(&[])?;
    let expected = Revision::new(edit.revision);
    let key = Key::Node(name.clone());
    let written = write_signed::<Nodes, _>(&app, signature, key, move |ledger, scene| {
        let catalog = ledger.catalog();
        let current = catalog.node(&name);
        let current = current.ok_or_else(|| Failure::not_found(Kind::Node, name.as_str()))?;
        let edit = ipam::NodeEdit {
            name,
            rack: edit.rack.unwrap_or_else(|| current.rack.clone()),
            labels: edit.labels.unwrap_or_else(|| current.labels.clone()),
        };
        let planned = ipam::update_node(catalog, &edit, expected)?;
        let node = view::<Nodes>(scene, &Object::Node(planned.object))?;
        Ok((node, planned.change))
    });
    let node = written.await?;
    info!(node = %node.name, rack = %node.rack, revision = node.revision, "node edited");
    Ok(Json(node))
}

pub(super) async fn remove(
    State(app): State<App>,
    signature: Signature,
    PathName(name): PathName,
    mut parameters: Parameters,
) -> Result<StatusCode, Failure> {
    let powered_off = parameters.flag("powered_off")?;
    parameters.only(&["powered_off"])?;
    let why = if powered_off {
        RemovalCause::PoweredOff
    } else {
        RemovalCause::Operator
    };
    let node = name.clone();
    let plan =
        move |ledger: &Ledger, _| Ok(ipam::remove_node(ledger.catalog(), &node, why, now())?);
    in_signed_steps::<Nodes>(&app, signature, Key::Node(name.clone()), plan).await?;
    info!(node = %name, powered_off, "node removed");
    Ok(StatusCode::NO_CONTENT)
}

pub(super) async fn farewell(
    State(app): State<App>,
    PathName(name): PathName,
    parameters: Parameters,
    Body(Farewell { fence }): Body<Farewell>,
) -> Result<StatusCode, Failure> {
    parameters.only(&[])?;
    let node = name.clone();
    let plan = move |ledger: &Ledger, _| Ok(ipam::farewell(ledger.catalog(), &node, fence, now())?);
    in_steps(&app, plan).await?;
    info!(node = %name, "node said farewell");
    Ok(StatusCode::NO_CONTENT)
}

pub(super) async fn waive(
    State(app): State<App>,
    signature: Signature,
    PathName(name): PathName,
    parameters: Parameters,
) -> Result<StatusCode, Failure> {
    parameters.only(&[])?;
    let node = name.clone();
    let key = Key::Node(name.clone());
    let written = write_signed::<Nodes, _>(&app, signature, key, move |ledger, scene| {
        let change = ipam::waive_report(ledger.catalog(), &node, scene.now)?;
        Ok(((), change))
    });
    written.await?;
    info!(node = %name, "report waived");
    Ok(StatusCode::NO_CONTENT)
}

pub(super) async fn reserve(
    State(app): State<App>,
    PathName(name): PathName,
    parameters: Parameters,
    Body(spec): Body<ReserveSpec>,
) -> Result<Json<Reserve>, Failure> {
    parameters.only(&[])?;
    let request = ipam::LeaseRequest {
        node: name.clone(),
        fence: spec.fence,
        network: spec.network,
        count: spec.count,
    };
    let policy = app.policy.clone();
    let now = now();
    let reserve = app
        .allocator
        .write(move |ledger| {
            let leased = ipam::lease(ledger, &request, &policy, now)?;
            let catalog = ledger.catalog();
            let not_found = || Failure::not_found(Kind::Network, request.network.as_str());
            let network = catalog.network(&request.network).ok_or_else(not_found)?;
            let slots = leased.slots.iter().map(|slot| {
                Some(Slot {
                    addresses: addresses(catalog, &slot.addresses)?,
                    mac: slot.mac,
                })
            });
            let reserve = Reserve {
                network: network.name.clone(),
                vlan: network.vlan,
                mtu: network.mtu,
                slots: slots.collect::<Option<_>>().unwrap_or_default(),
            };
            Ok::<_, Failure>((reserve, leased.change))
        })
        .await?;
    app.heard.mark(&name, now);
    info!(node = %name, network = %reserve.network, slots = reserve.slots.len(), "reserve leased");
    Ok(Json(reserve))
}

pub(super) async fn return_reserve(
    State(app): State<App>,
    PathName(name): PathName,
    parameters: Parameters,
    Body(returned): Body<ReserveReturn>,
) -> Result<StatusCode, Failure> {
    parameters.only(&[])?;
    let node = name.clone();
    let count = returned.addresses.len();
    let plan = move |ledger: &Ledger, _| {
        let ReserveReturn { fence, addresses } = &returned;
        Ok(ipam::return_leases(
            ledger.catalog(),
            &node,
            *fence,
            addresses,
            now(),
        )?)
    };
    in_steps(&app, plan).await?;
    app.heard.mark(&name, now());
    info!(node = %name, addresses = count, "reserve returned");
    Ok(StatusCode::NO_CONTENT)
}

/// Refuses what no interface can have.
fn check_families(field: &str, addresses: &[IpAddr]) -> Result<(), Failure> {
    if addresses.is_empty() {
        let why = "it is empty: name at least one address";
        return Err(Failure::field(field, why));
    }
    let of_v4 = addresses.iter().filter(|ip| ip.is_ipv4()).count();
    if of_v4 > 1 || addresses.len() - of_v4 > 1 {
        let why = "two of them are of one family: name at most one of IPv4 and one of IPv6";
        return Err(Failure::field(field, why));
    }
    Ok(())
}

/// Which pods of what a node holds are its own, as the orchestrator says, if a report is owed: only
/// then anything becomes the node's that it has not asked for.
async fn vouched(
    app: &App,
    name: &Name,
    holds: &[ipam::Held],
) -> Result<Option<BTreeMap<Pod, Vec<Holder>>>, Failure> {
    let is_owed = app.allocator.read(|catalog| {
        let node = catalog.node(name);
        node.is_some_and(|node| node.reported != catalog.epoch())
    });
    if !is_owed {
        return Ok(Some(BTreeMap::new()));
    }
    let pods = holds.iter().filter_map(|held| held.pod.clone());
    Ok(app.claims.vouch(name, pods.collect()).await?)
}

/// Takes what a node holds as evidence, and into the books if a report is owed.
pub(super) async fn report(
    State(app): State<App>,
    PathName(name): PathName,
    parameters: Parameters,
    Body(report): Body<HoldingsReport>,
) -> Result<StatusCode, Failure> {
    parameters.only(&[])?;
    for (place, held) in report.ovsdb.iter().enumerate() {
        check_families(&format!("ovsdb[{place}].addresses"), &held.addresses)?;
    }
    let holdings = Holdings {
        ovsdb: report
            .ovsdb
            .iter()
            .map(|held| held.attachment.clone())
            .collect(),
        held: report
            .ovsdb
            .iter()
            .map(|held| (held.attachment.clone(), held.addresses.clone()))
            .collect(),
        reserve: report.reserve.iter().copied().collect(),
        runtime: report.runtime.map(BTreeSet::from_iter),
    };
    let holds = report.ovsdb.into_iter().map(|held| ipam::Held {
        attachment: held.attachment,
        addresses: held.addresses,
        mac: held.mac,
        network: held.network,
        pod: held.pod,
    });
    let holds: Vec<_> = holds.collect();
    let report = ipam::Report {
        vouched: vouched(&app, &name, &holds).await?,
        node: name.clone(),
        fence: report.fence,
        epoch: ipam::Epoch::new(report.epoch),
        holds,
        leases: report.reserve,
    };
    // What the books have by now, but did not when it came, it need not know.
    let at = now();
    let plan = move |ledger: &Ledger, _| Ok(ipam::report(ledger.catalog(), &report, now())?);
    in_steps(&app, plan).await?;
    app.heard.mark(&name, now());
    app.reports.receive(name, holdings, at);
    Ok(StatusCode::NO_CONTENT)
}
