//! The API's document (OpenAPI 3.1), made of the table of operations and the schemas of wire types.

use std::collections::BTreeMap;

use axum::http::Method;
use trunkline_netmaster_api::{Problem, Role};
use utoipa::openapi::path::{
    HttpMethod, OperationBuilder, ParameterBuilder, ParameterIn, PathItem, PathItemBuilder,
    PathsBuilder,
};
use utoipa::openapi::request_body::RequestBodyBuilder;
use utoipa::openapi::response::ResponseBuilder;
use utoipa::openapi::{
    ComponentsBuilder, ContentBuilder, InfoBuilder, OpenApiBuilder, RefOr, Required, Schema,
};

use super::access::Access;
use super::operation::{Described, Operation};

/// The document as JSON, with a line end.
pub(super) fn document(operations: &[Operation]) -> Vec<u8> {
    let mut schemas = BTreeMap::new();
    let problem = Described::of::<Problem>();
    keep(&mut schemas, &problem);
    let mut paths: BTreeMap<&str, PathItemBuilder> = BTreeMap::new();
    for operation in operations {
        let bodies = operation
            .answers
            .iter()
            .filter_map(|answer| answer.body.as_ref());
        let taken = operation.body.as_ref().map(|(_, described)| described);
        for described in bodies.chain(taken) {
            keep(&mut schemas, described);
        }
        let item = paths.remove(operation.path.as_str()).unwrap_or_default();
        let item = item.operation(method(&operation.method), describe(operation, &problem));
        paths.insert(&operation.path, item);
    }
    let mut builder = PathsBuilder::new();
    for (path, item) in paths {
        builder = builder.path(path, PathItem::from(item));
    }
    let mut components = ComponentsBuilder::new();
    for (name, schema) in schemas {
        components = components.schema(name, schema);
    }
    let info = InfoBuilder::new()
        .title("netmaster")
        .version("1")
        .description(Some(
            "Networks, subnets and addresses of a Trunkline cluster. `docs/api.md` says what goes \
             beyond shapes.",
        ));
    let document = OpenApiBuilder::new()
        .info(info)
        .paths(builder)
        .components(Some(components.build()))
        .build();
    let mut text = serde_json::to_vec_pretty(&document).unwrap_or_default();
    text.push(b'\n');
    text
}

fn keep(schemas: &mut BTreeMap<String, RefOr<Schema>>, described: &Described) {
    schemas.extend(described.parts.iter().cloned());
}

fn method(method: &Method) -> HttpMethod {
    match *method {
        Method::POST => HttpMethod::Post,
        Method::PUT => HttpMethod::Put,
        Method::PATCH => HttpMethod::Patch,
        Method::DELETE => HttpMethod::Delete,
        _ => HttpMethod::Get,
    }
}

/// Who may call it, in words.
fn callers(operation: &Operation) -> String {
    let roles = match operation.access {
        Some(Access::Open) => return "For everybody, without an identity".to_owned(),
        Some(Access::Replicas) => return "For replicas, by their certificates".to_owned(),
        Some(Access::Roles(roles)) => roles,
        None => &[],
    };
    let roles: Vec<_> = roles
        .iter()
        .map(|role| match role {
            Role::Node if operation.own_node => format!("`{role}` (for its own node)"),
            _ => format!("`{role}`"),
        })
        .collect();
    format!("Roles: {}", roles.join(", "))
}

fn describe(operation: &Operation, problem: &Described) -> OperationBuilder {
    let mut builder = OperationBuilder::new()
        .tag(operation.tag)
        .summary(Some(operation.summary))
        .description(Some(callers(operation)));
    for parameter in &operation.parameters {
        let place = if parameter.in_path {
            (ParameterIn::Path, Required::True)
        } else {
            (ParameterIn::Query, Required::False)
        };
        builder = builder.parameter(
            ParameterBuilder::new()
                .name(parameter.name)
                .parameter_in(place.0)
                .required(place.1)
                .description(Some(&parameter.description))
                .schema(Some(parameter.schema.clone())),
        );
    }
    if let Some((media_type, body)) = &operation.body {
        let content = ContentBuilder::new().schema(Some(body.schema.clone()));
        builder = builder.request_body(Some(
            RequestBodyBuilder::new()
                .content(*media_type, content.build())
                .required(Some(Required::True))
                .build(),
        ));
    }
    let mut answers: BTreeMap<String, ResponseBuilder> = BTreeMap::new();
    for answer in &operation.answers {
        let status = answer.status.as_str().to_owned();
        let mut response = answers.remove(&status).unwrap_or_default();
        if !answer.what.is_empty() {
            response = response.description(answer.what);
        }
        if let Some(body) = &answer.body {
            let content = ContentBuilder::new().schema(Some(body.schema.clone()));
            response = response.content(answer.media_type, content.build());
        }
        answers.insert(status, response);
    }
    for (status, response) in answers {
        builder = builder.response(status, response.build());
    }
    let content = ContentBuilder::new().schema(Some(problem.schema.clone()));
    let failed = ResponseBuilder::new()
        .description("Not done")
        .content(Problem::MEDIA_TYPE, content.build());
    builder.response("default", failed.build())
}
