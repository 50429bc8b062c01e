//! `/v1/join` and `/v1/nodes/{name}/certificate`: how nodes get certificates.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde_json::json;
use tracing::{error, info};
use trunkline_ipam as ipam;
use trunkline_ipam::{Audit, Catalog, Change, Digest, Edit, Key, Kind, Object, Timestamp};
use trunkline_netmaster_api::{CertificateSpec, ErrorCode, JoinSpec, NodeCertificate};
use trunkline_types::{Name, chain};

use super::extract::{Body, PathName};
use super::query::Parameters;
use super::signed::{Signature, TrailOf};
use crate::app::App;
use crate::audit::Trail;
use crate::clock::now;
use crate::failure::Failure;
use crate::identity::IdentityName;
use crate::join::{Issued, NodeAuthority, Request};
use crate::tokens::digest;

/// Exchanges a token and a request for a node's first certificate. The certificate is made before
/// the token is used up, so that nobody is left with neither.
pub(super) async fn join(
    State(app): State<App>,
    TrailOf(trail): TrailOf,
    parameters: Parameters,
    Body(spec): Body<JoinSpec>,
) -> Result<Json<NodeCertificate>, Failure> {
    parameters.only(&[])?;
    let authority = authority(&app)?;
    trail.about(Key::Node(spec.node.clone()));
    let secret = digest(spec.token.expose().as_bytes());
    // Before anything that costs more, for anybody may ask.
    let by = app.allocator.read(|catalog| {
        let token = catalog.token_with(&secret)?;
        Some(token.name.clone())
    });
    let by = by.ok_or(ipam::JoinError::NoToken)?;
    trail.known_as(&IdentityName::Token(by.clone()));
    let request = read(&spec.request)?;
    let now = now();
    let public_key = request.key();
    let issued = issue(&app, authority, &spec.node, request, now).await?;
    let record = recorded(&trail, &issued, public_key, now);
    take(&app, record, (secret, public_key), &spec.node, &issued).await?;
    info!(node = %spec.node, token = %by, serial = %issued.serial, "node joined");
    Ok(Json(issued.certificate))
}

/// Uses the token, and records that.
async fn take(
    app: &App,
    mut record: Audit,
    (secret, public_key): (Digest, Digest),
    node: &Name,
    issued: &Issued,
) -> Result<(), Failure> {
    let (node, valid_from) = (node.clone(), issued.valid_from());
    app.allocator
        .write(move |ledger| {
            let catalog = ledger.catalog();
            let used = ipam::use_to_join(catalog, &secret, &node, public_key, record.at)?;
            check_counts(catalog, &node, valid_from)?;
            record.revision = catalog.revision().next();
            let put = Edit::Put(Object::Audit(record.into()));
            let change = if used.change.is_empty() {
                // It may be used again, so nothing changes but that it was.
                Change::new(catalog.revision().next(), vec![put])
            } else {
                used.change.with(put)
            };
            Ok::<_, Failure>(((), change))
        })
        .await?;
    Ok(())
}

/// Refuses to give out a certificate that became void while it was made.
fn check_counts(catalog: &Catalog, node: &Name, valid_from: Timestamp) -> Result<(), Failure> {
    let lockout = catalog.lockout(node);
    if !lockout.is_some_and(|lockout| lockout.bars(Some(valid_from))) {
        return Ok(());
    }
    let why = format!(
        "node `{node}` was removed or its certificates were revoked at this moment: repeat the \
         request, or have a new token made"
    );
    Err(Failure::new(ErrorCode::NotReady, why))
}

/// The record of a certificate, by which it can be told from others and revoked.
fn recorded(trail: &Trail, issued: &Issued, public_key: Digest, now: Timestamp) -> Audit {
    let mut record = trail.audit(now);
    record.after = Some(json!({
        "serial": issued.serial,
        "key_sha256": public_key,
        "not_after": issued.certificate.not_after,
    }));
    record
}

/// Gives an agent that shows its certificate another one. That is recorded first: nobody gets one
/// of which nothing is known.
pub(super) async fn renew(
    State(app): State<App>,
    Signature { caller, trail }: Signature,
    PathName(node): PathName,
    parameters: Parameters,
    Body(spec): Body<CertificateSpec>,
) -> Result<Json<NodeCertificate>, Failure> {
    parameters.only(&[])?;
    let authority = authority(&app)?;
    // Before anything that costs more.
    app.allocator.read(|catalog| is_there(catalog, &node))?;
    let request = read(&spec.request)?;
    let now = now();
    let public_key = request.key();
    let issued = issue(&app, authority, &node, request, now).await?;
    let mut record = recorded(&trail, &issued, public_key, now);
    let (name, valid_from) = (node.clone(), issued.valid_from());
    app.allocator
        .write(move |ledger| {
            let catalog = ledger.catalog();
            is_there(catalog, &name)?;
            if caller.0.is_locked_out(catalog) {
                let why = "the certificate that was shown is void by now: let the node join again by \
                           a new token, see `netctl token create`";
                return Err(Failure::new(ErrorCode::Unauthenticated, why));
            }
            check_counts(catalog, &name, valid_from)?;
            let revision = catalog.revision().next();
            record.revision = revision;
            let put = Edit::Put(Object::Audit(record.into()));
            Ok::<_, Failure>(((), Change::new(revision, vec![put])))
        })
        .await?;
    let until = issued.certificate.not_after;
    info!(%node, serial = %issued.serial, until, "node's certificate renewed");
    Ok(Json(issued.certificate))
}

/// Refuses if there is no such node, or not for long: who was removed joins anew.
fn is_there(catalog: &Catalog, node: &Name) -> Result<(), Failure> {
    let known = catalog.node(node);
    if known.is_some_and(|known| known.removing.is_none()) {
        return Ok(());
    }
    Err(Failure::not_found(Kind::Node, node.as_str()))
}

/// Makes all certificates of a node void, whether it is registered or not.
pub(super) async fn revoke(
    State(app): State<App>,
    Signature { caller, trail }: Signature,
    PathName(node): PathName,
    parameters: Parameters,
) -> Result<StatusCode, Failure> {
    parameters.only(&[])?;
    let now = now();
    let name = node.clone();
    app.allocator
        .write(move |ledger| {
            let catalog = ledger.catalog();
            let change = ipam::lock_out(catalog, &name, now);
            caller.may_make(catalog, &change)?;
            let mut record = trail.audit(now);
            record.revision = change.revision();
            let put = Edit::Put(Object::Audit(record.into()));
            Ok::<_, Failure>(((), change.with(put)))
        })
        .await?;
    info!(%node, "certificates of a node revoked");
    Ok(StatusCode::NO_CONTENT)
}

fn authority(app: &App) -> Result<Arc<NodeAuthority>, Failure> {
    app.authority.clone().ok_or_else(|| {
        let why = "this netmaster issues no certificates: give it an authority with \
                   `--node-ca-cert` and `--node-ca-key`, or issue them by `netmaster certs issue`";
        Failure::new(ErrorCode::NoAuthority, why)
    })
}

fn read(request: &str) -> Result<Request, Failure> {
    Request::read(request).map_err(|error| Failure::field("request", &chain(&error)))
}

async fn issue(
    app: &App,
    authority: Arc<NodeAuthority>,
    node: &Name,
    request: Request,
    now: Timestamp,
) -> Result<Issued, Failure> {
    // It is to count although it is dated back.
    let earliest = app
        .allocator
        .read(|catalog| Some(catalog.lockout(node)?.before));
    let node = node.clone();
    let issuing =
        tokio::task::spawn_blocking(move || authority.issue(&node, &request, now, earliest));
    match issuing.await {
        Ok(Ok(issued)) => return Ok(issued),
        Ok(Err(failure)) => error!(error = chain(&failure), "no certificate can be issued"),
        Err(gone) => error!(error = chain(&gone), "issuing a certificate broke off"),
    }
    // What is wrong with the authority's files is nothing to tell to a node.
    Err(Failure::new(
        ErrorCode::Internal,
        "the certificate cannot be issued: see netmaster's log",
    ))
}
