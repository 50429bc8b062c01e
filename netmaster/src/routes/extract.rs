//! What requests carry, checked.

use axum::body::Bytes;
use axum::extract::{FromRequest, FromRequestParts, Path, Request};
use axum::http::request::Parts;
use axum::http::{HeaderMap, StatusCode, Uri, header};
use serde::de::DeserializeOwned;
use serde_json::error::Category;
use trunkline_netmaster_api::ErrorCode;
use trunkline_types::{Attachment, Name};

use super::BODY_LIMIT;
use crate::failure::Failure;

/// A request's JSON body.
pub(super) struct Body<T>(pub(super) T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for Body<T> {
    type Rejection = Failure;

    async fn from_request(request: Request, state: &S) -> Result<Self, Failure> {
        check_media_type(request.headers())?;
        let body =
            Bytes::from_request(request, state)
                .await
                .map_err(|rejection| match rejection.status() {
                    StatusCode::PAYLOAD_TOO_LARGE => Failure::new(
                        ErrorCode::BodyTooLarge,
                        format!("the body is larger than {BODY_LIMIT} bytes: send one object"),
                    ),
                    _ => Failure::new(
                        ErrorCode::MalformedJson,
                        "the body ended early: send it whole",
                    ),
                })?;
        parse(&body).map(Self)
    }
}

fn check_media_type(headers: &HeaderMap) -> Result<(), Failure> {
    let given = headers
        .get(header::CONTENT_TYPE)
        .map(|value| String::from_utf8_lossy(value.as_bytes()))
        .unwrap_or_default();
    // What follows `;` are parameters, like a charset, which JSON has no use for.
    let kind = given.split(';').next().unwrap_or_default().trim();
    if kind.eq_ignore_ascii_case("application/json") {
        return Ok(());
    }
    Err(Failure::new(
        ErrorCode::UnsupportedMediaType,
        format!("content type `{given}` is not understood: send JSON as `application/json`"),
    ))
}

fn parse<T: DeserializeOwned>(body: &[u8]) -> Result<T, Failure> {
    // serde would take an array of the fields' values for the object.
    if body
        .trim_ascii_start()
        .first()
        .is_some_and(|first| *first != b'{')
    {
        return Err(Failure::new(
            ErrorCode::MalformedJson,
            "the body is not a JSON object: send one, like `{\"name\": …}`",
        ));
    }
    let mut deserializer = serde_json::Deserializer::from_slice(body);
    let value = serde_path_to_error::deserialize(&mut deserializer).map_err(|error| {
        let path = error.path().to_string();
        unreadable(&path, &error.into_inner())
    })?;
    deserializer
        .end()
        .map_err(|error| unreadable(".", &error))?;
    Ok(value)
}

fn unreadable(path: &str, error: &serde_json::Error) -> Failure {
    let text = error.to_string();
    if error.classify() != Category::Data {
        return Failure::new(
            ErrorCode::MalformedJson,
            format!("the body is not valid JSON: {text}"),
        );
    }
    // Our own texts end with the way out, which the position would garble.
    let position = format!(" at line {} column {}", error.line(), error.column());
    let text = text.strip_suffix(&position).unwrap_or(&text);
    let detail = match path {
        "." => text.to_owned(),
        path => format!("field `{path}`: {text}"),
    };
    Failure::new(ErrorCode::InvalidField, detail)
}

/// The name in `…/{name}`.
pub(super) struct PathName(pub(super) Name);

impl<S: Send + Sync> FromRequestParts<S> for PathName {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Failure> {
        let Path(text) = Path::<String>::from_request_parts(parts, state)
            .await
            .map_err(|_| not_utf8(&parts.uri))?;
        let name = text
            .parse::<Name>()
            .map_err(|error| invalid_path(&error.to_string()))?;
        Ok(Self(name))
    }
}

/// The attachment in `…/{container}/{ifname}`.
pub(super) struct PathAttachment(pub(super) Attachment);

impl<S: Send + Sync> FromRequestParts<S> for PathAttachment {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Failure> {
        let Path((container, ifname)) = Path::<(String, String)>::from_request_parts(parts, state)
            .await
            .map_err(|_| not_utf8(&parts.uri))?;
        let container = container
            .parse()
            .map_err(|error: trunkline_types::ContainerIdError| invalid_path(&error.to_string()))?;
        let ifname = ifname
            .parse()
            .map_err(|error: trunkline_types::InterfaceNameError| {
                invalid_path(&error.to_string())
            })?;
        Ok(Self(Attachment { container, ifname }))
    }
}

fn not_utf8(uri: &Uri) -> Failure {
    let path = uri.path();
    invalid_path(&format!(
        "path `{path}` is not UTF-8 behind its `%` escapes: correct them"
    ))
}

fn invalid_path(detail: &str) -> Failure {
    Failure::new(ErrorCode::InvalidPath, detail)
}
