//! `/v1/tokens`

use std::collections::{BTreeMap, BTreeSet};

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use tracing::info;
use trunkline_ipam as ipam;
use trunkline_ipam::{Grant, Key, Kind, Object, Revision, TokenRole};
use trunkline_netmaster_api::{ErrorCode, Role, Token, TokenCreated, TokenSpec};
use trunkline_types::Labels;

use super::extract::Body;
use super::field::{Field, Form};
use super::noun::{At, Noun, Scene, view};
use super::query::Parameters;
use super::signed::{Signature, write_signed};
use crate::app::App;
use crate::clock::now;
use crate::failure::Failure;
use crate::tokens::{api_role, digest, draw};

pub(crate) enum Tokens {}

impl Noun for Tokens {
    const KIND: Kind = Kind::Token;
    const PATH: &'static str = "tokens";
    type View = Token;
    const FIELDS: &'static [Field<Token>] = &[
        Field {
            name: "name",
            form: Form::Name,
            values: |token| vec![token.name.to_string()],
        },
        Field {
            name: "role",
            form: Form::Role,
            values: |token| vec![token.role.to_string()],
        },
        Field {
            name: "network",
            form: Form::Name,
            values: |token| token.networks.iter().map(ToString::to_string).collect(),
        },
        Field {
            name: "node",
            form: Form::Name,
            values: |token| token.nodes.iter().map(ToString::to_string).collect(),
        },
    ];

    fn view(_: &Scene<'_>, object: &Object) -> Option<Token> {
        let Object::Token(token) = object else {
            return None;
        };
        let blank = Token {
            name: token.name.clone(),
            role: Role::Node,
            networks: Vec::new(),
            nodes: Vec::new(),
            reusable: false,
            joined: Vec::new(),
            created: token.created.unix_seconds(),
            expires: token.expires.unix_seconds(),
            revision: token.revision.number(),
        };
        Some(match &token.grant {
            Grant::Role { role, networks } => Token {
                role: api_role(*role),
                networks: networks.iter().cloned().collect(),
                ..blank
            },
            Grant::Join {
                nodes,
                reusable,
                joined,
            } => Token {
                nodes: nodes.iter().cloned().collect(),
                reusable: *reusable,
                joined: joined.keys().cloned().collect(),
                ..blank
            },
        })
    }

    fn labels(_: &Object) -> Option<&Labels> {
        None
    }
}

/// What a token is to be good for.
fn grant(spec: &TokenSpec) -> Result<Grant, Failure> {
    let role = match spec.role {
        Role::Admin => TokenRole::Admin,
        Role::Operator => TokenRole::Operator,
        Role::Viewer => TokenRole::Viewer,
        Role::Cluster => TokenRole::Cluster,
        Role::Node => return join(spec),
        _ => return Err(Failure::field("role", "no token can have it: use another")),
    };
    let only_for_nodes = "it goes with the role `node` only: leave it out";
    if !spec.nodes.is_empty() {
        return Err(Failure::field("nodes", only_for_nodes));
    }
    if spec.reusable {
        return Err(Failure::field("reusable", only_for_nodes));
    }
    if role == TokenRole::Cluster && !spec.networks.is_empty() {
        let why = "the role `cluster` is for all networks: leave it out";
        return Err(Failure::field("networks", why));
    }
    Ok(Grant::Role {
        role,
        networks: BTreeSet::from_iter(spec.networks.iter().cloned()),
    })
}

fn join(spec: &TokenSpec) -> Result<Grant, Failure> {
    if spec.nodes.is_empty() {
        let why = "it is empty: name the nodes that may join by it";
        return Err(Failure::field("nodes", why));
    }
    if !spec.networks.is_empty() {
        let why = "a node is of no network: leave it out";
        return Err(Failure::field("networks", why));
    }
    Ok(Grant::Join {
        nodes: BTreeSet::from_iter(spec.nodes.iter().cloned()),
        reusable: spec.reusable,
        joined: BTreeMap::new(),
    })
}

pub(super) async fn create(
    State(app): State<App>,
    signature: Signature,
    parameters: Parameters,
    Body(spec): Body<TokenSpec>,
) -> Result<(StatusCode, Json<TokenCreated>), Failure> {
    parameters.only(&[])?;
    let grant = grant(&spec)?;
    let key = Key::Token(spec.name.clone());
    signature.trail.about(key.clone());
    let secret = draw().ok_or_else(|| {
        let why = "this machine has no randomness to draw a secret from: see its `/dev/urandom`";
        Failure::new(ErrorCode::Internal, why)
    })?;
    let now = now();
    let wanted = ipam::TokenSpec {
        name: spec.name.clone(),
        digest: digest(secret.expose().as_bytes()),
        expires: now.after(spec.lifetime().into()),
        grant,
    };
    let written = write_signed::<Tokens, _>(&app, signature, key, move |ledger, scene| {
        let planned = ipam::create_token(ledger.catalog(), &wanted, scene.now)?;
        let token = view::<Tokens>(scene, &Object::Token(planned.object))?;
        Ok((token, planned.change))
    });
    let token = written.await?;
    info!(token = %token.name, role = %token.role, revision = token.revision, "token created");
    Ok((StatusCode::CREATED, Json(TokenCreated { token, secret })))
}

pub(super) async fn delete(
    State(app): State<App>,
    signature: Signature,
    At { key, .. }: At<Tokens>,
    mut parameters: Parameters,
) -> Result<StatusCode, Failure> {
    let expected = parameters.number("revision")?.map(Revision::new);
    parameters.only(&["revision"])?;
    let Key::Token(name) = key.clone() else {
        return Err(Failure::not_found(Kind::Token, &key.name()));
    };
    let token = name.clone();
    let written = write_signed::<Tokens, _>(&app, signature, key, move |ledger, _| {
        let change = ipam::delete_token(ledger.catalog(), &name, expected)?;
        Ok(((), change))
    });
    written.await?;
    info!(%token, "token deleted");
    Ok(StatusCode::NO_CONTENT)
}
