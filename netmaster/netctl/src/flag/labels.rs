//! Labels on the command line.

use clap::{Arg, ArgAction, ArgMatches};
use trunkline_types::{LabelKey, LabelValue, Labels};

use super::{Taken, parsed, taken};

const LABEL: &str = "label";
const NO_LABEL: &str = "no-label";

type Label = (LabelKey, LabelValue);

fn parse(text: &str) -> Result<Label, String> {
    let (key, value) = text
        .split_once('=')
        .ok_or_else(|| format!("label `{text}` has no value: write it as `<key>=<value>`"))?;
    Ok((parsed(key)?, parsed(value)?))
}

/// Reads labels as explain has them: `app=web,tier=front`.
pub(crate) fn parse_labels(text: &str) -> Result<Labels, String> {
    let labels = text.split(',').filter(|label| !label.trim().is_empty());
    labels.map(|label| parse(label.trim())).collect()
}

fn label(help: &'static str) -> Arg {
    Arg::new(LABEL)
        .long(LABEL)
        .value_name("KEY=VALUE")
        .value_parser(parse)
        .action(ArgAction::Append)
        .help(help)
}

fn read(matches: &ArgMatches) -> Vec<Label> {
    let labels = matches.get_many::<Label>(LABEL);
    labels.into_iter().flatten().cloned().collect()
}

/// The labels of a new object.
pub(crate) struct LabelsGiven(pub(crate) Labels);

impl Taken for LabelsGiven {
    fn args() -> Vec<Arg> {
        vec![label(
            "A label, which selectors choose it by; may be repeated",
        )]
    }

    fn read(matches: &ArgMatches) -> Result<Self, clap::Error> {
        Ok(Self(read(matches).into_iter().collect()))
    }
}

taken!(LabelsGiven);

/// Labels that are added, changed and taken away.
pub(crate) struct LabelsEdited {
    given: Vec<Label>,
    gone: Vec<LabelKey>,
}

impl Taken for LabelsEdited {
    fn args() -> Vec<Arg> {
        vec![
            label("A label to add or to change; may be repeated"),
            Arg::new(NO_LABEL)
                .long(NO_LABEL)
                .value_name("KEY")
                .value_parser(parsed::<LabelKey>)
                .action(ArgAction::Append)
                .help("A label to take away; may be repeated"),
        ]
    }

    fn read(matches: &ArgMatches) -> Result<Self, clap::Error> {
        let gone = matches.get_many::<LabelKey>(NO_LABEL);
        Ok(Self {
            given: read(matches),
            gone: gone.into_iter().flatten().cloned().collect(),
        })
    }
}

taken!(LabelsEdited);

impl LabelsEdited {
    pub(crate) fn apply(&self, labels: &mut Labels) {
        let kept = labels.iter().filter(|(key, _)| !self.gone.contains(key));
        let kept = kept.map(|(key, value)| (key.clone(), value.clone()));
        *labels = kept.chain(self.given.iter().cloned()).collect();
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.given.is_empty() && self.gone.is_empty()
    }
}
