//! `/v1/audit`: read only. Nothing here changes or deletes a record.

use trunkline_ipam::{Key, Kind, Object, Revision, Timestamp};
use trunkline_netmaster_api::Audit;
use trunkline_types::Labels;

use super::noun::{Field, Noun, Scene};
use super::records::Record;
use crate::audit;
use crate::store::AUDIT;

pub(crate) enum Audits {}

impl Noun for Audits {
    const KIND: Kind = Kind::Audit;
    const PATH: &'static str = "audit";
    type View = Audit;
    const FIELDS: &'static [Field<Audit>] = &[
        Field {
            name: "identity",
            values: |audit| audit.identity.iter().cloned().collect(),
        },
        Field {
            name: "from",
            values: |audit| audit.from.iter().map(ToString::to_string).collect(),
        },
        Field {
            name: "kind",
            values: |audit| {
                let many = audit.objects.iter().map(|object| &object.kind);
                audit.kind.iter().chain(many).cloned().collect()
            },
        },
        Field {
            name: "name",
            values: |audit| {
                let many = audit.objects.iter().map(|object| &object.name);
                audit.name.iter().chain(many).cloned().collect()
            },
        },
        Field {
            name: "result",
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
