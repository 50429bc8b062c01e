//! Everything that can be asked.

mod credentials;
mod nodes;
mod records;
mod whole;

use axum::http::{Method, StatusCode};
use trunkline_ipam::Kind;
use trunkline_netmaster_api::{
    Address, AddressHistory, AddressRelease, ConflictReport, Endpoint, EndpointSpec, List, Role,
    WatchEvent,
};
use utoipa::ToSchema;

use super::access::{AGENTS_AND_OPERATORS, OPERATORS, READERS, READERS_AND_AGENTS};
use super::addresses::{self, Addresses};
use super::endpoints::{self, Endpoints};
use super::groups::Groups;
use super::history;
use super::list::list;
use super::networks::Networks;
use super::noun::{Managed, Noun, create, delete, show, update};
use super::operation::{Described, Operation};
use super::parameter::{in_path, limit, query, revision, selecting, string, with_revision};
use super::pools::Pools;
use super::profiles::Profiles;
use super::reservations::Reservations;
use super::subnets::Subnets;
use super::watch::MEDIA_TYPE;
use credentials::{of_joining, of_tokens};
use nodes::{of_agents, of_nodes, of_requests};
use records::{of_audit, of_events};
use whole::{of_cluster, of_many, of_status, of_the_whole};

/// Every operation, in the order of the document.
pub(super) fn operations() -> Vec<Operation> {
    [
        managed::<Networks>(&["name"], READERS_AND_AGENTS),
        managed::<Subnets>(&["name"], READERS_AND_AGENTS),
        managed::<Pools>(&["subnet", "name"], READERS_AND_AGENTS),
        managed::<Groups>(&["name"], READERS),
        managed::<Profiles>(&["name"], READERS_AND_AGENTS),
        managed::<Reservations>(&["name"], READERS),
        of_nodes(),
        of_agents(),
        of_requests(),
        of_addresses(),
        of_endpoints(),
        of_events(),
        of_many(),
        of_status(),
        of_tokens(),
        of_joining(),
        of_audit(),
        of_cluster(),
        of_the_whole(),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// What operators do to objects of a kind, and `readers` look at. `key` names the parts of the key
/// in the URL.
fn managed<N: Managed>(key: &[&'static str], readers: &'static [Role]) -> Vec<Operation> {
    let (all, one) = paths::<N>(key);
    let operations = vec![
        listed::<N>(Operation::new(Method::GET, &all, list::<N>)).allows(readers),
        Operation::new(Method::POST, &all, create::<N>)
            .about(N::PATH, "Creates one")
            .allows(OPERATORS)
            .takes(Described::of::<N::Spec>())
            .answers(StatusCode::CREATED, "Created", Described::of::<N::View>()),
        shown::<N>(&one, key).allows(readers),
        Operation::new(Method::PUT, &one, update::<N>)
            .about(
                N::PATH,
                "Makes one what the body says, if it is at the body's `revision`",
            )
            .allows(OPERATORS)
            .with(in_path(key))
            .takes(with_revision(Described::of::<N::Spec>()))
            .answers(
                StatusCode::OK,
                "As it is now",
                Described::of::<N::Updated>(),
            ),
        Operation::new(Method::DELETE, &one, delete::<N>)
            .about(N::PATH, "Deletes one, when nothing refers to it any more")
            .allows(OPERATORS)
            .with(in_path(key))
            .with([revision()])
            .answers_nothing("Deleted"),
    ];
    match N::KIND {
        Kind::Network | Kind::Subnet | Kind::Pool | Kind::Reservation => {
            operations.into_iter().map(Operation::of_networks).collect()
        }
        _ => operations,
    }
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

fn of_addresses() -> Vec<Operation> {
    const TAG: &str = Addresses::PATH;
    let key = ["ip"];
    let operations = vec![
        listed::<Addresses>(Operation::new(
            Method::GET,
            "/v1/addresses",
            list::<Addresses>,
        ))
        .allows(READERS),
        Operation::new(Method::GET, "/v1/addresses/{ip}", addresses::show)
            .allows(READERS)
            .about(TAG, "Shows one, whether it ever was handed out or not")
            .with(in_path(&key))
            .answers(StatusCode::OK, "As it is", Described::of::<Address>()),
        Operation::new(Method::GET, "/v1/addresses/{ip}/history", history::show)
            .allows(READERS)
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
        .allows(AGENTS_AND_OPERATORS)
        .of_own_node()
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
        .allows(OPERATORS)
        .about(TAG, "Says that no foreign machine answers for it any more")
        .with(in_path(&key))
        .answers_nothing("In circulation again"),
        Operation::new(
            Method::POST,
            "/v1/addresses/{ip}/release",
            addresses::release,
        )
        .allows(OPERATORS)
        .about(TAG, "Takes it from whoever has it")
        .with(in_path(&key))
        .takes(Described::of::<AddressRelease>())
        .answers_nothing("Released"),
    ];
    operations.into_iter().map(Operation::of_networks).collect()
}

fn of_endpoints() -> Vec<Operation> {
    const TAG: &str = Endpoints::PATH;
    const ONE: &str = "/v1/endpoints/{container}/{ifname}";
    let key = ["container", "ifname"];
    let operations = vec![
        listed::<Endpoints>(Operation::new(
            Method::GET,
            "/v1/endpoints",
            list::<Endpoints>,
        ))
        .allows(READERS_AND_AGENTS)
        .of_own_node(),
        Operation::new(Method::POST, "/v1/endpoints", endpoints::allocate)
            .allows(AGENTS_AND_OPERATORS)
            .of_own_node()
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
        shown::<Endpoints>(ONE, &key)
            .allows(READERS_AND_AGENTS)
            .of_own_node(),
        Operation::new(Method::DELETE, ONE, endpoints::release)
            .allows(AGENTS_AND_OPERATORS)
            .of_own_node()
            .about(TAG, "Gives an attachment's addresses back; for agents")
            .with(in_path(&key))
            .with([revision()])
            .answers_nothing("It has none, whether it had any or not"),
    ];
    operations.into_iter().map(Operation::of_networks).collect()
}
