//! `netctl event …`

use trunkline_netmaster_api::Event;

use crate::noun::Noun;
use crate::render::{Column, Shown, plain, utc};

impl Noun for Event {
    const NAME: &'static str = "event";
    const PLURAL: &'static str = "events";
    const KEY: (&'static str, &'static str) = ("REVISION", "The revision it happened with");
    const FIELDS: &'static [&'static str] = &["kind", "about"];
    const HAS_LABELS: bool = false;
    const HAS_TIME: bool = true;
    const COLUMNS: &'static [Column<Self>] = &[
        Column::new("revision", Shown::Always, |event| plain(event.revision)),
        Column::new("at", Shown::Always, |event| utc(event.at)),
        Column::new("kind", Shown::Always, |event| plain(&event.kind)),
        Column::new("about", Shown::Always, |event| plain(&event.about)),
        Column::new("message", Shown::Always, |event| plain(&event.message)),
    ];

    fn key(&self) -> u64 {
        self.revision
    }
}
