//! What is asked of nodes, and what their agents ask.

use axum::handler::Handler;
use axum::http::{Method, StatusCode};
use trunkline_netmaster_api::{
    AnswerLine, Farewell, HoldingsReport, Node, NodeEdit, NodeRequestSpec, NodeSpec, Registration,
    Reserve, ReserveReturn, ReserveSpec, ToAgent,
};

use super::super::access::{AGENTS, OPERATORS, PEOPLE, READERS, READERS_AND_AGENTS};
use super::super::list::list;
use super::super::nodes::{self, Nodes};
use super::super::noun::Noun;
use super::super::operation::{Described, Operation, Parameter};
use super::super::parameter::{boolean, in_path, query, string};
use super::super::requests;
use super::super::watch::MEDIA_TYPE;
use super::{listed, shown};
use crate::app::App;

/// Nodes themselves.
pub(super) fn of_nodes() -> Vec<Operation> {
    let powered_off = query(
        "powered_off",
        "That nothing on it runs any more, which is for the caller to know; without it, the node \
         must have no endpoints",
        boolean(),
    );
    vec![
        listed::<Nodes>(Operation::new(Method::GET, "/v1/nodes", list::<Nodes>)).allows(READERS),
        shown::<Nodes>("/v1/nodes/{name}", &["name"]).allows(READERS_AND_AGENTS),
        of_node(Method::PUT, "", nodes::register)
            .allows(AGENTS)
            .about(
                Nodes::PATH,
                "Registers a node, or says again what it is; for agents",
            )
            .takes(Described::of::<NodeSpec>())
            .answers(
                StatusCode::OK,
                "Registered",
                Described::of::<Registration>(),
            ),
        of_node(Method::PATCH, "", nodes::edit)
            .allows(OPERATORS)
            .about(Nodes::PATH, "Changes a node's rack or labels")
            .takes(Described::of::<NodeEdit>())
            .answers(StatusCode::OK, "As it is now", Described::of::<Node>()),
        of_node(Method::DELETE, "", nodes::remove)
            .allows(OPERATORS)
            .about(Nodes::PATH, "Removes a node, and frees what it holds")
            .with([powered_off])
            .answers_nothing("Removed"),
    ]
}

/// What agents say and ask beside registering.
pub(super) fn of_agents() -> Vec<Operation> {
    vec![
        of_node(Method::POST, "/reserve", nodes::reserve)
            .allows(AGENTS)
            .about(
                Nodes::PATH,
                "Leases addresses to keep in reserve; for agents",
            )
            .takes(Described::of::<ReserveSpec>())
            .answers(
                StatusCode::OK,
                "What was leased",
                Described::of::<Reserve>(),
            ),
        of_node(Method::POST, "/reserve/return", nodes::return_reserve)
            .allows(AGENTS)
            .about(
                Nodes::PATH,
                "Gives addresses of the reserve back; for agents",
            )
            .takes(Described::of::<ReserveReturn>())
            .answers_nothing("Returned"),
        of_node(Method::PUT, "/holdings", nodes::report)
            .allows(AGENTS)
            .about(Nodes::PATH, "Reports what a node holds; for agents")
            .takes(Described::of::<HoldingsReport>())
            .answers_nothing("Taken"),
        of_node(Method::POST, "/farewell", nodes::farewell)
            .allows(AGENTS)
            .about(
                Nodes::PATH,
                "Gives back what a node has for itself, as its agent stops; for agents",
            )
            .takes(Described::of::<Farewell>())
            .answers_nothing("Its reserve and its own addresses are free"),
        of_node(Method::POST, "/waive", nodes::waive)
            .allows(OPERATORS)
            .about(
                Nodes::PATH,
                "Passes over the report that a node owes after a restore",
            )
            .answers_nothing("Waived"),
    ]
}

/// Requests to nodes, from operators and to agents.
pub(super) fn of_requests() -> Vec<Operation> {
    const TAG: &str = "requests";
    let request = Parameter {
        name: "id",
        description: "The request's id, as the agent was told".to_owned(),
        schema: string(),
        in_path: true,
    };
    vec![
        of_node(Method::POST, "/requests", requests::ask)
            .allows(PEOPLE)
            .about(
                TAG,
                "Asks something of the node's agent, and streams its answer",
            )
            .takes(Described::of::<NodeRequestSpec>())
            .answers_as(
                StatusCode::OK,
                "Lines of the answer; the last one is `end` or `error`",
                MEDIA_TYPE,
                Some(Described::of::<AnswerLine>()),
            ),
        of_node(Method::GET, "/requests", requests::watch)
            .allows(AGENTS)
            .about(TAG, "Streams what is asked of the node; for agents")
            .with([query(
                "watch",
                "May be there; it is a watch in any case",
                boolean(),
            )])
            .answers_as(
                StatusCode::OK,
                "Lines of requests",
                MEDIA_TYPE,
                Some(Described::of::<ToAgent>()),
            ),
        of_node(Method::POST, "/requests/{id}/answer", requests::answer)
            .allows(AGENTS)
            .about(TAG, "Takes the lines of an answer; for agents")
            .with([request])
            .takes_lines(Described::of::<AnswerLine>())
            .answers_nothing("Passed on"),
    ]
}

pub(super) fn of_node<H, T>(method: Method, path: &str, handler: H) -> Operation
where
    H: Handler<T, App>,
    T: 'static,
{
    Operation::new(method, format!("/v1/nodes/{{name}}{path}"), handler).with(in_path(&["name"]))
}
