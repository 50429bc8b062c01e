//! Flags of `create` and `set`: each is described once, as a [`Flag`], and taken in one of a few
//! ways, which say what it does to its field.

mod labels;

use std::error::Error;
use std::str::FromStr;

use clap::{Arg, ArgAction, ArgMatches};
use trunkline_types::chain;

use crate::failure::Failure;

pub(crate) use labels::{LabelsEdited, LabelsGiven, parse_labels};

/// A flag of a field.
pub(crate) trait Flag: 'static {
    /// What it is given.
    type Value: Clone + Send + Sync + 'static;
    /// As it is written, without `--`.
    const LONG: &'static str;
    /// The flag that takes the field away.
    const NO: &'static str;
    /// The flag that adds one to a field of several.
    const ADD: &'static str;
    /// The flag that takes one from a field of several.
    const RM: &'static str;
    /// What stands for its value.
    const VALUE: &'static str;
    /// What it is for, with units and ranges.
    const HELP: &'static str;

    /// Reads its value.
    ///
    /// # Errors
    ///
    /// Says what is wrong, and how to write it.
    fn parse(text: &str) -> Result<Self::Value, String>;
}

/// Declares flags: name, type of the value, as it is written, its stand-in, its parser, its help.
macro_rules! flags {
    ($($flag:ident: $value:ty = $long:literal, $stand_in:literal, $parse:expr, $help:literal;)+) => {
        $(
            #[derive(Clone, Debug)]
            pub(crate) enum $flag {}

            impl $crate::flag::Flag for $flag {
                type Value = $value;
                const LONG: &'static str = $long;
                const NO: &'static str = concat!("no-", $long);
                const ADD: &'static str = concat!("add-", $long);
                const RM: &'static str = concat!("rm-", $long);
                const VALUE: &'static str = $stand_in;
                const HELP: &'static str = $help;

                fn parse(text: &str) -> Result<$value, String> {
                    $parse(text)
                }
            }
        )+
    };
}

pub(crate) use flags;

/// Reads what the vocabulary has a type for.
pub(crate) fn parsed<T>(text: &str) -> Result<T, String>
where
    T: FromStr<Err: Error + 'static>,
{
    text.parse().map_err(|error: T::Err| chain(&error))
}

/// What is taken from the command line by hand, because clap's derive does not know the flag.
pub(crate) trait Taken: Sized {
    /// The arguments.
    fn args() -> Vec<Arg>;

    /// Reads them.
    fn read(matches: &ArgMatches) -> Result<Self, clap::Error>;
}

/// Lets clap take what is [`Taken`].
macro_rules! taken {
    (for [$($bound:tt)*] $type:ty) => {
        impl<$($bound)*> clap::Args for $type {
            fn augment_args(command: clap::Command) -> clap::Command {
                command.args(<Self as $crate::flag::Taken>::args())
            }

            fn augment_args_for_update(command: clap::Command) -> clap::Command {
                Self::augment_args(command)
            }
        }

        impl<$($bound)*> clap::FromArgMatches for $type {
            fn from_arg_matches(matches: &clap::ArgMatches) -> Result<Self, clap::Error> {
                <Self as $crate::flag::Taken>::read(matches)
            }

            fn update_from_arg_matches(
                &mut self,
                matches: &clap::ArgMatches,
            ) -> Result<(), clap::Error> {
                *self = <Self as $crate::flag::Taken>::read(matches)?;
                Ok(())
            }
        }
    };
    ($type:ty) => {
        $crate::flag::taken!(for [] $type);
    };
}

pub(crate) use taken;

fn arg<F: Flag>(id: &'static str) -> Arg {
    Arg::new(id)
        .long(id)
        .value_name(F::VALUE)
        .value_parser(F::parse)
        // So that one out of range gets our message.
        .allow_negative_numbers(true)
}

fn all<F: Flag>(matches: &ArgMatches, id: &str) -> Vec<F::Value> {
    let values = matches.get_many::<F::Value>(id);
    values.into_iter().flatten().cloned().collect()
}

/// A value that has to be given.
pub(crate) struct Needed<F: Flag>(pub(crate) F::Value);

impl<F: Flag> Taken for Needed<F> {
    fn args() -> Vec<Arg> {
        vec![arg::<F>(F::LONG).help(F::HELP).required(true)]
    }

    fn read(matches: &ArgMatches) -> Result<Self, clap::Error> {
        let value = matches.get_one::<F::Value>(F::LONG).cloned();
        let missing = clap::error::ErrorKind::MissingRequiredArgument;
        let value = value.ok_or_else(|| clap::Error::new(missing))?;
        Ok(Self(value))
    }
}

taken!(for [F: Flag] Needed<F>);

/// A value that may be given.
pub(crate) struct Given<F: Flag>(pub(crate) Option<F::Value>);

impl<F: Flag> Taken for Given<F> {
    fn args() -> Vec<Arg> {
        vec![arg::<F>(F::LONG).help(F::HELP)]
    }

    fn read(matches: &ArgMatches) -> Result<Self, clap::Error> {
        Ok(Self(matches.get_one(F::LONG).cloned()))
    }
}

taken!(for [F: Flag] Given<F>);

impl<F: Flag> Given<F> {
    /// Leaves the field alone if nothing was given.
    pub(crate) fn apply(&self, field: &mut F::Value) {
        if let Some(value) = &self.0 {
            field.clone_from(value);
        }
    }
}

/// Values of which there may be several.
pub(crate) struct Many<F: Flag>(pub(crate) Vec<F::Value>);

impl<F: Flag> Taken for Many<F> {
    fn args() -> Vec<Arg> {
        vec![
            arg::<F>(F::LONG)
                .help(format!("{}; may be repeated", F::HELP))
                .action(ArgAction::Append),
        ]
    }

    fn read(matches: &ArgMatches) -> Result<Self, clap::Error> {
        Ok(Self(all::<F>(matches, F::LONG)))
    }
}

taken!(for [F: Flag] Many<F>);

/// A field that may have a value or none, changed.
pub(crate) enum Clearable<F: Flag> {
    Keep,
    Clear,
    To(F::Value),
}

impl<F: Flag> Taken for Clearable<F> {
    fn args() -> Vec<Arg> {
        vec![
            arg::<F>(F::LONG).help(F::HELP).conflicts_with(F::NO),
            Arg::new(F::NO)
                .long(F::NO)
                .action(ArgAction::SetTrue)
                .help(format!("Without `--{}` from now on", F::LONG)),
        ]
    }

    fn read(matches: &ArgMatches) -> Result<Self, clap::Error> {
        Ok(match matches.get_one::<F::Value>(F::LONG) {
            Some(value) => Self::To(value.clone()),
            None if matches.get_flag(F::NO) => Self::Clear,
            None => Self::Keep,
        })
    }
}

taken!(for [F: Flag] Clearable<F>);

impl<F: Flag> Clearable<F> {
    pub(crate) fn apply(&self, field: &mut Option<F::Value>) {
        match self {
            Self::Keep => {}
            Self::Clear => *field = None,
            Self::To(value) => *field = Some(value.clone()),
        }
    }
}

/// A field of several values, changed: all of them anew, or some more and some less.
pub(crate) struct Edited<F: Flag> {
    anew: Option<Vec<F::Value>>,
    more: Vec<F::Value>,
    less: Vec<F::Value>,
}

impl<F: Flag> Taken for Edited<F> {
    fn args() -> Vec<Arg> {
        let several = |id| arg::<F>(id).action(ArgAction::Append);
        vec![
            several(F::LONG)
                .help(format!(
                    "{}; may be repeated; in place of all it has",
                    F::HELP
                ))
                .conflicts_with_all([F::ADD, F::RM, F::NO]),
            several(F::ADD).help(format!("One more `--{}`; may be repeated", F::LONG)),
            several(F::RM).help(format!("One `--{}` less; may be repeated", F::LONG)),
            Arg::new(F::NO)
                .long(F::NO)
                .action(ArgAction::SetTrue)
                .conflicts_with_all([F::ADD, F::RM])
                .help(format!("Without any `--{}` from now on", F::LONG)),
        ]
    }

    fn read(matches: &ArgMatches) -> Result<Self, clap::Error> {
        let anew = all::<F>(matches, F::LONG);
        let given = !anew.is_empty() || matches.get_flag(F::NO);
        Ok(Self {
            anew: given.then_some(anew),
            more: all::<F>(matches, F::ADD),
            less: all::<F>(matches, F::RM),
        })
    }
}

taken!(for [F: Flag] Edited<F>);

impl<F: Flag<Value: PartialEq + ToString>> Edited<F> {
    /// # Errors
    ///
    /// [`Failure::Usage`] if one that is to go is not there.
    pub(crate) fn apply(&self, field: &mut Vec<F::Value>) -> Result<(), Failure> {
        if let Some(anew) = &self.anew {
            field.clone_from(anew);
        }
        for value in &self.less {
            let Some(at) = field.iter().position(|one| one == value) else {
                let has: Vec<_> = field
                    .iter()
                    .map(|one| format!("`{}`", one.to_string()))
                    .collect();
                return Err(Failure::Usage(format!(
                    "`--{} {}` is not there to be taken away: there is {}",
                    F::RM,
                    value.to_string(),
                    if has.is_empty() {
                        "none".to_owned()
                    } else {
                        has.join(", ")
                    }
                )));
            };
            field.remove(at);
        }
        let new = self.more.iter().filter(|value| !field.contains(value));
        let new: Vec<_> = new.cloned().collect();
        field.extend(new);
        Ok(())
    }
}
