//! What operations take: parameters of the URL, and forms that no wire type has.

use utoipa::openapi::schema::{AllOfBuilder, ObjectBuilder, SchemaType, Type};
use utoipa::openapi::{KnownFormat, RefOr, Schema, SchemaFormat};

use super::noun::Noun;
use super::operation::{Described, Parameter};
use super::query::PAGE;

/// A spec with the revision that an update needs.
pub(super) fn with_revision(spec: Described) -> Described {
    let revision = ObjectBuilder::new()
        .property("revision", number())
        .required("revision");
    Described {
        schema: AllOfBuilder::new().item(spec.schema).item(revision).into(),
        parts: spec.parts,
    }
}

pub(super) fn in_path(key: &[&'static str]) -> Vec<Parameter> {
    let parameters = key.iter().map(|name| Parameter {
        name,
        description: match *name {
            "ip" => "The address",
            "container" => "The container's id in the runtime",
            "ifname" => "The interface's name in the container",
            "subnet" => "The subnet's name",
            "revision" => "The number of the change it happened with",
            _ => "Its name",
        }
        .to_owned(),
        schema: if *name == "revision" {
            number()
        } else {
            string()
        },
        in_path: true,
    });
    parameters.collect()
}

pub(super) fn query(
    name: &'static str,
    description: impl Into<String>,
    schema: RefOr<Schema>,
) -> Parameter {
    Parameter {
        name,
        description: description.into(),
        schema,
        in_path: false,
    }
}

pub(super) fn revision() -> Parameter {
    query(
        "revision",
        "Only if it is at this revision; else `stale_revision`",
        number(),
    )
}

pub(super) fn selecting<N: Noun>() -> Vec<Parameter> {
    let fields: Vec<_> = N::FIELDS
        .iter()
        .map(|field| format!("`{}`", field.name))
        .collect();
    vec![
        query(
            "labelSelector",
            "What their labels must be, as in Kubernetes: `app=web,tier in (front,back),!legacy`",
            string(),
        ),
        query(
            "fieldSelector",
            format!(
                "What their fields must be: `<field>=<value>` or `<field>!=<value>`, joined by \
                 commas; of a field with several values, one is enough. Fields: {}",
                fields.join(", ")
            ),
            string(),
        ),
        limit(),
        query(
            "continue",
            "Where the page before ended, as its `continue` says",
            string(),
        ),
        query("watch", "Watch instead of listing", boolean()),
        query(
            "after",
            "With `watch`: begin after this revision; if left out, begin with how they are",
            number(),
        ),
    ]
}

pub(super) fn limit() -> Parameter {
    let schema = ObjectBuilder::new()
        .schema_type(SchemaType::Type(Type::Integer))
        .minimum(Some(1))
        .maximum(Some(u32::try_from(PAGE).unwrap_or(u32::MAX)));
    let description = format!("How many to list at most; {PAGE} if left out");
    query("limit", description, schema.into())
}

pub(super) fn string() -> RefOr<Schema> {
    ObjectBuilder::new()
        .schema_type(SchemaType::Type(Type::String))
        .into()
}

pub(super) fn boolean() -> RefOr<Schema> {
    ObjectBuilder::new()
        .schema_type(SchemaType::Type(Type::Boolean))
        .into()
}

pub(super) fn number() -> RefOr<Schema> {
    ObjectBuilder::new()
        .schema_type(SchemaType::Type(Type::Integer))
        .format(Some(SchemaFormat::KnownFormat(KnownFormat::Int64)))
        .minimum(Some(0))
        .into()
}
