//! `/v1/check`: whether store, nodes and reservations agree with each other.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::extract::State;
use futures_util::future::join_all;
use tracing::info;
use trunkline_ipam as ipam;
use trunkline_ipam::{Catalog, Discrepancy, Key, NodeReport, Object, Revision, Witnesses};
use trunkline_netmaster_api::{Check, ErrorCode, Finding, FindingRef, Repair, RepairSpec, Repairs};
use trunkline_types::Name;

use super::access::Caller;
use super::addresses::Addresses;
use super::cluster::catch_up;
use super::endpoints::Endpoints;
use super::extract::Body;
use super::noun::Scene;
use super::query::Parameters;
use super::reservations::Reservations;
use super::signed::Signature;
use crate::app::App;
use crate::check::{Difference, compare, missing};
use crate::clock::now;
use crate::failure::Failure;
use crate::sweeper::Holdings;
use crate::turns::Taken;

/// How many findings an answer has.
const FINDINGS: usize = 1000;

/// How many nodes that were not heard an answer names.
const UNHEARD: usize = 100;

/// How old a node's report may be to count; agents report every minute or so.
const REPORT_AGE: Duration = Duration::from_secs(180);

/// How many repairs are made side by side, to share batches with each other.
const SIDE_BY_SIDE: usize = 32;

pub(super) async fn show(
    State(app): State<App>,
    caller: Caller,
    mut parameters: Parameters,
) -> Result<Json<Check>, Failure> {
    let safe = parameters.flag("safe")?;
    parameters.only(&["safe"])?;
    let _turn = turn(&app, &caller).await?;
    let reports = recent(&app);
    let heard: BTreeSet<Name> = reports.iter().map(|report| report.node.clone()).collect();
    let catalog = Arc::new(app.allocator.read(Catalog::clone));
    let mut findings = of_store(&app, &catalog).await?;
    let found = of_books(&app, catalog.clone(), reports).await?;
    findings.extend(found.iter().map(|one| finding(&catalog, one)));
    if safe {
        // Beyond those that an answer has room for there may be others.
        findings.retain(|finding| finding.safe);
    }
    let total = findings.len();
    findings.truncate(FINDINGS);
    let unheard = catalog.nodes().filter(|node| !heard.contains(&node.name));
    let unheard: Vec<_> = unheard.map(|node| node.name.clone()).collect();
    Ok(Json(Check {
        revision: catalog.revision().number(),
        total: number(total),
        findings,
        nodes: number(heard.len()),
        unheard_total: number(unheard.len()),
        unheard: unheard.into_iter().take(UNHEARD).collect(),
    }))
}

/// Each check needs as much memory as there are objects, so they take turns.
async fn turn(app: &App, caller: &Caller) -> Result<Taken, Failure> {
    let turn = app.checks.take(&caller.0).await;
    turn.ok_or_else(|| {
        let why = "others wait for a check, or another one of yours does: repeat the request when \
                   that is done";
        Failure::new(ErrorCode::NotReady, why)
    })
}

fn number(count: usize) -> u64 {
    u64::try_from(count).unwrap_or(u64::MAX)
}

/// What store and memory do not agree on.
async fn of_store(app: &App, catalog: &Arc<Catalog>) -> Result<Vec<Finding>, Failure> {
    let (reader, compared) = (app.allocator.records().clone(), catalog.clone());
    let comparison = tokio::task::spawn_blocking(move || compare(&reader, &compared)).await;
    let comparison = comparison
        .map_err(|_| broke_off())?
        .map_err(|error| Failure::unreadable(&error))?;
    catch_up(&app.allocator, comparison.position.revision()).await?;
    let still = app.allocator.read(|now| {
        let missing = comparison.missing.into_iter();
        missing
            .filter(|key| {
                now.object(key)
                    .is_some_and(|one| one.revision() <= catalog.revision())
            })
            .collect::<Vec<_>>()
    });
    let differences = comparison.differences.into_iter();
    let all = differences.chain(still.into_iter().map(missing));
    Ok(all.map(|one| of_difference(catalog, one)).collect())
}

fn of_difference(catalog: &Catalog, difference: Difference) -> Finding {
    let about = difference.about;
    let (code, command) = match &about {
        // The other replicas read the same store, and lead when this one is away.
        Some(_) => ("store_differs", "restart this netmaster"),
        None => (
            "store_unreadable",
            "netmaster restore <a back-up of before>",
        ),
    };
    Finding {
        code: code.to_owned(),
        kind: about
            .as_ref()
            .map_or("record", |key| key.kind().noun())
            .to_owned(),
        name: about.as_ref().map(Key::name).unwrap_or_default(),
        revision: about
            .as_ref()
            .map_or(0, |key| revision(catalog, key).number()),
        evidence: difference.evidence,
        command: command.to_owned(),
        safe: false,
    }
}

fn revision(catalog: &Catalog, key: &Key) -> Revision {
    let object = catalog.object(key);
    object.as_ref().map(Object::revision).unwrap_or_default()
}

fn finding(catalog: &Catalog, discrepancy: &Discrepancy) -> Finding {
    Finding {
        code: discrepancy.kind.code().to_owned(),
        kind: discrepancy.about.kind().noun().to_owned(),
        name: discrepancy.about.name(),
        revision: revision(catalog, &discrepancy.about).number(),
        evidence: discrepancy.evidence.clone(),
        command: discrepancy.command.clone(),
        safe: discrepancy.is_safe,
    }
}

/// A node's last report, with when it came.
struct Reported {
    node: Name,
    at: ipam::Timestamp,
    holdings: Arc<Holdings>,
}

/// What nodes said lately.
fn recent(app: &App) -> Vec<Reported> {
    let reports = app.reports.recent(REPORT_AGE).into_iter();
    let reports = reports.map(|(node, at, holdings)| Reported { node, at, holdings });
    reports.collect()
}

/// What the books, the nodes and the rules do not agree on.
async fn of_books(
    app: &App,
    catalog: Arc<Catalog>,
    reports: Vec<Reported>,
) -> Result<Vec<Discrepancy>, Failure> {
    let (pods, policy) = (app.pods.clone(), app.policy.clone());
    let found = tokio::task::spawn_blocking(move || {
        let reports = reports.iter().map(|report| NodeReport {
            node: &report.node,
            at: report.at,
            ovsdb: &report.holdings.ovsdb,
            held: &report.holdings.held,
            reserve: &report.holdings.reserve,
            runtime: report.holdings.runtime.as_ref(),
        });
        let witnesses = Witnesses {
            reports: &reports.collect::<Vec<_>>(),
            pod_exists: &|endpoint| pods.exists(endpoint),
            // One answer is not enough for that, and the sweeper asks twice.
            deleted: &|_| None,
        };
        ipam::discrepancies(&catalog, &witnesses, &policy, now())
    });
    found.await.map_err(|_| broke_off())
}

fn broke_off() -> Failure {
    Failure::new(
        ErrorCode::Internal,
        "the check broke off: this is an error in netmaster, please report it",
    )
}

pub(super) async fn repair(
    State(app): State<App>,
    signature: Signature,
    parameters: Parameters,
    Body(spec): Body<RepairSpec>,
) -> Result<Json<Repairs>, Failure> {
    parameters.only(&[])?;
    let _turn = turn(&app, &signature.caller).await?;
    let catalog = Arc::new(app.allocator.read(Catalog::clone));
    let found = of_books(&app, catalog, recent(&app)).await?;
    let mut repairs = Vec::with_capacity(spec.findings.len());
    for some in spec.findings.chunks(SIDE_BY_SIDE) {
        let some = some
            .iter()
            .map(|wanted| repair_one(&app, &signature, wanted, &found));
        repairs.extend(join_all(some).await);
    }
    Ok(Json(Repairs { repairs }))
}

async fn repair_one(
    app: &App,
    signature: &Signature,
    wanted: &FindingRef,
    found: &[Discrepancy],
) -> Repair {
    let same = |one: &&Discrepancy| {
        let kind = one.about.kind().noun();
        one.kind.code() == wanted.code && kind == wanted.kind && one.about.name() == wanted.name
    };
    let outcome = match found.iter().find(same) {
        Some(discrepancy) => {
            let (signature, discrepancy) = (signature.clone(), discrepancy.clone());
            make(app, signature, discrepancy, wanted.revision).await
        }
        None => Err(Failure::new(
            ErrorCode::RecordNotFound,
            "it is not found any more, so there is nothing to repair: look again with \
             `netctl check`",
        )),
    };
    if outcome.is_ok() {
        let FindingRef {
            code, kind, name, ..
        } = wanted;
        info!(code, kind, name, "repaired");
        app.metrics.found(&wanted.code);
    }
    let problem = outcome.as_ref().err().map(Failure::problem);
    Repair {
        finding: wanted.clone(),
        repaired: outcome.is_ok(),
        code: problem.map(|problem| problem.code),
        detail: problem.map(|problem| problem.detail.clone()),
    }
}

async fn make(
    app: &App,
    signature: Signature,
    discrepancy: Discrepancy,
    seen: u64,
) -> Result<(), Failure> {
    let (policy, now) = (app.policy.clone(), now());
    let repaired = app.allocator.write(move |ledger| {
        let catalog = ledger.catalog();
        let reached = signature.caller.reach(catalog, &discrepancy.about)?;
        let change = ipam::repair(catalog, &discrepancy, Revision::new(seen), now)?;
        let scene = Scene {
            catalog,
            policy: &policy,
            now,
        };
        let change = match &discrepancy.about {
            Key::Endpoint(_) => signature.sign::<Endpoints>(&scene, &reached, change),
            Key::Reservation(_) => signature.sign::<Reservations>(&scene, &reached, change),
            // Nothing else is repaired.
            _ => signature.sign::<Addresses>(&scene, &reached, change),
        };
        Ok::<_, Failure>(((), change?))
    });
    Ok(repaired.await?)
}
