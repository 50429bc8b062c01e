//! Objects as text: tables for people, JSON and YAML for programs, names for scripts.

mod cell;
mod column;
mod stream;
mod table;

use std::fmt::Display;
use std::io::{IsTerminal, Write as _, stderr, stdout};

use clap::ValueEnum;
use serde::Serialize;
use serde_norway::Serializer;
use serde_norway::with::singleton_map_recursive;

use crate::failure::Failure;
use crate::noun::Noun;

pub(crate) use cell::{ABSENT, Cell, joined, labels, or_absent, plain, utc};
pub(crate) use column::{Column, Shown};
pub(crate) use stream::Stream;
pub(crate) use table::{Table, pairs};

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// For people
    #[default]
    Table,
    /// For people, with more columns
    Wide,
    /// As the API has it
    Json,
    /// The same as YAML
    Yaml,
    /// Only what names the objects, one a line
    Name,
}

/// Standard output, and how it is written to.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Output {
    pub(crate) format: Format,
    /// Whether a person at a terminal sees colours.
    pub(crate) colours: bool,
}

/// A list as programs get it: all there is, so without pages.
#[derive(Serialize)]
struct Items<'a, T> {
    items: &'a [T],
}

impl Output {
    /// To standard output as it is: with colours only on a terminal of somebody who did not
    /// decline them (<https://no-color.org>).
    pub(crate) fn new(format: Format) -> Self {
        Self {
            format,
            colours: has_colours(&stdout()),
        }
    }

    /// Writes text, at once.
    pub(crate) fn print(&self, text: &str) -> Result<(), Failure> {
        self.write(text.as_bytes())
    }

    /// Writes bytes, at once.
    pub(crate) fn write(&self, bytes: &[u8]) -> Result<(), Failure> {
        let mut stdout = stdout().lock();
        stdout
            .write_all(bytes)
            .and_then(|()| stdout.flush())
            .map_err(Failure::Output)
    }

    /// Whether people read it.
    pub(crate) fn is_for_people(self) -> bool {
        matches!(self.format, Format::Table | Format::Wide)
    }

    /// Many objects.
    pub(crate) fn list<N: Noun>(&self, items: &[N]) -> Result<(), Failure> {
        let text = match self.format {
            Format::Table | Format::Wide => Table::of(items, self.format).text(self.colours),
            Format::Json => json(&Items { items })?,
            Format::Yaml => yaml(&Items { items })?,
            Format::Name => items
                .iter()
                .map(|item| format!("{}\n", item.key()))
                .collect(),
        };
        self.print(&text)
    }

    /// One object.
    pub(crate) fn object<N: Noun>(&self, object: &N) -> Result<(), Failure> {
        let details = || {
            let columns = N::COLUMNS.iter().filter(|column| column.is_detail());
            let rows = columns.map(|column| (column.head, column.of(object)));
            pairs(rows.collect(), self.colours)
        };
        let name = || Ok(format!("{}\n", object.key()));
        self.value(object, details, name)
    }

    /// What is neither an object nor a list of them: as `people` see it, as it is for programs,
    /// and as `name` says it in a word.
    pub(crate) fn value(
        &self,
        value: &impl Serialize,
        people: impl FnOnce() -> String,
        name: impl FnOnce() -> Result<String, Failure>,
    ) -> Result<(), Failure> {
        let text = match self.format {
            Format::Table | Format::Wide => people(),
            Format::Json => json(value)?,
            Format::Yaml => yaml(value)?,
            Format::Name => name()?,
        };
        self.print(&text)
    }

    /// That something was done to an object. For programs nothing, if it is gone: the exit code
    /// tells.
    pub(crate) fn done<N: Noun>(&self, key: &impl Display, what: &str) -> Result<(), Failure> {
        match self.format {
            Format::Table | Format::Wide => self.print(&format!("{} {key} {what}\n", N::NAME)),
            Format::Json | Format::Yaml | Format::Name => Ok(()),
        }
    }
}

/// Refuses `-o name` where nothing has a name.
pub(crate) fn no_name(command: &str) -> Failure {
    Failure::Usage(format!(
        "`-o name` makes no sense with `netctl {command}`: use `-o table`, `-o json` or `-o yaml`"
    ))
}

pub(crate) fn json(value: &impl Serialize) -> Result<String, Failure> {
    let text = serde_json::to_string_pretty(value);
    let mut text = text.map_err(|error| Failure::Render(error.into()))?;
    text.push('\n');
    Ok(text)
}

/// On one line.
pub(crate) fn json_line(value: &impl Serialize) -> Result<String, Failure> {
    let text = serde_json::to_string(value);
    let mut text = text.map_err(|error| Failure::Render(error.into()))?;
    text.push('\n');
    Ok(text)
}

pub(crate) fn yaml(value: &impl Serialize) -> Result<String, Failure> {
    let mut text = Vec::new();
    // Variants as in JSON, where YAML has tags of its own.
    let written = singleton_map_recursive::serialize(value, &mut Serializer::new(&mut text));
    written.map_err(|error| Failure::Render(error.into()))?;
    String::from_utf8(text).map_err(|error| Failure::Render(error.into()))
}

/// Says on standard error why the command failed.
pub(crate) fn complain(failure: &Failure) {
    let name = if has_colours(&stderr()) {
        "\x1b[1;31mnetctl:\x1b[0m"
    } else {
        "netctl:"
    };
    // If even this cannot be written, the exit code is left to tell.
    let _ = writeln!(stderr(), "{name} {failure}");
}

/// Says something on standard error that is no failure.
pub(crate) fn remark(text: &str) {
    // It is for people; whether they see it changes nothing.
    let _ = writeln!(stderr(), "netctl: {text}");
}

fn has_colours(stream: &impl IsTerminal) -> bool {
    let set = |name| std::env::var_os(name).filter(|value| !value.is_empty());
    stream.is_terminal()
        && set("NO_COLOR").is_none()
        && set("TERM").is_none_or(|terminal| terminal != "dumb")
}
