//! Everything that can be asked.

use axum::handler::Handler;
use axum::http::{Method, StatusCode};
use trunkline_netmaster_api::{
    Address, AddressHistory, AddressRelease, AnswerLine, Cluster, ConflictReport, Endpoint,
    EndpointSpec, Event, ExplainSpec, Explanation, Farewell, HoldingsReport, List, Node, NodeEdit,
    NodeRequestSpec, NodeSpec, Registration, Reserve, ReserveReturn, ReserveSpec, ToAgent,
    WatchEvent,
};
use utoipa::ToSchema;

use super::addresses::Addresses;
use super::endpoints::Endpoints;
use super::events::Events;
use super::groups::Groups;
use super::list::list;

use super::networks::Networks;
use super::nodes::Nodes;
use super::noun::{Managed, Noun, create, delete, show, update};
use super::operation::{Described, Operation, Parameter};
use super::parameter::{
    boolean, in_path, limit, query, revision, selecting, string, with_revision,
};
use super::pools::Pools;
use super::profiles::Profiles;
use super::reservations::Reservations;
use super::subnets::Subnets;
use super::watch::MEDIA_TYPE;
use super::{
    addresses, backup, cluster, endpoints, events, explain, health, history, metrics, nodes,
    requests,
};
use crate::app::App;

/// Every operation, in the order of the document.
pub(super) fn operations() -> Vec<Operation> {
    [
        managed::<Networks>(&["name"]),
        managed::<Subnets>(&["name"]),
        managed::<Pools>(&["subnet", "name"]),
        managed::<Groups>(&["name"]),
        managed::<Profiles>(&["name"]),
        managed::<Reservations>(&["name"]),
        of_nodes(),
        of_agents(),
        of_requests(),
        of_addresses(),
        of_endpoints(),
        of_events(),
        of_the_whole(),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// What operators do to objects of a kind. `key` names the parts of the key in the URL.
fn managed<N: Managed>(key: &[&'static str]) -> Vec<Operation> {
    let (all, one) = paths::<N>(key);
    vec![
        listed::<N>(Operation::new(Method::GET, &all, list::<N>)),
        Operation::new(Method::POST, &all, create::<N>)
            .about(N::PATH, "Creates one")
            .takes(Described::of::<N::Spec>())
            .answers(StatusCode::CREATED, "Created", Described::of::<N::View>()),
        shown::<N>(&one, key),
        Operation::new(Method::PUT, &one, update::<N>)
            .about(
                N::PATH,
                "Makes one what the body says, if it is at the body's `revision`",
            )
            .with(in_path(key))
            .takes(with_revision(Described::of::<N::Spec>()))
            .answers(
                StatusCode::OK,
                "As it is now",
                Described::of::<N::Updated>(),
            ),
        Operation::new(Method::DELETE, &one, delete::<N>)
            .about(N::PATH, "Deletes one, when nothing refers to it any more")
            .with(in_path(key))
            .with([revision()])
            .answers_nothing("Deleted"),
    ]
}

fn paths<N: Noun>(key: &[&str]) -> (String, String) {
    let all = format!("/v1/{}", N::PATH);
    let parts: String = key.iter().map(|part| format!("/{{{part}}}")).collect();
    let one = format!("{all}{parts}");
    (all, one)
}

fn listed<N: Noun>(operation: Operation) -> Operation {
    let name = <N::View as ToSchema>::name();
    operation
        .about(N::PATH, "Lists them page by page, or watches them")
        .with(selecting::<N>())
        .answers(
            StatusCode::OK,
            "A page of the list, in the order of keys; with `watch`, lines of what changes",
            Described::generic::<List<N::View>>(&format!("{name}List")),
        )
        .answers_as(
            StatusCode::OK,
            "",
            MEDIA_TYPE,
            Some(Described::generic::<WatchEvent<N::View>>(&format!(
                "{name}WatchEvent"
            ))),
        )
}

fn shown<N: Noun>(path: &str, key: &[&'static str]) -> Operation {
    Operation::new(Method::GET, path, show::<N>)
        .about(N::PATH, "Shows one")
        .with(in_path(key))
        .answers(StatusCode::OK, "As it is", Described::of::<N::View>())
}

fn of_nodes() -> Vec<Operation> {
    let powered_off = query(
        "powered_off",
        "That nothing on it runs any more, which is for the caller to know; without it, the node \
         must have no endpoints",
        boolean(),
    );
    vec![
        listed::<Nodes>(Operation::new(Method::GET, "/v1/nodes", list::<Nodes>)),
        shown::<Nodes>("/v1/nodes/{name}", &["name"]),
        of_node(Method::PUT, "", nodes::register)
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
            .about(Nodes::PATH, "Changes a node's rack or labels")
            .takes(Described::of::<NodeEdit>())
            .answers(StatusCode::OK, "As it is now", Described::of::<Node>()),
        of_node(Method::DELETE, "", nodes::remove)
            .about(Nodes::PATH, "Removes a node, and frees what it holds")
            .with([powered_off])
            .answers_nothing("Removed"),
    ]
}

/// What agents say and ask beside registering.
fn of_agents() -> Vec<Operation> {
    vec![
        of_node(Method::POST, "/reserve", nodes::reserve)
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
            .about(
                Nodes::PATH,
                "Gives addresses of the reserve back; for agents",
            )
            .takes(Described::of::<ReserveReturn>())
            .answers_nothing("Returned"),
        of_node(Method::PUT, "/holdings", nodes::report)
            .about(Nodes::PATH, "Reports what a node holds; for agents")
            .takes(Described::of::<HoldingsReport>())
            .answers_nothing("Taken"),
        of_node(Method::POST, "/farewell", nodes::farewell)
            .about(
                Nodes::PATH,
                "Gives back what a node has for itself, as its agent stops; for agents",
            )
            .takes(Described::of::<Farewell>())
            .answers_nothing("Its reserve and its own addresses are free"),
        of_node(Method::POST, "/waive", nodes::waive)
            .about(
                Nodes::PATH,
                "Passes over the report that a node owes after a restore",
            )
            .answers_nothing("Waived"),
    ]
}

/// Requests to nodes, from operators and to agents.
fn of_requests() -> Vec<Operation> {
    const TAG: &str = "requests";
    let request = Parameter {
        name: "id",
        description: "The request's id, as the agent was told".to_owned(),
        schema: string(),
        in_path: true,
    };
    vec![
        of_node(Method::POST, "/requests", requests::ask)
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
            .about(TAG, "Takes the lines of an answer; for agents")
            .with([request])
            .takes_lines(Described::of::<AnswerLine>())
            .answers_nothing("Passed on"),
    ]
}

fn of_node<H, T>(method: Method, path: &str, handler: H) -> Operation
where
    H: Handler<T, App>,
    T: 'static,
{
    Operation::new(method, format!("/v1/nodes/{{name}}{path}"), handler).with(in_path(&["name"]))
}

fn of_addresses() -> Vec<Operation> {
    const TAG: &str = Addresses::PATH;
    let key = ["ip"];
    vec![
        listed::<Addresses>(Operation::new(
            Method::GET,
            "/v1/addresses",
            list::<Addresses>,
        )),
        Operation::new(Method::GET, "/v1/addresses/{ip}", addresses::show)
            .about(TAG, "Shows one, whether it ever was handed out or not")
            .with(in_path(&key))
            .answers(StatusCode::OK, "As it is", Described::of::<Address>()),
        Operation::new(Method::GET, "/v1/addresses/{ip}/history", history::show)
            .about(TAG, "Who held it, from the first time that is still known")
            .with(in_path(&key))
            .with([
                query(
                    "at",
                    "Only who held it then: seconds since 1970, or like `2026-05-01T12:00:00Z`",
                    string(),
                ),
                limit(),
                query("continue", "Where the page before ended", string()),
            ])
            .answers(
                StatusCode::OK,
                "Oldest first",
                Described::of::<AddressHistory>(),
            ),
        Operation::new(
            Method::POST,
            "/v1/addresses/{ip}/conflict",
            addresses::report_conflict,
        )
        .about(
            TAG,
            "Says that a foreign machine answers for it; for agents",
        )
        .with(in_path(&key))
        .takes(Described::of::<ConflictReport>())
        .answers_nothing("Taken out of circulation"),
        Operation::new(
            Method::DELETE,
            "/v1/addresses/{ip}/conflict",
            addresses::clear_conflict,
        )
        .about(TAG, "Says that no foreign machine answers for it any more")
        .with(in_path(&key))
        .answers_nothing("In circulation again"),
        Operation::new(
            Method::POST,
            "/v1/addresses/{ip}/release",
            addresses::release,
        )
        .about(TAG, "Takes it from whoever has it")
        .with(in_path(&key))
        .takes(Described::of::<AddressRelease>())
        .answers_nothing("Released"),
    ]
}

fn of_endpoints() -> Vec<Operation> {
    const TAG: &str = Endpoints::PATH;
    const ONE: &str = "/v1/endpoints/{container}/{ifname}";
    let key = ["container", "ifname"];
    vec![
        listed::<Endpoints>(Operation::new(
            Method::GET,
            "/v1/endpoints",
            list::<Endpoints>,
        )),
        Operation::new(Method::POST, "/v1/endpoints", endpoints::allocate)
            .about(TAG, "Gets an attachment its addresses; for agents")
            .takes(Described::of::<EndpointSpec>())
            .answers(
                StatusCode::CREATED,
                "New addresses",
                Described::of::<Endpoint>(),
            )
            .answers(
                StatusCode::OK,
                "Those that it has already",
                Described::of::<Endpoint>(),
            ),
        shown::<Endpoints>(ONE, &key),
        Operation::new(Method::DELETE, ONE, endpoints::release)
            .about(TAG, "Gives an attachment's addresses back; for agents")
            .with(in_path(&key))
            .with([revision()])
            .answers_nothing("It has none, whether it had any or not"),
    ]
}

fn of_events() -> Vec<Operation> {
    let key = ["revision"];
    vec![
        listed::<Events>(Operation::new(Method::GET, "/v1/events", events::list)),
        Operation::new(Method::GET, "/v1/events/{revision}", events::show)
            .about(Events::PATH, "Shows one")
            .with(in_path(&key))
            .answers(StatusCode::OK, "As it happened", Described::of::<Event>()),
    ]
}

fn of_the_whole() -> Vec<Operation> {
    let text = || Described::inline::<String>();
    vec![
        Operation::new(Method::GET, "/v1/cluster", cluster::show)
            .about("cluster", "Which cluster it is, and who leads")
            .answers(StatusCode::OK, "As it is", Described::of::<Cluster>()),
        Operation::new(Method::GET, "/v1/explain", explain::show)
            .about("explain", "What a pod would be bound to, and why")
            .with([
                query("node", "The node it runs on", string()),
                query("namespace", "Its namespace", string()),
                query(
                    "podLabels",
                    "Its labels, like `app=web,tier=front`",
                    string(),
                ),
                query("network", "The network that it itself asks for", string()),
                query("pool", "The pool that it itself asks for", string()),
                query("profile", "The profile that it itself asks for", string()),
            ])
            .answers(StatusCode::OK, "The ladder", Described::of::<Explanation>()),
        Operation::new(Method::POST, "/v1/explain", explain::explain)
            .about(
                "explain",
                "What a pod would be bound to, and why; changes nothing",
            )
            .takes(Described::of::<ExplainSpec>())
            .answers(StatusCode::OK, "The ladder", Described::of::<Explanation>()),
        Operation::new(Method::GET, "/v1/backup", backup::show)
            .about(
                "backup",
                "All that is in the store, as `netmaster restore` takes it",
            )
            .answers_as(StatusCode::OK, "The back-up", MEDIA_TYPE, Some(text())),
        Operation::new(Method::GET, "/metrics", metrics::show)
            .about("health", "What is counted and measured, for Prometheus")
            .answers_as(
                StatusCode::OK,
                "OpenMetrics",
                crate::metrics::MEDIA_TYPE,
                Some(text()),
            ),
        Operation::new(Method::GET, "/healthz", health::healthz)
            .about("health", "Whether the process answers")
            .answers_as(StatusCode::OK, "It does", "text/plain", Some(text())),
        Operation::new(Method::GET, "/readyz", health::readyz)
            .about("health", "Whether requests of all kinds are served")
            .answers_as(StatusCode::OK, "They are", "text/plain", Some(text())),
    ]
}
