//! One thing that can be asked: a method at a path, what handles it, and what is said of it.

use axum::handler::Handler;
use axum::http::{Method, StatusCode};
use axum::routing::{MethodFilter, MethodRouter, on};
use trunkline_netmaster_api::Role;
use utoipa::openapi::{RefOr, Schema};
use utoipa::{PartialSchema, ToSchema};

use super::access::Access;
use crate::app::App;

/// A schema, with those it refers to.
#[derive(Clone)]
pub(super) struct Described {
    pub(super) schema: RefOr<Schema>,
    pub(super) parts: Vec<(String, RefOr<Schema>)>,
}

impl Described {
    /// A type that has a name of its own.
    pub(super) fn of<T: ToSchema>() -> Self {
        let name = T::name().into_owned();
        let mut parts = vec![(name.clone(), T::schema())];
        T::schemas(&mut parts);
        Self {
            schema: RefOr::Ref(utoipa::openapi::Ref::from_schema_name(name)),
            parts,
        }
    }

    /// A type with another as its parameter, under a name that tells both.
    pub(super) fn generic<T: ToSchema>(name: &str) -> Self {
        let mut parts = vec![(name.to_owned(), T::schema())];
        T::schemas(&mut parts);
        Self {
            schema: RefOr::Ref(utoipa::openapi::Ref::from_schema_name(name)),
            parts,
        }
    }

    /// A type as it is, without a name.
    pub(super) fn inline<T: ToSchema>() -> Self {
        let mut parts = Vec::new();
        T::schemas(&mut parts);
        Self {
            schema: <T as PartialSchema>::schema(),
            parts,
        }
    }
}

/// What comes back when it is done.
pub(super) struct Answer {
    pub(super) status: StatusCode,
    pub(super) what: &'static str,
    pub(super) media_type: &'static str,
    pub(super) body: Option<Described>,
}

/// A parameter of the URL.
#[derive(Clone)]
pub(super) struct Parameter {
    pub(super) name: &'static str,
    pub(super) description: String,
    pub(super) schema: RefOr<Schema>,
    pub(super) in_path: bool,
}

/// One thing that can be asked.
pub(super) struct Operation {
    pub(super) method: Method,
    pub(super) path: String,
    /// The noun it is about.
    pub(super) tag: &'static str,
    pub(super) summary: &'static str,
    pub(super) parameters: Vec<Parameter>,
    /// Its media type, and its form.
    pub(super) body: Option<(&'static str, Described)>,
    pub(super) answers: Vec<Answer>,
    /// Who may call it; nobody may if nothing is said.
    pub(super) access: Option<Access>,
    /// Whether it is for tokens of some networks too: it looks itself at what they reach.
    pub(super) of_networks: bool,
    /// Whether an agent may call it for its own node only.
    pub(super) own_node: bool,
    pub(super) handler: MethodRouter<App>,
}

impl Operation {
    pub(super) fn new<H, T>(method: Method, path: impl Into<String>, handler: H) -> Self
    where
        H: Handler<T, App>,
        T: 'static,
    {
        let filter = MethodFilter::try_from(method.clone()).unwrap_or(MethodFilter::GET);
        let path = path.into();
        Self {
            method,
            own_node: path.starts_with("/v1/nodes/{name}"),
            path,
            tag: "other",
            summary: "",
            parameters: Vec::new(),
            body: None,
            answers: Vec::new(),
            access: None,
            of_networks: false,
            handler: on(filter, handler),
        }
    }

    pub(super) fn about(mut self, tag: &'static str, summary: &'static str) -> Self {
        self.tag = tag;
        self.summary = summary;
        self
    }

    pub(super) fn with(mut self, parameters: impl IntoIterator<Item = Parameter>) -> Self {
        self.parameters.extend(parameters);
        self
    }

    /// These roles may call it: an agent only for its own node, where the URL names one.
    pub(super) fn allows(mut self, roles: &'static [Role]) -> Self {
        self.access = Some(Access::Roles(roles));
        self
    }

    /// Replicas may call it, and nobody else.
    pub(super) fn for_replicas(mut self) -> Self {
        self.access = Some(Access::Replicas);
        self
    }

    /// A token that is for some networks only may be used for it, for it refuses what is not of
    /// them.
    pub(super) fn of_networks(mut self) -> Self {
        self.of_networks = true;
        self
    }

    /// An agent may call it for its own node only, though the URL does not name that: the handler
    /// looks whose it is.
    pub(super) fn of_own_node(mut self) -> Self {
        self.own_node = true;
        self
    }

    /// Everybody may call it, without saying who that is.
    pub(super) fn open(mut self) -> Self {
        self.access = Some(Access::Open);
        self
    }

    /// Takes JSON.
    pub(super) fn takes(mut self, body: Described) -> Self {
        self.body = Some(("application/json", body));
        self
    }

    /// Takes lines of JSON, as they come.
    pub(super) fn takes_lines(mut self, line: Described) -> Self {
        self.body = Some((super::watch::MEDIA_TYPE, line));
        self
    }

    /// Answers with JSON.
    pub(super) fn answers(self, status: StatusCode, what: &'static str, body: Described) -> Self {
        self.answers_as(status, what, "application/json", Some(body))
    }

    /// Answers with nothing but the status.
    pub(super) fn answers_nothing(self, what: &'static str) -> Self {
        self.answers_as(StatusCode::NO_CONTENT, what, "", None)
    }

    pub(super) fn answers_as(
        mut self,
        status: StatusCode,
        what: &'static str,
        media_type: &'static str,
        body: Option<Described>,
    ) -> Self {
        self.answers.push(Answer {
            status,
            what,
            media_type,
            body,
        });
        self
    }
}
