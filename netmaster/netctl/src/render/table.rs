//! Tables: cells below each other, two blanks apart.

use super::{Cell, Column, Format, plain};
use crate::noun::Noun;

/// Rows with heads.
#[derive(Debug, Default)]
pub(crate) struct Table {
    heads: Vec<String>,
    rows: Vec<Vec<Cell>>,
    /// No column is narrower than this.
    widths: Vec<usize>,
}

/// The columns of a list.
pub(super) fn listed<N: Noun>(format: Format) -> impl Iterator<Item = &'static Column<N>> {
    N::COLUMNS
        .iter()
        .filter(move |column| column.is_in_list(format))
}

pub(super) fn row<N: Noun>(object: &N, format: Format) -> Vec<Cell> {
    listed::<N>(format)
        .map(|column| column.of(object))
        .collect()
}

impl Table {
    /// The heads as they are written in the code.
    pub(crate) fn with(heads: &[&str]) -> Self {
        Self {
            heads: heads.iter().map(|head| head.to_uppercase()).collect(),
            ..Self::default()
        }
    }

    pub(super) fn of<N: Noun>(items: &[N], format: Format) -> Self {
        let heads: Vec<_> = listed::<N>(format).map(|column| column.head).collect();
        let mut table = Self::with(&heads);
        for item in items {
            table.push(row(item, format));
        }
        table
    }

    pub(crate) fn push(&mut self, row: Vec<Cell>) {
        self.rows.push(row);
    }

    /// The text of all rows with their heads.
    pub(crate) fn text(&mut self, colours: bool) -> String {
        self.widen();
        let heads: Vec<_> = self.heads.iter().map(plain).collect();
        let heads = line(&heads, &self.widths, colours.then_some(BOLD));
        heads + &self.take(colours)
    }

    /// The text of the rows that are new; they are as wide as those before.
    pub(super) fn more(&mut self, colours: bool) -> String {
        self.widen();
        self.take(colours)
    }

    fn take(&mut self, colours: bool) -> String {
        let rows = std::mem::take(&mut self.rows);
        let lines = rows.iter().map(|row| {
            let alarming = row.iter().any(|cell| cell.alarming);
            line(row, &self.widths, (colours && alarming).then_some(RED))
        });
        lines.collect()
    }

    fn widen(&mut self) {
        self.widths.resize(self.heads.len(), 0);
        for (width, head) in self.widths.iter_mut().zip(&self.heads) {
            *width = head.chars().count().max(*width);
        }
        for row in &self.rows {
            for (width, cell) in self.widths.iter_mut().zip(row) {
                *width = cell.text.chars().count().max(*width);
            }
        }
    }
}

/// Names and values below each other.
pub(crate) fn pairs(rows: Vec<(&str, Cell)>, colours: bool) -> String {
    let width = rows.iter().map(|(name, _)| name.chars().count()).max();
    let width = width.unwrap_or_default() + 1;
    let lines = rows.iter().map(|(name, cell)| {
        let colour = (colours && cell.alarming).then_some(RED);
        line(
            &[plain(format!("{name}:")), cell.clone()],
            &[width, 0],
            colour,
        )
    });
    lines.collect()
}

const BOLD: &str = "\x1b[1m";
const RED: &str = "\x1b[31m";
const RESET: &str = "\x1b[0m";

fn line(cells: &[Cell], widths: &[usize], colour: Option<&str>) -> String {
    let padded = cells.iter().zip(widths);
    let padded: Vec<_> = padded
        .map(|(cell, width)| format!("{:width$}", cell.text))
        .collect();
    let text = padded.join("  ");
    let text = text.trim_end();
    match colour {
        Some(colour) => format!("{colour}{text}{RESET}\n"),
        None => format!("{text}\n"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(rows: &[[&str; 2]]) -> Table {
        let mut table = Table::with(&["a", "long"]);
        for row in rows {
            table.push(row.iter().map(plain).collect());
        }
        table
    }

    #[test]
    fn columns_are_as_wide_as_their_widest_cell_and_lines_have_no_blanks_at_the_end() {
        assert_eq!(table(&[["über", "x"]]).text(false), "A     LONG\nüber  x\n");
    }

    #[test]
    fn rows_that_come_later_stand_below_the_first() {
        let mut table = table(&[["über", "x"]]);
        table.text(false);
        table.push(vec![plain("b"), plain("y")]);
        assert_eq!(table.more(false), "b     y\n");
    }

    #[test]
    fn only_heads_and_what_is_alarming_are_coloured() {
        let mut table = table(&[["b", "x"]]);
        table.push(vec![plain("c").alarming_if(true), plain("y")]);
        assert_eq!(
            table.text(true),
            "\x1b[1mA  LONG\x1b[0m\nb  x\n\x1b[31mc  y\x1b[0m\n"
        );
    }
}
