//! Which objects of a kind a list has.

use std::marker::PhantomData;

use clap::{Arg, ArgAction, ArgMatches};
use trunkline_netmaster_api::Query;
use trunkline_types::Selector;

use super::Noun;
use crate::flag::{Taken, parsed, taken};
use crate::quantity::time;

const SELECTOR: &str = "selector";
const FIELD_SELECTOR: &str = "field-selector";
const SINCE: &str = "since";
const UNTIL: &str = "until";

/// The conditions that are given on the command line: a flag for every field of the noun.
pub(super) struct Filter<N> {
    pub(super) query: Query,
    noun: PhantomData<fn() -> N>,
}

/// One condition on a field.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Condition {
    Is(String, String),
    IsNot(String, String),
}

fn condition(text: &str) -> Result<Condition, String> {
    let pair = |left: &str, right: &str| (left.trim().to_owned(), right.trim().to_owned());
    if let Some((field, value)) = text.split_once("!=") {
        let (field, value) = pair(field, value);
        return Ok(Condition::IsNot(field, value));
    }
    let (field, value) = text.split_once('=').ok_or_else(|| {
        format!(
            "condition `{text}` is not valid: write it as `<field>=<value>` or `<field>!=<value>`"
        )
    })?;
    let (field, value) = pair(field, value.trim_start_matches('='));
    Ok(Condition::Is(field, value))
}

/// Reads what fields must be: `network=blue,rack!=r1`.
fn parse_conditions(text: &str) -> Result<Query, String> {
    let mut query = Query::default();
    for part in text.split(',').filter(|part| !part.trim().is_empty()) {
        match condition(part)? {
            Condition::Is(field, value) => query.fields.push((field, value)),
            Condition::IsNot(field, value) => query.other_than.push((field, value)),
        }
    }
    Ok(query)
}

/// A flag with a time.
fn moment(id: &'static str, when: &str) -> Arg {
    Arg::new(id)
        .long(id)
        .value_name("TIME")
        .value_parser(time)
        // That is of what is to come.
        .conflicts_with("watch")
        .help(format!(
            "Only what happened {when}: like 2026-05-01T12:00:00Z, or seconds since 1970"
        ))
}

impl<N: Noun> Taken for Filter<N> {
    fn args() -> Vec<Arg> {
        let fields = N::FIELDS.iter().map(|field| {
            Arg::new(*field)
                .long(*field)
                .value_name(field.to_uppercase())
                .help(format!("Only those with this {field}"))
        });
        let mut args: Vec<_> = fields.collect();
        if N::HAS_LABELS {
            args.push(
                Arg::new(SELECTOR)
                    .short('l')
                    .long(SELECTOR)
                    .value_name("SELECTOR")
                    .value_parser(parsed::<Selector>)
                    .help(
                        "Only those with such labels, like `app=web,tier in (front,back),!legacy`",
                    ),
            );
        }
        args.push(
            Arg::new(FIELD_SELECTOR)
                .long(FIELD_SELECTOR)
                .value_name("FIELD=VALUE,…")
                .value_parser(parse_conditions)
                .action(ArgAction::Append)
                .help(format!(
                    "Only those with `FIELD=VALUE` or `FIELD!=VALUE`; fields: {}",
                    N::FIELDS.join(", ")
                )),
        );
        if N::HAS_TIME {
            args.extend([
                moment(SINCE, "at this time or later"),
                moment(UNTIL, "before this time"),
            ]);
        }
        args
    }

    fn read(matches: &ArgMatches) -> Result<Self, clap::Error> {
        let mut query = Query::default();
        if N::HAS_LABELS
            && let Some(labels) = matches.get_one::<Selector>(SELECTOR)
        {
            query.labels.clone_from(labels);
        }
        if N::HAS_TIME {
            query.since = matches.get_one(SINCE).copied();
            query.until = matches.get_one(UNTIL).copied();
        }
        for field in N::FIELDS {
            let value = matches.get_one::<String>(field);
            let value = value.map(|value| ((*field).to_owned(), value.clone()));
            query.fields.extend(value);
        }
        let more = matches.get_many::<Query>(FIELD_SELECTOR);
        for more in more.into_iter().flatten() {
            query.fields.extend(more.fields.iter().cloned());
            query.other_than.extend(more.other_than.iter().cloned());
        }
        Ok(Self {
            query,
            noun: PhantomData,
        })
    }
}

taken!(for [N: Noun] Filter<N>);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn conditions_say_what_fields_are_and_what_they_are_not() {
        let query = parse_conditions("network=blue, rack!=r1,state==free").unwrap();
        let pair = |field: &str, value: &str| (field.to_owned(), value.to_owned());
        assert_eq!(
            query.fields,
            [pair("network", "blue"), pair("state", "free")]
        );
        assert_eq!(query.other_than, [pair("rack", "r1")]);
        let error = parse_conditions("network").unwrap_err();
        assert!(error.contains("`network`"), "{error}");
    }
}
