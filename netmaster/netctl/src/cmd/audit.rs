//! `netctl audit …`

use trunkline_netmaster_api::Audit;

use crate::noun::Noun;
use crate::render::{ABSENT, Cell, Column, Shown, joined, or_absent, plain, utc};

/// What a record says that was not refused.
const DONE: &str = "done";

impl Noun for Audit {
    const NAME: &'static str = "audit";
    const PLURAL: &'static str = "records of the audit";
    const KEY: (&'static str, &'static str) = ("REVISION", "The revision it happened with");
    const FIELDS: &'static [&'static str] = &["identity", "from", "kind", "name", "result"];
    const HAS_LABELS: bool = false;
    const HAS_TIME: bool = true;
    const COLUMNS: &'static [Column<Self>] = &[
        Column::new("revision", Shown::Always, |record| plain(record.revision)),
        Column::new("at", Shown::Always, |record| utc(record.at)),
        Column::new("identity", Shown::Always, |record| {
            or_absent(record.identity.as_ref())
        }),
        Column::new("from", Shown::Wide, |record| {
            or_absent(record.from.as_ref())
        }),
        Column::new("method", Shown::Always, |record| plain(&record.method)),
        Column::new("path", Shown::Wide, |record| plain(&record.path)),
        Column::new("kind", Shown::Always, |record| {
            or_absent(record.kind.as_ref())
        }),
        Column::new("name", Shown::Always, name),
        Column::new("result", Shown::Always, |record| {
            plain(&record.result).alarming_if(record.result != DONE)
        }),
        Column::new("code", Shown::Wide, |record| {
            or_absent(record.code.as_ref())
        }),
        Column::new("omitted", Shown::Wide, |record| plain(record.omitted)),
        Column::new("before", Shown::Alone, |record| {
            or_absent(record.before.as_ref())
        }),
        Column::new("after", Shown::Alone, |record| {
            or_absent(record.after.as_ref())
        }),
        Column::new("objects", Shown::Alone, |record| {
            let objects = record.objects.iter();
            joined(objects.map(|object| format!("{} {}", object.kind, object.name)))
        }),
    ];

    fn key(&self) -> u64 {
        self.revision
    }
}

/// What it is about: one object, or how many.
fn name(record: &Audit) -> Cell {
    match (&record.name, record.objects.len()) {
        (Some(name), _) => plain(name),
        (None, 0) => plain(ABSENT),
        (None, 1) => plain("1 object"),
        (None, count) => plain(format!("{count} objects")),
    }
}
