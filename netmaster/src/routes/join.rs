//! `/v1/join` and `/v1/nodes/{name}/certificate`: how nodes get certificates.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use tracing::{error, info};
use trunkline_ipam as ipam;
use trunkline_ipam::{Change, Digest, Edit, Key, Kind, Object, Timestamp};
use trunkline_netmaster_api::{CertificateSpec, ErrorCode, JoinSpec, NodeCertificate};
use trunkline_types::{Name, chain};

use super::extract::{Body, PathName};
use super::query::Parameters;
use super::signed::{Signature, TrailOf};
use crate::app::App;
use crate::audit::{self, Trail};
use crate::clock::now;
use crate::failure::Failure;
use crate::identity::IdentityName;
use crate::join::{NodeAuthority, Request};
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
    let certificate = issue(authority, spec.node.clone(), request, now).await?;
    take(&app, trail, (secret, public_key), &spec.node, now).await?;
    info!(node = %spec.node, token = %by, "node joined");
    Ok(Json(certificate))
}

/// Uses the token, and records that.
async fn take(
    app: &App,
    trail: Trail,
    (secret, public_key): (Digest, Digest),
    node: &Name,
    now: Timestamp,
) -> Result<(), Failure> {
    let node = node.clone();
    app.allocator
        .write(move |ledger| {
            let catalog = ledger.catalog();
            let used = ipam::use_to_join(catalog, &secret, &node, public_key, now)?;
            let mut record = trail.audit(now);
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

/// Gives an agent that shows its certificate another one.
pub(super) async fn renew(
    State(app): State<App>,
    signature: Signature,
    PathName(node): PathName,
    parameters: Parameters,
    Body(spec): Body<CertificateSpec>,
) -> Result<Json<NodeCertificate>, Failure> {
    parameters.only(&[])?;
    let authority = authority(&app)?;
    // Who was removed joins anew.
    let is_there = app.allocator.read(|catalog| {
        let node = catalog.node(&node)?;
        node.removing.is_none().then_some(())
    });
    is_there.ok_or_else(|| Failure::not_found(Kind::Node, node.as_str()))?;
    let request = read(&spec.request)?;
    let now = now();
    let certificate = issue(authority, node.clone(), request, now).await?;
    audit::write(&app.allocator, signature.trail.audit(now)).await;
    info!(%node, until = certificate.not_after, "node's certificate renewed");
    Ok(Json(certificate))
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
    authority: Arc<NodeAuthority>,
    node: Name,
    request: Request,
    now: Timestamp,
) -> Result<NodeCertificate, Failure> {
    let issuing = tokio::task::spawn_blocking(move || authority.issue(&node, &request, now));
    match issuing.await {
        Ok(Ok(certificate)) => return Ok(certificate),
        Ok(Err(failure)) => error!(error = chain(&failure), "no certificate can be issued"),
        Err(gone) => error!(error = chain(&gone), "issuing a certificate broke off"),
    }
    // What is wrong with the authority's files is nothing to tell to a node.
    Err(Failure::new(
        ErrorCode::Internal,
        "the certificate cannot be issued: see netmaster's log",
    ))
}
