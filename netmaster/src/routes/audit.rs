//! `/v1/audit`: read only. Nothing here changes or deletes a record. And `/v1/cluster/refusals`, by
//! which followers have theirs recorded.

use axum::extract::State;
use axum::http::StatusCode;
use futures_util::future::join_all;
use trunkline_ipam::{Key, Kind, Object, Revision, Timestamp};
use trunkline_netmaster_api::{Audit, Refusals};
use trunkline_types::Labels;

use super::extract::Body;
use super::field::{Field, Form};
use super::noun::{Noun, Scene};
use super::query::Parameters;
use super::records::Record;
use crate::app::App;
use crate::audit;
use crate::clock::now;
use crate::failure::Failure;
use crate::store::AUDIT;

pub(crate) enum Audits {}

impl Noun for Audits {
    const KIND: Kind = Kind::Audit;
    const PATH: &'static str = "audit";
    type View = Audit;
    const FIELDS: &'static [Field<Audit>] = &[
        Field {
            name: "identity",
            form: Form::Text,
            values: |audit| audit.identity.iter().cloned().collect(),
        },
        Field {
            name: "from",
            form: Form::Ip,
            values: |audit| audit.from.iter().map(ToString::to_string).collect(),
        },
        Field {
            name: "kind",
            form: Form::Text,
            values: |audit| {
                let many = audit.objects.iter().map(|object| &object.kind);
                audit.kind.iter().chain(many).cloned().collect()
            },
        },
        Field {
            name: "name",
            form: Form::Text,
            values: |audit| {
                let many = audit.objects.iter().map(|object| &object.name);
                audit.name.iter().chain(many).cloned().collect()
            },
        },
        Field {
            name: "result",
            form: Form::Result,
            values: |audit| vec![audit.result.clone()],
        },
    ];

    fn view(_: &Scene<'_>, object: &Object) -> Option<Audit> {
        match object {
            Object::Audit(audit) => Some(audit::view(audit)),
            _ => None,
        }
    }

    fn labels(_: &Object) -> Option<&Labels> {
        None
    }
}

impl Record for Audits {
    const PREFIX: &'static str = AUDIT;

    fn moment(object: &Object) -> Option<(Revision, Timestamp)> {
        match object {
            Object::Audit(audit) => Some((audit.revision, audit.at)),
            _ => None,
        }
    }

    fn key(revision: Revision) -> Key {
        Key::Audit(revision)
    }
}

/// Records what a follower refused.
pub(super) async fn take_over(
    State(app): State<App>,
    parameters: Parameters,
    Body(refusals): Body<Refusals>,
) -> Result<StatusCode, Failure> {
    parameters.only(&[])?;
    let now = now();
    let records: Option<Vec<_>> = refusals
        .records
        .into_iter()
        .map(|record| audit::refused_elsewhere(record, now))
        .collect();
    let records = records.ok_or_else(|| {
        let why = "one is of neither `refused` nor `denied`, which the leader records itself";
        Failure::field("records", why)
    })?;
    // Together, so that they share a transaction.
    let written = records
        .into_iter()
        .map(|record| app.auditor.take_over(&app.allocator, record, now));
    join_all(written).await;
    Ok(StatusCode::NO_CONTENT)
}
