//! What stands in a table.

use std::fmt::Display;

use jiff::Timestamp;
use trunkline_types::Labels;

/// What a table shows where there is nothing.
pub(crate) const ABSENT: &str = "-";

/// One value for people.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Cell {
    pub(crate) text: String,
    /// Whether somebody should look at it.
    pub(crate) alarming: bool,
}

impl Cell {
    /// The same, alarming if `is`.
    pub(crate) fn alarming_if(self, is: bool) -> Self {
        Self {
            alarming: is,
            ..self
        }
    }
}

/// A value as it is written. What a terminal would take for a command is escaped: names and reasons
/// come from elsewhere.
pub(crate) fn plain(value: impl Display) -> Cell {
    let text = value.to_string();
    let text = match text.chars().any(char::is_control) {
        true => text.chars().map(escaped).collect(),
        false => text,
    };
    let text = match text.is_empty() {
        true => ABSENT.to_owned(),
        false => text,
    };
    Cell {
        text,
        alarming: false,
    }
}

fn escaped(character: char) -> String {
    match character.is_control() {
        true => character.escape_default().to_string(),
        false => character.to_string(),
    }
}

/// A value, if there is one.
pub(crate) fn or_absent(value: Option<&impl Display>) -> Cell {
    value.map_or_else(|| plain(ABSENT), plain)
}

/// Several values.
pub(crate) fn joined<T: Display>(values: impl IntoIterator<Item = T>) -> Cell {
    let values: Vec<_> = values.into_iter().map(|value| value.to_string()).collect();
    plain(values.join(", "))
}

pub(crate) fn labels(labels: &Labels) -> Cell {
    joined(labels.iter().map(|(key, value)| format!("{key}={value}")))
}

/// The time `seconds` after 1970-01-01 00:00:00 UTC, as RFC 3339 writes it.
pub(crate) fn utc(seconds: u64) -> Cell {
    let time = i64::try_from(seconds).ok();
    let time = time.and_then(|seconds| Timestamp::from_second(seconds).ok());
    or_absent(time.as_ref())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_as_date_prints_them() {
        for (seconds, text) in [
            (0, "1970-01-01T00:00:00Z"),
            (951_782_400, "2000-02-29T00:00:00Z"),
            (1_700_000_000, "2023-11-14T22:13:20Z"),
            (u64::MAX, "-"),
        ] {
            assert_eq!(utc(seconds).text, text);
        }
    }

    #[test]
    fn what_a_terminal_would_obey_is_escaped() {
        assert_eq!(plain("a\x1b[2Jb\n").text, "a\\u{1b}[2Jb\\n");
        assert_eq!(plain("über").text, "über");
        assert_eq!(plain("").text, "-");
    }
}
