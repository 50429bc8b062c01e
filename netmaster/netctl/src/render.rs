//! Objects as text: a table for people, JSON and YAML for programs.

mod time;

use std::fmt::Write as _;

use clap::ValueEnum;
use serde::Serialize;

use crate::failure::Failure;

pub(crate) use time::utc;

/// What a table shows where there is nothing.
pub(crate) const ABSENT: &str = "-";

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// For people
    #[default]
    Table,
    /// As the API has it
    Json,
    /// The same as YAML
    Yaml,
}

/// An object that can be printed.
pub(crate) trait Render: Serialize {
    /// The noun of the command line.
    const KIND: &'static str;
    /// The heads of the table of many.
    const COLUMNS: &'static [&'static str];

    /// The object's row in the table of many; as many cells as there are columns.
    fn cells(&self) -> Vec<String>;

    /// The object on its own: names and values.
    fn details(&self) -> Vec<(&'static str, String)>;
}

/// A list as programs get it: all there is, so without pages.
#[derive(Serialize)]
struct Items<T> {
    items: Vec<T>,
}

/// Many objects.
pub(crate) fn render_list<T: Render>(items: Vec<T>, format: Format) -> Result<String, Failure> {
    match format {
        Format::Table => {
            let heads = T::COLUMNS.iter().map(|head| head.to_uppercase()).collect();
            let rows = items.iter().map(Render::cells);
            Ok(table(
                &std::iter::once(heads).chain(rows).collect::<Vec<_>>(),
            ))
        }
        Format::Json => json(&Items { items }),
        Format::Yaml => yaml(&Items { items }),
    }
}

/// One object.
pub(crate) fn render_object<T: Render>(object: &T, format: Format) -> Result<String, Failure> {
    match format {
        Format::Table => {
            let details = object.details().into_iter();
            let rows = details.map(|(name, value)| vec![format!("{name}:"), value]);
            Ok(table(&rows.collect::<Vec<_>>()))
        }
        Format::Json => json(object),
        Format::Yaml => yaml(object),
    }
}

fn json(value: &impl Serialize) -> Result<String, Failure> {
    let mut text =
        serde_json::to_string_pretty(value).map_err(|error| Failure::Render(error.into()))?;
    text.push('\n');
    Ok(text)
}

fn yaml(value: &impl Serialize) -> Result<String, Failure> {
    serde_norway::to_string(value).map_err(|error| Failure::Render(error.into()))
}

/// Rows with their cells below each other, two blanks apart.
fn table(rows: &[Vec<String>]) -> String {
    let columns = rows.iter().map(Vec::len).max().unwrap_or_default();
    let width = |column: usize| {
        let cells = rows.iter().filter_map(|row| row.get(column));
        cells.map(|cell| cell.chars().count()).max()
    };
    let widths: Vec<_> = (0..columns)
        .map(|column| width(column).unwrap_or_default())
        .collect();
    let mut text = String::new();
    for row in rows {
        let mut line = String::new();
        for (cell, width) in row.iter().zip(&widths) {
            // Writing to a string cannot fail.
            let _ = write!(line, "{cell:width$}  ");
        }
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_as_wide_as_their_widest_cell_and_lines_have_no_blanks_at_the_end() {
        let rows = [["A", "LONG"], ["über", "x"]].map(|row| row.map(String::from).to_vec());
        assert_eq!(table(&rows), "A     LONG\nüber  x\n");
    }
}
