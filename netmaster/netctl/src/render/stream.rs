//! Lists that go on: what changes, line by line.

use trunkline_netmaster_api::WatchEvent;

use super::table::{listed, row};
use super::{Format, Output, Table, json_line, plain, yaml};
use crate::failure::Failure;
use crate::noun::Noun;

/// The text of a watch.
pub(crate) struct Stream {
    output: Output,
    table: Table,
}

/// The head of the column that says what happened to the object of the row.
const CHANGE: &str = "change";

impl Stream {
    pub(crate) fn of<N: Noun>(output: Output) -> Self {
        let heads = listed::<N>(output.format).map(|column| column.head);
        let heads: Vec<_> = std::iter::once(CHANGE).chain(heads).collect();
        Self {
            output,
            table: Table::with(&heads),
        }
    }

    /// How everything is to begin with, as of `revision`.
    pub(crate) fn begin<N: Noun>(&mut self, items: Vec<N>, revision: u64) -> Result<(), Failure> {
        if self.output.is_for_people() {
            for item in &items {
                self.push("", item);
            }
            let text = self.table.text(self.output.colours);
            return self.output.print(&text);
        }
        for object in items {
            self.go_on(&WatchEvent::Put {
                revision: 0,
                object,
            })?;
        }
        self.go_on(&WatchEvent::<N>::Bookmark { revision })
    }

    /// What happened then.
    pub(crate) fn go_on<N: Noun>(&mut self, event: &WatchEvent<N>) -> Result<(), Failure> {
        let text = match self.output.format {
            Format::Table | Format::Wide => self.people(event),
            Format::Json => json_line(event)?,
            Format::Yaml => format!("---\n{}", yaml(event)?),
            Format::Name => match event {
                WatchEvent::Put { object, .. } => format!("{}\n", object.key()),
                WatchEvent::Delete { key, .. } => format!("{key}\n"),
                WatchEvent::Bookmark { .. } | WatchEvent::Error { .. } => String::new(),
            },
        };
        self.output.print(&text)
    }

    fn people<N: Noun>(&mut self, event: &WatchEvent<N>) -> String {
        match event {
            WatchEvent::Put {
                revision: 0,
                object,
            } => self.push("", object),
            WatchEvent::Put { object, .. } => self.push("put", object),
            WatchEvent::Delete {
                object: Some(object),
                ..
            } => self.push("delete", object),
            WatchEvent::Delete { key, .. } => self.table.push(vec![plain("delete"), plain(key)]),
            WatchEvent::Bookmark { .. } | WatchEvent::Error { .. } => {}
        }
        self.table.more(self.output.colours)
    }

    fn push<N: Noun>(&mut self, change: &str, object: &N) {
        let mut cells = vec![plain(change)];
        cells.extend(row(object, self.output.format));
        self.table.push(cells);
    }
}
