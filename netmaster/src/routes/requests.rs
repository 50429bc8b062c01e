//! `/v1/nodes/{node}/requests`: what an operator asks of a node, and what its agent answers.

use std::convert::Infallible;

use axum::body::Body as HttpBody;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use futures_util::{Stream, stream};
use serde::Serialize;
use serde_json::json;
use tracing::info;
use trunkline_ipam::Kind;
use trunkline_netmaster_api::{ErrorCode, NodeRequestSpec, Role};
use trunkline_types::Name;

use super::extract::{Body, PathName, PathSegments};
use super::query::Parameters;
use super::signed::Signature;
use super::watch::MEDIA_TYPE;
use crate::allocator::{Allocator, Unavailable};
use crate::audit;
use crate::clock::now;
use crate::failure::Failure;
use crate::replica::Role as Part;
use crate::requests::{AnswerError, AskError, Asker, Relay, RequestId};
use crate::sweeper::Heard;

/// Streams the answer, line by line.
pub(super) async fn ask(
    State(allocator): State<Allocator>,
    State(relay): State<Relay>,
    Signature { caller, trail }: Signature,
    PathName(node): PathName,
    parameters: Parameters,
    Body(spec): Body<NodeRequestSpec>,
) -> Result<Response, Failure> {
    parameters.only(&[])?;
    check(&allocator, &node)?;
    let (kind, needed) = (spec.request.kind(), spec.request.role());
    Relay::check(&spec, caller.0.role())?;
    // Who makes a node send packets, or reads those of others, has done something; a node that is
    // too busy for it was asked as well.
    if needed != Role::Viewer {
        let mut record = trail.audit(now());
        record.after = Some(json!({"request": kind}));
        audit::record(&allocator, record).await?;
    }
    let asked = relay.ask(&node, spec, Asker::of(&caller.0))?;
    let lines = stream::unfold(asked, |mut asked| async move {
        let line = asked.next().await?;
        Some((line, asked))
    });
    Ok(ndjson(lines))
}

/// Streams to the node's agent what it is asked. The stream never ends by itself.
pub(super) async fn watch(
    State(allocator): State<Allocator>,
    State(relay): State<Relay>,
    State(heard): State<Heard>,
    PathName(node): PathName,
    mut parameters: Parameters,
) -> Result<Response, Failure> {
    parameters.flag("watch")?;
    parameters.only(&["watch"])?;
    check(&allocator, &node)?;
    heard.mark(&node, now());
    info!(%node, "agent watches for requests");
    let lines = stream::unfold(relay.watch(&node), |mut watch| async move {
        let line = watch.next().await?;
        Some((line, watch))
    });
    Ok(ndjson(lines))
}

/// Takes the agent's answer to one request, as it comes.
pub(super) async fn answer(
    State(allocator): State<Allocator>,
    State(relay): State<Relay>,
    State(heard): State<Heard>,
    PathName(node): PathName,
    PathSegments(segments): PathSegments,
    parameters: Parameters,
    body: HttpBody,
) -> Result<StatusCode, Failure> {
    parameters.only(&[])?;
    let id = segments.last().map(String::as_str).unwrap_or_default();
    let id: RequestId = id.parse().map_err(|_| {
        let id = id.escape_debug();
        let detail =
            format!("`{id}` is not a request's id: use the one that came with the request");
        Failure::new(ErrorCode::InvalidPath, detail)
    })?;
    check(&allocator, &node)?;
    heard.mark(&node, now());
    relay.answer(&node, id, body.into_data_stream()).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Refuses if this replica does not lead, for nothing is relayed then, or there is no such node.
fn check(allocator: &Allocator, node: &Name) -> Result<(), Failure> {
    if *allocator.role().borrow() != Part::Leader {
        return Err(Unavailable::NotLeading.into());
    }
    if allocator.read(|catalog| catalog.node(node).is_none()) {
        return Err(Failure::not_found(Kind::Node, node.as_str()));
    }
    Ok(())
}

fn ndjson<T: Serialize + Send + 'static>(
    lines: impl Stream<Item = T> + Send + 'static,
) -> Response {
    use futures_util::StreamExt as _;

    let bytes = lines.map(|line| {
        // Our own types always have a written form.
        let mut text = serde_json::to_vec(&line).unwrap_or_default();
        text.push(b'\n');
        Ok::<_, Infallible>(Bytes::from(text))
    });
    let kind = [(header::CONTENT_TYPE, MEDIA_TYPE)];
    (kind, HttpBody::from_stream(bytes)).into_response()
}

impl From<AskError> for Failure {
    fn from(error: AskError) -> Self {
        let code = match error {
            AskError::Forbidden { .. } => ErrorCode::Forbidden,
            AskError::Busy { .. } => ErrorCode::NodeBusy,
        };
        Self::new(code, error.to_string())
    }
}

impl From<AnswerError> for Failure {
    fn from(error: AnswerError) -> Self {
        let code = match error {
            AnswerError::Gone { .. } => ErrorCode::RequestNotFound,
            AnswerError::TooLarge { .. } => ErrorCode::BodyTooLarge,
            AnswerError::Invalid { .. } | AnswerError::Cut => ErrorCode::InvalidField,
        };
        Self::new(code, error.to_string())
    }
}
