//! What requests carry, checked.

use std::error::Error;
use std::fmt::Display;
use std::marker::PhantomData;
use std::net::IpAddr;
use std::str::FromStr;
use std::time::Duration;

use axum::body::{Bytes, to_bytes};
use axum::extract::{FromRequest, FromRequestParts, RawPathParams, Request};
use axum::http::request::Parts;
use axum::http::{HeaderMap, Uri, header};
use http_body_util::LengthLimitError;
use serde::de::{DeserializeOwned, DeserializeSeed};
use serde_json::error::Category;
use serde_path_to_error::Track;
use trunkline_ipam::{Key, Kind, Revision};
use trunkline_netmaster_api::ErrorCode;
use trunkline_types::{Attachment, Name, chain};

use super::BODY_LIMIT;
use super::room::Share;
use crate::failure::Failure;

/// A request's JSON body.
pub(super) struct Body<T>(pub(super) T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for Body<T> {
    type Rejection = Failure;

    async fn from_request(request: Request, _: &S) -> Result<Self, Failure> {
        parse(&json(request, BODY_LIMIT, "send one object").await?).map(Self)
    }
}

/// The text of a body of at most `limit` bytes that is declared as JSON; `way_out` is for those who
/// send more.
pub(super) async fn json(request: Request, limit: usize, way_out: &str) -> Result<Bytes, Failure> {
    check_media_type(request.headers())?;
    let share = Share::of(&request, limit).await?;
    let body = to_bytes(request.into_body(), share.limit);
    let body = tokio::time::timeout(share.deadline, body).await;
    let body = body.map_err(|_| too_slow(share.deadline))?;
    let body = body.map_err(|error| match error.source() {
        Some(source) if source.is::<LengthLimitError>() => too_large(share.limit, way_out),
        _ => ended(),
    })?;
    Ok(share.keep(body))
}

fn too_slow(deadline: Duration) -> Failure {
    Failure::new(
        ErrorCode::RequestTimeout,
        format!(
            "the body did not come within {} seconds: send it again",
            deadline.as_secs()
        ),
    )
}

fn too_large(limit: usize, way_out: &str) -> Failure {
    Failure::new(
        ErrorCode::BodyTooLarge,
        format!("the body is larger than {limit} bytes: {way_out}"),
    )
}

fn ended() -> Failure {
    Failure::new(
        ErrorCode::MalformedJson,
        "the body ended early: send it whole",
    )
}

fn check_media_type(headers: &HeaderMap) -> Result<(), Failure> {
    let given = headers
        .get(header::CONTENT_TYPE)
        .map(|value| String::from_utf8_lossy(value.as_bytes()))
        .unwrap_or_default();
    let mut parts = given.split(';').map(str::trim);
    let kind = parts.next().unwrap_or_default();
    // JSON is in UTF-8, and needs no charset (RFC 8259, 8.1 and 11). Others would be read as
    // something else.
    let other_charset = |part: &str| match part.split_once('=') {
        Some((name, value)) if name.trim().eq_ignore_ascii_case("charset") => {
            !value.trim().trim_matches('"').eq_ignore_ascii_case("utf-8")
        }
        _ => false,
    };
    if !kind.eq_ignore_ascii_case("application/json") || parts.any(other_charset) {
        return Err(Failure::new(
            ErrorCode::UnsupportedMediaType,
            format!(
                "content type `{}` is not understood: send JSON in UTF-8 as `application/json`",
                given.escape_debug()
            ),
        ));
    }
    check_encoding(headers)
}

/// Bodies are taken as they are.
fn check_encoding(headers: &HeaderMap) -> Result<(), Failure> {
    let encodings = headers.get_all(header::CONTENT_ENCODING).iter();
    let encodings = encodings.map(|value| String::from_utf8_lossy(value.as_bytes()));
    for encoding in encodings {
        if !encoding.trim().eq_ignore_ascii_case("identity") {
            return Err(Failure::new(
                ErrorCode::UnsupportedMediaType,
                format!(
                    "content encoding `{}` is not understood: send the body as it is",
                    encoding.escape_debug()
                ),
            ));
        }
    }
    Ok(())
}

/// What is written as JSON in `body`.
pub(super) fn parse<T: DeserializeOwned>(body: &[u8]) -> Result<T, Failure> {
    parse_as(PhantomData::<T>, body)
}

/// The JSON object that `body` is, as `seed` reads it.
pub(super) fn parse_as<'de, S: DeserializeSeed<'de>>(
    seed: S,
    body: &'de [u8],
) -> Result<S::Value, Failure> {
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
    let mut track = Track::new();
    let tracked = serde_path_to_error::Deserializer::new(&mut deserializer, &mut track);
    let value = seed.deserialize(tracked);
    let value = value.map_err(|error| unreadable(&track.path().to_string(), &error))?;
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
    let text = in_words(text.strip_suffix(&position).unwrap_or(&text));
    let text = text.as_str();
    match path {
        // Of a field that is missing only the text knows the name.
        "." => match missing(text) {
            Some((field, why)) => Failure::field(field, why),
            None => {
                let failure = Failure::new(ErrorCode::InvalidField, text);
                match named(text) {
                    Some(field) => failure.of_field(field),
                    None => failure,
                }
            }
        },
        path => match missing(text) {
            Some((field, why)) => Failure::field(&format!("{path}.{field}"), why),
            None => Failure::field(path, text),
        },
    }
}

/// A text of serde's that does not name a type of Rust, which says nothing to callers, but the
/// numbers that it has.
fn in_words(text: &str) -> String {
    let range =
        |from: &dyn Display, to: &dyn Display| format!("a whole number from {from} to {to}");
    let Some((given, expected)) = text.rsplit_once("expected ") else {
        return text.to_owned();
    };
    let expected = match expected {
        "u8" => range(&u8::MIN, &u8::MAX),
        "u16" => range(&u16::MIN, &u16::MAX),
        "u32" => range(&u32::MIN, &u32::MAX),
        "u64" => range(&u64::MIN, &u64::MAX),
        "i32" => range(&i32::MIN, &i32::MAX),
        "i64" => range(&i64::MIN, &i64::MAX),
        other => other.to_owned(),
    };
    format!("{given}expected {expected}")
}

/// The field that serde misses, or finds twice.
fn missing(text: &str) -> Option<(&str, &'static str)> {
    let (rest, why) = match text.strip_prefix("missing field `") {
        Some(rest) => (rest, "it is missing"),
        None => (
            text.strip_prefix("duplicate field `")?,
            "it is there twice: leave one out",
        ),
    };
    Some((rest.strip_suffix('`')?, why))
}

/// The field that a text begins with: that of a type whose fields depend on each other, or one that
/// is not known beside a revision.
fn named(text: &str) -> Option<&str> {
    let text = text.strip_prefix("unknown ").unwrap_or(text);
    let (field, _) = text.strip_prefix("field `")?.split_once('`')?;
    Some(field)
}

/// What stands for the `{…}` of the route.
pub(super) struct PathSegments(pub(super) Vec<String>);

impl<S: Send + Sync> FromRequestParts<S> for PathSegments {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Failure> {
        let segments = RawPathParams::from_request_parts(parts, state).await;
        let segments = segments.map_err(|_| not_utf8(&parts.uri))?;
        let segments = segments.iter().map(|(_, value)| value.to_owned());
        Ok(Self(segments.collect()))
    }
}

/// The key of an object of `kind` that a URL names in these segments.
pub(super) fn key_at(kind: Kind, segments: &[String]) -> Result<Key, Failure> {
    fn read<T: FromStr<Err: Error + 'static>>(text: &str) -> Result<T, Failure> {
        text.parse()
            .map_err(|error: T::Err| Failure::new(ErrorCode::InvalidPath, chain(&error)))
    }
    let number = |text: &str| {
        let why = format!("{kind} `{}` is no number", text.escape_debug());
        text.parse()
            .map_err(|_| Failure::new(ErrorCode::InvalidPath, why))
    };
    Ok(match (kind, segments) {
        (Kind::Network, [name]) => Key::Network(read(name)?),
        (Kind::Subnet, [name]) => Key::Subnet(read(name)?),
        (Kind::Pool, [subnet, name]) => Key::Pool(read(subnet)?, read(name)?),
        (Kind::Group, [name]) => Key::Group(read(name)?),
        (Kind::Profile, [name]) => Key::Profile(read(name)?),
        (Kind::Reservation, [name]) => Key::Reservation(read(name)?),
        (Kind::Node, [name]) => Key::Node(read(name)?),
        (Kind::Address, [ip]) => Key::Address(address(ip)?),
        (Kind::Endpoint, [container, ifname]) => Key::Endpoint(Attachment {
            container: read(container)?,
            ifname: read(ifname)?,
        }),
        (Kind::Token, [name]) => Key::Token(read(name)?),
        (Kind::Audit, [revision]) => Key::Audit(Revision::new(number(revision)?)),
        (Kind::Event, [revision]) => Key::Event(Revision::new(number(revision)?)),
        _ => {
            let why = format!("`{}` names no {kind}", segments.join("/").escape_debug());
            return Err(Failure::new(ErrorCode::InvalidPath, why));
        }
    })
}

/// The same, as [`Key::name`] writes it.
pub(super) fn parse_key(kind: Kind, name: &str) -> Option<Key> {
    // An interface's name has no `/`, nor has any other part.
    let segments: Vec<_> = name.split('/').map(str::to_owned).collect();
    key_at(kind, &segments).ok()
}

fn address(text: &str) -> Result<IpAddr, Failure> {
    text.parse().map_err(|_| {
        let why = format!(
            "`{}` is not an IP address: write it like `10.1.0.1` or `fd00::1`",
            text.escape_debug()
        );
        Failure::new(ErrorCode::InvalidPath, why)
    })
}

fn not_utf8(uri: &Uri) -> Failure {
    let path = uri.path();
    Failure::new(
        ErrorCode::InvalidPath,
        format!("path `{path}` is not UTF-8 behind its `%` escapes: correct them"),
    )
}

/// The node in `/v1/nodes/{name}/…`.
pub(super) struct PathName(pub(super) Name);

impl<S: Send + Sync> FromRequestParts<S> for PathName {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Failure> {
        let PathSegments(segments) = PathSegments::from_request_parts(parts, state).await?;
        match key_at(Kind::Node, segments.get(..1).unwrap_or_default())? {
            Key::Node(name) => Ok(Self(name)),
            other => Err(Failure::new(
                ErrorCode::InvalidPath,
                format!("{other} is no node"),
            )),
        }
    }
}

/// The address in `/v1/addresses/{ip}/…`.
pub(super) struct PathAddress(pub(super) IpAddr);

impl<S: Send + Sync> FromRequestParts<S> for PathAddress {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Failure> {
        let PathSegments(segments) = PathSegments::from_request_parts(parts, state).await?;
        address(segments.first().map(String::as_str).unwrap_or_default()).map(Self)
    }
}
