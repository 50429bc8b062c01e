//! Of what is kept of the past.

use axum::http::{Method, StatusCode};
use trunkline_netmaster_api::{Audit, Event};

use super::super::access::{OPERATORS, READERS};
use super::super::audit::Audits;
use super::super::events::Events;
use super::super::noun::Noun as _;
use super::super::operation::{Described, Operation, Parameter};
use super::super::parameter::{in_path, query, string};
use super::super::records;
use super::listed;

pub(super) fn of_events() -> Vec<Operation> {
    let key = ["revision"];
    vec![
        listed::<Events>(Operation::new(
            Method::GET,
            "/v1/events",
            records::list::<Events>,
        ))
        .allows(READERS)
        .with(period()),
        Operation::new(
            Method::GET,
            "/v1/events/{revision}",
            records::show::<Events>,
        )
        .allows(READERS)
        .about(Events::PATH, "Shows one")
        .with(in_path(&key))
        .answers(StatusCode::OK, "As it happened", Described::of::<Event>()),
    ]
}

pub(super) fn of_audit() -> Vec<Operation> {
    let key = ["revision"];
    vec![
        listed::<Audits>(Operation::new(
            Method::GET,
            "/v1/audit",
            records::list::<Audits>,
        ))
        .allows(OPERATORS)
        .with(period()),
        Operation::new(Method::GET, "/v1/audit/{revision}", records::show::<Audits>)
            .allows(OPERATORS)
            .about(Audits::PATH, "Shows one")
            .with(in_path(&key))
            .answers(StatusCode::OK, "As it happened", Described::of::<Audit>()),
    ]
}

/// The time that is asked for.
fn period() -> [Parameter; 2] {
    let time = |name: &'static str, what: &str| {
        let description =
            format!("Only what happened {what}: seconds since 1970, or `2026-05-01T12:00:00Z`");
        query(name, description, string())
    };
    [
        time("since", "at this time or later"),
        time("until", "before this time"),
    ]
}
